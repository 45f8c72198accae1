/** Control totals: what a table holds of an account before the load is committed, beside what Postgres has counted. */
import { RecoupError } from '../domain/errors';
import type { TableLoad, WarehouseValue } from './port';
import { TABLES, type TableName } from './tables';

/** Counts and adds up the rows of one account, its only parameter. */
export function controlQuery(table: TableName): string {
  const sums = TABLES[table].control.map((column) => `coalesce(sum(${column}), 0)`);
  return `select '${table}' as table_name, count(*) as row_count, ${['0', ...sums].join(' + ')} as minor from ${table} where account = ?`;
}

/** Errors: control_total_mismatch. */
export function checkControl(
  account: string,
  { table, control }: TableLoad,
  held: Readonly<Record<string, WarehouseValue>> | undefined,
): void {
  const [rows, minor] = [held?.['row_count'], held?.['minor']];
  if (rows === BigInt(control.rows) && minor === control.minor) return;
  throw new RecoupError(
    'control_total_mismatch',
    `${table} of ${account} holds ${String(rows)} rows and ${String(minor)} minor units; Postgres has ${String(control.rows)} and ${String(control.minor)}.`,
  );
}
