/** Which of several reads of one object stands. Reads may be committed in any order, twice, or late. */

/**
 * Reads that began this close together have no known order: a provider's clock counts whole seconds, and so does the clock that
 * stamps its changes.
 */
export const OVERLAP_MS = 2_000;

export interface Read {
  /** The provider's clock at the start of the request. */
  readonly version: Date;
  /** Names the content. */
  readonly hash: string;
}

/** What the newest read of an object said. */
export interface Head extends Omit<Read, 'hash'> {
  /** Null for an object that was gone before it was ever read. */
  readonly hash: string | null;
  /** A tombstone: final. */
  readonly deleted: boolean;
}

/**
 * `changed`: newer and different, or the first. `unchanged`: known already. `stale`: older and different. `overlap`: different,
 * and nobody can say which came first. `deleted`: the object is gone, whatever a read says.
 */
export type Comparison = 'changed' | 'unchanged' | 'stale' | 'overlap' | 'deleted';

/** What a read means, and the head after it. `db/repositories/heads.ts` does the same in one statement for many. */
export function compareReads(
  head: Head | null,
  read: Read,
): { readonly comparison: Comparison; readonly head: Head } {
  const taken = { ...read, deleted: false };
  if (head === null) return { comparison: 'changed', head: taken };
  if (head.deleted) return { comparison: 'deleted', head };
  const newerByMs = read.version.getTime() - head.version.getTime();
  if (read.hash === head.hash) {
    return { comparison: 'unchanged', head: newerByMs > 0 ? taken : head };
  }
  if (newerByMs >= OVERLAP_MS) return { comparison: 'changed', head: taken };
  return { comparison: newerByMs > -OVERLAP_MS ? 'overlap' : 'stale', head };
}
