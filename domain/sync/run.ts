/** The words of a run, and how one ends. */
import { countOf, sentences } from '../words';

/**
 * `sync`: what is not covered yet, and what the change feed tells. `backfill`: one window, as an operator asked for it.
 * `changes`: only the objects that somebody said have changed.
 */
export const RUN_KINDS = ['sync', 'backfill', 'changes'] as const;
export type RunKind = (typeof RUN_KINDS)[number];

/** The resource of the last task of every run: objects that hints name are read again by their ids. */
export const REREAD = 'reread';

/** Changes may show in the feed a while after they are dated: so much of what was read last time is read again. */
export const FEED_OVERLAP_MS = 3_600_000;

export type Desired = 'run' | 'pause' | 'cancel';

export type RunState = 'running' | 'complete' | 'partial' | 'paused' | 'canceled' | 'failed';

/** So many unknown prices are named in a summary; one more in the facts says that there are more. */
export const MAX_NAMED_PRICES = 10;

export interface RunFacts {
  /** What the caller says: nothing was left to do, it was called off, or it could not go on. */
  readonly ended: 'drained' | 'canceled' | 'failed';
  /** The caller's reason, as a sentence. */
  readonly because: string;
  /** What the run said of itself when it was opened, as a sentence. */
  readonly note: string | null;
  readonly objects: number;
  readonly changedRows: number;
  readonly parked: readonly { readonly resource: string; readonly reason: string }[];
  /** Resources that a person has left out. */
  readonly skipped: readonly string[];
  /** Objects kept raw because they could not be normalised. */
  readonly notNormalised: number;
  /** Windows that nobody has read to their end. */
  readonly unreadWindows: number;
  /** Prices that rows name and that could not be had: with nothing left to read they make no run partial, but are named. */
  readonly unknownPrices: readonly string[];
}

/**
 * How a run ended, and what stands beside that state when people read it. It is `complete` only when nothing is missing:
 * missing data is never a success.
 */
export function decideRunEnd(facts: RunFacts): { state: RunState; summary: string } {
  const done = `${countOf(facts.objects, 'object')} read, ${countOf(facts.changedRows, 'row')} changed`;
  if (facts.ended !== 'drained') {
    return { state: facts.ended, summary: sentences(facts.because, `${done} until then`) };
  }
  const missing = [
    ...facts.parked.map(
      ({ resource, reason }) => `${resource} is parked (${reason.replace(/\.$/, '')})`,
    ),
    ...facts.skipped.map((resource) => `${resource} is skipped`),
    ...(facts.notNormalised > 0
      ? [`${countOf(facts.notNormalised, 'object')} kept raw only, not normalised`]
      : []),
    ...(facts.unreadWindows > 0
      ? [`${countOf(facts.unreadWindows, 'window')} not read to the end`]
      : []),
  ];
  const state = missing.length === 0 ? 'complete' : 'partial';
  const unpriced = namePrices(facts.unknownPrices);
  const found = [done, ...missing, ...unpriced].join('; ');
  return { state, summary: sentences(facts.note ?? '', found) };
}

/** Whether all that is missing is what a person has left out, so that nobody has to be called. */
export const isSettled = (
  facts: Pick<RunFacts, 'parked' | 'notNormalised' | 'unreadWindows'>,
): boolean => facts.parked.length === 0 && facts.notNormalised === 0 && facts.unreadWindows === 0;

function namePrices(ids: readonly string[]): string[] {
  if (ids.length === 0) return [];
  const named = ids.slice(0, MAX_NAMED_PRICES).join(', ');
  const more = ids.length > MAX_NAMED_PRICES ? ' and more' : '';
  return [`prices of unknown value count as 0: ${named}${more}`];
}
