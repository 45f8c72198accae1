/**
 * The tables as kysely types. Those of canonical records are derived from RECORDS: the kind is the table's name, its fields in
 * snake case are the columns; a test holds the migrated tables against them.
 */
import type { ColumnType, Generated } from 'kysely';
import type { Desired, RunKind, RunState } from '../domain/sync/run';
import type { Fields, RecordKind } from '../domain/records';
import type { MetricTables } from './metrics-schema';
import type { RecoveryTables } from './recovery-schema';

/** `createdAt` → `created_at`. */
export type SnakeCase<S extends string> = S extends `${infer Head}${infer Tail}`
  ? `${Head extends Uppercase<Head> ? (Head extends Lowercase<Head> ? Head : `_${Lowercase<Head>}`) : Head}${SnakeCase<Tail>}`
  : '';

/** The same at run time. */
export const snakeCase = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** What every canonical table has beside the fields of its kind. */
export interface CanonicalKey {
  account_id: string;
  external_id: string;
  /** The provider's clock at the start of the request that read the object which the row came from. */
  version: Date;
  /** SHA-256 of that object: `raw_object.hash`. */
  raw_hash: Buffer;
}

export type CanonicalTable<K extends RecordKind> = CanonicalKey & {
  [F in keyof Fields<K> & string as SnakeCase<F>]: Fields<K>[F];
};

export type CanonicalTables = { [K in RecordKind]: CanonicalTable<K> };

/** A billing account; its id is the provider's own, for example `acct_…`. */
export interface AccountTable {
  id: string;
  provider: string;
  display_name: string | null;
  /** Base URL instead of the provider's own. */
  api_base: string | null;
  /** Sealed by `secret-box.ts`. */
  secret: Buffer;
  /** Signing secrets of its webhook endpoint, each sealed likewise: several while one is being replaced. */
  webhook_secrets: Generated<Buffer[]>;
  /** As the newest transition left it. */
  state: Generated<string>;
  state_reason: string | null;
  attention: Generated<boolean>;
  desired: Generated<Desired>;
  created_at: Generated<Date>;
  /** IANA name: the months of the metrics are those of this zone. */
  time_zone: Generated<string>;
  /** Which edition of the provider's normaliser its rows have been brought up to from their raw objects. */
  normaliser_version: Generated<number>;
  /** Resources that a person has told syncs to leave out. */
  skipped_resources: Generated<string[]>;
  /** Canonical rows that ended runs have changed, ever: moves whenever what the warehouse shows may have. */
  changes: Generated<bigint>;
  /** The provider's clock at the newest read of an ended run. */
  read_as_of: Date | null;
  /** Whose clock its cases live by: a simulated one moves only when somebody moves it. */
  clock: Generated<'real' | 'simulated'>;
  /** Whether the provider's own retries are waited for, or are known to be switched off. */
  provider_retries: Generated<'wait' | 'off'>;
  /** Draws the control group, for all campaigns alike. */
  holdout_salt: Generated<string>;
  /** Where somebody wants to be told of what happens. */
  outgoing_url: string | null;
  /** What that is signed with, sealed like the secret. */
  outgoing_secret: Buffer | null;
}

/** The life of an account, append-only. */
export interface AccountTransitionTable {
  account_id: string;
  sequence: number;
  from_state: string;
  event: string;
  to_state: string;
  because: string;
  attention: boolean;
  at: Date;
}

export interface RunTable {
  /** `run_1`, `run_2`, … */
  id: Generated<string>;
  account_id: string;
  /** The caller's name for the run: opening twice under one key gives the same run. */
  key: string;
  kind: RunKind;
  /** Inclusive; null means since ever. */
  window_from: Date | null;
  /** Exclusive: the frozen end of the window. */
  until: Date;
  /** Where splits and percentages count from when the window has no start: nothing in the account is thought to be older. */
  floor: Date;
  desired: Generated<Desired>;
  state: Generated<RunState>;
  /** Why it reads as much as it does, where that is not what one expects; a sentence. */
  note: string | null;
  /** Of the rows it has changed, how many `account.changes` holds: a run that is taken up again adds only the others. */
  counted_changes: Generated<bigint>;
  /** One sentence for people, once it has ended. */
  summary: string | null;
  started_at: Generated<Date>;
  ended_at: Date | null;
}

/** One resource over one half-open `created` window, walked from newest to oldest by one cursor. */
export interface TaskTable {
  id: Generated<bigint>;
  run_id: string;
  resource: string;
  /** Order of the resource in the plan, from 0. */
  position: number;
  window_from: Date | null;
  window_to: Date;
  /** Opaque position after the last committed page. */
  cursor: string | null;
  /** Creation time of the oldest object that is committed: `[window_from, last_seen)` is left. */
  last_seen: Date | null;
  /** The version of its first page: the window is covered as of then. */
  read_as_of: Date | null;
  /** The version of its newest page. */
  newest_read_at: Date | null;
  /** Open tasks may be claimed when no lease holds them; a person has skipped what is `skipped`. */
  state: Generated<'open' | 'done' | 'parked' | 'skipped'>;
  parked_code: string | null;
  parked_reason: string | null;
  /** Grows with every claim: a commit under an older one is refused. */
  fence: Generated<bigint>;
  lease_owner: string | null;
  /** By the database's clock. */
  lease_until: Date | null;
  pages: Generated<number>;
  objects: Generated<number>;
  requests: Generated<number>;
  changed_rows: Generated<number>;
}

/** Every content of every object as the provider gave it; append-only. */
export interface RawObjectTable {
  account_id: string;
  type: string;
  external_id: string;
  /** SHA-256 of the JSON text. */
  hash: Buffer;
  /** Where the JSON text is: `raw_batch.id`, first byte and number of bytes in it; no size means to its end. */
  batch: bigint;
  at: number;
  size: number | null;
  /** When this content was read first. */
  read_at: Date;
}

/** The JSON texts of objects that were stored together, one after the other. */
export interface RawBatchTable {
  account_id: string;
  id: Generated<bigint>;
  payload: Buffer;
  /** How the payload is compressed. */
  encoding: 'br';
}

/** Objects that a run kept raw only. */
export interface NotNormalisedTable {
  run_id: string;
  type: string;
  external_id: string;
  hash: Buffer;
  /** Names the field and what was expected. */
  reason: string;
}

/** Words of the provider that this edition does not know, as `field=value`. */
export interface UnknownValueTable {
  run_id: string;
  type: string;
  value: string;
  count: number;
}

/**
 * Customers whose recurring revenue must be computed again. A commit that finds the row there already updates it, and so
 * waits for whoever is deleting it: a mark made during a computation is never lost.
 */
export interface DirtyCustomerTable {
  account_id: string;
  customer_id: string;
  marked_at: ColumnType<Date, Date | undefined, Date>;
}

/**
 * What the newest read of every object said. All writes of an object pass through its row, under its lock: older reads are
 * dropped here, and nothing comes back after a tombstone.
 */
export interface ObjectHeadTable {
  account_id: string;
  /** The resource that it is read by: together with the id, what a hint names. */
  resource: string;
  external_id: string;
  /** The provider's clock at the start of the newest request that read the object. */
  version: Date;
  /** SHA-256 of its content then; null for an object that was gone before it was ever read. */
  hash: Buffer | null;
  /** A tombstone: final. */
  deleted: Generated<boolean>;
  /** The transaction that gave the object its content: by it, a commit tells which objects it has changed. */
  changed_by: string;
}

/** An object that must be read again by its id, whoever said so; one row however often it was said. */
export interface HintTable {
  account_id: string;
  resource: string;
  external_id: string;
  /** Grows with each time it is said: reading the object answers only what was said before the request. */
  note: Generated<bigint>;
  /** The change feed, a webhook, two reads that overlapped with different content, or a row that names an object never read. */
  source: 'feed' | 'webhook' | 'overlap' | 'reference';
  /** The provider's time of the newest change that was told of; null for `reference`. A head that is newer answers the hint. */
  changed_at: Date | null;
  /** By the database's clock. */
  not_before: Generated<Date>;
}

/** A webhook that was taken, by the event it told of. */
export interface WebhookInboxTable {
  account_id: string;
  event_id: string;
  type: string;
  received_at: Generated<Date>;
}

/** How far the change feed of an account was turned into hints. */
export interface ChangeFeedTable {
  account_id: string;
  /** Changes up to here are noted. */
  as_of: Date;
  /** From here to `as_of` without a gap: what was read since is kept true by hints, and counts as covered. */
  unbroken_since: Date;
}

/** Creation times of a resource that were read to their end since the feed is unbroken. */
export interface CoverageTable {
  account_id: string;
  resource: string;
  /** As Postgres writes a tstzmultirange. */
  ranges: string;
}

/** How fast all processes together may send requests that count towards one limit of the provider. */
export interface RateLimitTable {
  account_id: string;
  /** As the provider names it, for example `all`. */
  scope: string;
  /** The instant of the next request, by the database's clock like the other one. */
  due_at: Date;
  /** Requests per second that the newest 429 left, and when its pause ends; null before the first. */
  slowed_to: number | null;
  slowed_until: Date | null;
  /** Grows with every change: whoever read an older one may not write. */
  revision: Generated<bigint>;
}

export interface Database extends CanonicalTables, MetricTables, RecoveryTables {
  account: AccountTable;
  account_transition: AccountTransitionTable;
  run: RunTable;
  task: TaskTable;
  raw_object: RawObjectTable;
  raw_batch: RawBatchTable;
  not_normalised: NotNormalisedTable;
  unknown_value: UnknownValueTable;
  dirty_customer: DirtyCustomerTable;
  object_head: ObjectHeadTable;
  hint: HintTable;
  change_feed: ChangeFeedTable;
  coverage: CoverageTable;
  webhook_inbox: WebhookInboxTable;
  rate_limit: RateLimitTable;
}
