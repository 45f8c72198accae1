/**
 * The schema of the warehouse, step by step, in the SQL that all warehouses share: DuckDB's decimal(38,0), bigint and timestamp
 * are Snowflake's NUMBER(38,0), NUMBER(38,0) and TIMESTAMP_NTZ. Steps are only ever added, and only ever add. Each statement may
 * run twice, since in Snowflake one that ends half-way has committed what it did. After the last step the views are laid anew
 * (views.ts); a step without statements is enough for a view that changed.
 */
export const MIGRATIONS: readonly {
  readonly number: number;
  readonly statements: readonly string[];
}[] = [
  {
    number: 1,
    statements: [
      `create table if not exists mrr_monthly (
          account varchar not null, month date not null, time_zone varchar not null,
          currency varchar not null, exponent integer not null,
          start_minor decimal(38,0) not null, new_minor decimal(38,0) not null,
          expansion_minor decimal(38,0) not null, contraction_minor decimal(38,0) not null,
          churn_minor decimal(38,0) not null, reactivation_minor decimal(38,0) not null,
          end_minor decimal(38,0) not null, customers integer not null)`,
      `create table if not exists mrr_movements (
          account varchar not null, movement_id bigint not null, customer_id varchar not null,
          moved_at timestamp not null, month date not null,
          currency varchar not null, exponent integer not null, type varchar not null,
          delta_minor decimal(38,0) not null, after_minor decimal(38,0) not null,
          basis varchar not null, causes varchar not null,
          metric_run bigint not null, reverses bigint)`,
      `create table if not exists customers (
          account varchar not null, customer_id varchar not null, created_at timestamp not null,
          country varchar, currency varchar)`,
      `create table if not exists invoices_monthly (
          account varchar not null, month date not null,
          currency varchar not null, exponent integer not null, status varchar not null,
          invoices integer not null, subtotal_minor decimal(38,0) not null,
          discount_minor decimal(38,0) not null, tax_minor decimal(38,0) not null,
          total_minor decimal(38,0) not null, paid_minor decimal(38,0) not null,
          remaining_minor decimal(38,0) not null)`,
      `create table if not exists payments_monthly (
          account varchar not null, month date not null,
          currency varchar not null, exponent integer not null,
          invoices integer not null, attempted_minor decimal(38,0) not null,
          failed_invoices integer not null, failed_minor decimal(38,0) not null,
          recovered_invoices integer not null, recovered_minor decimal(38,0) not null)`,
      `create table if not exists load_ledger (
          account varchar not null, metric_run bigint not null, table_name varchar not null,
          row_count bigint not null, control_minor decimal(38,0) not null,
          loaded_at timestamp not null)`,
    ],
  },
  {
    number: 2,
    // One row for each account that was ever loaded: who updates it loads alone, since Snowflake enforces no key.
    statements: [
      `create table if not exists load_lock (account varchar not null, metric_run bigint not null)`,
    ],
  },
  {
    number: 3,
    statements: [
      `create table if not exists mrr_periods (
          account varchar not null, period varchar not null, label varchar not null,
          starts_at timestamp not null, ends_at timestamp not null,
          scope varchar not null, currency varchar not null, exponent integer not null,
          start_minor decimal(38,0) not null, new_minor decimal(38,0) not null,
          expansion_minor decimal(38,0) not null, contraction_minor decimal(38,0) not null,
          churn_minor decimal(38,0) not null, reactivation_minor decimal(38,0) not null,
          fx_minor decimal(38,0) not null, end_minor decimal(38,0) not null,
          arr_minor decimal(38,0) not null,
          customers_at_start integer not null, customers integer not null,
          new_customers integer not null, reactivated_customers integer not null,
          churned_customers integer not null, lost_customers integer not null,
          subscriptions integer not null, trials_ended integer not null,
          trials_converted integer not null, carried_rate_days integer not null,
          arpa_numerator_minor decimal(38,0), arpa_denominator bigint,
          asp_numerator_minor decimal(38,0), asp_denominator bigint,
          customer_churn_numerator bigint, customer_churn_denominator bigint,
          gross_mrr_churn_numerator_minor decimal(38,0),
          gross_mrr_churn_denominator_minor decimal(38,0),
          net_mrr_churn_numerator_minor decimal(38,0), net_mrr_churn_denominator_minor decimal(38,0),
          quick_ratio_numerator_minor decimal(38,0), quick_ratio_denominator_minor decimal(38,0),
          ltv_numerator_minor decimal(38,0), ltv_denominator bigint,
          trial_conversion_numerator bigint, trial_conversion_denominator bigint)`,
      `create table if not exists mrr_cohorts (
          account varchar not null, cohort date not null, month date not null,
          months_since integer not null, currency varchar not null, exponent integer not null,
          joined_customers integer not null, joined_minor decimal(38,0) not null,
          customers integer not null, mrr_minor decimal(38,0) not null)`,
      ...['lost_minor', 'voided_minor', 'open_minor'].map(
        (column) => `alter table payments_monthly add column if not exists ${column} decimal(38,0)`,
      ),
    ],
  },
];

export const NEWEST_SCHEMA = MIGRATIONS.at(-1)?.number ?? 0;
