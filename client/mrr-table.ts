/** Monthly recurring revenue and its movements, as tables and charts: one of each per currency. */
import type { MonthlyFigures } from '../domain/metrics/months';
import { renderCharts } from './chart';
import { formatMinor } from '../domain/words';
import { formatCount, renderTable, type Column, type Paint } from './output';

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
  months: readonly MonthlyFigures[],
  options: { paint: Paint; width: number },
): string {
  const groups = [...byCurrency(months)];
  const draw = (layout: Layout) =>
    groups.map(([currency, own]) => ({
      currency,
      own,
      layout,
      ...drawTable(own, layout, options),
    }));
  const drawn = LAYOUTS.map(draw);
  const fits = (tables: (typeof drawn)[number]) =>
    tables.every(({ width }) => width <= options.width);
  return (drawn.find(fits) ?? drawn.at(-1) ?? [])
    .map(({ currency, own, layout, table }) => {
      // The newest month goes on: whoever compares it with the others should know.
      const notes = [
        `${monthName(own.at(-1)?.month ?? '')} so far`,
        ...(layout.wholeUnits ? ['rounded to whole units'] : []),
      ];
      const { bold, dim } = options.paint;
      return `${bold(currency)} ${dim(`per month, ${notes.join(', ')}`)}\n${table}`;
    })
    .join('\n\n');
}

function drawTable(
  months: readonly MonthlyFigures[],
  { withStart, short, wholeUnits }: Layout,
  { paint }: { paint: Paint },
): { table: string; width: number } {
  const right = (long: string, brief: string): Column => ({
    head: short ? brief : long,
    align: 'right',
  });
  const columns: Column[] = [
    { head: 'Month' },
    ...(withStart ? [right('Start', 'Start')] : []),
    right('New', 'New'),
    right('Expansion', 'Expan.'),
    right('Contraction', 'Contr.'),
    right('Churn', 'Churn'),
    right('Reactivation', 'React.'),
    right('End', 'End'),
    right('Customers', 'Cust.'),
  ];
  const amount = (minor: bigint, { exponent }: MonthlyFigures): string => {
    if (minor === 0n) return '–';
    return wholeUnits ? formatMinor(toWhole(minor, exponent), 0) : formatMinor(minor, exponent);
  };
  const rows = months.map((month) => [
    monthName(month.month),
    ...(withStart ? [amount(month.startMinor, month)] : []),
    amount(month.newMinor, month),
    amount(month.expansionMinor, month),
    amount(month.contractionMinor, month),
    amount(month.churnMinor, month),
    amount(month.reactivationMinor, month),
    amount(month.endMinor, month),
    formatCount(month.customers),
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

/** MRR at each month's end, one panel per currency. */
export function renderMrrCharts(
  months: readonly MonthlyFigures[],
  options: { paint: Paint; width: number },
): string {
  const panels = [...byCurrency(months)].flatMap(([currency, own]) => {
    const first = own[0];
    const last = own.at(-1);
    if (first === undefined || last === undefined) return [];
    return [
      {
        title: `${currency} ${formatMinor(last.endMinor, last.exponent)}`,
        values: own.map(({ endMinor }) => endMinor),
        firstLabel: monthName(first.month),
        lastLabel: monthName(last.month),
      },
    ];
  });
  return renderCharts(panels, options);
}

/** Newest month of each currency: what is billed per month now. */
export function latestMrr(months: readonly MonthlyFigures[]): Record<string, bigint> {
  return Object.fromEntries(
    [...byCurrency(months)].map(([currency, own]) => [currency, own.at(-1)?.endMinor ?? 0n]),
  );
}

function byCurrency(months: readonly MonthlyFigures[]): Map<string, MonthlyFigures[]> {
  const groups = new Map<string, MonthlyFigures[]>();
  for (const month of months) {
    const own = groups.get(month.currency);
    if (own === undefined) groups.set(month.currency, [month]);
    else own.push(month);
  }
  return groups;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `2026-10` is `Oct 26`. */
export function monthName(month: string): string {
  const [year = '', number = ''] = month.split('-');
  return `${MONTHS[Number(number) - 1] ?? number} ${year.slice(-2)}`;
}
