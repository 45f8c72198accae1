/** From the ledger and the canonical rows to the warehouse: one metric run, all tables of the account. */
import type { Kysely } from 'kysely';
import { readMetricTables, type MetricTableRows } from '../db/repositories/metrics-tables';
import type { Database } from '../db/schema';
import { RecoupError } from '../domain/errors';
import type { MoneyFigures } from '../domain/metrics/figures';
import type { TableLoad, Warehouse } from '../warehouse/port';
import type { MetricsActivities } from './contract';

export interface LoadDependencies {
  readonly db: Kysely<Database>;
  readonly warehouse: Warehouse;
}

export function createLoadWarehouse(
  dependencies: LoadDependencies,
): MetricsActivities['loadWarehouse'] {
  const { db, warehouse } = dependencies;
  return async ({ account }) => {
    const read = await readMetricTables(db, account);
    if (!read) {
      throw new RecoupError('invalid_input', `${account} has no metrics yet: compute them first.`);
    }
    await warehouse.migrate();
    const tables = tableLoads(account, read);
    const outcome = await warehouse.load({ account, metricRun: read.metricRun, tables });
    return {
      metricRun: Number(read.metricRun),
      tables: tables.length,
      rows: tables.reduce((total, { control }) => total + control.rows, 0),
      loaded: outcome.loaded,
    };
  };
}

function tableLoads(account: string, read: MetricTableRows): TableLoad[] {
  const { timeZone, months, periods, cohorts, movements, customers, invoices, payments } = read;
  const ofAccount = <Row extends object>(rows: readonly Row[]) =>
    rows.map((row) => ({ account, ...row }));
  return [
    {
      table: 'mrr_monthly',
      rows: months.rows.map((row) => ({
        account,
        month: firstDay(row.span.label),
        time_zone: timeZone,
        currency: row.currency,
        exponent: row.exponent,
        start_minor: row.startMinor,
        ...movesOf(row),
        end_minor: row.endMinor,
        customers: row.customers,
      })),
      control: months.control,
    },
    {
      table: 'mrr_periods',
      rows: periods.rows.map((row) => ({ account, ...periodRow(row) })),
      control: periods.control,
    },
    {
      table: 'mrr_cohorts',
      rows: cohorts.rows.map((row) => ({
        account,
        cohort: firstDay(row.span.label),
        month: firstDay(row.period),
        months_since: row.offset,
        currency: row.currency,
        exponent: row.exponent,
        joined_customers: row.joinedCustomers,
        joined_minor: row.joinedMinor,
        customers: row.customers,
        mrr_minor: row.mrrMinor,
      })),
      control: cohorts.control,
    },
    { table: 'mrr_movements', rows: ofAccount(movements.rows), control: movements.control },
    { table: 'customers', rows: ofAccount(customers.rows), control: customers.control },
    { table: 'invoices_monthly', rows: ofAccount(invoices.rows), control: invoices.control },
    {
      table: 'payments_monthly',
      rows: payments.rows.map(({ failed, ...row }) => ({
        account,
        ...row,
        failed_invoices: failed?.failedInvoices ?? 0,
        failed_minor: failed?.failedMinor ?? 0n,
        recovered_invoices: failed?.recoveredInvoices ?? 0,
        recovered_minor: failed?.recoveredMinor ?? 0n,
        lost_minor: failed?.lostMinor ?? 0n,
        voided_minor: failed?.voidedMinor ?? 0n,
        open_minor: failed?.openMinor ?? 0n,
      })),
      control: payments.control,
    },
  ];
}

/** Of a month as it is labelled. */
const firstDay = (month: string): string => `${month}-01`;

const movesOf = (row: MoneyFigures) => ({
  new_minor: row.newMinor,
  expansion_minor: row.expansionMinor,
  contraction_minor: row.contractionMinor,
  churn_minor: row.churnMinor,
  reactivation_minor: row.reactivationMinor,
});

const periodRow = (row: MetricTableRows['periods']['rows'][number]) => ({
  period: row.period,
  label: row.span.label,
  starts_at: row.span.from,
  ends_at: row.span.to,
  scope: row.scope,
  currency: row.currency,
  exponent: row.exponent,
  start_minor: row.startMinor,
  ...movesOf(row),
  fx_minor: row.fxMinor,
  end_minor: row.endMinor,
  arr_minor: row.arrMinor,
  customers_at_start: row.customersAtStart,
  customers: row.customers,
  new_customers: row.newCustomers,
  reactivated_customers: row.reactivatedCustomers,
  churned_customers: row.churnedCustomers,
  lost_customers: row.lostCustomers,
  subscriptions: row.subscriptions,
  trials_ended: row.trialsEnded,
  trials_converted: row.trialsConverted,
  carried_rate_days: row.carriedRateDays,
  arpa_numerator_minor: row.arpa?.numerator ?? null,
  arpa_denominator: row.arpa?.denominator ?? null,
  asp_numerator_minor: row.asp?.numerator ?? null,
  asp_denominator: row.asp?.denominator ?? null,
  customer_churn_numerator: row.customerChurnRate?.numerator ?? null,
  customer_churn_denominator: row.customerChurnRate?.denominator ?? null,
  gross_mrr_churn_numerator_minor: row.grossMrrChurnRate?.numerator ?? null,
  gross_mrr_churn_denominator_minor: row.grossMrrChurnRate?.denominator ?? null,
  net_mrr_churn_numerator_minor: row.netMrrChurnRate?.numerator ?? null,
  net_mrr_churn_denominator_minor: row.netMrrChurnRate?.denominator ?? null,
  quick_ratio_numerator_minor: row.quickRatio?.numerator ?? null,
  quick_ratio_denominator_minor: row.quickRatio?.denominator ?? null,
  ltv_numerator_minor: row.ltv?.numerator ?? null,
  ltv_denominator: row.ltv?.denominator ?? null,
  trial_conversion_numerator: row.trialConversionRate?.numerator ?? null,
  trial_conversion_denominator: row.trialConversionRate?.denominator ?? null,
});
