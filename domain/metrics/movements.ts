/** From segments to the ledger of one customer: when the recurring revenue moved, by how much, and why. */
import { roundHalfUp, ZERO, type Exact } from './exact';
import type { Basis, Cause } from './facts';
import { compareText } from './plain';
import type { FreeStay, Mark, Segment } from './segments';

export const MOVEMENT_TYPES = ['new', 'expansion', 'contraction', 'churn', 'reactivation'] as const;
export type MovementType = (typeof MOVEMENT_TYPES)[number];

/** One line of the ledger. Of one customer and currency, `afterMinor` is the sum of all `deltaMinor` up to it. */
export interface Movement {
  readonly currency: string;
  /** Decimals of the currency's minor unit. */
  readonly exponent: number;
  readonly at: Date;
  readonly type: MovementType;
  readonly deltaMinor: bigint;
  readonly afterMinor: bigint;
  /** The same before rounding. */
  readonly afterExact: Exact;
  readonly basis: Basis;
  readonly causes: readonly Cause[];
  /** Ids of the records that show it. */
  readonly inputs: readonly string[];
}

/** What decides whether somebody at 0 has left. */
export interface Leaving {
  /** Plans that cost nothing and whose holders have not left. */
  readonly stays: readonly FreeStay[];
  /** Who returns sooner than after so many days never left. */
  readonly reactivationGapDays: number;
}

const DAY_MS = 24 * 3_600_000;

/**
 * Movements of one customer, by currency and time. What happens at one instant is one movement. Rounding is cumulative: each
 * delta is the difference of two rounded running totals, so that deltas always add up to what is displayed, and a customer who
 * left is at exactly 0.
 *
 * Between `new` or `reactivation` and `churn` somebody is a customer, at 0 as well: who stays there for nothing, or was back
 * within the gap, came to it by a contraction. When such a stay ends without a return, a churn of 0 says so.
 */
export function movementsOf(
  segments: readonly Segment[],
  marks: readonly Mark[],
  leaving: Leaving,
): Movement[] {
  const currencies = [...new Set(segments.map(({ currency }) => currency))].sort(compareText);
  return currencies.flatMap((currency) => {
    const isOwn = (each: { readonly currency: string }) => each.currency === currency;
    const stays = leaving.stays.filter(isOwn);
    return ledger(segments.filter(isOwn), marks.filter(isOwn), { ...leaving, stays });
  });
}

interface Step {
  readonly time: number;
  readonly running: Exact;
  readonly after: bigint;
}

function ledger(
  segments: readonly Segment[],
  marks: readonly Mark[],
  leaving: Leaving,
): Movement[] {
  const movements: Movement[] = [];
  // One provider counts one currency in one way.
  const { currency, exponent } = segments[0] ?? { currency: '', exponent: 0 };
  const steps = stepsOf(segments, leaving.stays);
  const marksAt = new Map<number, Mark[]>();
  for (const mark of marks) {
    const time = mark.at.getTime();
    marksAt.set(time, [...(marksAt.get(time) ?? []), mark]);
  }
  let rounded = 0n;
  let isCustomer = false;
  for (const [index, { time, running, after }] of steps.entries()) {
    const remains: boolean = after > 0n || (isCustomer && isStaying(index, steps, leaving));
    if (after === rounded && remains === isCustomer) continue;
    const here = marksAt.get(time) ?? [];
    const isFirst = movements.length === 0;
    movements.push({
      currency,
      exponent,
      at: new Date(time),
      type: typeOf({ before: rounded, after, isFirst, isCustomer, remains }),
      deltaMinor: after - rounded,
      afterMinor: after,
      afterExact: running,
      basis: here.every(({ basis }) => basis === 'exact') ? 'exact' : 'inferred',
      causes: [...new Set(here.map(({ cause }) => cause))].sort(compareText),
      inputs: [...new Set(here.flatMap(({ inputs }) => inputs))].sort(compareText),
    });
    rounded = after;
    isCustomer = remains;
  }
  return movements;
}

function isStaying(index: number, steps: readonly Step[], leaving: Leaving): boolean {
  const time = steps[index]?.time ?? 0;
  const isFree = leaving.stays.some(
    ({ from, to }) => from.getTime() <= time && (to === null || time < to.getTime()),
  );
  if (isFree || leaving.reactivationGapDays === 0) return isFree;
  const limit = time + leaving.reactivationGapDays * DAY_MS;
  for (const step of steps.slice(index + 1)) {
    if (step.time >= limit) return false;
    if (step.after > 0n) return true;
  }
  return false;
}

function typeOf(change: {
  before: bigint;
  after: bigint;
  isFirst: boolean;
  isCustomer: boolean;
  remains: boolean;
}): MovementType {
  const { before, after, isFirst, isCustomer, remains } = change;
  if (!isCustomer) return isFirst ? 'new' : 'reactivation';
  if (!remains) return 'churn';
  return after > before ? 'expansion' : 'contraction';
}

/** The total at each instant at which it may move, in order of time. */
function stepsOf(segments: readonly Segment[], stays: readonly FreeStay[]): Step[] {
  const deltas = new Map<number, Exact>();
  const add = (at: Date, value: Exact) => {
    const known = deltas.get(at.getTime());
    deltas.set(at.getTime(), known ? known.add(value) : value);
  };
  for (const { from, to, value } of segments) {
    add(from, value);
    if (to) add(to, value.neg());
  }
  for (const { to } of stays) if (to) add(to, ZERO);
  let running: Exact = ZERO;
  return [...deltas]
    .sort(([a], [b]) => a - b)
    .map(([time, delta]) => {
      running = running.add(delta);
      return { time, running, after: roundHalfUp(running) };
    });
}
