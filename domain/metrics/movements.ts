/** From segments to the ledger of one customer: when the recurring revenue moved, by how much, and why. */
import { roundHalfUp, sum, ZERO, type Exact } from './exact';
import type { Basis, Cause } from './facts';
import { compareText } from './plain';
import type { Mark, Segment } from './segments';

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

/**
 * Movements of one customer, by currency and time. What happens at one instant is one movement. Rounding is cumulative: each
 * delta is the difference of two rounded running totals, so that deltas always add up to what is displayed, and a customer who
 * left is at exactly 0.
 */
export function movementsOf(segments: readonly Segment[], marks: readonly Mark[]): Movement[] {
  const currencies = [...new Set(segments.map(({ currency }) => currency))].sort(compareText);
  return currencies.flatMap((currency) =>
    ledger({
      currency,
      segments: segments.filter((segment) => segment.currency === currency),
      marks: marks.filter((mark) => mark.currency === currency),
    }),
  );
}

function ledger(options: {
  currency: string;
  segments: readonly Segment[];
  marks: readonly Mark[];
}): Movement[] {
  const { currency, segments, marks } = options;
  const movements: Movement[] = [];
  // One provider counts one currency in one way.
  const exponent = segments[0]?.exponent ?? 0;
  let running: Exact = ZERO;
  let rounded = 0n;
  for (const [time, delta] of deltasOf(segments)) {
    running = running.add(delta);
    const after = roundHalfUp(running);
    if (after === rounded) continue;
    const here = marks.filter((mark) => mark.at.getTime() === time);
    const isExact = here.every(({ basis }) => basis === 'exact');
    movements.push({
      currency,
      exponent,
      at: new Date(time),
      type: typeOf({ before: rounded, after, isFirst: movements.length === 0 }),
      deltaMinor: after - rounded,
      afterMinor: after,
      afterExact: running,
      basis: isExact ? 'exact' : 'inferred',
      causes: [...new Set(here.map(({ cause }) => cause))].sort(compareText),
      inputs: [...new Set(here.flatMap(({ inputs }) => inputs))].sort(compareText),
    });
    rounded = after;
  }
  return movements;
}

function typeOf(change: { before: bigint; after: bigint; isFirst: boolean }): MovementType {
  if (change.before === 0n) return change.isFirst ? 'new' : 'reactivation';
  if (change.after === 0n) return 'churn';
  return change.after > change.before ? 'expansion' : 'contraction';
}

/** By how much the total moves at each instant, in order of time. */
function deltasOf(segments: readonly Segment[]): [number, Exact][] {
  const deltas = new Map<number, Exact[]>();
  const add = (at: Date, value: Exact) => {
    const known = deltas.get(at.getTime()) ?? [];
    known.push(value);
    deltas.set(at.getTime(), known);
  };
  for (const { from, to, value } of segments) {
    add(from, value);
    if (to) add(to, value.neg());
  }
  return [...deltas]
    .map(([at, values]): [number, Exact] => [at, sum(values)])
    .sort(([a], [b]) => a - b);
}
