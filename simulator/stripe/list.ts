/** Cursor pagination, as every list of Stripe’s has it. */
import { noSuch } from './errors';

/** Records in ascending order of their place in the list: the last one is served first. */
export interface Sequence<T> {
  readonly oldestFirst: readonly T[];
  /** The place of a cursor's record in `oldestFirst`, or undefined when the list has no such record (any more). */
  positionOf(id: string): number | undefined;
  /** The first place whose record was created at `created` or later. */
  firstAt(created: number): number;
}

/** Unix seconds, both ends included. */
export interface CreatedWindow {
  from: number;
  to: number;
}

export interface PageRequest<T> {
  noun: string;
  limit: number;
  startingAfter?: string | undefined;
  endingBefore?: string | undefined;
  created?: CreatedWindow | undefined;
  accepts: (record: T) => boolean;
}

/**
 * One page, newest first. `starting_after` goes on towards older records, `ending_before` gives those just newer than
 * the cursor; `hasMore` tells of more in the same direction. The cost is that of the records looked at, not of the
 * collection. Throws 400 `resource_missing` for an unknown cursor.
 */
export function pageOf<T>(
  sequence: Sequence<T>,
  request: PageRequest<T>,
): { data: T[]; hasMore: boolean } {
  const records = sequence.oldestFirst;
  const lowest = request.created === undefined ? 0 : sequence.firstAt(request.created.from);
  const beyond =
    request.created === undefined ? records.length : sequence.firstAt(request.created.to + 1);
  const place = (id: string, param: string): number => {
    const position = sequence.positionOf(id);
    if (position === undefined) throw noSuch(request.noun, id, { param, status: 400 });
    return position;
  };

  const found: T[] = [];
  const { startingAfter, endingBefore, limit } = request;
  if (endingBefore !== undefined) {
    const first = Math.max(lowest, place(endingBefore, 'ending_before') + 1);
    for (let i = first; i < beyond && found.length <= limit; i += 1) keep(records[i]);
    return { data: found.slice(0, limit).reverse(), hasMore: found.length > limit };
  }
  const first =
    startingAfter === undefined ? beyond : Math.min(beyond, place(startingAfter, 'starting_after'));
  for (let i = first - 1; i >= lowest && found.length <= limit; i -= 1) keep(records[i]);
  return { data: found.slice(0, limit), hasMore: found.length > limit };

  function keep(record: T | undefined): void {
    if (record !== undefined && request.accepts(record)) found.push(record);
  }
}

/** Binary search: the number of leading records that are `before`. */
function lowerBound<T>(records: readonly T[], before: (record: T) => boolean): number {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const record = records[middle];
    if (record !== undefined && before(record)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A whole collection in order of (created, id), cursors being found by id and then by binary search. */
export function sequenceOf<T extends { id: string; created: number }>(
  collection: { readonly all: readonly T[]; find(id: string): T | undefined },
  isServed: (record: T) => boolean,
): Sequence<T> {
  const oldestFirst = collection.all;
  return {
    oldestFirst,
    positionOf: (id) => {
      const cursor = collection.find(id);
      if (cursor === undefined || !isServed(cursor)) return undefined;
      return lowerBound(
        oldestFirst,
        ({ created, id }) =>
          created < cursor.created || (created === cursor.created && id < cursor.id),
      );
    },
    firstAt: (created) => lowerBound(oldestFirst, (record) => record.created < created),
  };
}

/** The few elements of one object, which are served in the order they have. */
export function sequenceWithin<T extends { id: string }>(elements: readonly T[]): Sequence<T> {
  const oldestFirst = [...elements].reverse();
  return {
    oldestFirst,
    positionOf: (id) => {
      const position = oldestFirst.findIndex((element) => element.id === id);
      return position < 0 ? undefined : position;
    },
    firstAt: () => 0,
  };
}
