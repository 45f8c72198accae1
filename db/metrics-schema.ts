/** The tables of the metrics as kysely types. */
import type { Generated } from 'kysely';
import type { Basis } from '../domain/metrics/facts';
import type { MovementType } from '../domain/metrics/movements';
import type { JsonValue } from '../domain/records';

/** What counts as recurring revenue, append-only: a change is a new version. */
export interface MetricPolicyTable {
  account_id: string;
  /** 1, 2, 3 … by account. */
  version: number;
  document: JsonValue;
  /** SHA-256 of the document, in hex: versions that say the same have the same. */
  hash: string;
  since: Generated<Date>;
  /** Who set it, and why. */
  by: string;
  why: string;
}

/** One computation over the account. Its number is load id and watermark of what follows: see activities/metrics-compute.ts. */
export interface MetricRunTable {
  account_id: string;
  /** 1, 2, 3 … by account. */
  run: bigint;
  /** Of `metric_policy`, with its hash. */
  policy_version: number;
  policy_hash: string;
  engine_version: number;
  /** The ledger holds what happened up to then. */
  as_of: Date;
  /** Digest of everything that the warehouse is loaded from; null until the run has finished. */
  inputs: string | null;
  /** Customers that were computed. */
  customers: Generated<number>;
  /** Rows that were written to the ledger, reversals included. */
  movements: Generated<number>;
  /** Those among the customers' movements that are inferred. */
  inferred: Generated<number>;
  /** Prices without a known value that count as 0. */
  unpriced: Generated<number>;
  started_at: Generated<Date>;
  finished_at: Date | null;
}

/** When a customer was last computed, and what it waits for. */
export interface MetricCustomerTable {
  account_id: string;
  customer_id: string;
  run: bigint;
  /** When the passing of time alone will move its ledger. */
  next_change_at: Date | null;
  /** Ids of prices that were not known: their coming may move it too. */
  missing_prices: string[];
}

export interface SubscriptionItemVersionTable {
  account_id: string;
  customer_id: string;
  subscription_id: string;
  item_id: string;
  price_id: string;
  quantity: string | null;
  from_at: Date;
  to_at: Date | null;
  basis: Basis;
  /** Ids of the records that show its beginning. */
  source: string[];
  run: bigint;
}

export interface MrrSegmentTable {
  account_id: string;
  customer_id: string;
  subscription_id: string;
  item_id: string;
  currency: string;
  exponent: number;
  from_at: Date;
  to_at: Date | null;
  /** Minor units a month as an exact fraction. */
  value_num: string;
  value_den: string;
  basis: Basis;
  inputs: string[];
  run: bigint;
}

/** The ledger: append-only, by a trigger too. Its sum over a customer and currency is what is displayed. */
export interface MrrMovementTable {
  id: Generated<bigint>;
  account_id: string;
  customer_id: string;
  currency: string;
  exponent: number;
  at: Date;
  type: MovementType;
  delta_minor: bigint;
  after_minor: bigint;
  after_num: string;
  after_den: string;
  basis: Basis;
  causes: string[];
  inputs: string[];
  run: bigint;
  /** Set on a reversal: the row that no longer holds. */
  reverses: bigint | null;
}

/** What one unit of a currency was worth in the reporting currency on a day: the same for all accounts. */
export interface FxRateTable {
  reporting_currency: string;
  currency: string;
  /** The calendar day. */
  date: string;
  /** Decimal. */
  rate: string;
  /** Grows with every rate that is new or changed, over all currencies. */
  edition: Generated<bigint>;
}

export interface MetricTables {
  fx_rate: FxRateTable;
  metric_policy: MetricPolicyTable;
  metric_run: MetricRunTable;
  metric_customer: MetricCustomerTable;
  subscription_item_version: SubscriptionItemVersionTable;
  mrr_segment: MrrSegmentTable;
  mrr_movement: MrrMovementTable;
}
