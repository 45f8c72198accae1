/** Monthly recurring revenue and its movements, as tables and charts: one of each per currency, and of their total. */
import type { MoneyFigures } from '../domain/metrics/figures';
import type { PeriodReport } from '../domain/metrics/report';
import { renderCharts } from './chart';
import { formatMinor } from '../domain/words';
import { formatCount, renderTable, type Column, type Paint } from './output';

export type MrrRow = Pick<
  PeriodReport,
  'span' | 'currency' | 'exponent' | 'scope' | 'customers' | keyof MoneyFigures
>;

interface Layout {
  /** Left out first where room is scarce: it is the end of the month before. */
  readonly withStart: boolean;
  readonly short: boolean;
  readonly wholeUnits: boolean;
}

/** From the fullest to the narrowest; the first that fits is taken. */
const LAYOUTS: readonly Layout[] = [
  { withStart: true, short: false, wholeUnits: false },
  { withStart: true, short: true, wholeUnits: false },
  { withStart: false, short: true, wholeUnits: false },
  { withStart: true, short: true, wholeUnits: true },
  { withStart: false, short: true, wholeUnits: true },
];

/** All in the same layout, so that they can be compared. */
export function renderMrrTables(
  rows: readonly MrrRow[],
  options: { paint: Paint; width: number; asOf: Date },
): string {
  const withRates = rows.some(({ fxMinor }) => fxMinor !== 0n);
  const draw = (layout: Layout) =>
    [...byTitle(rows)].map(([title, own]) => ({
      title,
      own,
      layout,
      ...drawTable(own, { ...layout, withRates }, options),
    }));
  const drawn = LAYOUTS.map(draw);
  const fits = (tables: (typeof drawn)[number]) =>
    tables.every(({ width }) => width <= options.width);
  return (drawn.find(fits) ?? drawn.at(-1) ?? [])
    .map(({ title, own, layout, table }) => {
      const newest = own.at(-1)?.span;
      // It goes on: whoever compares it with the others should know.
      const isOpen = newest !== undefined && newest.to > options.asOf;
      const notes = [
        ...(isOpen ? [`${periodName(newest.label)} so far`] : []),
        ...(layout.wholeUnits ? ['rounded to whole units'] : []),
      ];
      const { bold, dim } = options.paint;
      return `${bold(title)} ${dim(['per month', ...notes].join(', '))}\n${table}`;
    })
    .join('\n\n');
}

function drawTable(
  periods: readonly MrrRow[],
  { withStart, short, wholeUnits, withRates }: Layout & { withRates: boolean },
  { paint }: { paint: Paint },
): { table: string; width: number } {
  const right = (long: string, brief: string): Column => ({
    head: short ? brief : long,
    align: 'right',
  });
  const columns: Column[] = [
    { head: /^\d{4}-\d{2}$/.test(periods[0]?.span.label ?? '') ? 'Month' : 'Period' },
    ...(withStart ? [right('Start', 'Start')] : []),
    right('New', 'New'),
    right('Expansion', 'Expan.'),
    right('Contraction', 'Contr.'),
    right('Churn', 'Churn'),
    right('Reactivation', 'React.'),
    ...(withRates ? [right('Rates', 'Rates')] : []),
    right('End', 'End'),
    right('Customers', 'Cust.'),
  ];
  const amount = (minor: bigint, { exponent }: MrrRow): string => {
    if (minor === 0n) return '–';
    return wholeUnits ? formatMinor(toWhole(minor, exponent), 0) : formatMinor(minor, exponent);
  };
  const rows = periods.map((period) => [
    periodName(period.span.label),
    ...(withStart ? [amount(period.startMinor, period)] : []),
    amount(period.newMinor, period),
    amount(period.expansionMinor, period),
    amount(period.contractionMinor, period),
    amount(period.churnMinor, period),
    amount(period.reactivationMinor, period),
    ...(withRates ? [amount(period.fxMinor, period)] : []),
    amount(period.endMinor, period),
    formatCount(period.customers),
  ]);
  const plain = renderTable(columns, rows, { paint: PLAIN, width: Infinity });
  return {
    table: renderTable(columns, rows, { paint, width: Infinity }),
    width: Math.max(...plain.split('\n').map((line) => line.length)),
  };
}

/** Without colours a line is as long as it looks. */
const same = (text: string): string => text;
const PLAIN: Paint = { bold: same, dim: same, red: same, green: same, yellow: same, cyan: same };

/** Half away from zero. */
function toWhole(minor: bigint, exponent: number): bigint {
  const unit = 10n ** BigInt(exponent);
  const half = minor < 0n ? -(unit / 2n) : unit / 2n;
  return (minor + half) / unit;
}

/** MRR at the end of each period, one panel per table. */
export function renderMrrCharts(
  rows: readonly MrrRow[],
  options: { paint: Paint; width: number },
): string {
  const panels = [...byTitle(rows)].flatMap(([title, own]) => {
    const first = own[0];
    const last = own.at(-1);
    if (first === undefined || last === undefined) return [];
    return [
      {
        title: `${title} ${formatMinor(last.endMinor, last.exponent)}`,
        values: own.map(({ endMinor }) => endMinor),
        firstLabel: periodName(first.span.label),
        lastLabel: periodName(last.span.label),
      },
    ];
  });
  return renderCharts(panels, options);
}

/** Newest period of each currency: what is billed per month now. */
export function latestMrr(rows: readonly MrrRow[]): Record<string, bigint> {
  const own = rows.filter(({ scope }) => scope === 'currency');
  return Object.fromEntries(own.map(({ currency, endMinor }) => [currency, endMinor]));
}

export function byTitle<Row extends Pick<MrrRow, 'currency' | 'scope'>>(
  rows: readonly Row[],
): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const title = row.scope === 'total' ? `All in ${row.currency}` : row.currency;
    const own = groups.get(title);
    if (own === undefined) groups.set(title, [row]);
    else own.push(row);
  }
  return groups;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `2026-10` is `Oct 26`; days, weeks and quarters are called as they are. */
export function periodName(label: string): string {
  const [, year = '', number = ''] = /^\d{2}(\d{2})-(\d{2})$/.exec(label) ?? [];
  return year === '' ? label : `${MONTHS[Number(number) - 1] ?? number} ${year}`;
}
