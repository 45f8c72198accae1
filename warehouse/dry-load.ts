/** A load of one row in every table, of an account that is none, for `check`: it is always rolled back. */
import type { Load, TableLoad } from './port';
import { columnsOf, TABLE_NAMES, TABLES, type ColumnType } from './tables';

/** No billing account is called so. */
const ACCOUNT = 'recoup warehouse check';

/** One value of every type; the amount is beyond what 64 bits hold. */
const SAMPLES: Readonly<Record<ColumnType, unknown>> = {
  text: ACCOUNT,
  minor: 10n ** 25n,
  number: 1n,
  count: 1,
  date: '2026-01-01',
  instant: new Date('2026-01-01T00:00:00Z'),
};

export function dryLoad(): Load {
  const tables = TABLE_NAMES.map((table) => {
    const row = Object.fromEntries(columnsOf(table).map(({ name, type }) => [name, SAMPLES[type]]));
    const minor = BigInt(TABLES[table].control.length) * 10n ** 25n;
    return { table, rows: [row], control: { rows: 1, minor } } as unknown as TableLoad;
  });
  return { account: ACCOUNT, metricRun: 1n, tables };
}
