/**
 * How fast requests may follow each other under one limit of a provider: GCRA, a leaky bucket that is one instant. Each request
 * moves the instant on by one interval, and is sent when it comes. 429 slows the rate down and holds everybody back for a while;
 * time without another one gives the speed back by steps.
 */

/** The provider counts what arrives, and networks bunch what was sent evenly. */
const SHARE_OF_LIMIT = 0.98;
/** A request may be sent this much before its instant: pauses of our own up to here cost no speed. In a second, that is a tenth more. */
const BURST_MS = 100;
/** Nobody reserves further ahead: a process that ends or stalls takes no more than this much of everybody's time with it. */
const AHEAD_MS = 200;

/** What is left of the rate after a 429. */
const SLOWED_TO = 0.7;
/** What a second without another 429 makes of it. */
const RAISED_BY = 1.15;
const RAISE_EVERY_MS = 1_000;
/** A service that refuses even this is asked again after each pause. */
const FLOOR_PER_SECOND = 1;
/** A rate that was found by 429 alone and has grown beyond this is none any more. */
const FREE_PER_SECOND = 1_000;
/** After a 429 that does not say how long. */
const PAUSE_MS = 500;
/** After one that says longer, the service is asked again all the same. */
const MAX_PAUSE_MS = 300_000;

/** All instants are milliseconds of one clock, that of whoever keeps the state. */
export interface RateState {
  /** The instant of the next request. */
  readonly dueMs: number;
  /** What the newest 429 left of the rate, and when its pause ended or ends; null before the first. */
  readonly slowed: { readonly perSecond: number; readonly untilMs: number } | null;
}

/** Requests per second that the provider allows; null where no limit is known. */
export type Ceiling = number | null;

/** The rate now; Infinity where nothing limits it. */
export function currentRate(state: RateState | null, ceiling: Ceiling, nowMs: number): number {
  const usual = ceiling === null ? Infinity : ceiling * SHARE_OF_LIMIT;
  if (!state?.slowed) return usual;
  const { perSecond, untilMs } = state.slowed;
  const raises = Math.max(0, Math.floor((nowMs - untilMs) / RAISE_EVERY_MS));
  const rate = perSecond * RAISED_BY ** raises;
  return rate < FREE_PER_SECOND ? Math.min(rate, usual) : usual;
}

export interface Reservation {
  /** The very state that was given, where nothing can be reserved. */
  readonly state: RateState;
  /** How long from now each of the requests has to wait: as many as can be reserved yet, none while all are held back. */
  readonly delaysMs: readonly number[];
  /** How long from now until more can be reserved. */
  readonly againMs: number;
}

/** Takes the next instants for up to `count` requests, but none that is far ahead. */
export function reserve(
  state: RateState | null,
  request: { readonly nowMs: number; readonly ceiling: Ceiling; readonly count: number },
): Reservation {
  const { nowMs, ceiling, count } = request;
  const intervalMs = 1_000 / currentRate(state, ceiling, nowMs);
  const delaysMs: number[] = [];
  let dueMs = Math.max(state?.dueMs ?? nowMs, nowMs);
  const waitMs = () => Math.max(0, dueMs - BURST_MS - nowMs);
  while (delaysMs.length < count && waitMs() <= AHEAD_MS) {
    delaysMs.push(waitMs());
    dueMs += intervalMs;
  }
  return {
    state: state && delaysMs.length === 0 ? state : { dueMs, slowed: state?.slowed ?? null },
    delaysMs,
    againMs: Math.max(0, waitMs() - AHEAD_MS),
  };
}

/** After a 429: nobody sends until its pause is over, and then more slowly. `published` is where to start when no limit is known. */
export function slowDown(
  state: RateState | null,
  refusal: {
    readonly nowMs: number;
    readonly ceiling: Ceiling;
    readonly published: number;
    /** What the provider asked for; null where it did not say. */
    readonly retryAfterMs: number | null;
  },
): RateState {
  const { nowMs, ceiling, published, retryAfterMs } = refusal;
  const before = state?.slowed ?? null;
  const untilMs = Math.max(
    before?.untilMs ?? 0,
    nowMs + Math.min(retryAfterMs ?? PAUSE_MS, MAX_PAUSE_MS),
  );
  const dueMs = Math.max(state?.dueMs ?? 0, untilMs + BURST_MS);
  // Requests that were on their way together are refused together: that is one reason to slow down, not many.
  if (before && nowMs < before.untilMs) {
    return { dueMs, slowed: { perSecond: before.perSecond, untilMs } };
  }
  const rate = currentRate(state, ceiling, nowMs);
  const perSecond = (rate === Infinity ? published : rate) * SLOWED_TO;
  return { dueMs, slowed: { perSecond: Math.max(FLOOR_PER_SECOND, perSecond), untilMs } };
}
