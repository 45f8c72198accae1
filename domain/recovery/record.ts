/** A case as its rows have it: what is written of it, and what a new runner of it reads. */
import type { CaseState } from './states';

/** Names one case. */
export interface CaseKey {
  readonly account: string;
  readonly invoice: string;
}

export type CaseDesired = 'run' | 'pause' | 'cancel';

/** One line of a case's story. */
export interface CaseTransition {
  /** 1, 2, 3 … over the life of the case: written once, however often it is told. */
  readonly sequence: number;
  readonly from: CaseState;
  readonly event: string;
  readonly to: CaseState;
  readonly because: string;
  /** What a decision was made by: rule edition, rules, model, propensity. */
  readonly facts: Readonly<Record<string, unknown>> | null;
  /** Epoch milliseconds by the account's clock. */
  readonly atMs: number;
}

/** What happened to the money. */
export interface CaseRecovery {
  readonly by: 'us' | 'elsewhere' | 'provider';
  /** Decimal string. */
  readonly recoveredMinor: string;
  /** Decimal string: all that was taken back so far. */
  readonly reversedMinor: string;
  readonly chargeId: string | null;
}

/** What a case has become since it was stored last. Storing an older one changes nothing. */
export interface CaseRecord {
  /** Never empty, in order. */
  readonly transitions: readonly CaseTransition[];
  readonly state: CaseState;
  readonly because: string;
  readonly attention: boolean;
  readonly nextActionAtMs: number | null;
  /** Null when nothing has moved any money yet. */
  readonly recovery: CaseRecovery | null;
}

/** What became of a record. */
export interface CaseRecorded {
  /**
   * Nothing was written: it would end the case, and its runner has forgotten an attempt whose outcome is open, or where the story went
   * on since.
   */
  readonly isRefused: boolean;
}

/** Where a runner of a known case goes on: Postgres is the record, also after a terminate or a reset. */
export interface CaseFacts extends CaseKey {
  readonly campaign: string;
  readonly provider: string;
  readonly clock: 'real' | 'simulated';
  readonly state: CaseState;
  readonly because: string;
  readonly attention: boolean;
  /** Sequence number of the newest transition. */
  readonly transitions: number;
  /** Number of the newest attempt in the ledger. */
  readonly attempts: number;
  /** The one that is intended, unknown or pending, if any. */
  readonly openAttempt: {
    readonly number: number;
    readonly state: 'intended' | 'unknown' | 'pending';
  } | null;
  readonly nextActionAtMs: number | null;
  readonly windowEndsAtMs: number;
  /** Decimal string, with its currency: for search attributes and words. */
  readonly amountMinor: string;
  readonly currency: string;
  /** Decimals of its smallest unit. */
  readonly exponent?: number;
  readonly desired: CaseDesired;
  readonly recovery: CaseRecovery | null;
  /** The account's clock, in epoch milliseconds. */
  readonly nowMs: number;
}
