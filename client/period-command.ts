/** What all commands that show figures by period have in common: which account, which periods, which currency. */
import { Command, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { DateTime } from 'luxon';
import { PERIODS, type Period, type PeriodSpan } from '../domain/metrics/periods';
import { parseCount } from './count-option';
import { wrongUse } from './errors';

const DEFAULT_LAST = 12;
/** More than a year of days. */
const MAX_LAST = 400;

export interface PeriodOptions {
  readonly period: Period;
  readonly last?: number | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly currency?: string | undefined;
}

export const periodCommand = (name: string) =>
  new Command(name)
    .addOption(
      new Option('--period <period>', 'how long one is').choices(PERIODS).default('month' as const),
    )
    .addOption(
      new Option('--last <count>', `the newest periods; ${DEFAULT_LAST} without --from and --to`)
        .argParser(parseCount(MAX_LAST))
        .conflicts(['from', 'to']),
    )
    .option('--from <date>', 'the period of this day and later ones, such as 2026-03-01', date)
    .option('--to <date>', 'periods that begin before this day', date)
    .option('--currency <code>', 'of this one only, such as EUR', (code) => code.toUpperCase());

/** Those that were asked for, in their order. Errors: exit code 2 for a window that is none. */
export function chosen<Row extends { readonly span: PeriodSpan; readonly currency: string }>(
  rows: readonly Row[],
  options: PeriodOptions & { readonly timeZone: string },
): Row[] {
  const { last, from, to, currency, timeZone } = options;
  const instant = (text: string) => DateTime.fromISO(text, { zone: timeZone }).toJSDate();
  if (from !== undefined && to !== undefined && instant(to) <= instant(from)) {
    throw wrongUse(`--to ${to} is not after --from ${from}`, '--from is included, --to is not.');
  }
  const own = rows.filter((row) => currency === undefined || row.currency === currency);
  if (from !== undefined || to !== undefined) {
    return own.filter(
      ({ span }) =>
        !(from !== undefined && span.to <= instant(from)) &&
        !(to !== undefined && span.from >= instant(to)),
    );
  }
  const newest = [...new Set(own.map(({ span }) => span.from.getTime()))].sort((a, b) => b - a);
  const first = newest[(last ?? DEFAULT_LAST) - 1] ?? -Infinity;
  return own.filter(({ span }) => span.from.getTime() >= first);
}

function date(text: string): string {
  if (/^\d{4}-\d{2}(-\d{2})?$/.test(text) && DateTime.fromISO(text).isValid) return text;
  throw new InvalidArgumentError('Expected a date such as 2026-03-01, or a month.');
}
