/**
 * What a warehouse looks like to the rest of Recoup. An account's rows in all tables are replaced together, in one
 * transaction, by those of one metric run.
 */
import type { TableName, TableRows } from './tables';

/** What the loaded rows of a table must add up to, as counted by Postgres. */
export interface ControlTotal {
  readonly rows: number;
  /** Sum of the table's control columns over all rows (see tables.ts); 0 where it has none. */
  readonly minor: bigint;
}

export type TableLoad = {
  [T in TableName]: {
    readonly table: T;
    readonly rows: Iterable<TableRows[T]>;
    readonly control: ControlTotal;
  };
}[TableName];

export interface Load {
  readonly account: string;
  /** Load id and watermark: the account's rows are those of one metric run, and never go back to an older one. */
  readonly metricRun: bigint;
  readonly tables: readonly TableLoad[];
}

export type LoadOutcome =
  | { readonly loaded: true; readonly rows: number }
  /** The warehouse already holds this run, or a newer one: nothing was changed. */
  | { readonly loaded: false; readonly held: bigint };

/** A value as the warehouse gives it back: numbers are bigint, dates and instants are ISO text. */
export type WarehouseValue = string | bigint | boolean | null;

/** What `check` has found about one thing, in the order in which a load needs them. */
export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  /** What there is; where it is a problem, what is wrong. */
  readonly detail: string;
  /** Statements or words that mend it; empty where all is well. */
  readonly remedy: readonly string[];
}

export interface Warehouse {
  /** Brings the schema to the newest version. Safe to call from many processes at once. */
  migrate(): Promise<void>;
  /**
   * Replaces the account's rows. Everything or nothing is written.
   * Errors: control_total_mismatch, warehouse_unavailable, warehouse_refused.
   */
  load(load: Load): Promise<LoadOutcome>;
  /** Rows of the account by table, in the order of tables.ts. */
  tableCounts(
    account: string,
  ): Promise<readonly { readonly table: TableName; readonly rows: number }[]>;
  /** Any statement that reads; `?` stands for the parameters in order. */
  query(
    text: string,
    parameters?: readonly string[],
  ): Promise<readonly Readonly<Record<string, WarehouseValue>>[]>;
  /**
   * Whether everything that a load needs is there: connects, lays missing tables, and makes a load that is rolled back. Ends with
   * the first thing that is wrong.
   */
  check(): Promise<readonly Finding[]>;
}
