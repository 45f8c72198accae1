/** What the tables of codes are written in: one short line for each code. */
import type { CodeMeaning, DeclineClass } from '../decline';
import type { ReasonName } from '../reasons';

/** A vocabulary, by its codes. */
export type CodeTable = Readonly<Record<string, CodeMeaning>>;

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** The same payment may be tried again, not sooner than after `delayMs`; null where the code names no time. */
export const retry = (
  what: DeclineClass,
  reason: ReasonName,
  delayMs: number | null,
): CodeMeaning => ({ class: what, reason, retryable: 'yes', delayMs });

/** There was not enough money: best tried again when there is some. */
export const AT_PAYDAY: CodeMeaning = {
  ...retry('funds', 'insufficient_funds', 3 * DAY_MS),
  payday: true,
};

type Row = (what: DeclineClass, reason: ReasonName) => CodeMeaning;

/** Only once the customer has authenticated or given a mandate again. */
export const afterAuth: Row = (what, reason) => ({
  class: what,
  reason,
  retryable: 'after_auth',
  delayMs: null,
});

/** Only with new credentials. */
export const afterUpdate: Row = (what, reason) => ({
  class: what,
  reason,
  retryable: 'after_update',
  delayMs: null,
});

export const never: Row = (what, reason) => ({
  class: what,
  reason,
  retryable: 'no',
  delayMs: null,
});

/** The money may have moved: looked up, not sooner than after `delayMs`. */
export const lookUp = (
  what: DeclineClass,
  reason: ReasonName,
  delayMs: number | null = null,
): CodeMeaning => ({ class: what, reason, retryable: 'reconcile', delayMs });

/** The same for every code of a reserved range of numbers, both ends included. */
export const between = (first: number, last: number, meaning: CodeMeaning): CodeTable =>
  Object.fromEntries(Array.from({ length: last - first + 1 }, (_, i) => [first + i, meaning]));
