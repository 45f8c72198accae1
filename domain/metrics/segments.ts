/** From versions, gaps and discounts to the exact recurring value of each subscription item over time. */
import { gapsOf } from './counting';
import { reductionsOf, type Reduction } from './discounts';
import { exact, sum, ZERO, type Exact } from './exact';
import type { Basis, Cause, CustomerFacts, Fact } from './facts';
import type { ItemVersion } from './history';
import { compareText } from './plain';
import type { MetricPolicy } from './policy';
import { monthlyValue, periodsPerMonth } from './value';

/** What an item is worth a month during [from, to): always more than 0. */
export interface Segment {
  readonly subscription: string;
  readonly item: string;
  readonly currency: string;
  readonly exponent: number;
  readonly from: Date;
  readonly to: Date | null;
  /** Minor units a month, after discounts. */
  readonly value: Exact;
  readonly basis: Basis;
  /** Ids of the records that it follows from. */
  readonly inputs: readonly string[];
}

/** Something happened to a subscription that may change what it is worth. */
export interface Mark {
  readonly currency: string;
  readonly at: Date;
  readonly cause: Cause;
  readonly basis: Basis;
  readonly inputs: readonly string[];
}

export interface Timeline {
  readonly segments: Segment[];
  readonly marks: Mark[];
  /** Ids of prices that items name and of which no value is known; they count as 0. */
  readonly unpriced: string[];
}

/** Segments of all subscriptions of a customer, the future as far as it is already certain included. */
export function timelineOf(
  facts: CustomerFacts,
  versions: readonly ItemVersion[],
  policy: MetricPolicy,
): Timeline {
  const prices = new Map(facts.price.map((price) => [price.id, price]));
  const timeline: Timeline = { segments: [], marks: [], unpriced: [] };
  for (const subscription of [...facts.subscription].sort((a, b) => compareText(a.id, b.id))) {
    const own = versions.filter((version) => version.subscription === subscription.id);
    addSubscription({ subscription, versions: own, prices, facts, policy, timeline });
  }
  return timeline;
}

function addSubscription(options: {
  subscription: Fact<'subscription'>;
  versions: readonly ItemVersion[];
  prices: ReadonlyMap<string, Fact<'price'>>;
  facts: CustomerFacts;
  policy: MetricPolicy;
  timeline: Timeline;
}): void {
  const { subscription, versions, prices, facts, policy, timeline } = options;
  const { startedAt, endedAt, currency } = subscription;
  const gaps = gapsOf(subscription, facts, policy);
  const reductions = reductionsOf(subscription, facts, policy);
  timeline.marks.push(...marksOf({ subscription, versions, gaps, reductions }));

  const segments: Segment[] = [];
  const times = [
    startedAt,
    ...[...versions, ...gaps, ...reductions].flatMap(({ from, to }) => [from, to]),
  ];
  const instants = distinct(times, endedAt);
  for (const [index, from] of instants.entries()) {
    if (from < startedAt || gaps.some((gap) => covers(gap, from))) continue;
    const to = instants[index + 1] ?? endedAt;
    const live = versions.filter((version) => covers(version, from));
    const priced = live.flatMap((version) => {
      const price = prices.get(version.price);
      const { quantity } = version;
      const value = price?.currency === currency ? monthlyValue({ price, quantity, policy }) : null;
      if (price && value) return [{ version, item: version.item, value, price }];
      if (!timeline.unpriced.includes(version.price)) timeline.unpriced.push(version.price);
      return [];
    });
    const inForce = reductions.filter((reduction) => covers(reduction, from));
    // Amounts are taken off each billing period; where the items of a subscription differ, that is the shortest.
    const periods = priced
      .map(({ price }) => periodsPerMonth(price, policy) ?? ZERO)
      .reduce((longest, each) => (each.gt(longest) ? each : longest), ZERO);
    const values = discounted(priced, inForce, periods);
    for (const [position, { version, item, price }] of priced.entries()) {
      const value = values[position];
      if (!value || value.equals(ZERO)) continue;
      const isExact = [version, ...inForce].every(({ basis }) => basis === 'exact');
      segments.push({
        subscription: subscription.id,
        item,
        currency,
        exponent: price.exponent,
        from,
        to,
        value,
        basis: isExact ? 'exact' : 'inferred',
        inputs: [...new Set([...version.source, price.id, ...inForce.map(({ id }) => id)])],
      });
    }
  }
  timeline.segments.push(...merged(segments));
}

/**
 * Values after discounts, in the order given: those of an item first, then those of the subscription, whose effect is spread
 * over the items in proportion, so that the items always add up to the subscription. At each level percentages compound, then
 * amounts are taken off, down to 0.
 */
export function discounted(
  items: readonly { readonly item: string; readonly value: Exact }[],
  reductions: readonly Pick<Reduction, 'item' | 'owner' | 'percentOff' | 'amountOff'>[],
  periodsPerMonth: Exact,
): Exact[] {
  const values = items.map(({ item, value }) =>
    reduced(
      value,
      reductions.filter((reduction) => reduction.item === item),
      periodsPerMonth,
    ),
  );
  const ofSubscription = reductions.filter(({ owner }) => owner === 'subscription');
  const whole =
    ofSubscription.length > 0
      ? ofSubscription
      : reductions.filter(({ owner }) => owner === 'customer');
  const before = sum(values);
  if (whole.length === 0 || before.equals(ZERO)) return values;
  const share = reduced(before, whole, periodsPerMonth).div(before);
  return values.map((value) => value.mul(share));
}

function reduced(
  value: Exact,
  reductions: readonly Pick<Reduction, 'percentOff' | 'amountOff'>[],
  periodsPerMonth: Exact,
): Exact {
  const hundred = exact(100n);
  let left = value;
  for (const { percentOff } of reductions) {
    if (percentOff) left = left.mul(hundred.sub(percentOff)).div(hundred);
  }
  for (const { amountOff } of reductions) {
    if (amountOff) left = left.sub(amountOff.mul(periodsPerMonth));
  }
  return left.lt(ZERO) ? ZERO : left;
}

function marksOf(options: {
  subscription: Fact<'subscription'>;
  versions: readonly ItemVersion[];
  gaps: ReturnType<typeof gapsOf>;
  reductions: readonly Reduction[];
}): Mark[] {
  const { subscription, versions, gaps, reductions } = options;
  const { currency, endedAt } = subscription;
  const marks: Mark[] = [];
  const mark = (at: Date, cause: Cause, basis: Basis, inputs: readonly string[]) =>
    marks.push({ currency, at, cause, basis, inputs });
  for (const [
    index,
    { item, from, to, begins, basis, source, price, quantity },
  ] of versions.entries()) {
    const before = versions[index - 1];
    const continues =
      before?.item === item && before.price === price && before.quantity === quantity;
    if (!continues) mark(from, begins, basis, source);
    const after = versions[index + 1];
    const isFollowed = after?.item === item && after.from.getTime() === to?.getTime();
    if (to && !isFollowed && to.getTime() !== endedAt?.getTime()) {
      mark(to, 'item_ended', basis, source);
    }
  }
  for (const { from, to, begins, ends, basis, source } of gaps) {
    mark(from, begins, basis, source);
    if (to) mark(to, ends, basis, source);
  }
  for (const { id, from, to, basis } of reductions) {
    mark(from, 'discount_started', 'exact', [id]);
    if (to) mark(to, 'discount_ended', basis, [id]);
  }
  if (endedAt) mark(endedAt, 'subscription_ended', 'exact', [subscription.id]);
  return marks;
}

/** Joins neighbours that differ in nothing but their records. */
function merged(segments: readonly Segment[]): Segment[] {
  const byItem = new Map<string, Segment[]>();
  for (const segment of segments) {
    const known = byItem.get(segment.item) ?? [];
    const last = known.at(-1);
    if (
      last?.to?.getTime() === segment.from.getTime() &&
      last.basis === segment.basis &&
      last.value.equals(segment.value)
    ) {
      const inputs = [...new Set([...last.inputs, ...segment.inputs])];
      known[known.length - 1] = { ...last, to: segment.to, inputs };
    } else {
      known.push(segment);
    }
    byItem.set(segment.item, known);
  }
  return [...byItem.values()].flat();
}

const covers = (span: { from: Date; to: Date | null }, at: Date): boolean =>
  span.from <= at && (span.to === null || at < span.to);

/** In order, each once, before `end`. */
function distinct(times: readonly (Date | null)[], end: Date | null): Date[] {
  const known = new Map<number, Date>();
  for (const time of times) if (time && !(end && time >= end)) known.set(time.getTime(), time);
  return [...known].sort(([a], [b]) => a - b).map(([, time]) => time);
}
