/** When a subscription counts as ended: vendors date churn in three ways. */
import type { CustomerFacts, Fact } from './facts';
import type { MetricPolicy } from './policy';

/** The facts with the end of each subscription as the policy dates it. */
export function datedBy(policy: MetricPolicy, facts: CustomerFacts): CustomerFacts {
  if (policy.churnDate === 'ended') return facts;
  const endOf = policy.churnDate === 'canceled' ? canceledAt : paidPeriodEnd;
  return {
    ...facts,
    subscription: facts.subscription.map((row) => ({ ...row, endedAt: endOf(row, facts) })),
  };
}

/** Also where the end is still to come. */
const canceledAt = ({ canceledAt, endedAt }: Fact<'subscription'>): Date | null =>
  canceledAt && !(endedAt && endedAt < canceledAt) ? canceledAt : endedAt;

/** Later than the end where the rest of what was paid was not credited, earlier where the last bills were never paid. */
function paidPeriodEnd({ id, endedAt }: Fact<'subscription'>, facts: CustomerFacts): Date | null {
  if (endedAt === null) return null;
  const own = [...facts.invoice_line, ...facts.invoice_item].filter(
    (line) => line.subscriptionId === id,
  );
  const isCredited = own.some(
    ({ amountMinor, periodStart }) =>
      amountMinor < 0n && periodStart.getTime() === endedAt.getTime(),
  );
  if (isCredited) return endedAt;
  const paid = new Set(
    facts.invoice.filter(({ status }) => status === 'paid').map((invoice) => invoice.id),
  );
  const metered = new Set(
    facts.price.filter(({ usage }) => usage === 'metered').map((price) => price.id),
  );
  const ends = facts.invoice_line.flatMap((line) =>
    line.kind === 'recurring' &&
    line.subscriptionId === id &&
    line.periodStart < endedAt &&
    paid.has(line.invoiceId) &&
    !metered.has(line.priceId ?? '')
      ? [line.periodEnd.getTime()]
      : [],
  );
  return ends.length === 0 ? endedAt : new Date(ends.reduce((a, b) => Math.max(a, b)));
}
