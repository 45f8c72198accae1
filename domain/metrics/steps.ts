/**
 * How a value came about, told by the very code that works it out: whoever wants to know hands in a place for the steps, and
 * nobody pays for them otherwise.
 */
import type { Exact } from './exact';

/** One line of arithmetic, and what it came to. */
export interface Step {
  readonly text: string;
  /** Minor units: of a billing period as long as `text` says nothing of months, then of a month. */
  readonly after: Exact;
  /** Ids of the records that it takes something from. */
  readonly records: readonly string[];
}

export type Tell = (step: Step) => void;

/** Steps by what they lead to. */
export type Workings = Map<unknown, readonly Step[]>;

/** Tells into `steps`, if anybody wants to know. */
export const teller = (workings: Workings | undefined, steps: Step[]): Tell | undefined =>
  workings && ((step) => void steps.push(step));

/** A segment is known by its item and its beginning. */
export const segmentKey = ({
  item,
  from,
}: {
  readonly item: string;
  readonly from: Date;
}): string => `${item} ${from.toISOString()}`;
