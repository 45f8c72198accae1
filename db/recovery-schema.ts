/** The tables of recovery as kysely types. */
import type { Generated, JSONColumnType } from 'kysely';
import type { AttemptState } from '../domain/recovery/attempt';
import type { Decline } from '../domain/recovery/decline';
import type { CaseState } from '../domain/recovery/states';
import type { CampaignTerms } from '../domain/recovery/terms';

/** Any JSON object; what is in it is said where it is written. */
type Facts = Readonly<Record<string, unknown>>;

/** A customer of the control group, whatever campaign comes. */
export interface HoldoutCustomerTable {
  account_id: string;
  customer_id: string;
  since: Generated<Date>;
}

export interface CampaignTable {
  /** `camp_1`, `camp_2`, … */
  id: Generated<string>;
  account_id: string;
  terms: JSONColumnType<CampaignTerms>;
  desired: Generated<'run' | 'pause' | 'stop'>;
  state: Generated<'selecting' | 'running' | 'paused' | 'stopped' | 'done'>;
  because: Generated<string>;
  /** Counted in the transaction that claims an attempt: what a budget is held against. */
  attempts_made: Generated<number>;
  /** When every invoice that it is about had become a case. */
  selected_at: Date | null;
  started_at: Generated<Date>;
  ended_at: Date | null;
}

/** One failed invoice that is being recovered. */
export interface RecoveryCaseTable {
  account_id: string;
  invoice_id: string;
  /** The campaign that opened it. */
  campaign_id: string;
  customer_id: string | null;
  currency: string;
  exponent: number;
  /** What remained to be paid when it was opened. */
  amount_minor: bigint;
  state: Generated<CaseState>;
  because: string;
  attention: Generated<boolean>;
  desired: Generated<'run' | 'pause' | 'cancel'>;
  decline_class: string | null;
  decline_reason: string | null;
  /** Sequence number of the newest transition. */
  transitions: Generated<number>;
  /** Number of the newest attempt in the ledger. */
  attempts: Generated<number>;
  /** Of these, tries of before it was opened again, which its campaign does not count any more. */
  tries_before: Generated<number>;
  /** By the account's clock. */
  next_action_at: Date | null;
  window_ends_at: Date;
  recovered_minor: Generated<bigint>;
  reversed_minor: Generated<bigint>;
  recovered_by: 'us' | 'elsewhere' | 'provider' | null;
  recovered_charge_id: string | null;
  recovered_at: Date | null;
  payment_page_url: string | null;
  /** Drawn into the control group: also once its state says how that went. */
  held_out: Generated<boolean>;
  /** Paused along with its campaign, and resumed with it. */
  paused_by_campaign: Generated<boolean>;
  /** The newest version of stored rows about its invoice that it was told of. */
  told_version: Date | null;
  opened_at: Date;
  ended_at: Date | null;
}

export interface RecoveryTransitionTable {
  account_id: string;
  invoice_id: string;
  sequence: number;
  from_state: string;
  event: string;
  to_state: string;
  because: string;
  facts: JSONColumnType<Facts> | null;
  at: Date;
}

/** The ledger: one attempt of ours to have an invoice paid. */
export interface RecoveryAttemptTable {
  account_id: string;
  invoice_id: string;
  /** 1, 2, 3 … within the case, given by the ledger. */
  number: number;
  campaign_id: string;
  customer_id: string | null;
  credential_id: string;
  /** What ceilings count by. */
  credential_key: string;
  network: string | null;
  country: string | null;
  currency: string;
  amount_minor: bigint;
  state: Generated<AttemptState>;
  idempotency_key: string;
  /** SHA-256 of the request: one key never stands for two of them. */
  request_hash: Buffer;
  /** By the provider's clock. */
  intended_at: Date;
  /** `InvoiceSighting.latestChargeId` of then. */
  charge_before: string | null;
  /** Not sent after this, by the database's clock like the next one. */
  send_before: Date;
  /** That nothing of it is found proves only after this that it never happened. */
  absent_after: Date;
  charge_id: string | null;
  request_id: string | null;
  /** What came in, where it succeeded. */
  paid_minor: bigint | null;
  settled_by: 'answer' | 'lookup' | 'person' | 'fence' | null;
  settled_at: Date | null;
  note: string | null;
  /** What was said of it that cannot be true beside this row. */
  conflict: string | null;
  decline: JSONColumnType<Decline> | null;
  decision: JSONColumnType<Facts>;
}

/** A message to whoever the account wants told. */
export interface OutgoingWebhookTable {
  /** `msg_1`, `msg_2`, … */
  id: Generated<string>;
  account_id: string;
  type: string;
  dedup_key: string;
  body: JSONColumnType<Facts>;
  state: Generated<'waiting' | 'sent' | 'given_up'>;
  attempts: Generated<number>;
  last_error: string | null;
  created_at: Generated<Date>;
  sent_at: Date | null;
}

export interface RecoveryTables {
  holdout_customer: HoldoutCustomerTable;
  campaign: CampaignTable;
  recovery_case: RecoveryCaseTable;
  recovery_transition: RecoveryTransitionTable;
  recovery_attempt: RecoveryAttemptTable;
  outgoing_webhook: OutgoingWebhookTable;
}
