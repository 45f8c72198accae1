/**
 * When a customer is paid: guessed from when their payments got through, else as is usual in their country. Paydays that fall on
 * a weekend are moved to the Friday before; holidays are not known here.
 */
import { dateOf, weekday } from './calendar';

export type PayCycle =
  /** Every 7 or 14 days; `phase` is the remainder of such a local day. */
  | { readonly everyDays: 7 | 14; readonly phase: number }
  /** On these dates of each month; 31 is the last day of any. */
  | { readonly dates: readonly number[] };

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

const FRIDAYS: PayCycle = { everyDays: 7, phase: 1 };
const MIDDLE_AND_END: PayCycle = { dates: [15, 31] };
/** Monthly wages come between the 25th and the last business day. */
const LATE_IN_THE_MONTH: PayCycle = { dates: [25, 31] };

/** In North America most people are paid every week or every second one, on a Friday; elsewhere by the month. */
export function usualCycles(country: string | null): readonly PayCycle[] {
  return country === 'US' || country === 'CA' ? [FRIDAYS, MIDDLE_AND_END] : [LATE_IN_THE_MONTH];
}

const SATURDAY = 6;
const FRIDAY = 5;
const SUNDAY = 0;

/** The dates of the month whose pay comes on that day: none at a weekend, on a Friday those of the weekend too. */
function datesPaidOn(day: number): number[] {
  const on = weekday(day);
  if (on === SATURDAY || on === SUNDAY) return [];
  const days = on === FRIDAY ? [day, day + 1, day + 2] : [day];
  return days.flatMap((one) => {
    const { date } = dateOf(one);
    // The last day of a short month stands for the dates that it lacks.
    return dateOf(one + 1).date === 1 ? range(date, 31) : [date];
  });
}

export function isPayday(cycle: PayCycle, day: number): boolean {
  if ('everyDays' in cycle) return day % cycle.everyDays === cycle.phase;
  return datesPaidOn(day).some((date) => cycle.dates.includes(date));
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
/** Two may be chance. */
const MIN_PAYMENTS = 3;
/** Older payments tell less than newer ones. */
const MAX_PAYMENTS = 24;

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
  if (paidDays.length < MIN_PAYMENTS) return null;
  const payments = paidDays.slice(-MAX_PAYMENTS).map((paid) => {
    const days = range(paid - OPEN_DAYS + 1, paid);
    return { days, dates: days.flatMap(datesPaidOn) };
  });
  let best: { cycle: PayCycle; evidence: number } | null = null;
  for (const cycle of CANDIDATES) {
    const hit = Math.log((1 - NOISE) / shareOf(cycle) + NOISE);
    const miss = Math.log(NOISE);
    let evidence = 0;
    for (const { days, dates } of payments) {
      const fits =
        'everyDays' in cycle
          ? days.some((day) => isPayday(cycle, day))
          : cycle.dates.some((date) => dates.includes(date));
      evidence += fits ? hit : miss;
    }
    if (evidence > (best?.evidence ?? Math.log(CANDIDATES.length))) best = { cycle, evidence };
  }
  return best?.cycle ?? null;
}
