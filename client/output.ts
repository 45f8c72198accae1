/** What people and programs read: tables, amounts and JSON on stdout, talk on stderr. */
import { inspect } from 'node:util';
import Table from 'cli-table3';
import { groupThousands } from '../domain/words';

type Stream = NodeJS.WritableStream & Partial<Pick<NodeJS.WriteStream, 'columns' | 'hasColors'>>;

/** Data. */
export const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** Talk. */
export const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** One JSON value on one line of stdout. */
export const printJson = (value: unknown): void => print(toJson(value));

/**
 * Amounts are integers of the currency's minor unit: JSON numbers, and decimal strings beyond 2^53, where a JSON number
 * would lose digits.
 */
export const toJson = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part !== 'bigint') return part;
    return Number.isSafeInteger(Number(part)) ? Number(part) : String(part);
  });

const STYLES = ['bold', 'dim', 'red', 'green', 'yellow', 'cyan'] as const;
export type Paint = Readonly<Record<(typeof STYLES)[number], (text: string) => string>>;

/** Colours where the stream shows them; Node heeds NO_COLOR and FORCE_COLOR in `hasColors`. */
export function paintFor(stream: Stream): Paint {
  const coloured = stream.hasColors?.() ?? false;
  const entries = STYLES.map((style) => {
    const [open, close] = inspect.colors[style] ?? [0, 0];
    return [style, (text: string) => (coloured ? `\u001b[${open}m${text}\u001b[${close}m` : text)];
  });
  return Object.fromEntries(entries) as Paint;
}

/** Columns of the terminal; unlimited where the output is not one. */
export const widthOf = (stream: Stream): number => stream.columns ?? Infinity;

export interface Column {
  readonly head: string;
  readonly align?: 'left' | 'right';
}

const GAP = '  ';

/** A table without borders; the last column wraps within `width`. Without rows it is empty. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  options: { paint: Paint; width: number },
): string {
  if (rows.length === 0) return '';
  const table = new Table({
    head: columns.map(({ head }) => options.paint.dim(head)),
    colAligns: columns.map(({ align }) => align ?? 'left'),
    colWidths: columnWidths(columns, rows, options.width),
    wordWrap: true,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0, compact: true },
    chars: { ...BORDERLESS, middle: GAP },
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

const BORDERS = [
  ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left'],
  ...['bottom-right', 'left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'],
];
const BORDERLESS = Object.fromEntries(BORDERS.map((name) => [name, '']));

const NARROWEST_LAST_COLUMN = 16;

/** Null lets a column take what it needs. */
function columnWidths(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): (number | null)[] {
  const natural = columns.map(({ head }, index) =>
    Math.max(...[head, ...rows.map((row) => row[index] ?? '')].map(visibleLength)),
  );
  const last = natural.at(-1) ?? 0;
  const before = natural.slice(0, -1).reduce((sum, each) => sum + each + GAP.length, 0);
  const room = Math.max(width - before, NARROWEST_LAST_COLUMN);
  return [...natural.slice(0, -1).map(() => null), last > room ? room : null];
}

const visibleLength = (text: string): number => text.replace(/\u001b\[\d+m/g, '').length;

/** 12345 is `12,345`. */
export const formatCount = (count: number | bigint): string => groupThousands(count);

/** An instant to the second, in UTC; a dash for none. */
export const formatInstant = (instant: Date | null): string =>
  instant === null ? '–' : `${instant.toISOString().slice(0, 19).replace('T', ' ')}Z`;
