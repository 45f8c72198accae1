/** The words of a run, and how one ends. */

export type RunKind = 'sync' | 'backfill';

export type Desired = 'run' | 'pause' | 'cancel';

export type RunState = 'running' | 'complete' | 'partial' | 'paused' | 'canceled' | 'failed';

export interface RunFacts {
  /** What the caller says: nothing was left to do, it was called off, or it could not go on. */
  readonly ended: 'drained' | 'canceled' | 'failed';
  /** The caller's reason, as a sentence. */
  readonly because: string;
  readonly objects: number;
  readonly changedRows: number;
  readonly parked: readonly { readonly resource: string; readonly reason: string }[];
  /** Objects kept raw because they could not be normalised. */
  readonly notNormalised: number;
  /** Windows that nobody has read to their end. */
  readonly unreadWindows: number;
}

/** How a run ended and one sentence for people. It is `complete` only when nothing is missing: missing data is never a success. */
export function decideRunEnd(facts: RunFacts): { state: RunState; summary: string } {
  const done = `${facts.objects} objects read, ${facts.changedRows} rows changed`;
  if (facts.ended !== 'drained') {
    const what = facts.ended === 'canceled' ? 'Canceled' : 'Failed';
    return { state: facts.ended, summary: `${what} with ${done}: ${facts.because}` };
  }
  const missing = [
    ...facts.parked.map(({ resource, reason }) => `${resource} is parked (${reason})`),
    ...(facts.notNormalised > 0
      ? [`objects kept raw only, since they could not be normalised: ${facts.notNormalised}`]
      : []),
    ...(facts.unreadWindows > 0 ? [`windows not read to their end: ${facts.unreadWindows}`] : []),
  ];
  return missing.length === 0
    ? { state: 'complete', summary: `Complete: ${done}.` }
    : { state: 'partial', summary: `Partial: ${done}; ${missing.join('; ')}.` };
}
