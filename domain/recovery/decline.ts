/**
 * What a declined payment means. A code is read in its own vocabulary ("82" means different things to Visa and to an
 * acquirer); of several codes of one decline the most specific decides, and none is loosened by a less specific one.
 */
import type { ReasonName } from './reasons';

export const DECLINE_CLASSES = [
  'hard',
  'soft',
  'funds',
  'fraud',
  'technical',
  'authentication',
  'account_updater',
  'data',
  'config',
  'unknown',
] as const;
/** What to do about a decline, in one word. */
export type DeclineClass = (typeof DECLINE_CLASSES)[number];

/**
 * Whether the same payment may be tried again, from the loosest to the strictest. `after_auth`: only once the customer has
 * authenticated, or with new credentials. `after_update`: only with new credentials. `reconcile`: nobody knows whether it
 * happened, so it is looked up first; new credentials would not help, since they could be charged a second time.
 */
export const RETRYABLES = ['yes', 'after_auth', 'after_update', 'reconcile', 'no'] as const;
export type Retryable = (typeof RETRYABLES)[number];

/** One row of a vocabulary. */
export interface CodeMeaning {
  /** What to tell people. */
  readonly reason: ReasonName;
  readonly class: DeclineClass;
  readonly retryable: Retryable;
  /** Not sooner than this after the decline; null where the code says nothing about time. */
  readonly delayMs: number | null;
  /** Better after the customer's next payday than after `delayMs`. */
  readonly payday?: boolean;
}

/** A code and the vocabulary that it was found in, for example `{vocabulary: 'visa', code: '51'}`. */
export interface CodeRef {
  readonly vocabulary: string;
  readonly code: string;
}

/** The codes of one failed attempt, each null where the provider gave none. The fields are those of `payment_attempt`. */
export interface DeclineCodes {
  /** Lower case, as `payment_attempt.cardBrand`: the network whose vocabulary the network codes belong to. */
  readonly cardBrand: string | null;
  /** Where the card was issued: ISO 3166 alpha-2, upper case. */
  readonly cardCountry: string | null;
  /** `card`, `sepa_debit`, … */
  readonly methodType: string | null;
  readonly networkAdviceCode: string | null;
  readonly networkDeclineCode: string | null;
  readonly adviceCode: string | null;
  readonly declineCode: string | null;
  readonly failureCode: string | null;
  readonly outcomeType: string | null;
}

/** What the codes of one attempt come to. */
export interface Decline extends CodeMeaning {
  /** Which code decided; null when none is known. */
  readonly by: CodeRef | null;
  /** Every code that a vocabulary holds, the most specific first: a network's rules go by its own code, whichever decided. */
  readonly known: readonly CodeRef[];
  /**
   * A code was given that no vocabulary holds, as `vocabulary=code`: the most specific one; `code=none` where there was no code at
   * all. At most two tries then.
   */
  readonly unmapped: string | null;
}
