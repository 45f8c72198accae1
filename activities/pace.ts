/**
 * The pace of one connection's requests under the limits that all processes share. Those who wait for the same limit are served
 * by one reservation together: the faster requests come, the fewer statements each costs, and nothing is reserved for nobody.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import { translateDatabaseError } from '../db/errors';
import { changeRateLimit, listSlowedLimits } from '../db/repositories/rate-limits';
import type { Database } from '../db/schema';
import { RecoupError } from '../domain/errors';
import { currentRate, reserve, slowDown, type Ceiling } from '../domain/sync/rate';
import type { Pace, RateScope } from '../providers/provider';

/** How long it is believed that nobody has exceeded a limit which nobody knows. */
const LOOK_AGAIN_MS = 1_000;
/** A longer pause is its caller's to wait for: in here, only an abort is heard. */
const MAX_WAIT_MS = 5_000;
/** After another process was faster; at random, so that they do not meet again. */
const MAX_YIELD_MS = 10;
/** Whoever is faster that often has met the same refusal and noted it. */
const MAX_SLOWING_ATTEMPTS = 5;

export interface PaceOptions {
  readonly db: Kysely<Database>;
  readonly accountId: string;
  readonly ceilingOf: (scope: RateScope) => Ceiling;
}

/** Those who wait to send a request that counts towards one scope. */
interface Line {
  readonly waiters: Waiter[];
  served: boolean;
}

interface Waiter {
  readonly sendIn: (delayMs: number) => void;
  readonly fail: (error: unknown) => void;
}

export function createPace({ db, accountId, ceilingOf }: PaceOptions): Pace {
  /** As many as the provider has endpoints. */
  const lines = new Map<string, Line>();
  let slowed: Promise<ReadonlySet<string>> | null = null;
  let lookAgainAtMs = 0;

  return {
    take: async (scopes, signal) => {
      for (const scope of scopes) {
        signal.throwIfAborted();
        if (ceilingOf(scope) !== null || (await slowedScopes()).has(scope.name)) {
          await waitInLine(scope, signal);
        }
      }
    },
    exceeded: async (scopes, retryAfterMs) => {
      for (const scope of scopes) await noteExceeded(scope, retryAfterMs);
      lookAgainAtMs = 0;
    },
  };

  function slowedScopes(): Promise<ReadonlySet<string>> {
    if (slowed === null || performance.now() >= lookAgainAtMs) {
      lookAgainAtMs = performance.now() + LOOK_AGAIN_MS;
      slowed = readSlowedScopes();
      slowed.catch(() => (lookAgainAtMs = 0));
    }
    return slowed;
  }

  async function readSlowedScopes(): Promise<ReadonlySet<string>> {
    const limits = await listSlowedLimits(db, accountId).catch(translate);
    const slow = limits.filter(({ state, nowMs }) => currentRate(state, null, nowMs) < Infinity);
    return new Set(slow.map(({ scope }) => scope));
  }

  async function noteExceeded(scope: RateScope, retryAfterMs: number | null): Promise<void> {
    const ceiling = ceilingOf(scope);
    const { name, perSecond: published } = scope;
    for (let attempt = 1; attempt <= MAX_SLOWING_ATTEMPTS; attempt += 1) {
      const noted = await changeRateLimit(db, { accountId, scope: name }, (state, nowMs) => ({
        state: slowDown(state, { nowMs, ceiling, published, retryAfterMs }),
      })).catch(translate);
      if (noted) return;
    }
  }

  function waitInLine(scope: RateScope, signal: AbortSignal): Promise<void> {
    const line = lines.get(scope.name) ?? { waiters: [], served: false };
    lines.set(scope.name, line);
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const end = (settle: () => void): void => {
        signal.removeEventListener('abort', abort);
        settle();
      };
      const waiter: Waiter = {
        sendIn: (delayMs) => {
          timer = setTimeout(() => end(resolve), delayMs);
        },
        fail: (error) => end(() => reject(error as Error)),
      };
      const abort = (): void => {
        clearTimeout(timer);
        const place = line.waiters.indexOf(waiter);
        if (place >= 0) line.waiters.splice(place, 1);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', abort, { once: true });
      line.waiters.push(waiter);
      if (!line.served) void serve(scope, line);
    });
  }

  async function serve(scope: RateScope, line: Line): Promise<void> {
    line.served = true;
    try {
      while (line.waiters.length > 0) await sleep(await serveSome(scope, line.waiters));
    } catch (error) {
      for (const waiter of line.waiters.splice(0)) waiter.fail(translateDatabaseError(error));
    } finally {
      line.served = false;
    }
  }

  /** Returns after how long to look again. Errors: rate_limited for a long pause. */
  async function serveSome(scope: RateScope, waiters: Waiter[]): Promise<number> {
    const ceiling = ceilingOf(scope);
    const count = waiters.length;
    const reserved = await changeRateLimit(db, { accountId, scope: scope.name }, (state, nowMs) =>
      reserve(state, { nowMs, ceiling, count }),
    );
    if (!reserved) return Math.random() * MAX_YIELD_MS;
    for (const delayMs of reserved.delaysMs) waiters.shift()?.sendIn(delayMs);
    // Those who come while these wait for their turn are served together, early enough to follow them without a gap.
    const untilLastMs = reserved.delaysMs.at(-1) ?? 0;
    if (reserved.againMs <= MAX_WAIT_MS) return Math.max(reserved.againMs, untilLastMs / 2);
    throw new RecoupError(
      'rate_limited',
      `The billing service has asked for a pause of ${String(Math.ceil(reserved.againMs / 1000))} s.`,
      { retryAfterMs: Math.ceil(reserved.againMs) },
    );
  }
}

function translate(error: unknown): never {
  throw translateDatabaseError(error);
}
