/** What holds in every life of a case, and what a new runner makes of a row. */
import fc from 'fast-check';
import type { CaseEvent } from '../../../domain/recovery/decide';
import {
  answer,
  failureOf,
  happen,
  hear,
  nextActionAtMs,
  recorded,
  recordOf,
  takeUp,
  taskOf,
} from '../../../domain/recovery/engine';
import { upgradeMemory } from '../../../domain/recovery/memory';
import { RECOVERY_POLICY as policy } from '../../../domain/recovery/policy';
import { isTerminal } from '../../../domain/recovery/states';
import type { CaseEventType, CaseState } from '../../../domain/recovery/states';
import { eventOf, NOW_MS } from './events';
import { FACTS, Play, scripts, WINDOW_MS } from './play';

const MOMENT = { nowMs: NOW_MS, policy };
const IN_FLIGHT: readonly CaseState[] = ['charging', 'unknown', 'pending_settlement'];
const PROOF: readonly CaseEventType[] = [
  'succeeded',
  'declined',
  'authentication_required',
  'pending',
  'absent',
  'returned',
  'lookups_ended',
];
const MOST_BEATS = 40;

function forEveryLife(check: (play: Play) => void): void {
  fc.assert(
    fc.property(scripts(MOST_BEATS), (script) => {
      const play = new Play(script);
      play.settle();
      for (const beat of script.beats) play.beat(beat);
      check(play);
    }),
    { numRuns: 1_000 },
  );
}

describe('in every life', () => {
  test('the story has no gap: numbers follow each other, and each line begins where the last one ended', () => {
    forEveryLife(({ journal, memory }) => {
      journal.forEach(({ sequence, from }, index) => {
        expect(sequence).toBe(FACTS.transitions + 1 + index);
        expect(from).toBe(journal[index - 1]?.to ?? FACTS.state);
      });
      expect(memory.transitions).toBe(FACTS.transitions + journal.length);
      expect(memory.state).toBe(journal.at(-1)?.to ?? FACTS.state);
    });
  });

  test('an attempt begins only when none is open, after a check of this very moment, and with the next number', () => {
    forEveryLife(({ steps }) => {
      let attempts = 0;
      for (const { step, before } of steps) {
        if (step !== 'charge') continue;
        expect(before.state).toBe('charging');
        expect(before.open).toBe(before.attempts + 1);
        expect(before.attempts).toBeGreaterThanOrEqual(attempts);
        attempts = before.attempts;
      }
    });
  });

  test('no attempt begins while people want none, and none follows what stops a case for good', () => {
    forEveryLife(({ steps, journal }) => {
      for (const { step, before } of steps) {
        if (step === 'charge') expect([before.desired, before.remembered]).toEqual(['run', []]);
        expect(isTerminal(before.state)).toBe(false);
      }
      const end = journal.findIndex(({ to }) => isTerminal(to));
      if (end === -1) return;
      for (const line of journal.slice(end + 1)) expect(line.to).toBe(line.from);
    });
  });

  test('an unknown outcome is left only by what proves it, or for a person', () => {
    forEveryLife(({ journal }) => {
      for (const { from, event, to } of journal) {
        if (from === 'unknown' && to !== 'unknown') expect(PROOF).toContain(event);
      }
    });
  });

  test('an attempt is open exactly while its outcome is not known', () => {
    forEveryLife(({ memory }) => {
      if (IN_FLIGHT.includes(memory.state)) expect(memory.open).not.toBeNull();
      else if (memory.state !== 'needs_human') expect(memory.open).toBeNull();
      if (memory.open === null) expect(memory.remembered).toEqual([]);
    });
  });

  test('whoever waits for something that comes by itself says when, and that is later', () => {
    forEveryLife(({ memory, nowMs }) => {
      const atMs = nextActionAtMs(memory, { nowMs, policy });
      // A look that news have asked for, and that failed, is tried again by itself.
      const isLooking = memory.state === 'needs_human' && memory.hasNews;
      const waitsForPeople = memory.state === 'needs_human' || isTerminal(memory.state);
      if (waitsForPeople && !isLooking) expect(atMs).toBeNull();
      else expect(atMs).toBeGreaterThan(nowMs);
    });
  });

  test('a case comes to an end by itself, or waits for a person', () => {
    fc.assert(
      fc.property(scripts(3), (script) => {
        const play = new Play(script);
        play.settle();
        // Steps do not die for ever, and nobody leaves a case paused: what is left is time.
        const days = (2 * WINDOW_MS) / 3_600_000 / 6;
        for (let day = 0; day < days; day += 1) play.beat({ kind: 'pass', byMs: 6 * 3_600_000 });
        expect(isTerminal(play.memory.state) || play.memory.state === 'needs_human').toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

describe('taking a case up from its row', () => {
  const open = (state: 'intended' | 'unknown' | 'pending') => ({ number: 2, state });

  test.each([
    ['charging', open('intended'), 'unknown', 2],
    ['charging', open('pending'), 'pending_settlement', 2],
    ['charging', null, 'unknown', 3],
    ['unknown', null, 'unknown', 3],
    ['unknown', open('unknown'), 'unknown', 2],
    ['precheck', open('intended'), 'unknown', 2],
    ['planning', open('pending'), 'pending_settlement', 2],
    ['pending_settlement', null, 'pending_settlement', 2],
    ['needs_human', open('unknown'), 'needs_human', 2],
    ['needs_human', null, 'needs_human', null],
    ['scheduled', null, 'scheduled', null],
  ] as const)(
    '%s with %j in the ledger goes on as %s of attempt %j',
    (state, openAttempt, next, number) => {
      const memory = takeUp({ ...FACTS, state, openAttempt, attempts: 2 }, policy);
      expect([memory.state, memory.open]).toEqual([next, number]);
      expect(taskOf(memory, MOMENT)).not.toEqual({ do: 'step', step: 'charge' });
    },
  );

  test('what was wanted meanwhile counts, at once or after the attempt', () => {
    const paused = takeUp({ ...FACTS, state: 'scheduled', desired: 'pause' }, policy);
    expect(paused.state).toBe('paused');
    const flying = takeUp(
      {
        ...FACTS,
        state: 'unknown',
        attempts: 1,
        openAttempt: { number: 1, state: 'unknown' },
        desired: 'cancel',
      },
      policy,
    );
    expect([flying.state, flying.remembered.map(({ type }) => type)]).toEqual([
      'unknown',
      ['cancel'],
    ]);
    expect(takeUp({ ...FACTS, state: 'paused', desired: 'pause' }, policy).unrecorded).toEqual([]);
  });

  test('a case that has ended is left as it is', () => {
    const memory = takeUp({ ...FACTS, state: 'recovered_by_us', desired: 'cancel' }, policy);
    expect([memory.state, memory.unrecorded]).toEqual(['recovered_by_us', []]);
    expect(taskOf(memory, MOMENT)).toEqual({ do: 'end' });
  });
});

describe('after the outcome', () => {
  const charging = happen(
    happen(takeUp({ ...FACTS, state: 'precheck' }, policy), eventOf('clear'), MOMENT),
    eventOf('card_updated'),
    MOMENT,
  );
  const outcome = (events: readonly CaseEventType[], event: CaseEvent) =>
    answer(
      events.reduce((known, type) => happen(known, eventOf(type), MOMENT), charging),
      { step: 'charge', event, begunIn: 'charging', attempt: 1 },
      MOMENT,
    );

  test.each([
    [['cancel'], 'canceled'],
    [['pause'], 'paused'],
    [['pause', 'resume'], 'planning'],
    [['pause', 'paid_elsewhere'], 'recovered_elsewhere'],
    [['disputed', 'pause'], 'hard_stopped'],
    [['window_ended'], 'exhausted'],
    [['cancel', 'resume'], 'canceled'],
    [[], 'planning'],
  ] as const)('of a declined attempt %j leads to %s', (events, state) => {
    const memory = outcome(events, eventOf('declined'));
    expect(memory.state).toBe(state);
    expect(memory).toMatchObject({ attempts: 1, open: null, remembered: [] });
  });

  test('money counts whatever was asked for, and what was asked for is not applied any more', () => {
    const memory = outcome(['cancel', 'paid_elsewhere'], eventOf('succeeded'));
    expect(memory).toMatchObject({ state: 'recovered_by_us', attention: true, remembered: [] });
    expect(memory.because).toContain('paid twice');
    expect(memory.recovery).toMatchObject({ by: 'us', recoveredMinor: '4200' });
  });

  test('what was remembered waits on while the outcome is unknown', () => {
    const memory = outcome(['cancel'], eventOf('outcome_unknown'));
    expect([memory.state, memory.remembered.length]).toEqual(['unknown', 1]);
    expect(happen(memory, eventOf('absent'), MOMENT).state).toBe('canceled');
  });

  test('a cancel is for good, whoever resumes or pauses it before the outcome is known', () => {
    for (const then of ['resume', 'pause', 'attempt_now'] as const) {
      const memory = outcome(['cancel', then], eventOf('outcome_unknown'));
      // Whoever takes it up from its row has nothing else to remember it by.
      expect(memory.desired).toBe('cancel');
    }
  });

  test('a refused claim leaves no number behind', () => {
    const given = {
      step: 'charge',
      event: eventOf('pause'),
      begunIn: 'charging',
      attempt: null,
    } as const;
    expect(answer(charging, given, MOMENT)).toMatchObject({
      state: 'paused',
      attempts: 0,
      open: null,
    });
  });

  test('an answer that says nothing of the attempt makes it unknown, never a second charge', () => {
    for (const type of ['clear', 'card_updated', 'lookups_ended', 'resume'] as const) {
      expect(outcome([], eventOf(type)).state).toBe('unknown');
    }
  });

  test('a payment step that throws leaves its outcome unknown, any other one is tried again', () => {
    const failure = { because: 'The worker died.', retryAfterMs: null };
    expect(failureOf('charge', failure).type).toBe('outcome_unknown');
    for (const step of ['plan', 'check', 'lookup'] as const) {
      expect(failureOf(step, failure).type).toBe('step_failed');
    }
  });

  test('money that is taken back is counted as a whole, however often it is told', () => {
    const won = outcome([], eventOf('succeeded'));
    const back = happen(happen(won, eventOf('reversed'), MOMENT), eventOf('reversed'), MOMENT);
    expect(back.state).toBe('reversed');
    expect(back.recovery).toMatchObject({ recoveredMinor: '4200', reversedMinor: '4200' });
  });
});

describe('what is stored', () => {
  const memory = happen(takeUp(FACTS, policy), eventOf('pause'), MOMENT);

  test('is what has happened since the last time, once', () => {
    const record = recordOf(memory, MOMENT);
    expect(record?.transitions.map(({ sequence, to }) => [sequence, to])).toEqual([[3, 'paused']]);
    const later = happen(memory, eventOf('resume'), MOMENT);
    expect(recorded(later, record).unrecorded.map(({ event }) => event)).toEqual(['resume']);
    expect(recordOf(recorded(memory, record), MOMENT)).toBeNull();
  });

  test('says when the window ends, where nothing comes before', () => {
    expect(recordOf(memory, MOMENT)?.nextActionAtMs).toBe(FACTS.windowEndsAtMs);
  });
});

test('news are looked at before a wait is over, and by a lookup where an attempt is open', () => {
  const look = (state: CaseState, openNumber: number | null = null): unknown => {
    const openAttempt =
      openNumber === null ? null : { number: openNumber, state: 'unknown' as const };
    const nextActionAtMs = NOW_MS + 1_000;
    return taskOf(hear(takeUp({ ...FACTS, state, openAttempt, nextActionAtMs }, policy)), MOMENT);
  };
  expect(look('scheduled')).toEqual({ do: 'step', step: 'check' });
  expect(look('paused')).toEqual({ do: 'step', step: 'check' });
  expect(look('unknown', 1)).toEqual({ do: 'step', step: 'lookup' });
  expect(look('needs_human', 1)).toEqual({ do: 'step', step: 'lookup' });
  expect(look('needs_human')).toEqual({ do: 'step', step: 'check' });
});

test('a paused case is paused again once an old attempt that came to light is settled', () => {
  const paused = happen(takeUp(FACTS, policy), eventOf('pause'), MOMENT);
  const planned = { step: 'plan', event: eventOf('outcome_unknown'), begunIn: 'planning' } as const;
  const open = answer(paused, planned, MOMENT);
  expect(open.state).toBe('unknown');
  const found = { step: 'lookup', event: eventOf('declined'), begunIn: 'unknown' } as const;
  expect(answer(open, found, MOMENT).state).toBe('paused');
});

test('a payment that settles for too long is a person’s', () => {
  const openAttempt = { number: 1, state: 'pending' } as const;
  const memory = takeUp({ ...FACTS, state: 'pending_settlement', openAttempt }, policy);
  const late = { nowMs: NOW_MS + policy.settleWithinMs, policy };
  expect(taskOf(memory, late)).toEqual({ do: 'apply', event: { type: 'lookups_ended' } });
});

test('a memory of a version that nobody knows is not guessed at', () => {
  const memory = takeUp(FACTS, policy);
  expect(upgradeMemory(JSON.parse(JSON.stringify(memory)))).toEqual(memory);
  expect(() => upgradeMemory({ v: 2 })).toThrow('Carried state has version 2');
});
