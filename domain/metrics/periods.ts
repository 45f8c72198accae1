/** Days, weeks, months and quarters of an account's time zone, half-open, as long as they really are. */
import { DateTime } from 'luxon';
import { RecoupError } from '../errors';

export const PERIODS = ['day', 'week', 'month', 'quarter'] as const;
export type Period = (typeof PERIODS)[number];

/** ISO weeks begin on Monday. */
const LABELS: Readonly<Record<Period, string>> = {
  day: 'yyyy-MM-dd',
  week: "kkkk-'W'WW",
  month: 'yyyy-MM',
  quarter: "yyyy-'Q'q",
};

export interface PeriodSpan {
  /** `2026-03-29`, `2026-W13`, `2026-03` or `2026-Q1`. */
  readonly label: string;
  readonly from: Date;
  readonly to: Date;
}

/** All periods from that of `from` to that of `to`, in order. Errors: `invalid_input` for a time zone that does not exist. */
export function periodsOf(options: {
  period: Period;
  /** IANA name. */
  timeZone: string;
  from: Date;
  to: Date;
}): PeriodSpan[] {
  const { period, timeZone, from, to } = options;
  const spans: PeriodSpan[] = [];
  let start = DateTime.fromJSDate(from, { zone: timeZone }).startOf(period);
  if (!start.isValid) {
    throw new RecoupError('invalid_input', `'${timeZone}' is no IANA time zone.`);
  }
  while (start.toMillis() <= to.getTime()) {
    // Where a day begins at one o'clock, the next one begins at midnight all the same.
    const next = start.plus({ [`${period}s`]: 1 }).startOf(period);
    spans.push({
      label: start.toFormat(LABELS[period]),
      from: start.toJSDate(),
      to: next.toJSDate(),
    });
    start = next;
  }
  return spans;
}

/** The calendar day of an instant, as `2026-03-29`. */
export const dayOf = (at: Date, timeZone: string): string =>
  DateTime.fromJSDate(at, { zone: timeZone }).toFormat(LABELS.day);

/**
 * The end of the n-th billing period of an anchor: counted from the anchor itself, so that one of the 31st ends on the 28th of
 * February and on the 31st of March, and one of 29 February on the 29th again in leap years.
 */
export function addIntervals(options: {
  anchor: Date;
  interval: 'day' | 'week' | 'month' | 'year';
  count: number;
  timeZone: string;
}): Date {
  const { anchor, interval, count, timeZone } = options;
  return DateTime.fromJSDate(anchor, { zone: timeZone })
    .plus({ [`${interval}s`]: count })
    .toJSDate();
}
