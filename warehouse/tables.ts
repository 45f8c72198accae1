/**
 * The tables of the warehouse as data. Row types, loads, the readers' views and the dry load are derived from it; migrations.ts
 * makes the tables, and a test holds them against this. Every table has `account` and is replaced by account.
 *
 * To add a table: describe it here, create it in a new step of migrations.ts, and give its rows in
 * activities/warehouse-load.ts. No adapter knows a table by name.
 */

export type ColumnType =
  | 'text'
  /** Minor units of the row's currency: 38 digits. */
  | 'minor'
  /** An id or a run: 64 bits. */
  | 'number'
  | 'count'
  /** First day of a month in the account's zone, as `2026-03-01`. */
  | 'date'
  /** In UTC. */
  | 'instant';

interface ValueTypes {
  text: string;
  minor: bigint;
  number: bigint;
  count: number;
  date: string;
  instant: Date;
}

type Column = ColumnType | `${ColumnType}?`;

interface Table {
  readonly about: string;
  /** In the order of the table in the warehouse. */
  readonly columns: Readonly<Record<string, Column>>;
  /** Columns of minor units whose sum is checked before a load is committed. */
  readonly control: readonly string[];
  /** A dimension: its rows are things that change, one for each of these within an account. Facts have none. */
  readonly key?: readonly string[];
}

export const TABLES = {
  mrr_monthly: {
    about: 'Recurring revenue by month: start, the five movements, end. start + movements = end.',
    columns: {
      account: 'text',
      month: 'date',
      time_zone: 'text',
      currency: 'text',
      exponent: 'count',
      start_minor: 'minor',
      new_minor: 'minor',
      expansion_minor: 'minor',
      contraction_minor: 'minor',
      churn_minor: 'minor',
      reactivation_minor: 'minor',
      end_minor: 'minor',
      customers: 'count',
    },
    control: [
      'new_minor',
      'expansion_minor',
      'contraction_minor',
      'churn_minor',
      'reactivation_minor',
    ],
  },
  mrr_periods: {
    about:
      'The same by day, week, month and quarter, with the measures: each currency as it is, and the total in the reporting currency. start + movements + fx = end. A rate is its numerator over its denominator; both are null where there is none.',
    columns: {
      account: 'text',
      period: 'text',
      label: 'text',
      starts_at: 'instant',
      ends_at: 'instant',
      scope: 'text',
      currency: 'text',
      exponent: 'count',
      start_minor: 'minor',
      new_minor: 'minor',
      expansion_minor: 'minor',
      contraction_minor: 'minor',
      churn_minor: 'minor',
      reactivation_minor: 'minor',
      fx_minor: 'minor',
      end_minor: 'minor',
      arr_minor: 'minor',
      customers_at_start: 'count',
      customers: 'count',
      new_customers: 'count',
      reactivated_customers: 'count',
      churned_customers: 'count',
      lost_customers: 'count',
      subscriptions: 'count',
      trials_ended: 'count',
      trials_converted: 'count',
      carried_rate_days: 'count',
      arpa_numerator_minor: 'minor?',
      arpa_denominator: 'number?',
      asp_numerator_minor: 'minor?',
      asp_denominator: 'number?',
      customer_churn_numerator: 'number?',
      customer_churn_denominator: 'number?',
      gross_mrr_churn_numerator_minor: 'minor?',
      gross_mrr_churn_denominator_minor: 'minor?',
      net_mrr_churn_numerator_minor: 'minor?',
      net_mrr_churn_denominator_minor: 'minor?',
      quick_ratio_numerator_minor: 'minor?',
      quick_ratio_denominator_minor: 'minor?',
      ltv_numerator_minor: 'minor?',
      ltv_denominator: 'number?',
      trial_conversion_numerator: 'number?',
      trial_conversion_denominator: 'number?',
    },
    control: [
      'new_minor',
      'expansion_minor',
      'contraction_minor',
      'churn_minor',
      'reactivation_minor',
      'fx_minor',
    ],
  },
  mrr_cohorts: {
    about:
      'Customers who began in the same month, at the end of each month since: how many and with how much, and what is left.',
    columns: {
      account: 'text',
      cohort: 'date',
      month: 'date',
      months_since: 'count',
      currency: 'text',
      exponent: 'count',
      joined_customers: 'count',
      joined_minor: 'minor',
      customers: 'count',
      mrr_minor: 'minor',
    },
    control: ['mrr_minor'],
  },
  mrr_movements: {
    about: 'The ledger behind it, reversals included: rows of a currency add up to its MRR.',
    columns: {
      account: 'text',
      movement_id: 'number',
      customer_id: 'text',
      moved_at: 'instant',
      month: 'date',
      currency: 'text',
      exponent: 'count',
      type: 'text',
      delta_minor: 'minor',
      after_minor: 'minor',
      basis: 'text',
      causes: 'text',
      metric_run: 'number',
      reverses: 'number?',
    },
    control: ['delta_minor'],
  },
  customers: {
    about: 'Customers, without names and addresses.',
    columns: {
      account: 'text',
      customer_id: 'text',
      created_at: 'instant',
      country: 'text?',
      currency: 'text?',
    },
    control: [],
    key: ['customer_id'],
  },
  invoices_monthly: {
    about: 'Invoices by the month of their creation.',
    columns: {
      account: 'text',
      month: 'date',
      currency: 'text',
      exponent: 'count',
      status: 'text',
      invoices: 'count',
      subtotal_minor: 'minor',
      discount_minor: 'minor',
      tax_minor: 'minor',
      total_minor: 'minor',
      paid_minor: 'minor',
      remaining_minor: 'minor',
    },
    control: ['total_minor', 'paid_minor'],
  },
  payments_monthly: {
    about:
      'Invoices by the month of their first attempt, and of those that failed at first what came in within 30 days by any means, less what was taken back. recovered + lost + voided + open = failed.',
    columns: {
      account: 'text',
      month: 'date',
      currency: 'text',
      exponent: 'count',
      invoices: 'count',
      attempted_minor: 'minor',
      failed_invoices: 'count',
      failed_minor: 'minor',
      recovered_invoices: 'count',
      recovered_minor: 'minor',
      lost_minor: 'minor',
      voided_minor: 'minor',
      open_minor: 'minor',
    },
    control: ['attempted_minor', 'failed_minor'],
  },
} as const satisfies Record<string, Table>;

export type TableName = keyof typeof TABLES;
export const TABLE_NAMES = Object.keys(TABLES) as TableName[];

type ValueOf<C> = C extends `${infer T extends ColumnType}?`
  ? ValueTypes[T] | null
  : C extends ColumnType
    ? ValueTypes[C]
    : never;

/** A row of each table, with all its columns. */
export type TableRows = {
  [T in TableName]: {
    readonly [C in keyof (typeof TABLES)[T]['columns']]: ValueOf<(typeof TABLES)[T]['columns'][C]>;
  };
};

export interface ColumnOf {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
}

/** The columns of a table with their types, in order. */
export function columnsOf(table: TableName): ColumnOf[] {
  return Object.entries<Column>(TABLES[table].columns).map(([name, declared]) => ({
    name,
    type: declared.replace('?', '') as ColumnType,
    nullable: declared.endsWith('?'),
  }));
}

/** What tells the rows of a dimension apart, besides their account; null for facts. */
export const keyOf = (table: TableName): readonly string[] | null =>
  (TABLES[table] as Table).key ?? null;
