/**
 * The truth about MRR under the default policy, from the action log alone. Invoices are never looked at, so that a rebuild
 * from invoice lines is checked by something that cannot share its mistakes.
 *
 * The policy: a licensed recurring price counts with its quantity, per month (a day is 365/12 and a week 52/12 of a
 * month's worth); discounts that recur are deducted while they run, percentages compounding first, then amounts per
 * billing period; `once` discounts, metered usage, one-time items, trials and tax count nothing; only `active` and
 * `past_due` subscriptions count, and none whose collection is paused. A customer is rounded once per currency, half up.
 */
import type { Action } from '../world/action-log';
import { DAY } from '../world/calendar';
import type { Interval } from '../world/model';
import { priceOf } from '../world/money';
import { ZERO, add, multiply, rational, roundTo, subtract, type Rational } from '../world/rational';
import type { World } from '../world/world';
import { isoInstant } from './ledger';
import { isoCode } from './totals';

/** MRR from an instant on, until the next step. */
export interface Step {
  /** ISO instant. */
  at: string;
  mrrMinor: string;
}

interface CustomerMrr {
  customer: string;
  /** ISO 4217. */
  currency: string;
  /** Only instants at which the rounded value changes; 0 before the first. */
  steps: Step[];
}

interface Untraced {
  customer: string;
  reason: string;
}

export interface MrrTruth {
  customers: CustomerMrr[];
  /** Customers whose history cannot be rebuilt exactly from what the provider still serves. */
  untraced: Untraced[];
}

export function mrr(world: World): MrrTruth {
  const customers = curves(world).map(({ customer, currency, points }) => ({
    customer,
    currency,
    steps: points.map(({ at, minor }) => ({ at: isoInstant(at), mrrMinor: String(minor) })),
  }));
  return { customers, untraced: untraced(world) };
}

/** The MRR of each customer at each instant (unix seconds, not after the clock), zeros left out. */
export function mrrAt(
  world: World,
  instants: readonly number[],
): { at: string; mrr: { customer: string; currency: string; mrrMinor: string }[] }[] {
  const all = curves(world);
  return instants.map((instant) => ({
    at: isoInstant(instant),
    mrr: all.flatMap(({ customer, currency, points }) => {
      const minor = points.findLast(({ at }) => at <= instant)?.minor ?? 0n;
      return minor === 0n ? [] : [{ customer, currency, mrrMinor: String(minor) }];
    }),
  }));
}

/** Events are served for 30 days; a day less leaves time to read them. */
const TRACED_BY_EVENTS = 29 * DAY;

/** What only an event could show, and no event shows any more. */
export function untraced(world: World): Untraced[] {
  const horizon = world.clock - TRACED_BY_EVENTS;
  return world.log.flatMap((action) => {
    const reason = action.at < horizon ? reasonOf(action) : null;
    return reason === null ? [] : [{ customer: action.customer, reason }];
  });
}

function reasonOf(action: Action): string | null {
  const where = `on ${action.subscription} at ${isoInstant(action.at)}`;
  switch (action.kind) {
    case 'discountRemoved':
      return `The discount ${action.discount} was removed by hand ${where}.`;
    case 'collectionPaused':
      return action.atPeriodStart ? null : `Collection was paused within a period ${where}.`;
    case 'collectionResumed':
      return action.atPeriodStart ? null : `Collection was resumed within a period ${where}.`;
    case 'statusChanged':
      return action.status === 'unpaid' ? `The status became unpaid ${where}.` : null;
    default:
      return null;
  }
}

interface Curve {
  customer: string;
  currency: string;
  points: { at: number; minor: bigint }[];
}

/** One step function per customer and currency, in order of the customers. */
function curves(world: World): Curve[] {
  const bySubscription = new Map<string, Action[]>();
  for (const action of world.log) {
    const actions = bySubscription.get(action.subscription);
    if (actions === undefined) bySubscription.set(action.subscription, [action]);
    else actions.push(action);
  }
  const changes = new Map<string, { at: number; delta: Rational }[]>();
  for (const actions of bySubscription.values()) {
    const [first] = actions;
    if (first?.kind !== 'subscribed')
      throw new Error('The log of a subscription must begin with it.');
    const key = `${first.customer} ${isoCode(first.currency)}`;
    const list = changes.get(key) ?? [];
    list.push(...changesOf(world, actions));
    changes.set(key, list);
  }
  return [...changes].map(([key, list]) => {
    const [customer = '', currency = ''] = key.split(' ');
    return { customer, currency, points: pointsOf(list) };
  });
}

/** Running sum of exact changes, rounded once per instant, half up; values are never negative. */
function pointsOf(changes: { at: number; delta: Rational }[]): Curve['points'] {
  changes.sort((a, b) => a.at - b.at);
  const points: Curve['points'] = [];
  let sum = ZERO;
  changes.forEach(({ at, delta }, index) => {
    sum = add(sum, delta);
    if (changes[index + 1]?.at === at) return;
    const minor = roundTo(sum);
    if (minor !== (points.at(-1)?.minor ?? 0n)) points.push({ at, minor });
  });
  return points;
}

interface State {
  counts: boolean;
  paused: boolean;
  interval: Interval;
  items: Map<string, Rational>;
  discounts: Map<string, { coupon: string; start: number; end: number | null }>;
}

/** How the exact MRR of one subscription changes, instant by instant. */
function changesOf(world: World, actions: Action[]): { at: number; delta: Rational }[] {
  const ends = actions.flatMap((action) =>
    action.kind === 'discountApplied' && action.end !== null ? [action.end] : [],
  );
  const instants = [...new Set([...actions.map(({ at }) => at), ...ends])].sort((a, b) => a - b);
  const state: State = {
    counts: false,
    paused: false,
    interval: { unit: 'month', count: 1 },
    items: new Map(),
    discounts: new Map(),
  };
  const changes: { at: number; delta: Rational }[] = [];
  let before = ZERO;
  let next = 0;
  for (const at of instants) {
    if (at > world.clock) break;
    for (
      let action = actions[next];
      action !== undefined && action.at <= at;
      action = actions[next]
    ) {
      apply(world, state, action);
      next += 1;
    }
    const value = valueOf(world, state, at);
    changes.push({ at, delta: subtract(value, before) });
    before = value;
  }
  return changes;
}

function apply(world: World, state: State, action: Action): void {
  switch (action.kind) {
    case 'subscribed':
      state.interval = action.interval;
      for (const terms of action.items) state.items.set(terms.item, monthly(world, terms));
      return;
    case 'statusChanged':
      state.counts = action.status === 'active' || action.status === 'past_due';
      return;
    case 'itemSet':
      state.items.set(action.item, monthly(world, action));
      return;
    case 'itemRemoved':
      state.items.delete(action.item);
      return;
    case 'intervalChanged':
      state.interval = action.interval;
      return;
    case 'discountApplied':
      state.discounts.set(action.discount, action);
      return;
    case 'discountRemoved':
      state.discounts.delete(action.discount);
      return;
    case 'collectionPaused':
      state.paused = true;
      return;
    case 'collectionResumed':
      state.paused = false;
  }
}

function valueOf(world: World, state: State, at: number): Rational {
  if (!state.counts || state.paused) return ZERO;
  let value = [...state.items.values()].reduce(add, ZERO);
  const coupons = [...state.discounts.values()]
    .filter(({ start, end }) => start <= at && (end === null || at < end))
    .map(({ coupon }) => world.coupons.get(coupon))
    .filter(({ duration }) => duration !== 'once');
  for (const { percentOffBp } of coupons) {
    if (percentOffBp !== null) value = multiply(value, rational(10_000 - percentOffBp, 10_000));
  }
  for (const { amountOffMinor } of coupons) {
    if (amountOffMinor !== null)
      value = subtract(value, multiply(rational(amountOffMinor), perMonth(state.interval)));
  }
  return value.n < 0n ? ZERO : value;
}

/** What an item is worth per month before discounts. */
function monthly(
  world: World,
  { price: id, quantity }: { price: string; quantity: number | null },
): Rational {
  const price = world.prices.get(id);
  if (price.recurring?.usageType !== 'licensed' || quantity === null) return ZERO;
  return multiply(priceOf(price, quantity), perMonth(price.recurring.interval));
}

/** How many billing periods of an interval make a month. */
function perMonth({ unit, count }: Interval): Rational {
  switch (unit) {
    case 'day':
      return rational(365, 12 * count);
    case 'week':
      return rational(52, 12 * count);
    case 'month':
      return rational(1, count);
    case 'year':
      return rational(1, 12 * count);
  }
}
