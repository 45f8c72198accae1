import fc from 'fast-check';
import { DateTime } from 'luxon';
import { allowance } from '../../../domain/recovery/ceilings';
import type { Decline } from '../../../domain/recovery/decline';
import { planAttempt } from '../../../domain/recovery/ladder';
import type { Plan, Situation } from '../../../domain/recovery/plan';
import { DAY_MS, declinedBy, HOUR_MS, MINUTE_MS, someCharge, someDecline } from './make';

/** A Friday at noon in Berlin. */
const NOW_MS = Date.parse('2026-11-20T11:00:00Z');
const BERLIN = { country: 'DE', timeZone: 'Europe/Berlin', paidAtMs: [] };
const CHICAGO = { country: 'US', timeZone: 'America/Chicago', paidAtMs: [] };

/** Declined now, nothing tried by us yet, eight tries in 28 days. */
function situation(decline: Decline | null, fields: Partial<Situation> = {}): Situation {
  const nowMs = fields.nowMs ?? NOW_MS;
  return {
    payment: {
      amountMinor: 1_900n,
      currency: 'eur',
      network: 'visa',
      country: 'DE',
      methodType: 'card',
      firstFailedAtMs: nowMs,
    },
    charges: decline ? [someCharge({ atMs: nowMs, decline })] : [],
    attempts: [],
    latest: decline && { atMs: nowMs, decline },
    limits: { maxAttempts: 8, windowEndsAtMs: nowMs + 28 * DAY_MS },
    customer: BERLIN,
    providerRetryAtMs: null,
    seed: 'case-1',
    nowMs,
    ...fields,
  };
}

const planAfter = (decline: Decline | null, fields: Partial<Situation> = {}): Plan =>
  planAttempt(situation(decline, fields));

/** When the attempt is to be; fails when the plan is another. */
function attemptMs(plan: Plan): number {
  if (plan.kind !== 'attempt') throw new Error(`Not an attempt: ${JSON.stringify(plan)}`);
  return plan.atMs;
}
const hoursAway = (plan: Plan, nowMs = NOW_MS): number => (attemptMs(plan) - nowMs) / HOUR_MS;
const localTime = (plan: Plan, zone: string): DateTime =>
  DateTime.fromMillis(attemptMs(plan), { zone });

const FUNDS = declinedBy('visa', '51', {
  class: 'funds',
  reason: 'insufficient_funds',
  payday: true,
});
const TECHNICAL = declinedBy('visa', '91', { class: 'technical', delayMs: HOUR_MS / 2 });

describe('a decline that another try cannot help', () => {
  it.each(['lost_card', 'stolen_card', 'account_closed', 'do_not_retry'] as const)(
    'waits for another card when it must not be tried again because of this one: %s',
    (reason) => {
      const never = someDecline({ class: 'hard', retryable: 'no', reason });
      expect(planAfter(never)).toMatchObject({ kind: 'await_customer', remedy: 'update' });
    },
  );

  it.each(['authorization_revoked', 'payment_stopped', 'unlawful', 'suspected_fraud'] as const)(
    'ends where another card would not make it right: %s',
    (reason) => {
      const never = someDecline({ class: 'hard', retryable: 'no', reason });
      expect(planAfter(never)).toMatchObject({ kind: 'stop', as: 'hard_stopped' });
    },
  );

  it.each([
    ['hard', 'no', { kind: 'stop', as: 'hard_stopped' }],
    ['config', 'no', { kind: 'stop', as: 'hard_stopped' }],
    ['data', 'no', { kind: 'stop', as: 'hard_stopped' }],
    ['fraud', 'no', { kind: 'stop', as: 'hard_stopped' }],
    ['fraud', 'yes', { kind: 'stop', as: 'hard_stopped' }],
    ['hard', 'after_update', { kind: 'await_customer', remedy: 'update' }],
    ['fraud', 'after_update', { kind: 'await_customer', remedy: 'update' }],
    ['data', 'after_update', { kind: 'await_customer', remedy: 'update' }],
    ['account_updater', 'after_update', { kind: 'await_customer', remedy: 'update' }],
    ['hard', 'after_auth', { kind: 'await_customer', remedy: 'authenticate' }],
    ['authentication', 'after_auth', { kind: 'await_customer', remedy: 'authenticate' }],
    ['authentication', 'yes', { kind: 'await_customer', remedy: 'authenticate' }],
    ['technical', 'reconcile', { kind: 'monitor' }],
  ] as const)('%s, retryable %s, is %o', (what, retryable, plan) => {
    const decline = someDecline({ class: what, retryable });
    expect(planAfter(decline)).toMatchObject(plan);
    // Not even when a retry of the provider is announced, which after a hard code never comes.
    const providerRetryAtMs = NOW_MS + DAY_MS;
    if (plan.kind !== 'monitor')
      expect(planAfter(decline, { providerRetryAtMs })).toMatchObject(plan);
  });

  it('counts however long ago it was, when the network says for ever', () => {
    const stolen = declinedBy('visa', '43', { class: 'fraud', retryable: 'after_update' });
    const revoked = declinedBy('visa', 'R1', { class: 'hard', retryable: 'no' });
    const before = (decline: Decline) => [
      someCharge({ atMs: NOW_MS - 100 * DAY_MS, decline }),
      someCharge({ atMs: NOW_MS }),
    ];
    expect(planAfter(someDecline(), { charges: before(stolen) })).toMatchObject({
      kind: 'await_customer',
      remedy: 'update',
      rules: ['visa-never'],
    });
    expect(planAfter(someDecline(), { charges: before(revoked) })).toMatchObject({
      kind: 'stop',
      as: 'hard_stopped',
    });
  });
});

describe('the end of a case', () => {
  it('is exhausted after all tries, after the window, and when nothing is allowed within it', () => {
    const attempts = Array.from({ length: 8 }, () => ({ decline: someDecline() }));
    expect(planAfter(someDecline(), { attempts })).toMatchObject({
      kind: 'stop',
      as: 'exhausted',
      rules: ['max-attempts'],
    });
    expect(
      planAfter(someDecline(), { limits: { maxAttempts: 8, windowEndsAtMs: NOW_MS } }),
    ).toMatchObject({ kind: 'stop', as: 'exhausted', rules: ['window'] });
    const late = declinedBy('mastercard_mac', '30', { class: 'funds', delayMs: 10 * DAY_MS });
    expect(
      planAfter(late, { limits: { maxAttempts: 8, windowEndsAtMs: NOW_MS + 9 * DAY_MS } }),
    ).toMatchObject({ kind: 'stop', as: 'exhausted' });
  });

  it('comes after two tries when nobody knows what the decline means', () => {
    const unmapped = someDecline({ class: 'soft', by: null, unmapped: 'visa=ZZ' });
    const attempts = [{ decline: unmapped }, { decline: unmapped }];
    expect(planAfter(unmapped, { attempts: attempts.slice(1) }).kind).toBe('attempt');
    expect(planAfter(unmapped, { attempts })).toMatchObject({
      kind: 'stop',
      as: 'exhausted',
      rules: ['unmapped'],
    });
  });
});

describe("the provider's own retry", () => {
  it('is waited for, but not longer than the window', () => {
    const providerRetryAtMs = NOW_MS + 3 * DAY_MS;
    expect(planAfter(someDecline(), { providerRetryAtMs })).toMatchObject({
      kind: 'monitor',
      untilMs: providerRetryAtMs,
    });
    const limits = { maxAttempts: 8, windowEndsAtMs: NOW_MS + DAY_MS };
    expect(planAfter(someDecline(), { providerRetryAtMs, limits })).toMatchObject({
      kind: 'monitor',
      untilMs: limits.windowEndsAtMs,
    });
  });

  it('is not waited for once its time has passed', () => {
    expect(planAfter(someDecline(), { providerRetryAtMs: NOW_MS }).kind).toBe('attempt');
  });
});

describe('a technical fault', () => {
  it('is tried again within the hour, then after some, then as a soft decline', () => {
    const hours = [0, 1, 2].map((count) =>
      hoursAway(planAfter(TECHNICAL, { attempts: Array(count).fill({ decline: TECHNICAL }) })),
    );
    expect(hours[0]).toBeGreaterThanOrEqual(0.5);
    expect(hours[0]).toBeLessThan(1);
    expect(hours[1]).toBeGreaterThanOrEqual(4);
    expect(hours[1]).toBeLessThan(5);
    expect(hours[2]).toBeGreaterThanOrEqual(24);
  });

  it('does not end the quiet after another decline of the same card', () => {
    const charges = [
      someCharge({ atMs: NOW_MS - HOUR_MS, decline: someDecline() }),
      someCharge({ atMs: NOW_MS, decline: TECHNICAL }),
    ];
    const plan = planAfter(TECHNICAL, { charges });
    expect(hoursAway(plan)).toBeGreaterThanOrEqual(11);
    expect(plan.rules).toContain('quiet-after-decline');
  });
});

describe('too little money', () => {
  it('is tried in the early morning of the next payday: in Germany from the 25th on', () => {
    const nowMs = Date.parse('2026-11-23T11:00:00Z');
    const plan = planAfter(FUNDS, { nowMs });
    expect(plan.rules).toEqual(['funds-payday']);
    const at = localTime(plan, 'Europe/Berlin');
    expect(at.toISODate()).toBe('2026-11-25');
    expect(at.hour).toBeGreaterThanOrEqual(6);
    expect(at.hour).toBeLessThan(9);
  });

  it('in the United States on Fridays', () => {
    const nowMs = Date.parse('2026-11-18T11:00:00Z');
    const plan = planAfter(FUNDS, { nowMs, customer: CHICAGO });
    expect(localTime(plan, 'America/Chicago').toISODate()).toBe('2026-11-20');
  });

  it('after the paydays that earlier payments tell of, when they do', () => {
    const paidAtMs = ['2026-06-10', '2026-07-10', '2026-08-11', '2026-09-10', '2026-10-11'].map(
      (day) => Date.parse(`${day}T09:00:00Z`),
    );
    const nowMs = Date.parse('2026-12-08T11:00:00Z');
    const plan = planAfter(FUNDS, { nowMs, customer: { ...BERLIN, paidAtMs } });
    expect(localTime(plan, 'Europe/Berlin').toISODate()).toBe('2026-12-10');
  });

  it('spends a try before a payday that is far off only when it has tries to spare', () => {
    const nowMs = Date.parse('2026-12-01T11:00:00Z');
    const plan = planAfter(FUNDS, { nowMs });
    expect(plan.rules).toEqual(['spread']);
    const few = { maxAttempts: 1, windowEndsAtMs: nowMs + 28 * DAY_MS };
    const waiting = planAfter(FUNDS, { nowMs, limits: few });
    expect(localTime(waiting, 'Europe/Berlin').toISODate()).toBe('2026-12-25');
  });

  it('is tried at once when a payday has passed since', () => {
    const plan = planAfter(FUNDS, {
      latest: { atMs: NOW_MS - 10 * DAY_MS, decline: FUNDS },
      charges: [someCharge({ atMs: NOW_MS - 10 * DAY_MS, decline: FUNDS })],
      customer: CHICAGO,
      nowMs: NOW_MS + 6 * HOUR_MS,
    });
    expect(plan.rules).toEqual(['funds-payday-passed']);
    expect(hoursAway(plan)).toBeLessThan(8);
  });

  it('is not tried before the bank advised', () => {
    const advised = declinedBy('mastercard_mac', '27', { class: 'funds', delayMs: 4 * DAY_MS });
    const plan = planAfter(advised);
    expect(hoursAway(plan)).toBeGreaterThanOrEqual(96);
    expect(hoursAway(plan)).toBeLessThan(98);
    expect(plan.because).toContain('advised');
  });
});

describe('a limit of the card', () => {
  const limit = declinedBy('visa', '61', { class: 'funds', reason: 'limit_exceeded' });

  it('is tried when the next day has begun there, and the next time when the month has', () => {
    const plan = planAfter(limit);
    expect(localTime(plan, 'Europe/Berlin').toISODate()).toBe('2026-11-21');
    const again = planAfter(limit, { attempts: [{ decline: limit }] });
    expect(localTime(again, 'Europe/Berlin').toISODate()).toBe('2026-12-01');
  });
});

describe('new payment details', () => {
  it('are tried at once, at any hour', () => {
    const nowMs = Date.parse('2026-11-20T02:00:00Z');
    const plan = planAfter(null, { nowMs, attempts: [{ decline: FUNDS }] });
    expect(hoursAway(plan, nowMs)).toBeLessThan(0.1);
  });
});

describe('a case that is followed to its end', () => {
  /** Plans, tries, is declined again, until there is no more attempt. */
  function follow(decline: Decline, fields: Partial<Situation> = {}): number[] {
    let given = situation(decline, fields);
    const tries: number[] = [];
    for (;;) {
      const plan = planAttempt(given);
      if (plan.kind !== 'attempt') return tries;
      tries.push(plan.atMs);
      given = {
        ...given,
        nowMs: plan.atMs,
        attempts: [...given.attempts, { decline }],
        charges: [...given.charges, someCharge({ atMs: plan.atMs, decline })],
        latest: { atMs: plan.atMs, decline },
      };
    }
  }

  it.each([
    ['soft', someDecline()],
    ['funds', FUNDS],
  ])('uses all its tries over most of the window: %s', (_what, decline) => {
    const tries = follow(decline);
    expect(tries).toHaveLength(8);
    expect((tries.at(-1) ?? 0) - NOW_MS).toBeGreaterThan(20 * DAY_MS);
    const gaps = tries.slice(1).map((atMs, index) => atMs - (tries[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(12 * HOUR_MS);
  });
});

describe('whatever the situation', () => {
  const declines = fc
    .record({
      reason: fc.constantFrom('declined' as const, 'limit_exceeded' as const),
      class: fc.constantFrom('soft', 'funds', 'technical', 'unknown', 'hard', 'fraud'),
      retryable: fc.constantFrom('yes', 'yes', 'yes', 'yes', 'no', 'after_update'),
      delayMs: fc.constantFrom(null, HOUR_MS, 3 * DAY_MS),
      payday: fc.boolean(),
      by: fc.constantFrom(
        { vocabulary: 'visa', code: '05' },
        { vocabulary: 'mastercard_mac', code: '26' },
      ),
      unmapped: fc.constantFrom(null, null, 'visa=ZZ'),
    })
    .map(someDecline);
  const charges = fc.array(
    fc
      .record({
        agoMs: fc.integer({ min: 0, max: 40 * DAY_MS }),
        decline: declines,
        close: fc.boolean(),
      })
      .map(({ agoMs, close, decline }) =>
        someCharge({ atMs: NOW_MS - (close ? Math.floor(agoMs / 40) : agoMs), decline }),
      ),
    { maxLength: 40 },
  );
  const situations = fc
    .record({
      charges,
      decline: fc.option(declines),
      lastAgoMs: fc.integer({ min: 0, max: 20 * DAY_MS }),
      attempts: fc.array(fc.record({ decline: fc.option(declines) }), { maxLength: 4 }),
      windowMs: fc.integer({ min: -DAY_MS, max: 60 * DAY_MS }),
      network: fc.constantFrom('visa', 'mastercard', 'amex', null),
      methodType: fc.constantFrom('card', 'card', 'bacs_debit'),
      customer: fc.record({
        country: fc.constantFrom('DE', 'US', 'AU', null),
        timeZone: fc.constantFrom(null, 'Asia/Kolkata', 'America/New_York', 'No/Where'),
        paidAtMs: fc.array(fc.integer({ min: NOW_MS - 400 * DAY_MS, max: NOW_MS }), {
          maxLength: 8,
        }),
      }),
      providerRetryAtMs: fc.option(fc.integer({ min: NOW_MS - DAY_MS, max: NOW_MS + DAY_MS })),
      seed: fc.string(),
    })
    .map(({ decline, lastAgoMs, windowMs, network, methodType, ...rest }): Situation => {
      const { payment } = situation(null);
      return {
        ...rest,
        payment: { ...payment, network, methodType },
        latest: decline && { atMs: NOW_MS - lastAgoMs, decline },
        limits: { maxAttempts: 4, windowEndsAtMs: NOW_MS + windowMs },
        nowMs: NOW_MS,
      };
    });
  const always = (check: (given: Situation, plan: Plan) => void) =>
    fc.assert(
      fc.property(situations, (given) => check(given, planAttempt(given))),
      { numRuns: 2_000 },
    );

  it('nothing is tried earlier than the networks allow or the decline advises', () => {
    always(({ payment, latest, charges: made, nowMs }, plan) => {
      if (plan.kind !== 'attempt') return;
      expect(plan.atMs).toBeGreaterThanOrEqual(nowMs);
      expect(plan.atMs).toBeGreaterThanOrEqual(
        latest ? latest.atMs + (latest.decline.delayMs ?? 0) : nowMs,
      );
      expect(allowance({ ...payment, charges: made, nowMs: plan.atMs }).kind).toBe('now');
    });
  });

  it('nothing is tried after the window, or beyond the tries of the campaign', () => {
    always(({ limits, attempts, nowMs }, plan) => {
      if (plan.kind === 'attempt') {
        expect(plan.atMs).toBeLessThanOrEqual(limits.windowEndsAtMs);
        expect(attempts.length).toBeLessThan(limits.maxAttempts);
      }
      if (plan.kind === 'monitor') expect(plan.untilMs).toBeGreaterThan(nowMs);
    });
  });

  it('nothing but a technical fault is followed by a try within 12 hours', () => {
    always(({ charges: made }, plan) => {
      if (plan.kind !== 'attempt') return;
      for (const { atMs, decline } of made) {
        if (decline?.class !== 'technical')
          expect(plan.atMs - atMs).toBeGreaterThanOrEqual(12 * HOUR_MS);
      }
    });
  });

  it('the same situation has the same plan, which says why in a sentence and by which rules', () => {
    always((given, plan) => {
      expect(planAttempt(structuredClone(given))).toEqual(plan);
      expect(plan.because).toMatch(/^[A-Z].+\.$/);
      expect(plan.rules.length).toBeGreaterThan(0);
      expect(plan.rules).not.toContain('');
    });
  });
});

describe('a thousand cases that are due at the same moment', () => {
  it.each([
    ['a soft decline', someDecline()],
    ['too little money', FUNDS],
    ['a technical fault', TECHNICAL],
    ['new payment details', null],
  ])('do not all fire in one minute: %s', (_what, decline) => {
    const minutes = new Map<number, number>();
    for (let index = 0; index < 1_000; index += 1) {
      const plan = planAfter(decline, { seed: `recovery/acct/in_${index}` });
      const minute = Math.floor(attemptMs(plan) / MINUTE_MS);
      minutes.set(minute, (minutes.get(minute) ?? 0) + 1);
    }
    expect(Math.max(...minutes.values())).toBeLessThan(300);
  });
});
