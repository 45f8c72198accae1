/** Tax that is billed on top of a price, for policies that count it. */
import { exact, type Exact } from './exact';
import type { CustomerFacts, Fact } from './facts';
import type { MetricPolicy } from './policy';

/** By how much the value of an item grows during [from, to). */
export interface Tax {
  /** The line that shows it. */
  readonly id: string;
  readonly item: string;
  readonly factor: Exact;
  readonly from: Date;
  readonly to: Date | null;
}

/**
 * What the lines of a subscription show: tax over what it was charged on, from each billed period until the next. Before the
 * first bill of an item nothing is known of its tax.
 */
export function taxesOf(
  subscription: Pick<Fact<'subscription'>, 'id'>,
  facts: CustomerFacts,
  policy: MetricPolicy,
): Tax[] {
  if (policy.tax === 'exclude') return [];
  const byItem = new Map<string, Map<number, Fact<'invoice_line'>>>();
  for (const line of facts.invoice_line) {
    const { kind, subscriptionId, subscriptionItemId: item, periodStart } = line;
    if (kind !== 'recurring' || subscriptionId !== subscription.id || item === null) continue;
    if (line.amountMinor <= line.discountMinor) continue;
    const known = byItem.get(item) ?? new Map<number, Fact<'invoice_line'>>();
    // Lines of one item and period, such as those of tiers, bear the same tax.
    if (!known.has(periodStart.getTime())) known.set(periodStart.getTime(), line);
    byItem.set(item, known);
  }
  return [...byItem].flatMap(([item, known]) => {
    const lines = [...known.values()].sort(
      (a, b) => a.periodStart.getTime() - b.periodStart.getTime(),
    );
    return lines.map(({ id, taxMinor, amountMinor, discountMinor, periodStart }, index) => ({
      id,
      item,
      factor: exact(1n).add(exact(taxMinor).div(exact(amountMinor - discountMinor))),
      from: periodStart,
      to: lines[index + 1]?.periodStart ?? null,
    }));
  });
}
