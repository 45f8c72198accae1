/** The table of a case, and what it is to hold in every life. */
import fc from 'fast-check';
import { decideCase } from '../../../domain/recovery/decide';
import type { CaseContext, CaseEvent } from '../../../domain/recovery/decide';
import { RECOVERY_POLICY as policy } from '../../../domain/recovery/policy';
import { CASE_EVENT_TYPES, CASE_STATES, isTerminal } from '../../../domain/recovery/states';
import type { CaseEventType, CaseState } from '../../../domain/recovery/states';
import { CASE_STOPS, CASE_TABLE } from '../../../domain/recovery/transitions';
import { WORK } from '../../../domain/recovery/work';
import { anyEvent, eventOf, NOW_MS } from './events';

const CONTEXT: CaseContext = {
  nowMs: NOW_MS,
  policy,
  fruitless: 0,
  lookups: 0,
  due: true,
  answered: false,
  attemptOpen: false,
  remembered: [],
  recovery: null,
};

const IN_FLIGHT = ['charging', 'unknown', 'pending_settlement'] as const;
const AT_REST = [
  'monitoring',
  'planning',
  'scheduled',
  'precheck',
  'awaiting_customer',
  'paused',
] as const;
const RECOVERED = ['recovered_by_us', 'recovered_elsewhere', 'partially_recovered'] as const;

const to = (state: CaseState, type: CaseEventType, context: Partial<CaseContext> = {}): CaseState =>
  decideCase(state, eventOf(type), { ...CONTEXT, ...context }).next;
const effects = (state: CaseState, event: CaseEvent, context: Partial<CaseContext> = {}) =>
  decideCase(state, event, { ...CONTEXT, ...context }).effects;

describe('the table', () => {
  const pairs = CASE_STATES.flatMap((state) => CASE_EVENT_TYPES.map((type) => ({ state, type })));

  test.each(pairs)('$type in $state is answered with a sentence', ({ state, type }) => {
    for (const answered of [true, false]) {
      for (const attemptOpen of [true, false]) {
        const context = { ...CONTEXT, answered, attemptOpen };
        const { next, because, effects: done } = decideCase(state, eventOf(type), context);
        expect(CASE_STATES).toContain(next);
        expect(because).toMatch(/^[A-Z].+\.$/);
        if (CASE_TABLE[state][type].kind === 'forbidden') expect([next, done]).toEqual([state, []]);
      }
    }
  });

  test('the way of an attempt that succeeds', () => {
    expect(to('discovered', 'fit')).toBe('eligibility');
    expect(to('eligibility', 'fit')).toBe('planning');
    expect(to('planning', 'attempt_planned')).toBe('scheduled');
    expect(to('scheduled', 'timer_fired')).toBe('precheck');
    expect(to('precheck', 'clear')).toBe('charging');
    expect(to('charging', 'succeeded', { answered: true })).toBe('recovered_by_us');
  });

  test.each([
    ['unfit', 'excluded'],
    ['held_out', 'holdout'],
  ] as const)('an invoice that is %s at the opening is %s', (type, state) => {
    expect(to('eligibility', type)).toBe(state);
  });

  test.each([
    ['declined', 'planning'],
    ['authentication_required', 'awaiting_customer'],
    ['pending', 'pending_settlement'],
    ['not_sent', 'planning'],
    ['refused', 'needs_human'],
    ['outcome_unknown', 'unknown'],
    ['inconclusive', 'unknown'],
    ['step_failed', 'unknown'],
    ['partially_succeeded', 'partially_recovered'],
    ['plan_outdated', 'planning'],
    ['ceilings_used_up', 'planning'],
    ['retry_forbidden', 'hard_stopped'],
    ['pause', 'paused'],
    ['cancel', 'canceled'],
    ['paid_elsewhere', 'recovered_elsewhere'],
    ['disputed', 'hard_stopped'],
  ] as const)('a charge that answers %s leads to %s', (type, state) => {
    expect(to('charging', type, { answered: true, attemptOpen: true })).toBe(state);
  });

  test.each(
    CASE_EVENT_TYPES.filter((type) => to('unknown', type, { attemptOpen: true }) !== 'unknown'),
  )('unknown is left by %s, which proves something or calls a person', (type) => {
    expect([
      'succeeded',
      'partially_succeeded',
      'declined',
      'authentication_required',
      'pending',
      'absent',
      'returned',
      'lookups_ended',
    ]).toContain(type);
  });

  test.each(CASE_EVENT_TYPES.filter((type) => to('charging', type) === 'planning'))(
    'charging goes back to planning by %s, after which nothing is in flight',
    (type) => {
      expect(['declined', 'absent', 'returned', 'not_sent']).toContain(type);
    },
  );

  test.each(['unknown', 'pending_settlement'] as const)(
    'when lookups end a person is called, and sees that the case needs one: %s',
    (state) => {
      expect(to(state, 'lookups_ended', { attemptOpen: true })).toBe('needs_human');
      const done = effects(state, eventOf('lookups_ended'), { attemptOpen: true });
      expect(done).toContainEqual({ type: 'set_attention', attention: true });
    },
  );

  test('a person who resumes a case that nobody could resolve has it looked up, never charged', () => {
    expect(to('needs_human', 'resume', { attemptOpen: true })).toBe('unknown');
    expect(to('needs_human', 'resume')).toBe('planning');
    expect(to('needs_human', 'attempt_now', { attemptOpen: true })).toBe('needs_human');
  });

  test.each(IN_FLIGHT.flatMap((state) => CASE_STOPS.map((type) => ({ state, type }))))(
    '$type in $state is remembered until the outcome is known',
    ({ state, type }) => {
      const event = eventOf(type);
      expect(to(state, type, { attemptOpen: true })).toBe(state);
      expect(effects(state, event, { attemptOpen: true })).toContainEqual({
        type: 'remember',
        event,
      });
    },
  );

  test.each(AT_REST.flatMap((state) => CASE_STOPS.map((type) => ({ state, type }))))(
    '$type in $state takes effect at once',
    ({ state, type }) => {
      const next = to(state, type);
      if (type === 'pause') expect(next).toBe('paused');
      else expect(isTerminal(next)).toBe(true);
    },
  );

  test.each(CASE_STATES.filter(isTerminal))(
    'nothing follows %s but reversed, and a person who opens an exhausted one again',
    (state) => {
      for (const type of CASE_EVENT_TYPES) {
        const next = to(state, type, { attemptOpen: true, answered: true });
        const isReversal =
          type === 'reversed' && (RECOVERED as readonly CaseState[]).includes(state);
        const isReopened = type === 'reopen' && state === 'exhausted';
        expect(next).toBe(isReversal ? 'reversed' : isReopened ? 'planning' : state);
      }
    },
  );

  test('nothing that has not ended is opened again', () => {
    for (const state of CASE_STATES.filter((each) => !isTerminal(each))) {
      expect(to(state, 'reopen')).toBe(state);
    }
  });

  test.each(['planning', 'precheck'] as const)(
    'a paused account holds a case up in %s, until it is resumed',
    (state) => {
      expect(to(state, 'account_paused', { answered: true })).toBe('paused');
      expect(to('paused', 'account_resumed')).toBe('planning');
    },
  );

  test('a claim that meets a paused account waits for it; an attempt at hand is looked up all the same', () => {
    expect(to('charging', 'account_paused', { answered: true })).toBe('paused');
    expect(to('charging', 'account_paused', { attemptOpen: true })).toBe('charging');
    expect(to('unknown', 'account_paused', { attemptOpen: true })).toBe('unknown');
  });

  test('who waits for the provider or the customer does so while the account is paused', () => {
    for (const state of ['scheduled', 'monitoring', 'awaiting_customer'] as const)
      expect(to(state, 'account_paused')).toBe(state);
  });

  test('a case that a person pauses while its account is paused waits for that person', () => {
    const done = effects('paused', eventOf('pause'));
    expect(done).toContainEqual({ type: 'wait_until', atMs: null });
    expect(done).toContainEqual({ type: 'write_desired', desired: 'pause' });
  });

  test.each(CASE_STATES.filter((state) => !isTerminal(state)))(
    'what is recovered can be reversed, %s cannot',
    (state) => {
      expect(to(state, 'reversed', { attemptOpen: true })).toBe(state);
    },
  );

  test('a case of the control group has no way to an attempt', () => {
    for (const type of CASE_EVENT_TYPES) {
      expect([
        'holdout',
        'recovered_elsewhere',
        'exhausted',
        'canceled',
        'hard_stopped',
        'excluded',
      ]).toContain(to('holdout', type));
    }
    expect(WORK.holdout).toEqual({ kind: 'none' });
  });

  test('only precheck leads to charging', () => {
    const sources = CASE_STATES.filter((state) =>
      CASE_EVENT_TYPES.some((type) => state !== 'charging' && to(state, type) === 'charging'),
    );
    expect(sources).toEqual(['precheck']);
  });

  test('money that was also paid elsewhere meanwhile is ours, and somebody is told to look', () => {
    const context = { attemptOpen: true, remembered: [eventOf('paid_elsewhere')] };
    const {
      next,
      because,
      effects: done,
    } = decideCase('unknown', eventOf('succeeded'), {
      ...CONTEXT,
      ...context,
    });
    expect(next).toBe('recovered_by_us');
    expect(because).toContain('paid twice');
    expect(done).toContainEqual({ type: 'set_attention', attention: true });
  });

  test('money that came in after a cancel says so', () => {
    const context = { ...CONTEXT, attemptOpen: true, remembered: [eventOf('cancel')] };
    const { next, because } = decideCase('charging', eventOf('succeeded'), context);
    expect(next).toBe('recovered_by_us');
    expect(because).toContain('was to be stopped');
  });
});

describe('waits', () => {
  test('a lookup that proves nothing waits for the next instant of the schedule, and not less than it was told', () => {
    const delays = policy.lookupDelaysMs;
    const waits = (atMs: number) =>
      effects('unknown', { type: 'inconclusive', atMs }, { attemptOpen: true, lookups: 1 });
    expect(waits(0)).toContainEqual({ type: 'wait_until', atMs: NOW_MS + (delays[2] ?? 0) });
    expect(waits(NOW_MS * 2)).toContainEqual({ type: 'wait_until', atMs: NOW_MS * 2 });
    expect(waits(0)).toContainEqual({ type: 'count_lookups', lookups: 2 });
  });

  test('a lookup that news have caused does not use up the schedule', () => {
    const done = effects('unknown', eventOf('inconclusive'), { attemptOpen: true, due: false });
    expect(done.filter(({ type }) => type === 'count_lookups' || type === 'wait_until')).toEqual(
      [],
    );
  });

  test('a payment that a bank settles is looked at ever more seldom, and no sooner or later for news of it', () => {
    const { settlementDelaysMs: delays } = policy;
    const instants = (event: 'pending' | 'inconclusive', context: Partial<CaseContext>) =>
      effects('pending_settlement', eventOf(event), context).flatMap((effect) =>
        effect.type === 'wait_until' ? [effect.atMs] : [],
      );
    const first = effects('charging', eventOf('pending'), { lookups: 3 });
    expect(first).toContainEqual({ type: 'wait_until', atMs: NOW_MS + (delays[0] ?? 0) });
    expect(first).toContainEqual({ type: 'count_lookups', lookups: 0 });
    const last = delays.length - 1;
    expect([0, last, last + 7].flatMap((lookups) => instants('pending', { lookups }))).toEqual(
      [delays[1], delays[last], delays[last]].map((delayMs) => NOW_MS + (delayMs ?? 0)),
    );
    expect(instants('pending', { due: false })).toEqual([]);
    expect([...delays].sort((a, b) => a - b)).toEqual(delays);
    expect(delays.reduce((sum, delayMs) => sum + delayMs)).toBe(policy.settleWithinMs);
  });

  test('the wait after a failed step doubles up to its limit, is never shorter than asked for, and tells somebody', () => {
    const failed = (fruitless: number, retryAfterMs: number | null = null) =>
      effects('planning', { type: 'step_failed', retryAfterMs }, { fruitless });
    const { backoffFirstMs: first, backoffMaxMs: max, alarmAfterFailures } = policy;
    const waits = (fruitless: number) =>
      failed(fruitless).flatMap((effect) => (effect.type === 'try_again' ? [effect.atMs] : []));
    expect([0, 1, 2, 60].flatMap(waits)).toEqual(
      [first, 2 * first, 4 * first, max].map((delayMs) => NOW_MS + delayMs),
    );
    expect(failed(0, 7 * max)).toContainEqual({
      type: 'try_again',
      atMs: NOW_MS + 7 * max,
      fruitless: 1,
    });
    const alarm = { type: 'set_attention', attention: true };
    expect(failed(alarmAfterFailures - 2)).not.toContainEqual(alarm);
    expect(failed(alarmAfterFailures - 1)).toContainEqual(alarm);
  });

  test('the provider’s own retry is given time to show its outcome', () => {
    const event = { type: 'provider_retry_pending', atMs: NOW_MS + 5 } as const;
    expect(effects('planning', event)).toContainEqual({
      type: 'wait_until',
      atMs: NOW_MS + 5 + policy.providerRetryGraceMs,
    });
  });
});

test('no event makes a decision throw, whatever is known', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...CASE_STATES),
      anyEvent,
      fc.record({ answered: fc.boolean(), attemptOpen: fc.boolean(), due: fc.boolean() }),
      fc.integer({ min: 0, max: 2_000 }),
      (state, event, context, fruitless) => {
        const decision = decideCase(state, event, { ...CONTEXT, ...context, fruitless });
        expect(CASE_STATES).toContain(decision.next);
      },
    ),
  );
});
