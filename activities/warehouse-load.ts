/** From the ledger and the canonical rows to the warehouse: one metric run, all tables of the account. */
import type { Kysely } from 'kysely';
import { readMetricTables, type MetricTableRows } from '../db/repositories/metrics-tables';
import type { Database } from '../db/schema';
import { RecoupError } from '../domain/errors';
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
  const { timeZone, months, movements, customers, invoices, payments } = read;
  const ofAccount = <Row extends object>(rows: readonly Row[]) =>
    rows.map((row) => ({ account, ...row }));
  return [
    {
      table: 'mrr_monthly',
      rows: months.rows.map((row) => ({
        account,
        month: `${row.month}-01`,
        time_zone: timeZone,
        currency: row.currency,
        exponent: row.exponent,
        start_minor: row.startMinor,
        new_minor: row.newMinor,
        expansion_minor: row.expansionMinor,
        contraction_minor: row.contractionMinor,
        churn_minor: row.churnMinor,
        reactivation_minor: row.reactivationMinor,
        end_minor: row.endMinor,
        customers: row.customers,
      })),
      control: months.control,
    },
    { table: 'mrr_movements', rows: ofAccount(movements.rows), control: movements.control },
    { table: 'customers', rows: ofAccount(customers.rows), control: customers.control },
    { table: 'invoices_monthly', rows: ofAccount(invoices.rows), control: invoices.control },
    { table: 'payments_monthly', rows: ofAccount(payments.rows), control: payments.control },
  ];
}
