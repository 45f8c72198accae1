/**
 * The truth about MRR, from the action log alone. Invoices are never looked at, so that a rebuild from invoice lines is checked by
 * something that cannot share its mistakes; but for the policies that are about invoices: what is overdue, and what was paid for.
 *
 * By default a licensed recurring price counts with its quantity, per month (a day is 365/12 and a week 52/12 of a
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
import { DEFAULT_ORACLE_POLICY, Invoiced, type OraclePolicy } from './policy';
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

export function mrr(world: World, policy = DEFAULT_ORACLE_POLICY): MrrTruth {
  const customers = curves(world, policy).map(({ customer, currency, points }) => ({
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
  policy = DEFAULT_ORACLE_POLICY,
): { at: string; mrr: { customer: string; currency: string; mrrMinor: string }[] }[] {
  const all = curves(world, policy);
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
function curves(world: World, policy: OraclePolicy): Curve[] {
  const invoiced = new Invoiced(world);
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
    list.push(...changesOf({ world, policy, invoiced }, first.subscription, actions));
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

interface Truth {
  world: World;
  policy: OraclePolicy;
  invoiced: Invoiced;
}

/** How the exact MRR of one subscription changes, instant by instant. */
function changesOf(
  truth: Truth,
  subscription: string,
  logged: Action[],
): { at: number; delta: Rational }[] {
  const { world, policy, invoiced } = truth;
  const actions = endedBy(truth, subscription, logged);
  const ends = actions.flatMap((action) => {
    if (action.kind === 'discountUsed') return [action.until];
    return action.kind === 'discountApplied' && action.end !== null ? [action.end] : [];
  });
  const { pastDueDays } = policy;
  const arrears = pastDueDays === null ? [] : invoiced.arrears(subscription, pastDueDays);
  const instants = [
    ...new Set([
      ...actions.map(({ at }) => at),
      ...ends,
      ...arrears.flatMap(({ from, to }) => (to === null ? [from] : [from, to])),
    ]),
  ].sort((a, b) => a - b);
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
      apply(truth, state, action);
      next += 1;
    }
    const overdue = arrears.some(({ from, to }) => from <= at && (to === null || at < to));
    const value = overdue ? ZERO : valueOf(truth, state, at);
    changes.push({ at, delta: subtract(value, before) });
    before = value;
  }
  return changes;
}

/** The log with the end where the policy dates it. */
function endedBy({ world, policy, invoiced }: Truth, id: string, logged: Action[]): Action[] {
  const { endedAt, canceledAt } = world.subscriptions.get(id);
  const end = {
    ended: () => endedAt,
    canceled: () => canceledAt ?? endedAt,
    paid_period_end: () => (endedAt === null ? null : invoiced.usedUpAt(id, endedAt)),
  }[policy.churnDate]();
  const [first] = logged;
  if (end === endedAt || end === null || first === undefined) return logged;
  const isEnd = (action: Action) => action.kind === 'statusChanged' && action.status === 'canceled';
  const { customer, subscription } = first;
  return [
    ...logged.filter((action) => action.at < end && !isEnd(action)),
    { kind: 'statusChanged', at: end, customer, subscription, status: 'canceled' },
  ];
}

function apply({ world, policy }: Truth, state: State, action: Action): void {
  switch (action.kind) {
    case 'subscribed':
      state.interval = action.interval;
      for (const terms of action.items) state.items.set(terms.item, monthly(world, policy, terms));
      return;
    case 'statusChanged':
      state.counts = action.status === 'active' || action.status === 'past_due';
      return;
    case 'itemSet':
      state.items.set(action.item, monthly(world, policy, action));
      return;
    case 'itemRemoved':
      state.items.delete(action.item);
      return;
    case 'intervalChanged':
      state.interval = action.interval;
      return;
    case 'discountApplied':
      state.discounts.set(action.discount, { ...action });
      return;
    case 'discountRemoved':
      state.discounts.delete(action.discount);
      return;
    case 'discountUsed': {
      const used = state.discounts.get(action.discount);
      if (used !== undefined) used.end = action.until;
      return;
    }
    case 'collectionPaused':
      state.paused = true;
      return;
    case 'collectionResumed':
      state.paused = false;
  }
}

function valueOf({ world, policy }: Truth, state: State, at: number): Rational {
  if (!state.counts || state.paused) return ZERO;
  let value = [...state.items.values()].reduce(add, ZERO);
  const discounts = policy.discounts === 'none' ? [] : [...state.discounts.values()];
  const coupons = discounts
    .filter(({ start, end }) => start <= at && (end === null || at < end))
    .map(({ coupon }) => world.coupons.get(coupon))
    .filter(({ duration }) => policy.discounts === 'all' || duration !== 'once');
  for (const { percentOffBp } of coupons) {
    if (percentOffBp !== null) value = multiply(value, rational(10_000 - percentOffBp, 10_000));
  }
  for (const { amountOffMinor } of coupons) {
    if (amountOffMinor !== null)
      value = subtract(value, multiply(rational(amountOffMinor), perMonth(state.interval, policy)));
  }
  return value.n < 0n ? ZERO : value;
}

/** What an item is worth per month before discounts. */
function monthly(
  world: World,
  policy: OraclePolicy,
  { price: id, quantity }: { price: string; quantity: number | null },
): Rational {
  const price = world.prices.get(id);
  if (price.recurring?.usageType !== 'licensed' || quantity === null) return ZERO;
  return multiply(priceOf(price, quantity), perMonth(price.recurring.interval, policy));
}

/** How many billing periods of an interval make a month. */
function perMonth({ unit, count }: Interval, { day, week }: OraclePolicy): Rational {
  switch (unit) {
    case 'day':
      return multiply(day, rational(1, count));
    case 'week':
      return multiply(week, rational(1, count));
    case 'month':
      return rational(1, count);
    case 'year':
      return rational(1, 12 * count);
  }
}
