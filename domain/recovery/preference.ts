/** When a declined payment had best be tried again, were there no ceilings: by the class of the decline. */
import type { IANAZone } from 'luxon';
import { atHour, DAY_MS, HOUR_MS, dateOf, dayOf, localDay } from './calendar';
import type { Decline } from './decline';
import { inferCycle, paydaysBetween, usualCycles } from './paydays';
import type { Explained, Situation } from './plan';

/** Of a technical fault, which is over in minutes or hours: delays one after the other, then as any soft decline. */
const TECHNICAL_STEPS_MS = [HOUR_MS / 2, 4 * HOUR_MS];
const MIN_GAP_MS = DAY_MS;
const MAX_GAP_MS = 8 * DAY_MS;
/** Hours in which banks expect a customer's payments; the last one is left for the spread. */
export const WAKING = { fromHour: 6, toHour: 21 };
/** The reason of declines for a limit of amount or number. */
const LIMIT = 'limit_exceeded';
/** A payday longer ago than this tells nothing about today. */
const PAYDAY_MEMORY_MS = 31 * DAY_MS;

/** Over how long cases are spread that would be due at the same moment. */
const SPREAD_MS = {
  atOnce: HOUR_MS / 12,
  technical: HOUR_MS / 4,
  anyTime: HOUR_MS,
  morning: 3 * HOUR_MS,
};

export const isUnmapped = ({ unmapped, class: what }: Decline): boolean =>
  unmapped !== null || what === 'unknown';

interface Bounds {
  /** Of the customer. */
  readonly zone: IANAZone;
  readonly earliestMs: number;
}

export interface Preference extends Explained {
  readonly atMs: number;
  readonly spreadMs: number;
  /** Whether it may be at night. */
  readonly anyHour?: boolean;
}

/** The tries that are left, evenly over the time that is left: neither all at once nor all late. */
function spaced({ latest, attempts, limits, nowMs }: Situation): number {
  const fromMs = latest?.atMs ?? nowMs;
  const evenMs = (limits.windowEndsAtMs - fromMs) / (limits.maxAttempts - attempts.length + 1);
  return fromMs + Math.min(Math.max(evenMs, MIN_GAP_MS), MAX_GAP_MS);
}

/** The local mornings of the paydays since the last decline that the window still holds, in order. */
function paydayMornings({ latest, customer, limits, nowMs }: Situation, zone: IANAZone): number[] {
  const inferred = inferCycle(customer.paidAtMs.map((atMs) => localDay(zone, atMs)));
  const sinceMs = Math.max(latest?.atMs ?? nowMs, nowMs - PAYDAY_MEMORY_MS);
  return paydaysBetween(inferred ? [inferred] : usualCycles(customer.country), {
    fromDay: localDay(zone, sinceMs),
    toDay: localDay(zone, limits.windowEndsAtMs),
  })
    .map((day) => atHour(zone, day, WAKING.fromHour))
    .filter((atMs) => atMs > sinceMs && atMs <= limits.windowEndsAtMs);
}

function preferAfterFunds(given: Situation, { zone, earliestMs }: Bounds): Preference {
  const { attempts, limits } = given;
  const mornings = paydayMornings(given, zone);
  const ahead = mornings.filter((atMs) => atMs >= earliestMs);
  if (ahead.length < mornings.length)
    return {
      atMs: earliestMs,
      spreadMs: SPREAD_MS.anyTime,
      because: 'There was not enough money, and a payday has passed since.',
      rules: ['funds-payday-passed'],
    };
  const spacedMs = Math.max(spaced(given), earliestMs);
  const [payday] = ahead;
  // A try is spent before the payday only when more are left than there are paydays.
  const spare = limits.maxAttempts - attempts.length > ahead.length;
  if (payday === undefined || (spare && spacedMs + MIN_GAP_MS <= payday))
    return {
      atMs: spacedMs,
      spreadMs: SPREAD_MS.anyTime,
      because:
        'There was not enough money, and the next payday is far off: tries are spread over the time left.',
      rules: ['funds-spaced'],
    };
  return {
    atMs: payday,
    spreadMs: SPREAD_MS.morning,
    because: 'There was not enough money: it is tried on the morning of the next payday.',
    rules: ['funds-payday'],
  };
}

function preferAfterLimit(given: Situation, { zone, earliestMs }: Bounds): Preference {
  const today = localDay(zone, given.nowMs);
  const { year, month } = dateOf(today);
  const before = given.attempts.filter(({ decline }) => decline?.reason === LIMIT).length;
  const nextDayMs = atHour(zone, today + 1, WAKING.fromHour);
  const nextMonthMs = atHour(zone, dayOf(year, month + 1, 1), WAKING.fromHour);
  // The day's limit did not help the last time: perhaps it is the month's.
  const byMonth = before > 0 && nextMonthMs <= given.limits.windowEndsAtMs;
  return {
    atMs: Math.max(byMonth ? nextMonthMs : nextDayMs, earliestMs),
    spreadMs: SPREAD_MS.morning,
    because: byMonth
      ? "A limit of the card was reached again: it is tried when next month's begins."
      : 'A limit of the card was reached: it is tried when the next day has begun there.',
    rules: [byMonth ? 'limit-month' : 'limit-day'],
  };
}

/** The best instant, never before `earliestMs`; it may be after the window, or at night. */
export function preference(given: Situation, bounds: Bounds): Preference {
  const { latest, attempts } = given;
  const { earliestMs } = bounds;
  if (latest === null)
    return {
      atMs: earliestMs,
      spreadMs: SPREAD_MS.atOnce,
      anyHour: true,
      because: 'Nothing speaks against these payment details yet, so they are tried at once.',
      rules: ['fresh-credential'],
    };
  const { decline, atMs } = latest;
  if (decline.class === 'technical') {
    const others = attempts.findLastIndex((one) => one.decline?.class !== 'technical');
    const stepMs = TECHNICAL_STEPS_MS[attempts.length - 1 - others];
    if (stepMs !== undefined)
      return {
        atMs: Math.max(atMs + stepMs, earliestMs),
        spreadMs: SPREAD_MS.technical,
        anyHour: true,
        because: 'A technical fault stopped the payment; such faults are over within hours.',
        rules: ['technical-soon'],
      };
  }
  if (decline.reason === LIMIT) return preferAfterLimit(given, bounds);
  if (decline.class === 'funds' && (decline.payday === true || decline.delayMs === null))
    return preferAfterFunds(given, bounds);
  if (decline.class === 'funds')
    return {
      atMs: earliestMs,
      spreadMs: SPREAD_MS.anyTime,
      because: 'There was not enough money.',
      rules: ['funds-advice'],
    };
  return {
    atMs: Math.max(spaced(given), earliestMs),
    spreadMs: SPREAD_MS.anyTime,
    because: isUnmapped(decline)
      ? 'What the decline means is not known, so it is tried carefully.'
      : 'The bank declined for now: tries are spread over the time left.',
    rules: [isUnmapped(decline) ? 'unmapped' : 'soft-spaced'],
  };
}
