/** Billing intervals and the boundaries of periods, in unix seconds. */
import type { Interval, Period } from './model';

export const HOUR = 3600;
export const DAY = 86_400;
const SECONDS = { day: DAY, week: 7 * DAY } as const;

/** Average length in months, for rates of behaviour only, never for money. */
export function monthsIn(interval: Interval): number {
  return { day: 12 / 365, week: 12 / 52, month: 1, year: 12 }[interval.unit] * interval.count;
}

/** The calendar month `months` after `anchor` in UTC, clamped to that month's last day: 31 January + 1 is 28 February. */
export function addMonths(anchor: number, months: number): number {
  const from = new Date(anchor * 1000);
  const [year, month] = [from.getUTCFullYear(), from.getUTCMonth() + months];
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  const day = Math.min(from.getUTCDate(), lastDay);
  return Date.UTC(year, month, day) / 1000 + (anchor % DAY);
}

/** The boundary `periods` intervals after `anchor`; always counted from the anchor, so a 31st stays a 31st. */
export function boundary(anchor: number, interval: Interval, periods: number): number {
  const steps = periods * interval.count;
  if (interval.unit === 'month') return addMonths(anchor, steps);
  if (interval.unit === 'year') return addMonths(anchor, steps * 12);
  return anchor + steps * SECONDS[interval.unit];
}

/** The billing period that contains `at`; a boundary belongs to the period that it starts. */
export function periodAt(anchor: number, interval: Interval, at: number): Period {
  let periods = Math.floor((at - anchor) / (monthsIn(interval) * 30.5 * DAY)) - 1;
  while (boundary(anchor, interval, periods + 1) <= at) periods += 1;
  return {
    start: boundary(anchor, interval, periods),
    end: boundary(anchor, interval, periods + 1),
  };
}
