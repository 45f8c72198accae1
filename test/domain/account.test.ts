import fc from 'fast-check';
import {
  backoffDelayMs,
  budgetLeft,
  countFailure,
  NO_FAILURES,
  SYNC_POLICY,
  type Failures,
} from '../../domain/account/budget';
import { decide, failureEvent, type AccountEvent, type Context } from '../../domain/account/decide';
import {
  EVENT_TYPES,
  STATES,
  TABLE,
  type AccountState,
  type EventType,
} from '../../domain/account/transitions';

const FAILURE = {
  code: 'provider_unavailable',
  message: 'It does not answer.',
  remedy: 'Wait.',
  retryAfterMs: null,
} as const;

const CONTEXT: Context = {
  nowMs: Date.UTC(2026, 10, 1),
  policy: SYNC_POLICY,
  failures: NO_FAILURES,
  workLeft: true,
  wishLeft: false,
  served: false,
  runChanged: true,
  unsettled: false,
  resumedSince: false,
  retriedSince: false,
};

function eventOf(type: EventType): AccountEvent {
  switch (type) {
    case 'transient_failure':
    case 'account_failure':
      return { type, failure: FAILURE, progressed: false };
    case 'retry_requested':
      return { type, resource: 'dispute' };
    case 'skip_requested':
      return { type, resource: 'dispute', always: false };
    default:
      return { type };
  }
}

/** Where each event leads from each state: work is left, the budget is not spent, what was asked of a run changed it; `-` is forbidden, `.` stays. */
const EXPECTED: Record<AccountState, Record<EventType, AccountState | '.' | '-'>> = {
  idle: {
    sync_requested: 'syncing',
    changes_arrived: 'syncing',
    retry_requested: 'syncing',
    skip_requested: '.',
    run_done: '-',
    run_partial: '-',
    run_stopped: '-',
    transient_failure: '-',
    account_failure: '-',
    timer_fired: '-',
    pause: 'paused',
    resume: '-',
    credentials_changed: '.',
    configuration_changed: '.',
    disconnect: 'disconnected',
    canceled: 'paused',
  },
  syncing: {
    sync_requested: '.',
    changes_arrived: '.',
    retry_requested: '.',
    skip_requested: '.',
    run_done: 'idle',
    run_partial: 'idle',
    run_stopped: 'paused',
    transient_failure: 'backing_off',
    account_failure: 'blocked',
    timer_fired: '-',
    pause: 'paused',
    resume: '-',
    credentials_changed: '.',
    configuration_changed: '.',
    disconnect: 'disconnected',
    canceled: 'paused',
  },
  backing_off: {
    sync_requested: '.',
    changes_arrived: '.',
    retry_requested: '.',
    skip_requested: '.',
    run_done: '-',
    run_partial: '-',
    run_stopped: '-',
    transient_failure: '-',
    account_failure: '-',
    timer_fired: 'syncing',
    pause: 'paused',
    resume: 'syncing',
    credentials_changed: 'syncing',
    configuration_changed: '.',
    disconnect: 'disconnected',
    canceled: 'paused',
  },
  paused: {
    sync_requested: '-',
    changes_arrived: '.',
    retry_requested: '.',
    skip_requested: '.',
    run_done: '.',
    run_partial: '.',
    run_stopped: '.',
    transient_failure: '.',
    account_failure: '.',
    timer_fired: '-',
    pause: '.',
    resume: 'syncing',
    credentials_changed: '.',
    configuration_changed: '.',
    disconnect: 'disconnected',
    canceled: '.',
  },
  blocked: {
    sync_requested: '-',
    changes_arrived: '.',
    retry_requested: '.',
    skip_requested: '.',
    run_done: '-',
    run_partial: '-',
    run_stopped: '-',
    transient_failure: '-',
    account_failure: '-',
    timer_fired: '-',
    pause: 'paused',
    resume: 'syncing',
    credentials_changed: 'syncing',
    configuration_changed: 'syncing',
    disconnect: 'disconnected',
    canceled: '.',
  },
  disconnected: {
    sync_requested: '-',
    changes_arrived: '-',
    retry_requested: '-',
    skip_requested: '-',
    run_done: '.',
    run_partial: '.',
    run_stopped: '.',
    transient_failure: '.',
    account_failure: '.',
    timer_fired: '-',
    pause: '-',
    resume: '-',
    credentials_changed: '-',
    configuration_changed: '-',
    disconnect: '-',
    canceled: '-',
  },
};

const sentence = (state: AccountState, type: EventType): string => {
  const outcome = EXPECTED[state][type];
  const does = { '.': 'changes nothing', '-': 'is refused with its reason' };
  const leads = outcome === '.' || outcome === '-' ? does[outcome] : `leads to ${outcome}`;
  return `${type} in ${state} ${leads}`;
};

describe('the table, state by state and event by event', () => {
  const pairs = STATES.flatMap((state) => EVENT_TYPES.map((type) => ({ state, type })));
  test.each(pairs.map((pair) => ({ ...pair, title: sentence(pair.state, pair.type) })))(
    '$title',
    ({ state, type }) => {
      const expected = EXPECTED[state][type];
      const { next, effects, because } = decide(state, eventOf(type), CONTEXT);
      expect(next).toBe(expected === '.' || expected === '-' ? state : expected);
      expect(because).toMatch(/^[A-Z].+\.$/);
      expect(TABLE[state][type].kind).toBe(expected === '-' ? 'forbidden' : 'moves');
      if (expected === '-') expect(effects).toEqual([]);
    },
  );
});

describe('what the context decides', () => {
  test('resume of a paused account without work at hand leads to idle', () => {
    const { next, effects } = decide('paused', { type: 'resume' }, { ...CONTEXT, workLeft: false });
    expect(next).toBe('idle');
    expect(effects).toEqual([{ type: 'write_desired', desired: 'run' }]);
  });

  test('a stop that was asked for before a resume does not pause again', () => {
    const context = { ...CONTEXT, resumedSince: true };
    expect(decide('syncing', { type: 'run_stopped' }, context).next).toBe('syncing');
  });

  test('an end that came after a retry is none: the run goes on', () => {
    const { next, effects } = decide('syncing', eventOf('run_partial'), {
      ...CONTEXT,
      retriedSince: true,
    });
    expect(next).toBe('syncing');
    expect(effects).toEqual([{ type: 'take_up_run' }, { type: 'run_plan' }]);
  });

  test('a retry of nothing leaves an idle account idle', () => {
    const context = { ...CONTEXT, runChanged: false };
    const { next, effects } = decide('idle', eventOf('retry_requested'), context);
    expect([next, effects]).toEqual(['idle', []]);
  });

  test.each(['run_done', 'run_partial'] as const)(
    'after %s another run follows at once when one is wished',
    (type) => {
      const { next, effects } = decide('syncing', eventOf(type), { ...CONTEXT, wishLeft: true });
      expect(next).toBe('syncing');
      expect(effects.map((effect) => effect.type)).toEqual([
        'end_sync',
        'remember_failures',
        'set_attention',
        'run_plan',
      ]);
    },
  );

  test.each(['syncing', 'backing_off', 'paused', 'blocked'] as const)(
    'changes that arrive in %s are kept, since they are told once',
    (state) => {
      expect(decide(state, eventOf('changes_arrived'), CONTEXT).effects).toEqual([
        { type: 'remember_wish', wish: { kind: 'changes', to: null } },
      ]);
    },
  );

  test.each([true, false])(
    'attention after a run says whether something is unsettled: %s',
    (yes) => {
      const { effects } = decide('syncing', eventOf('run_partial'), { ...CONTEXT, unsettled: yes });
      expect(effects).toContainEqual({ type: 'set_attention', attention: yes });
    },
  );

  test('skipping what keeps an account blocked does not say that all is well', () => {
    expect(decide('blocked', eventOf('skip_requested'), CONTEXT).effects).toEqual([]);
  });

  test('a failure beyond the budget blocks and raises attention', () => {
    const tally = { count: SYNC_POLICY.maxFailuresWithoutProgress, sinceMs: 0 };
    const context = { ...CONTEXT, failures: { ...NO_FAILURES, withoutProgress: tally } };
    const { next, effects } = decide('syncing', eventOf('transient_failure'), context);
    expect(next).toBe('blocked');
    expect(effects).toContainEqual({ type: 'set_attention', attention: true });
  });

  test('a sync that fails again and again without progress tells somebody, and is tried on', () => {
    const failed = (count: number) => {
      const failures = { ...NO_FAILURES, withoutProgress: { count, sinceMs: CONTEXT.nowMs } };
      return decide('syncing', eventOf('transient_failure'), { ...CONTEXT, failures });
    };
    const alarm = { type: 'set_attention', attention: true };
    const first = failed(SYNC_POLICY.alarmAfterFailures - 2);
    const last = failed(SYNC_POLICY.alarmAfterFailures - 1);
    expect(first.effects).not.toContainEqual(alarm);
    expect(last.effects).toContainEqual(alarm);
    expect([first.next, last.next]).toEqual(['backing_off', 'backing_off']);
  });

  test('pause tells the lanes before anything else, and resume tells them to go on', () => {
    expect(decide('syncing', { type: 'pause' }, CONTEXT).effects).toEqual([
      { type: 'write_desired', desired: 'pause' },
    ]);
    expect(decide('paused', { type: 'resume' }, CONTEXT).effects[0]).toEqual({
      type: 'write_desired',
      desired: 'run',
    });
  });

  test('whoever causes an event may add why', () => {
    const { because } = decide('idle', { type: 'pause', reason: 'Ticket 4711.' }, CONTEXT);
    expect(because).toBe('Paused by a person. Ticket 4711.');
  });

  test.each([
    ['credentials_rejected', 'account_failure'],
    ['secret_unavailable', 'account_failure'],
    ['not_the_provider', 'account_failure'],
    ['unknown_account', 'account_failure'],
    ['rate_limited', 'transient_failure'],
    ['provider_unavailable', 'transient_failure'],
    ['permission_missing', 'transient_failure'],
    ['internal', 'transient_failure'],
  ] as const)('a step that fails with %s is an %s', (code, type) => {
    expect(failureEvent({ ...FAILURE, code }, false).type).toBe(type);
  });
});

describe('the failure budget', () => {
  const after = (count: number, progressed: boolean, nowMs = 0): Failures =>
    Array.from({ length: count }).reduce<Failures>(
      (failures) => countFailure(failures, { progressed, nowMs }),
      NO_FAILURES,
    );
  const late = SYNC_POLICY.patienceMs + 1;

  test('many failures within the patience block nobody', () => {
    expect(budgetLeft(after(1000, false), SYNC_POLICY, SYNC_POLICY.patienceMs)).toBe(true);
  });

  test('few failures block nobody, however long they take', () => {
    const few = after(SYNC_POLICY.maxFailuresWithoutProgress, false);
    expect(budgetLeft(few, SYNC_POLICY, late * 100)).toBe(true);
  });

  test('too many failures over too long block', () => {
    const many = after(SYNC_POLICY.maxFailuresWithoutProgress + 1, false);
    expect(budgetLeft(many, SYNC_POLICY, late)).toBe(false);
  });

  test('failures with progress have the larger budget', () => {
    const some = after(SYNC_POLICY.maxFailuresWithoutProgress + 1, true);
    expect(budgetLeft(some, SYNC_POLICY, late)).toBe(true);
    expect(
      budgetLeft(after(SYNC_POLICY.maxFailuresWithProgress + 1, true), SYNC_POLICY, late),
    ).toBe(false);
  });

  test('progress ends a row of failures without progress', () => {
    const failures = countFailure(after(50, false), { progressed: true, nowMs: 9 });
    expect(failures.withoutProgress.count).toBe(0);
    expect(failures.withProgress).toEqual({ count: 1, sinceMs: 9 });
  });

  test('the wait doubles up to its limit, and starts anew with progress', () => {
    const waits = [1, 2, 3, 30].map((n) => backoffDelayMs(after(n, false), SYNC_POLICY, null));
    const { backoffFirstMs: first, backoffMaxMs: max } = SYNC_POLICY;
    expect(waits).toEqual([first, 2 * first, 4 * first, max]);
    expect(backoffDelayMs(after(30, true), SYNC_POLICY, null)).toBe(first);
  });

  test('the wait is never shorter than the provider asked for', () => {
    expect(backoffDelayMs(after(1, false), SYNC_POLICY, 7_200_000)).toBe(7_200_000);
  });
});

/** A life: events in any order, each with a context that fits what has happened before. */
const events = fc.array(
  fc.record({
    type: fc.constantFrom(...EVENT_TYPES),
    progressed: fc.boolean(),
    resumedSince: fc.boolean(),
    retriedSince: fc.boolean(),
    runChanged: fc.boolean(),
    served: fc.boolean(),
    stepMs: fc.integer({ min: 0, max: 86_400_000 }),
  }),
  { maxLength: 60 },
);

interface Life {
  readonly state: AccountState;
  readonly context: Context;
  /** Whether a run is at hand, and whether one is wished. */
  readonly atHand: boolean;
  readonly wished: boolean;
}

const BIRTH: Life = { state: 'idle', context: CONTEXT, atHand: false, wished: false };

/** What a plan says at its end. */
const REPORTS: readonly EventType[] = [
  'run_done',
  'run_partial',
  'run_stopped',
  'transient_failure',
  'account_failure',
];

function live(life: Life, type: EventType, given: Partial<Context>, progressed: boolean) {
  let { atHand, wished } = life;
  const context = {
    ...life.context,
    ...given,
    workLeft: atHand || wished,
    wishLeft: wished,
  };
  const event = eventOf(type);
  const decision = decide(
    life.state,
    'failure' in event ? { ...event, progressed } : event,
    context,
  );
  let { failures } = context;
  let started = 0;
  for (const effect of decision.effects) {
    if (effect.type === 'run_plan') {
      if (!atHand) wished = false;
      atHand = true;
      started += 1;
    }
    if (effect.type === 'remember_wish') wished = true;
    if (effect.type === 'take_up_run') atHand = true;
    if (effect.type === 'end_sync') atHand = false;
    if (effect.type === 'remember_failures') failures = effect.failures;
  }
  const next: Life = { state: decision.next, context: { ...context, failures }, atHand, wished };
  return { decision, next, started };
}

function forEveryLife(
  check: (before: Life, type: EventType, after: ReturnType<typeof live>) => void,
) {
  fc.assert(
    fc.property(events, (script) => {
      let life = BIRTH;
      for (const { type, progressed, stepMs, ...given } of script) {
        const nowMs = life.context.nowMs + stepMs;
        const after = live(life, type, { nowMs, ...given }, progressed);
        check(life, type, after);
        life = after.next;
      }
    }),
  );
}

describe('in every life', () => {
  test('disconnected is final and does nothing', () => {
    forEveryLife((before, _, { decision }) => {
      if (before.state !== 'disconnected') return;
      expect(decision.next).toBe('disconnected');
      expect(decision.effects.filter(({ type }) => type !== 'end_sync')).toEqual([]);
    });
  });

  test('a plan is set going when the account comes into syncing or another has reported, so that two never run', () => {
    forEveryLife((before, type, { decision, started }) => {
      const comes = before.state !== 'syncing' && decision.next === 'syncing';
      if (comes) expect(started).toBe(1);
      if (started === 0) return;
      expect([started, decision.next]).toEqual([1, 'syncing']);
      if (!comes) expect(REPORTS).toContain(type);
    });
  });

  test('whoever syncs has a run at hand, and no wish is forgotten before a run serves it', () => {
    forEveryLife((before, _, { decision, next, started }) => {
      if (decision.next === 'syncing') expect(next.atHand).toBe(true);
      if (decision.next === 'idle') expect(next).toMatchObject({ atHand: false, wished: false });
      if (before.wished && !next.wished) expect(started).toBe(1);
    });
  });

  test('pause always reaches paused, unless the account is gone', () => {
    forEveryLife((before, type, { decision }) => {
      if (type !== 'pause' || before.state === 'disconnected') return;
      expect(decision.next).toBe('paused');
    });
  });

  test('a timer is set exactly when backing off begins, and dropped when it ends', () => {
    forEveryLife((before, _, { decision }) => {
      const types = decision.effects.map(({ type }) => type);
      const begins = before.state !== 'backing_off' && decision.next === 'backing_off';
      const ends = before.state === 'backing_off' && decision.next !== 'backing_off';
      expect(types.includes('set_timer')).toBe(begins);
      expect(types.includes('clear_timer')).toBe(ends);
    });
  });

  test('what is desired agrees with the state: nothing is left paused that should run', () => {
    let desired = 'run';
    forEveryLife((before, _, { decision }) => {
      if (before === BIRTH) desired = 'run';
      for (const effect of decision.effects) {
        if (effect.type === 'write_desired') desired = effect.desired;
      }
      if (decision.next === 'syncing' || decision.next === 'idle') expect(desired).toBe('run');
      if (decision.next === 'paused') expect(desired).toBe('pause');
      if (decision.next === 'disconnected') expect(desired).toBe('cancel');
    });
  });
});
