/**
 * The tables as kysely types. Those of canonical records are derived from RECORDS: the kind is the table's name, its fields in
 * snake case are the columns; a test holds the migrated tables against them.
 */
import type { ColumnType, Generated } from 'kysely';
import type { Desired, RunKind, RunState } from '../domain/sync/run';
import type { Fields, RecordKind } from '../domain/records';
import type { MetricTables } from './metrics-schema';

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
  /** As the newest transition left it. */
  state: Generated<string>;
  state_reason: string | null;
  attention: Generated<boolean>;
  desired: Generated<Desired>;
  created_at: Generated<Date>;
  /** IANA name: the months of the metrics are those of this zone. */
  time_zone: Generated<string>;
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
  /** Open tasks may be claimed when no lease holds them. */
  state: Generated<'open' | 'done' | 'parked'>;
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

/** Every version of every object as the provider gave it; append-only. */
export interface RawObjectTable {
  account_id: string;
  type: string;
  external_id: string;
  /** SHA-256 of the JSON text. */
  hash: Buffer;
  payload: Buffer;
  /** How the payload is compressed. */
  encoding: 'br';
  /** When this content was read first. */
  read_at: Date;
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

/** A window of a resource that was read to its end. */
export interface CoveredRangeTable {
  id: Generated<bigint>;
  account_id: string;
  resource: string;
  window_from: Date | null;
  window_to: Date;
  read_as_of: Date;
}

export interface Database extends CanonicalTables, MetricTables {
  account: AccountTable;
  account_transition: AccountTransitionTable;
  run: RunTable;
  task: TaskTable;
  raw_object: RawObjectTable;
  not_normalised: NotNormalisedTable;
  unknown_value: UnknownValueTable;
  dirty_customer: DirtyCustomerTable;
  covered_range: CoveredRangeTable;
}
