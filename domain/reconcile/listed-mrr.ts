/**
 * MRR by nothing but the subscriptions as the provider lists them now, for a provider that states none: whatever history, invoices
 * or the feed have told the ledger, it must have come to this.
 */
import { customerMetrics } from '../metrics/customer-metrics';
import { roundHalfUp, ZERO, type Exact } from '../metrics/exact';
import type { CustomerFacts } from '../metrics/facts';
import { DEFAULT_POLICY, type MetricPolicy } from '../metrics/policy';
import type { MrrFigure } from './figures';

/** The policy without what only invoices could tell. */
export const listedPolicy = (policy: MetricPolicy): MetricPolicy => ({
  ...policy,
  metered: DEFAULT_POLICY.metered,
  tax: DEFAULT_POLICY.tax,
  pastDue: DEFAULT_POLICY.pastDue,
  churnDate: policy.churnDate === 'paid_period_end' ? 'ended' : policy.churnDate,
});

export class ListedMrr {
  private readonly sums = new Map<string, Omit<MrrFigure, 'minor'> & { readonly value: Exact }>();

  constructor(private readonly of: { readonly policy: MetricPolicy; readonly at: Date }) {}

  /** One subscription with its items, discounts and prices, and the discounts of its customer. */
  add(customer: string, facts: CustomerFacts): void {
    const { policy, at } = this.of;
    const { segments } = customerMetrics({ facts, policy, asOf: at });
    for (const { currency, exponent, from, to, value } of segments) {
      if (from >= at || (to !== null && to < at)) continue;
      const key = `${customer} ${currency}`;
      const sum = this.sums.get(key) ?? { customer, currency, exponent, value: ZERO };
      this.sums.set(key, { ...sum, value: sum.value.add(value) });
    }
  }

  /** Just before the instant; who is at 0 is left out. */
  figures(): MrrFigure[] {
    return [...this.sums.values()]
      .map(({ value, ...of }) => ({ ...of, minor: roundHalfUp(value) }))
      .filter(({ minor }) => minor !== 0n);
  }
}
