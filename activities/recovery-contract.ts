/**
 * The steps of recovery, as types. The machine in domain/recovery decides; a step looks, writes or pays, and answers with the
 * event that it saw. Every step of a case first stores what the case has become meanwhile (`record`), so that one step
 * both writes and acts, and a history stays short. Ids, counts, instants and sentences only.
 */
import type { CaseEvent } from '../domain/recovery/decide';
import type { CaseState } from '../domain/recovery/states';
import type { CampaignTerms } from '../domain/recovery/terms';

export type { CampaignTerms, CaseEvent, CaseState };

/** Names one case. */
export interface CaseKey {
  readonly account: string;
  readonly invoice: string;
}

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

/** What a case has become since it was stored last. Storing an older one changes nothing. */
export interface CaseRecord {
  /** Never empty, in order. */
  readonly transitions: readonly CaseTransition[];
  readonly state: CaseState;
  readonly because: string;
  readonly attention: boolean;
  readonly nextActionAtMs: number | null;
  /** What happened to the money, where one of the transitions moved it. */
  readonly recovery: {
    readonly by: 'us' | 'elsewhere' | 'provider';
    /** Decimal string. */
    readonly recoveredMinor: string;
    readonly reversedMinor: string;
    readonly chargeId: string | null;
  } | null;
}

interface CaseStep extends CaseKey {
  /** Null when nothing has happened since the last step. */
  readonly record: CaseRecord | null;
}

/** What a step saw; `nowMs` is the account's clock then. */
export interface Sighting {
  readonly nowMs: number;
  readonly event: CaseEvent;
}

/** Where a workflow for a known case goes on: Postgres is the record, also after a terminate or a reset. */
export interface CaseFacts extends CaseKey {
  readonly campaign: string;
  readonly provider: string;
  readonly clock: 'real' | 'simulated';
  readonly state: CaseState;
  readonly because: string;
  readonly attention: boolean;
  /** Sequence number of the newest transition. */
  readonly transitions: number;
  /** Attempts in the ledger. */
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
  readonly desired: 'run' | 'pause' | 'cancel';
  readonly nowMs: number;
}

export interface AttemptSighting extends Sighting {
  /** Its number in the ledger; null when none was made. */
  readonly attempt: number | null;
}

export interface CampaignKey {
  readonly campaign: string;
}

export interface CampaignFacts extends CampaignKey {
  readonly account: string;
  readonly state: 'selecting' | 'running' | 'paused' | 'stopped' | 'done';
  readonly desired: 'run' | 'pause' | 'stop';
  readonly cases: number;
  /** Cases that have not ended. */
  readonly open: number;
  readonly held: number;
}

export interface SelectCasesReport {
  /** Hand this on as `after`; null when every invoice was looked at. */
  readonly next: string | null;
  readonly opened: number;
  readonly heldOut: number;
  /** Invoices that are another campaign's case already. */
  readonly skipped: number;
  /** Looked at and not fit. */
  readonly excluded: number;
}

/** Of `paymentRetry`. */
export interface CaseActivities {
  /** Errors: invalid_input for a case that nobody has opened. */
  readCase(input: CaseKey): Promise<CaseFacts>;
  /** Stores what the case has become. */
  recordCase(input: CaseStep & { readonly record: CaseRecord }): Promise<void>;
  /** Writes what is wanted of the case; the ledger reads it when an attempt is claimed. */
  setCaseDesired(input: CaseStep & { readonly desired: 'run' | 'pause' | 'cancel' }): Promise<void>;
  /**
   * Decides what comes next, from stored charges and the case's attempts: attempt_planned, provider_retry_pending,
   * customer_needed, ceilings_used_up, retry_forbidden, window_ended, or what the invoice has become meanwhile.
   */
  planCase(input: CaseStep): Promise<Sighting>;
  /**
   * Reads the invoice and its credential's charges again: clear, plan_outdated, or what the invoice has become. Only reads at
   * the provider.
   */
  checkCase(input: CaseStep): Promise<Sighting>;
  /**
   * Claims attempt number `after` + 1 in the ledger, reads the invoice once more, and sends one request. An attempt that the ledger
   * has already is reported, never sent again. Tried once: whoever loses its answer looks it up.
   */
  chargeCase(input: CaseStep & { readonly after: number }): Promise<AttemptSighting>;
  /**
   * What is known of attempt `number`, from reads alone: succeeded, declined, pending, absent, inconclusive. An attempt that was
   * claimed and never sent is fenced, so that nobody can send it any more.
   */
  lookUpAttempt(input: CaseStep & { readonly number: number }): Promise<Sighting>;
  /** What a person says of an attempt that nothing proves; the reason is kept for ever. */
  resolveAttempt(
    input: CaseStep & {
      readonly number: number;
      readonly outcome: 'succeeded' | 'declined' | 'absent';
      readonly reason: string;
    },
  ): Promise<Sighting>;
  /** Tells whoever the account wants told that a case waits for its customer; delivered by `deliverWebhook`. Null: nobody. */
  noteCustomerNeeded(input: CaseStep): Promise<{ readonly message: string | null }>;
  /** Errors: provider_unavailable until it is taken. */
  deliverWebhook(input: { readonly account: string; readonly message: string }): Promise<void>;
}

/** Of `retryCampaign`, and of whoever learns that something has changed. */
export interface CampaignActivities {
  /** After a sync: tells the cases of the account whose invoices, charges, refunds or disputes have changed. */
  routeChanges(input: { readonly account: string }): Promise<{ readonly told: number }>;

  readCampaign(input: CampaignKey): Promise<CampaignFacts>;
  /** Opens cases for the next page of invoices, and starts their workflows at a bounded rate. */
  selectCases(input: CampaignKey & { readonly after: string | null }): Promise<SelectCasesReport>;
  setCampaign(
    input: CampaignKey & {
      readonly desired: 'run' | 'pause' | 'stop';
      readonly state: CampaignFacts['state'];
      readonly because: string;
    },
  ): Promise<void>;
  /** Pauses, resumes or cancels the open cases of a campaign, a page at a time. */
  steerCases(
    input: CampaignKey & {
      readonly after: string | null;
      readonly what: 'pause' | 'resume' | 'cancel';
      readonly reason: string;
    },
  ): Promise<{ readonly next: string | null; readonly told: number }>;
}
