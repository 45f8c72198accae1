/**
 * The steps of recovery, as types. The machine in domain/recovery decides; a step looks, writes or pays, and answers with the
 * event that it saw. Every step of a case first stores what the case has become meanwhile (`record`), so that one step
 * both writes and acts, and a history stays short. Ids, counts, instants and sentences only.
 */
import type { CaseEvent } from '../domain/recovery/decide';
import type {
  CaseFacts,
  CaseKey,
  CaseRecord,
  CaseRecorded,
  CaseTransition,
} from '../domain/recovery/record';
import type { CaseState } from '../domain/recovery/states';
import type { CampaignTerms } from '../domain/recovery/terms';

export type { CampaignTerms, CaseEvent, CaseFacts, CaseKey, CaseRecord, CaseState, CaseTransition };

interface CaseStep extends CaseKey {
  /** Null when nothing has happened since the last step. */
  readonly record: CaseRecord | null;
}

/** What a step saw; `nowMs` is the account's clock then. */
export interface Sighting {
  readonly nowMs: number;
  readonly event: CaseEvent;
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
  readonly because: string;
  readonly provider: string;
  /** Whether every invoice was looked at. */
  readonly selected: boolean;
  readonly cases: number;
  /** Cases that have not ended. */
  readonly open: number;
  /** Cases of the control group. */
  readonly heldOut: number;
  /** Cases that need a person. */
  readonly attention: number;
  readonly states: readonly { readonly state: CaseState; readonly cases: number }[];
  /** By currency and class of decline, the largest groups: net of what was taken back. */
  readonly recovered: readonly {
    readonly currency: string;
    readonly exponent: number;
    readonly declineClass: string;
    readonly cases: number;
    /** Decimal string. */
    readonly netMinor: string;
  }[];
  /** What its cases do next, the soonest first. */
  readonly next: readonly {
    readonly invoice: string;
    readonly state: CaseState;
    /** ISO instant. */
    readonly at: string;
  }[];
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
  recordCase(input: CaseStep & { readonly record: CaseRecord }): Promise<CaseRecorded>;
  /** Writes what is wanted of the case; the ledger reads it when an attempt is claimed. */
  setCaseDesired(
    input: CaseStep & { readonly desired: 'run' | 'pause' | 'cancel' },
  ): Promise<CaseRecorded>;
  /**
   * Takes an exhausted case up again because a person wants it, and answers like readCase. Errors: invalid_input for one of the
   * control group, of a campaign that was stopped, or of an account that is gone.
   */
  reopenCase(input: CaseKey & { readonly reason: string }): Promise<CaseFacts>;
  /**
   * Decides what comes next, from stored charges and the case's attempts: attempt_planned, provider_retry_pending,
   * customer_needed, ceilings_used_up, retry_forbidden, window_ended, or what the invoice has become meanwhile. What the ledger
   * says goes first: `succeeded` for an attempt that has brought the money, `outcome_unknown` or `pending`, with its number,
   * for one that is open.
   */
  planCase(input: CaseStep): Promise<Sighting>;
  /**
   * Reads the invoice and its credential's charges again: clear, plan_outdated, or what the invoice has become. Only reads at
   * the provider. Of the ledger the same as planCase. Also asked of a case that waits: `clear` when nothing has changed.
   */
  checkCase(input: CaseStep): Promise<Sighting>;
  /**
   * Claims attempt number `after` + 1 in the ledger, reads the invoice once more, and sends one request. An attempt that the ledger
   * has already is reported, never sent again. Tried once: whoever loses its answer looks it up. A claim that is refused answers
   * why, with `attempt` null: cancel, pause, plan_outdated, ceilings_used_up, what the invoice has become …
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
  /**
   * After a sync: tells the cases of the account whose invoices, charges, refunds or disputes have changed, and starts those that
   * are late, which have lost their workflow.
   */
  routeChanges(input: { readonly account: string }): Promise<{ readonly told: number }>;

  /** Errors: invalid_input for a campaign that does not exist. */
  readCampaign(input: CampaignKey): Promise<CampaignFacts>;
  /** Opens cases for the next pages of invoices, and starts their workflows at a bounded rate. */
  selectCases(input: CampaignKey & { readonly after: string | null }): Promise<SelectCasesReport>;
  setCampaign(
    input: CampaignKey & {
      readonly desired: 'run' | 'pause' | 'stop';
      readonly state: CampaignFacts['state'];
      readonly because: string;
    },
  ): Promise<void>;
  /**
   * Pauses, resumes or cancels the open cases of a campaign, a page at a time. What a person has paused by itself is not
   * resumed.
   */
  steerCases(
    input: CampaignKey & {
      readonly after: string | null;
      readonly what: 'pause' | 'resume' | 'cancel';
      readonly reason: string;
    },
  ): Promise<{ readonly next: string | null; readonly told: number }>;
}
