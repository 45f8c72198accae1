/** Which recurring discounts lower which part of a subscription, and when. */
import { exact, type Exact } from './exact';
import type { Basis, CustomerFacts, Fact } from './facts';
import type { JsonValue } from '../records';
import { asList, asObject, compareText } from './plain';
import type { MetricPolicy } from './policy';

/** A discount in force during [from, to). */
export interface Reduction {
  readonly id: string;
  /** Null for the whole subscription. */
  readonly item: string | null;
  /** A discount of the customer gives way to those of the subscription, as at Stripe. */
  readonly owner: 'customer' | 'subscription' | 'item';
  readonly percentOff: Exact | null;
  /** Minor units of the subscription's currency per billing period. */
  readonly amountOff: Exact | null;
  readonly position: number;
  readonly from: Date;
  readonly to: Date | null;
  readonly basis: Basis;
}

/** In order of application. Discounts whose duration the policy does not deduct, and those of one invoice, are left out. */
export function reductionsOf(
  subscription: Fact<'subscription'>,
  facts: CustomerFacts,
  policy: MetricPolicy,
): Reduction[] {
  const deducted = facts.discount.filter(
    (discount) =>
      isDeducted(discount.duration, policy) &&
      isInScope(discount, subscription) &&
      (discount.amountOffMinor === null || discount.currency === subscription.currency),
  );
  if (deducted.length === 0) return [];
  const renewals = renewalsOf(subscription, facts);
  const changes = facts.subscription_change.filter(
    (change) => change.subscriptionId === subscription.id,
  );
  return deducted
    .map((discount): Reduction => {
      const told = takenAwayAt(discount, changes);
      const removed = usedUpAt(discount, facts) ?? told ?? missingAt(discount, renewals);
      return {
        id: discount.id,
        item: discount.subscriptionItemId,
        owner: ownerOf(discount),
        percentOff: discount.percentOff === null ? null : exact(discount.percentOff),
        amountOff: discount.amountOffMinor === null ? null : exact(discount.amountOffMinor),
        position: discount.position,
        from: discount.startAt,
        to: removed ?? discount.endAt,
        basis: removed && !told && discount.duration !== 'once' ? 'inferred' : 'exact',
      };
    })
    .sort(
      (a, b) =>
        a.position - b.position || a.from.getTime() - b.from.getTime() || compareText(a.id, b.id),
    );
}

export const isDeducted = (duration: string, policy: Pick<MetricPolicy, 'discounts'>): boolean =>
  policy.discounts === 'all' || (policy.discounts === 'recurring' && duration !== 'once');

const ownerOf = (discount: Fact<'discount'>): Reduction['owner'] =>
  discount.subscriptionItemId ? 'item' : discount.subscriptionId ? 'subscription' : 'customer';

function isInScope(discount: Fact<'discount'>, subscription: Fact<'subscription'>): boolean {
  if (discount.subscriptionId) return discount.subscriptionId === subscription.id;
  if (discount.subscriptionItemId) return true;
  return discount.invoiceId === null && discount.customerId === subscription.customerId;
}

/** A renewal of licensed items that cost something, and the discounts that took part in it. */
interface Renewal {
  readonly at: Date;
  readonly discounts: ReadonlySet<string>;
  readonly items: ReadonlySet<string>;
}

function renewalsOf(subscription: Fact<'subscription'>, facts: CustomerFacts): Renewal[] {
  // Metered lines are of the period before, when other discounts may have been in force.
  const metered = new Set(
    facts.price.filter((price) => price.usage === 'metered').map((price) => price.id),
  );
  const renewals = new Map<string, { at: Date; discounts: Set<string>; items: Set<string> }>();
  for (const line of facts.invoice_line) {
    if (line.kind !== 'recurring' || line.subscriptionId !== subscription.id) continue;
    // A line that costs nothing names no discounts.
    if (line.amountMinor <= 0n || metered.has(line.priceId ?? '')) continue;
    const key = `${line.invoiceId} ${String(line.periodStart.getTime())}`;
    const renewal = renewals.get(key) ?? {
      at: line.periodStart,
      discounts: new Set<string>(),
      items: new Set<string>(),
    };
    for (const id of asList(line.discountIds)) {
      if (typeof id === 'string') renewal.discounts.add(id);
    }
    if (line.subscriptionItemId) renewal.items.add(line.subscriptionItemId);
    renewals.set(key, renewal);
  }
  return [...renewals.values()].sort((a, b) => a.at.getTime() - b.at.getTime());
}

/** When the feed tells that a discount left its subscription before its end. */
function takenAwayAt(
  { id, endAt }: Fact<'discount'>,
  changes: readonly Fact<'subscription_change'>[],
): Date | null {
  const holds = (half: JsonValue) => asList(asObject(half)['discountIds']).includes(id);
  const change = changes.find(({ before, after }) => holds(before) && !holds(after));
  return change && !(endAt && endAt <= change.at) ? change.at : null;
}

/** One that is taken off once lasts as long as the last period that names it: beside one that takes all, it waits for the next. */
function usedUpAt({ id, duration }: Fact<'discount'>, facts: CustomerFacts): Date | null {
  if (duration !== 'once') return null;
  let last: Date | null = null;
  for (const { kind, discountIds, periodEnd } of facts.invoice_line) {
    if (kind !== 'recurring' || !asList(discountIds).includes(id)) continue;
    if (last === null || periodEnd > last) last = periodEnd;
  }
  return last;
}

/** A discount that a later renewal does without was taken away before it; nothing shows when. */
function missingAt(discount: Fact<'discount'>, renewals: readonly Renewal[]): Date | null {
  const { id, startAt, endAt, subscriptionItemId } = discount;
  const without = renewals.find(
    ({ at, discounts, items }) =>
      at > startAt &&
      (endAt === null || at < endAt) &&
      (subscriptionItemId === null || items.has(subscriptionItemId)) &&
      !discounts.has(id),
  );
  return without?.at ?? null;
}
