/**
 * When a customer is paid: guessed from when their payments got through, else as is usual in their country. Paydays that fall on
 * a weekend are moved to the Friday before; holidays are not known here.
 */
import { dateOf, dayOf, weekday } from './calendar';

export type PayCycle =
  /** Every 7 or 14 days; `phase` is the remainder of such a local day. */
  | { readonly everyDays: 7 | 14; readonly phase: number }
  /** On these dates of each month; 31 is the last day of any. */
  | { readonly dates: readonly number[] };

const FRIDAYS: PayCycle = { everyDays: 7, phase: 1 };
const MIDDLE_AND_END: PayCycle = { dates: [15, 31] };
/** Monthly wages come between the 25th and the last business day. */
const LATE_IN_THE_MONTH: PayCycle = { dates: [25, 31] };

/** In North America most people are paid every week or every second one, on a Friday; elsewhere by the month. */
export function usualCycles(country: string | null): readonly PayCycle[] {
  return country === 'US' || country === 'CA' ? [FRIDAYS, MIDDLE_AND_END] : [LATE_IN_THE_MONTH];
}

function businessDayOf(year: number, month: number, date: number): number {
  const day = Math.min(dayOf(year, month, date), dayOf(year, month + 1, 0));
  return day - ({ 0: 2, 6: 1 }[weekday(day)] ?? 0);
}

export function isPayday(cycle: PayCycle, day: number): boolean {
  if ('everyDays' in cycle) return day % cycle.everyDays === cycle.phase;
  const { year, month } = dateOf(day);
  // The 1st of the next month may be paid on a Friday of this one.
  return cycle.dates.some(
    (date) =>
      businessDayOf(year, month, date) === day || businessDayOf(year, month + 1, date) === day,
  );
}

/** The paydays of any of these cycles from one local day to another, both included. */
export function paydaysBetween(
  cycles: readonly PayCycle[],
  { fromDay, toDay }: { readonly fromDay: number; readonly toDay: number },
): number[] {
  const found: number[] = [];
  for (let day = fromDay; day <= toDay; day += 1) {
    if (cycles.some((cycle) => isPayday(cycle, day))) found.push(day);
  }
  return found;
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

const CANDIDATES: readonly PayCycle[] = [
  ...range(0, 6).map((phase) => ({ everyDays: 7 as const, phase })),
  ...range(0, 13).map((phase) => ({ everyDays: 14 as const, phase })),
  ...range(1, 31).map((date) => ({ dates: [date] })),
  { dates: [1, 15] },
  MIDDLE_AND_END,
];

/** Money is there on a payday and the two days after it. */
const OPEN_DAYS = 3;
/** How much of what is paid by somebody with a payday has nothing to do with it. */
const NOISE = 0.15;
/** Older payments tell less than newer ones. */
const MAX_PAYMENTS = 24;

const openOn = (cycle: PayCycle, day: number): boolean =>
  range(day - OPEN_DAYS + 1, day).some((one) => isPayday(cycle, one));

/** How much of the days of a cycle are open ones. */
const shareOf = (cycle: PayCycle): number =>
  OPEN_DAYS / ('everyDays' in cycle ? cycle.everyDays : 30 / cycle.dates.length);

/**
 * The cycle that these payments speak for, or null: a likelihood against payments at any time, which must be worth more than
 * having so many cycles to choose from. Three payments may tell a monthly one, six a weekly one.
 *
 * @param paidDays local days, newest last
 */
export function inferCycle(paidDays: readonly number[]): PayCycle | null {
  const days = paidDays.slice(-MAX_PAYMENTS);
  let best: { cycle: PayCycle; evidence: number } | null = null;
  for (const cycle of CANDIDATES) {
    const hit = Math.log((1 - NOISE) / shareOf(cycle) + NOISE);
    const miss = Math.log(NOISE);
    const evidence = days.reduce((sum, day) => sum + (openOn(cycle, day) ? hit : miss), 0);
    if (evidence > (best?.evidence ?? Math.log(CANDIDATES.length))) best = { cycle, evidence };
  }
  return best?.cycle ?? null;
}
