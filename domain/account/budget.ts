/**
 * How long a failing sync is tried again. Failures after progress and failures without any are counted apart, so that a sync
 * which gets a little further each time is not given up as early as one that gets nowhere.
 */

/** All limits and delays; tests shrink them. */
export interface SyncPolicy {
  /** Delay after the first failure without progress; doubles with each further one. */
  readonly backoffFirstMs: number;
  readonly backoffMaxMs: number;
  /** After this many failures in a row without progress somebody is told; it goes on being tried. */
  readonly alarmAfterFailures: number;
  /** An account is blocked only by more failures than this … */
  readonly maxFailuresWithoutProgress: number;
  readonly maxFailuresWithProgress: number;
  /** … that also span more than this, so that an outage over a weekend blocks nobody. */
  readonly patienceMs: number;
  /** So long a run of changes waits for more of them, so that a burst is one run. */
  readonly gatherMs: number;
}

const DAY_MS = 86_400_000;

export const SYNC_POLICY: SyncPolicy = {
  backoffFirstMs: 30_000,
  backoffMaxMs: 3_600_000,
  alarmAfterFailures: 5,
  maxFailuresWithoutProgress: 20,
  maxFailuresWithProgress: 100,
  patienceMs: 3 * DAY_MS,
  gatherMs: 2_000,
};

interface Tally {
  readonly count: number;
  /** Epoch milliseconds of the first failure counted; null when none is. */
  readonly sinceMs: number | null;
}

export interface Failures {
  readonly withoutProgress: Tally;
  readonly withProgress: Tally;
}

const NONE: Tally = { count: 0, sinceMs: null };
export const NO_FAILURES: Failures = { withoutProgress: NONE, withProgress: NONE };

const oneMore = (tally: Tally, nowMs: number): Tally => ({
  count: tally.count + 1,
  sinceMs: tally.sinceMs ?? nowMs,
});

/** The tallies after one more failure. Progress ends a row of failures without progress. */
export function countFailure(
  failures: Failures,
  failure: { readonly progressed: boolean; readonly nowMs: number },
): Failures {
  return failure.progressed
    ? { withoutProgress: NONE, withProgress: oneMore(failures.withProgress, failure.nowMs) }
    : { ...failures, withoutProgress: oneMore(failures.withoutProgress, failure.nowMs) };
}

/** Whether the sync may be tried again after these failures. */
export function budgetLeft(failures: Failures, policy: SyncPolicy, nowMs: number): boolean {
  const spent = (tally: Tally, max: number): boolean =>
    tally.count > max && tally.sinceMs !== null && nowMs - tally.sinceMs > policy.patienceMs;
  return !(
    spent(failures.withoutProgress, policy.maxFailuresWithoutProgress) ||
    spent(failures.withProgress, policy.maxFailuresWithProgress)
  );
}

/** Milliseconds to wait before the next try: doubling while nothing moves, never less than the provider asked for. */
export function backoffDelayMs(
  failures: Failures,
  policy: SyncPolicy,
  retryAfterMs: number | null,
): number {
  const doublings = Math.max(0, failures.withoutProgress.count - 1);
  const ownMs = Math.min(policy.backoffFirstMs * 2 ** doublings, policy.backoffMaxMs);
  return Math.max(ownMs, retryAfterMs ?? 0);
}
