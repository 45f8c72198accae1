import fc from 'fast-check';
import { currentRate, reserve, slowDown, type RateState } from '../../../domain/sync/rate';

const BURST_MS = 100;
const rates = fc.integer({ min: 1, max: 2_000 });

/** What has been sent, in order, when processes come at these pauses and ask for so many each. */
function sendTimes(
  perSecond: number,
  calls: readonly { readonly afterMs: number; readonly count: number }[],
): number[] {
  let state: RateState | null = null;
  let nowMs = 0;
  return calls.flatMap(({ afterMs, count }) => {
    nowMs += afterMs;
    const reserved = reserve(state, { nowMs, ceiling: perSecond, count });
    state = reserved.state;
    return reserved.delaysMs.map((delayMs) => nowMs + delayMs);
  });
}

describe('a limit that is kept to', () => {
  it('is never exceeded in any stretch of time by more than the burst', () => {
    const calls = fc.array(
      fc.record({
        afterMs: fc.integer({ min: 0, max: 700 }),
        count: fc.integer({ min: 1, max: 30 }),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(rates, calls, (perSecond, given) => {
        const sent = sendTimes(perSecond, given);
        // How far the count was ahead of the rate at its least until then: what a stretch that starts there has more than the rate.
        let least = Infinity;
        let most = 0;
        sent.forEach((atMs, index) => {
          const ahead = index - (atMs / 1000) * perSecond;
          least = Math.min(least, ahead);
          most = Math.max(most, ahead - least);
        });
        expect(most).toBeLessThanOrEqual((BURST_MS / 1000) * perSecond + 1e-6);
      }),
    );
  });

  it('is used to 97 % while there is always somebody who waits, though all are late at times', () => {
    const lateness = fc.array(fc.integer({ min: 0, max: 250 }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(rates, lateness, (perSecond, late) => {
        const spanMs = 20_000;
        let state: RateState | null = null;
        let sent = 0;
        for (let nowMs = 0, call = 0; nowMs < spanMs; call += 1) {
          const reserved = reserve(state, { nowMs, ceiling: perSecond, count: 1_000 });
          state = reserved.state;
          sent += reserved.delaysMs.length;
          nowMs += reserved.againMs + (late[call % late.length] ?? 0) + 1;
        }
        expect(sent).toBeGreaterThanOrEqual(Math.floor((spanMs / 1000) * perSecond * 0.97));
      }),
    );
  });

  it('never lets anybody reserve far ahead, so that a process that ends takes little with it', () => {
    const reserved = reserve(null, { nowMs: 0, ceiling: 10, count: 1_000 });
    expect(reserved.delaysMs.at(-1)).toBeLessThanOrEqual(200);
    expect(reserve(reserved.state, { nowMs: 0, ceiling: 10, count: 1 })).toEqual({
      state: reserved.state,
      delaysMs: [],
      againMs: reserved.againMs,
    });
  });
});

describe('after a 429', () => {
  const refusal = { nowMs: 0, ceiling: 100, published: 25, retryAfterMs: null };

  it('nobody sends before the pause that was asked for is over', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300_000 }), rates, (retryAfterMs, ceiling) => {
        const busy = reserve(null, { nowMs: 0, ceiling, count: 10 }).state;
        const state = slowDown(busy, { ...refusal, ceiling, retryAfterMs });
        const { againMs, delaysMs } = reserve(state, { nowMs: 0, ceiling, count: 1 });
        const firstMs = delaysMs[0] ?? againMs + 200;
        expect(firstMs).toBeGreaterThanOrEqual(retryAfterMs - 1e-6);
      }),
    );
  });

  it('the rate falls once for all requests that were on their way together, and once more for a later one', () => {
    const once = slowDown(null, refusal);
    const again = slowDown(once, { ...refusal, nowMs: 100 });
    expect(again.slowed?.perSecond).toBe(once.slowed?.perSecond);
    const later = slowDown(once, { ...refusal, nowMs: 5_000 });
    expect(later.slowed?.perSecond).toBeLessThan(currentRate(once, 100, 5_000));
  });

  it('a limit that was not known is looked for from the published one', () => {
    const state = slowDown(null, { ...refusal, ceiling: null, published: 100 });
    expect(currentRate(state, null, 600)).toBe(70);
  });

  it('the rate comes back by steps and stops at the limit; where none is known, it is free again in the end', () => {
    const slowed = slowDown(null, refusal);
    const rateAt = (seconds: number) => currentRate(slowed, 100, seconds * 1000);
    const course = Array.from({ length: 30 }, (_, second) => rateAt(second));
    expect(course).toEqual([...course].sort((a, b) => a - b));
    expect(new Set(course).size).toBeGreaterThan(3);
    expect(rateAt(30)).toBe(currentRate(null, 100, 0));
    const unknown = slowDown(null, { ...refusal, ceiling: null });
    expect(currentRate(unknown, null, 10_000)).toBeLessThan(Infinity);
    expect(currentRate(unknown, null, 60_000)).toBe(Infinity);
  });

  it('however many come, one request a second stays, and no pause is longer than some minutes', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2_000 }), { maxLength: 100 }), (pauses) => {
        let state: RateState | null = null;
        let nowMs = 0;
        for (const pauseMs of pauses) {
          nowMs += pauseMs;
          state = slowDown(state, { ...refusal, nowMs, retryAfterMs: 86_400_000 });
        }
        expect(currentRate(state, 100, nowMs)).toBeGreaterThanOrEqual(1);
        expect(reserve(state, { nowMs, ceiling: 100, count: 1 }).againMs).toBeLessThan(300_100);
      }),
    );
  });
});
