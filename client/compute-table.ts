/** Figures that were computed from a file, as tables: one of each currency, and of the total. */
import { isoExponent } from '../domain/currency';
import type { ComputeOutput } from '../domain/metrics/compute-output';
import { formatMinor } from '../domain/words';
import { formatCount, renderTable, type Column, type Paint } from './output';

const AMOUNTS = [
  ['Start', 'startMinor'],
  ['New', 'newMinor'],
  ['Expansion', 'expansionMinor'],
  ['Contraction', 'contractionMinor'],
  ['Churn', 'churnMinor'],
  ['Reactivation', 'reactivationMinor'],
  ['Rates', 'fxMinor'],
  ['End', 'endMinor'],
] as const;

const COLUMNS: readonly Column[] = [
  { head: 'Period' },
  ...AMOUNTS.map(([head]): Column => ({ head, align: 'right' })),
  { head: 'Customers', align: 'right' },
];

export function renderComputed({ periods }: Pick<ComputeOutput, 'periods'>, paint: Paint): string {
  const titles = [...new Set(periods.map(titleOf))];
  return titles
    .map((title) => {
      const rows = periods.filter((row) => titleOf(row) === title);
      const table = renderTable(COLUMNS, rows.map(cellsOf), { paint, width: Infinity });
      return `${paint.bold(title)}\n${table}`;
    })
    .join('\n\n');
}

type Row = ComputeOutput['periods'][number];

const titleOf = ({ currency, scope }: Row): string =>
  scope === 'total' ? `All in ${currency}` : currency;

const cellsOf = (row: Row): string[] => [
  row.period,
  ...AMOUNTS.map(([, key]) => formatMinor(BigInt(row[key]), isoExponent(row.currency) ?? 0)),
  formatCount(row.customers),
];
