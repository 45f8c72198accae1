/** Each movement of a customer with the arithmetic behind it, as the engine did it. */
import { allocate } from './allocate';
import { customerMetrics } from './customer-metrics';
import type { Exact } from './exact';
import type { CustomerFacts } from './facts';
import type { Movement } from './movements';
import { compareText } from './plain';
import type { MetricPolicy } from './policy';
import type { Segment } from './segments';
import { segmentKey, type Step, type Workings } from './steps';

/** What an item counts for from an instant on, or counted for until then. */
export interface ExplainedItem {
  readonly subscription: string;
  readonly item: string;
  readonly from: Date;
  readonly to: Date | null;
  /** Minor units a month. */
  readonly value: Exact;
  readonly basis: Segment['basis'];
  readonly steps: readonly Step[];
  /** Ids of all records that it follows from. */
  readonly records: readonly string[];
}

export interface ExplainedMovement extends Movement {
  readonly beforeMinor: bigint;
  /** All that the customer has in the currency from then on: their values add up to `afterExact`. */
  readonly items: readonly (ExplainedItem & {
    /** What of the rounded total is the item's: these add up to `afterMinor`. */
    readonly shareMinor: bigint;
  })[];
  /** What counted until then. */
  readonly ended: readonly ExplainedItem[];
}

/** In order of currency and time. */
export function explainCustomer(options: {
  facts: CustomerFacts;
  policy: MetricPolicy;
  asOf: Date;
}): ExplainedMovement[] {
  const workings: Workings = new Map();
  const { segments, movements } = customerMetrics({ ...options, workings });
  return movements.map((movement, index) => {
    const { at, currency } = movement;
    const own = segments.filter((segment) => segment.currency === currency);
    const before = movements[index - 1];
    const live = own.filter((segment) => covers(segment, at));
    const shares = allocate(
      movement.afterMinor,
      live.map(({ item, value }) => ({ id: item, weight: value })),
    );
    return {
      ...movement,
      beforeMinor: before?.currency === currency ? before.afterMinor : 0n,
      items: live.map((one, position) => ({
        ...explained(one, workings),
        shareMinor: shares[position] ?? 0n,
      })),
      ended: own
        .filter(({ to }) => to?.getTime() === at.getTime())
        .map((one) => explained(one, workings)),
    };
  });
}

const covers = ({ from, to }: Segment, at: Date): boolean => from <= at && (to === null || at < to);

function explained(segment: Segment, workings: Workings): ExplainedItem {
  const { subscription, item, from, to, value, basis, inputs } = segment;
  const steps = workings.get(segmentKey(segment)) ?? [];
  const records = [...new Set([...inputs, ...steps.flatMap((step) => step.records)])];
  return { subscription, item, from, to, value, basis, steps, records: records.sort(compareText) };
}
