/** From versions, gaps and discounts to the exact recurring value of each subscription item over time. */
import { gapsOf, type Gap } from './counting';
import { reductionsOf, type Reduction } from './discounts';
import { exact, exactText, sum, ZERO, type Exact } from './exact';
import type { Basis, Cause, CustomerFacts, Fact } from './facts';
import type { ItemVersion } from './history';
import { compareText } from './plain';
import type { MetricPolicy } from './policy';
import { segmentKey, teller, type Step, type Tell, type Workings } from './steps';
import { taxesOf, type Tax } from './tax';
import { usageOf } from './usage';
import { monthlyValue, periodsPerMonth, type PricedItem } from './value';

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
  readonly stays: FreeStay[];
  readonly marks: Mark[];
  /** Ids of prices that items name and of which no value is known; they count as 0. */
  readonly unpriced: string[];
}

/** A time during which somebody has a plan that costs nothing. */
export interface FreeStay {
  readonly currency: string;
  readonly from: Date;
  readonly to: Date | null;
}

/** All that decides what a subscription is worth. */
export interface Terms {
  readonly subscription: string;
  readonly currency: string;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  readonly items: readonly PricedItem[];
  readonly gaps: readonly Pick<Gap, 'from' | 'to'>[];
  readonly reductions: readonly Reduction[];
  readonly taxes: readonly Tax[];
}

/** Segments of all subscriptions of a customer, the future as far as it is already certain included. */
export function timelineOf(
  facts: CustomerFacts,
  versions: readonly ItemVersion[],
  policy: MetricPolicy,
  workings?: Workings,
): Timeline {
  const prices = new Map(facts.price.map((price) => [price.id, price]));
  const timeline: Timeline = { segments: [], stays: [], marks: [], unpriced: [] };
  for (const subscription of [...facts.subscription].sort((a, b) => compareText(a.id, b.id))) {
    const { id, currency, startedAt, endedAt } = subscription;
    const own = versions.filter((version) => version.subscription === id);
    const gaps = gapsOf(subscription, facts, policy);
    const reductions = reductionsOf(subscription, facts, policy);
    const taxes = taxesOf(subscription, facts, policy);
    const usage = usageOf(subscription, facts, policy, workings);
    const items = [...usage];
    for (const version of own) {
      const priced = pricedItem(version, {
        ...{ price: prices.get(version.price), currency, policy },
        workings,
      });
      if (priced) items.push(priced);
      else if (!timeline.unpriced.includes(version.price)) timeline.unpriced.push(version.price);
    }
    const terms = {
      subscription: id,
      currency,
      startedAt,
      endedAt,
      items,
      gaps,
      reductions,
      taxes,
    };
    const { segments, stays } = segmentsOf(terms, workings);
    timeline.segments.push(...segments);
    timeline.stays.push(...stays);
    timeline.marks.push(...marksOf({ ...terms, versions: own, gaps, usage }));
  }
  return timeline;
}

function pricedItem(
  { item, price: id, quantity, from, to, basis, source }: ItemVersion,
  given: {
    price: Fact<'price'> | undefined;
    currency: string;
    policy: MetricPolicy;
    workings: Workings | undefined;
  },
): PricedItem | null {
  const { price, currency, policy, workings } = given;
  if (price?.currency !== currency) return null;
  const steps: Step[] = [];
  const value = monthlyValue({ price, quantity, policy, tell: teller(workings, steps) });
  const periods = periodsPerMonth(price, policy);
  if (!value || !periods) return null;
  const priced: PricedItem = {
    item,
    value,
    periodsPerMonth: periods,
    exponent: price.exponent,
    from,
    to,
    basis,
    inputs: [...source, id],
  };
  workings?.set(priced, steps);
  return priced;
}

/** What a subscription is worth, item by item, and when it was there and worth nothing. */
export function segmentsOf(
  terms: Terms,
  workings?: Workings,
): { segments: Segment[]; stays: FreeStay[] } {
  const { subscription, currency, startedAt, endedAt, items, gaps, reductions, taxes } = terms;
  const segments: Segment[] = [];
  const stays: FreeStay[] = [];
  const times = [
    startedAt,
    ...[items, gaps, reductions, taxes].flat().flatMap(({ from, to }) => [from, to]),
  ];
  const instants = distinct(times, endedAt);
  for (const [index, from] of instants.entries()) {
    if (from < startedAt || gaps.some((gap) => covers(gap, from))) continue;
    const to = instants[index + 1] ?? endedAt;
    const live = items.filter((item) => covers(item, from));
    if (live.length === 0) continue;
    const inForce = reductions.filter((reduction) => covers(reduction, from));
    const values = discounted(live, inForce);
    if (values.every((value) => value.equals(ZERO))) stays.push({ currency, from, to });
    for (const [position, priced] of live.entries()) {
      const { item, exponent, basis, inputs } = priced;
      const net = values[position];
      if (!net || net.equals(ZERO)) continue;
      const taxed = taxes.filter((tax) => tax.item === item && covers(tax, from));
      const isExact = basis === 'exact' && inForce.every((each) => each.basis === 'exact');
      segments.push({
        subscription,
        item,
        currency,
        exponent,
        from,
        to,
        value: taxed.reduce((value, { factor }) => value.mul(factor), net),
        basis: isExact ? 'exact' : 'inferred',
        inputs: [
          ...new Set([...inputs, ...inForce.map(({ id }) => id), ...taxed.map(({ id }) => id)]),
        ],
      });
      if (!workings) continue;
      const steps = [...(workings.get(priced) ?? [])];
      const tell: Tell = (step) => void steps.push(step);
      discounted(live, inForce, { position, exponent, tell });
      taxed.reduce((value, { factor, id }) => {
        const after = value.mul(factor);
        steps.push({ text: `× ${factor.toFraction()} for tax on top`, after, records: [id] });
        return after;
      }, net);
      workings.set(segmentKey({ item, from }), steps);
    }
  }
  return { segments: merged(segments), stays };
}

/**
 * Values after discounts, in the order given: those of an item first, then those of the subscription, whose effect is spread
 * over the items in proportion, so that the items always add up to the subscription. At each level percentages compound, then
 * amounts are taken off, down to 0: of an item each of its billing periods, of a subscription each of the shortest among its items.
 */
export function discounted(
  items: readonly Pick<PricedItem, 'item' | 'value' | 'periodsPerMonth'>[],
  reductions: readonly AppliedReduction[],
  told?: { readonly position: number; readonly exponent: number; readonly tell: Tell },
): Exact[] {
  const values = items.map(({ item, value, periodsPerMonth }, position) => {
    const own = reductions.filter((reduction) => reduction.item === item);
    return reduced(value, own, {
      periodsPerMonth,
      told: told?.position === position ? told : undefined,
    });
  });
  const ofSubscription = reductions.filter(({ owner }) => owner === 'subscription');
  const whole =
    ofSubscription.length > 0
      ? ofSubscription
      : reductions.filter(({ owner }) => owner === 'customer');
  const before = sum(values);
  if (whole.length === 0 || before.equals(ZERO)) return values;
  const periodsPerMonth = items.reduce(
    (most, each) => (each.periodsPerMonth.gt(most) ? each.periodsPerMonth : most),
    ZERO,
  );
  const isAlone = values.length === 1;
  if (!isAlone) {
    const text = `the subscription's ${String(values.length)} items together`;
    told?.tell({ text, after: before, records: [] });
  }
  const after = reduced(before, whole, { periodsPerMonth, told });
  const share = after.div(before);
  const shared = values.map((value) => value.mul(share));
  const own = told && !isAlone ? shared[told.position] : undefined;
  if (own) told?.tell({ text: 'of which this item, in proportion', after: own, records: [] });
  return shared;
}

type AppliedReduction = Pick<Reduction, 'item' | 'owner' | 'percentOff' | 'amountOff'> & {
  readonly id?: string;
};

function reduced(
  value: Exact,
  reductions: readonly AppliedReduction[],
  given: { periodsPerMonth: Exact; told: { exponent: number; tell: Tell } | undefined },
): Exact {
  const { periodsPerMonth, told } = given;
  const hundred = exact(100n);
  let left = value;
  const take = (after: Exact, text: string, { id }: AppliedReduction) => {
    left = after;
    told?.tell({ text, after, records: id === undefined ? [] : [id] });
  };
  for (const each of reductions) {
    if (!each.percentOff) continue;
    take(
      left.mul(hundred.sub(each.percentOff)).div(hundred),
      `− ${each.percentOff.toString()} %`,
      each,
    );
  }
  for (const each of reductions) {
    if (!each.amountOff) continue;
    const amount = exactText(each.amountOff, told?.exponent ?? 0);
    const text = `− ${amount} a billing period × ${periodsPerMonth.toFraction()}`;
    take(left.sub(each.amountOff.mul(periodsPerMonth)), text, each);
  }
  if (!left.lt(ZERO)) return left;
  told?.tell({ text: 'not below nothing', after: ZERO, records: [] });
  return ZERO;
}

function marksOf(
  options: Pick<Terms, 'subscription' | 'currency' | 'endedAt' | 'reductions'> & {
    versions: readonly ItemVersion[];
    gaps: readonly Gap[];
    usage: readonly PricedItem[];
  },
): Mark[] {
  const { subscription, currency, endedAt, versions, gaps, reductions, usage } = options;
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
  for (const { from, basis, inputs } of usage) mark(from, 'usage_billed', basis, inputs);
  if (endedAt) mark(endedAt, 'subscription_ended', 'exact', [subscription]);
  return marks;
}

/** Joins neighbours that differ in nothing but their records. */
export function merged(segments: readonly Segment[]): Segment[] {
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
