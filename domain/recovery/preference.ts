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
function spacedMs({ latest, attempts, limits, nowMs }: Situation): number {
  const fromMs = latest?.atMs ?? nowMs;
  const evenMs = (limits.windowEndsAtMs - fromMs) / (limits.maxAttempts - attempts.length + 1);
  return fromMs + Math.min(Math.max(evenMs, MIN_GAP_MS), MAX_GAP_MS);
}

/** The first local day whose waking hours begin at that instant or later. */
const morningFrom = (zone: IANAZone, atMs: number): number =>
  localDay(zone, atMs - WAKING.fromHour * HOUR_MS - 1) + 1;

/** The paydays since the last decline on whose morning the window still holds, in order. */
function paydaysOf({ latest, customer, limits, nowMs }: Situation, zone: IANAZone): number[] {
  const inferred = inferCycle(customer.paidAtMs.map((atMs) => localDay(zone, atMs)));
  const sinceMs = Math.max(latest?.atMs ?? nowMs, nowMs - PAYDAY_MEMORY_MS);
  return paydaysBetween(inferred ? [inferred] : usualCycles(customer.country), {
    fromDay: morningFrom(zone, sinceMs),
    toDay: morningFrom(zone, limits.windowEndsAtMs + 1) - 1,
  });
}

function preferAfterFunds(given: Situation, { zone, earliestMs }: Bounds): Preference {
  const { attempts, limits } = given;
  const paydays = paydaysOf(given, zone);
  const nextDay = morningFrom(zone, earliestMs);
  const ahead = paydays.filter((day) => day >= nextDay);
  if (ahead.length < paydays.length)
    return {
      atMs: earliestMs,
      spreadMs: SPREAD_MS.anyTime,
      because: 'A payday has passed since, so it is tried as soon as it may be.',
      rules: ['funds-payday-passed'],
    };
  const between = spread(given, earliestMs);
  const paydayMs = ahead[0] === undefined ? Infinity : atHour(zone, ahead[0], WAKING.fromHour);
  // A try is spent before the payday only when more are left than there are paydays.
  const spare = limits.maxAttempts - attempts.length > ahead.length;
  if (ahead.length === 0 || (spare && between.atMs + MIN_GAP_MS <= paydayMs)) return between;
  return {
    atMs: Math.max(paydayMs, earliestMs),
    spreadMs: SPREAD_MS.morning,
    because: 'It is tried on the morning of the next payday.',
    rules: ['funds-payday'],
  };
}

function preferAfterLimit(given: Situation, { zone, earliestMs }: Bounds): Preference {
  const { latest, attempts, limits, nowMs } = given;
  const declinedDay = localDay(zone, latest?.atMs ?? nowMs);
  const { year, month } = dateOf(declinedDay);
  const nextDayMs = atHour(zone, declinedDay + 1, WAKING.fromHour);
  const nextMonthMs = atHour(zone, dayOf(year, month + 1, 1), WAKING.fromHour);
  const inVain = attempts.some(({ decline }) => decline?.reason === LIMIT);
  if (inVain && nextMonthMs > limits.windowEndsAtMs) return spread(given, earliestMs);
  return {
    atMs: Math.max(inVain ? nextMonthMs : nextDayMs, earliestMs),
    spreadMs: SPREAD_MS.morning,
    because: inVain
      ? 'The next day did not help, so it is tried when the next month has begun there.'
      : 'It is tried when the next day has begun there.',
    rules: [inVain ? 'limit-month' : 'limit-day'],
  };
}

const spread = (given: Situation, earliestMs: number): Preference => ({
  atMs: Math.max(spacedMs(given), earliestMs),
  spreadMs: SPREAD_MS.anyTime,
  because: 'The tries are spread over the time left.',
  rules: ['spread'],
});

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
        because: 'Such a fault is over within hours, so it is tried again soon.',
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
      because: 'It is tried as soon as it may be.',
      rules: ['funds-advice'],
    };
  return spread(given, earliestMs);
}
