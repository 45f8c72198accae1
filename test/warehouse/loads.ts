/** Loads for the contract tests: a row or more in every table, with the control totals that belong to them. */
import type { Load, TableLoad } from '../../warehouse/port';
import {
  columnsOf,
  TABLE_NAMES,
  TABLES,
  type ColumnType,
  type TableName,
  type TableRows,
} from '../../warehouse/tables';

type Rows = { readonly [T in TableName]: readonly TableRows[T][] };

const SAMPLES: Readonly<Record<ColumnType, unknown>> = {
  text: 'sample',
  minor: 5n,
  number: 1n,
  count: 2,
  date: '2026-04-01',
  instant: new Date('2026-03-31T22:00:00Z'),
};

/** A row with null wherever it may be. */
const sampleOf = <T extends TableName>(table: T): TableRows[T] =>
  Object.fromEntries(
    columnsOf(table).map(({ name, type, nullable }) => [name, nullable ? null : SAMPLES[type]]),
  ) as unknown as TableRows[T];

export function accountRows(account: string, customers: number, metricRun = 1n): Rows {
  const movement = {
    account,
    customer_id: 'cus_1',
    moved_at: new Date('2026-03-31T22:30:00Z'),
    month: '2026-04-01',
    currency: 'kwd',
    basis: 'exact',
    causes: 'item_started',
    metric_run: metricRun,
  };
  return {
    mrr_monthly: [
      {
        account,
        month: '2026-04-01',
        time_zone: 'Europe/Berlin',
        currency: 'kwd',
        exponent: 3,
        start_minor: 0n,
        new_minor: 700n,
        expansion_minor: 0n,
        contraction_minor: -100n,
        churn_minor: 0n,
        reactivation_minor: 0n,
        end_minor: 600n,
        customers,
      },
    ],
    mrr_movements: [
      {
        ...movement,
        movement_id: 9_007_199_254_740_993n,
        exponent: 3,
        type: 'new',
        delta_minor: 9_223_372_036_854_775_807n,
        after_minor: 9_223_372_036_854_775_807n,
        reverses: null,
      },
      {
        ...movement,
        movement_id: 9_007_199_254_740_995n,
        exponent: 0,
        type: 'churn',
        delta_minor: -9_007_199_254_740_993n,
        after_minor: 0n,
        reverses: 9_007_199_254_740_993n,
      },
    ],
    customers: Array.from({ length: customers }, (_, index) => ({
      account,
      customer_id: `cus_${String(index)}`,
      created_at: new Date('2026-01-01T00:00:00Z'),
      country: index === 0 ? null : 'DE',
      currency: 'kwd',
    })),
    invoices_monthly: [
      {
        account,
        month: '2026-04-01',
        currency: 'kwd',
        exponent: 3,
        status: 'paid',
        invoices: 2,
        subtotal_minor: 900n,
        discount_minor: 100n,
        tax_minor: 0n,
        total_minor: 800n,
        paid_minor: 800n,
        remaining_minor: 0n,
      },
    ],
    mrr_periods: [{ ...sampleOf('mrr_periods'), account }],
    mrr_cohorts: [
      {
        account,
        cohort: '2026-03-01',
        month: '2026-04-01',
        months_since: 1,
        currency: 'kwd',
        exponent: 3,
        joined_customers: 2,
        joined_minor: 700n,
        customers: 1,
        mrr_minor: 600n,
      },
    ],
    payments_monthly: [],
  };
}

export const totalOf = (rows: Rows): number =>
  TABLE_NAMES.reduce((total, table) => total + rows[table].length, 0);

export function loadOf(options: {
  readonly account: string;
  readonly metricRun: bigint;
  readonly customers?: number;
}): Load {
  const { account, metricRun, customers = 1 } = options;
  const rows = accountRows(account, customers, metricRun);
  const tables = TABLE_NAMES.map((table) => {
    const own: readonly object[] = rows[table];
    const minor = own
      .flatMap((row) => TABLES[table].control.map((column) => Reflect.get(row, column) as bigint))
      .reduce((total, value) => total + value, 0n);
    return { table, rows: own, control: { rows: own.length, minor } } as TableLoad;
  });
  return { account, metricRun, tables };
}
