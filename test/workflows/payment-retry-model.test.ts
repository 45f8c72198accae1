/**
 * The same random script through the engine in memory and through the live workflow gives the same story. Weeks pass in seconds,
 * since the clock of these cases is simulated: a tick is what a timer is to a real one.
 */
import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowHandle } from '@temporalio/client';
import fc from 'fast-check';
import { isTerminal } from '../../domain/recovery/states';
import type { CaseStepName } from '../../domain/recovery/work';
import {
  attemptNow,
  cancel,
  caseNews,
  caseStatus,
  pause,
  resume,
  tick,
} from '../../workflows/contract';
import type { paymentRetry } from '../../workflows/payment-retry';
import { NOW_MS } from '../domain/recovery/events';
import {
  eventOfTurn,
  FACTS,
  LAST,
  Play,
  scripts,
  type Script,
  type Wish,
} from '../domain/recovery/play';
import { deferred } from './fakes';
import { CACHES, eventually, Harness } from './harness';

const RUNS = 12;
const MOST_BEATS = 12;
const UPDATES = { pause, resume, cancel, attempt_now: attemptNow };

describe.each(CACHES)('a case played live, $cache', ({ maxCachedWorkflows }) => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await Harness.start({ maxCachedWorkflows });
  });
  afterEach(() => harness.end());
  afterAll(() => harness.stop());

  /** Plays beat by beat, each one once the case has come to rest where the model says. */
  async function live(script: Script) {
    const model = new Play(script);
    const fakes = harness.cases();
    let nowMs = NOW_MS;
    fakes.now = () => nowMs;
    fakes.facts = FACTS;
    const started = deferred<WorkflowHandle<typeof paymentRetry>>();
    const ask = async (wish: Wish) =>
      (await started.promise).executeUpdate(UPDATES[wish], { args: [{}] });
    for (const step of ['plan', 'check', 'charge', 'lookup'] as const satisfies CaseStepName[]) {
      const turns = [...script.turns[step]];
      fakes.byDefault[step] = async () => {
        const { says, ...turn } = turns.shift() ?? LAST[step];
        for (const wish of turn.meanwhile) await ask(wish);
        if (says === null) throw ApplicationFailure.nonRetryable('It broke.', 'internal');
        return eventOfTurn({ ...turn, says }, nowMs);
      };
    }
    const atRest = () =>
      eventually(() => fakes.transitions.size >= model.journal.length && !fakes.atWork);
    model.settle();
    const handle = await harness.startCase();
    started.resolve(handle);
    await atRest();
    for (const beat of script.beats) {
      if (isTerminal(model.memory.state)) break;
      model.beat(beat);
      if (beat.kind === 'pass') {
        nowMs += beat.byMs;
        await handle.signal(tick, { nowMs });
      } else if (beat.kind === 'news') await handle.signal(caseNews, { what: 'settled' });
      else await ask(beat.wish);
      await atRest();
    }
    const status = await handle.query(caseStatus);
    return { model, status, journal: [...fakes.transitions.values()], steps: fakes.steps };
  }

  test('state, story and attempts agree with the engine in memory', async () => {
    await fc.assert(
      fc.asyncProperty(scripts(MOST_BEATS), async (script) => {
        const { model, status, journal, steps } = await live(script);
        expect(journal).toEqual(model.journal);
        expect(status).toMatchObject({
          state: model.memory.state,
          attempts: model.memory.attempts,
          attention: model.memory.attention,
          transitions: model.memory.transitions,
        });
        const money = (names: readonly string[]) =>
          names.filter((name) => /^(charge|lookup)/.test(name));
        expect(money(steps).length).toBe(
          model.steps.filter(({ step }) => step === 'charge' || step === 'lookup').length,
        );
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  });
});
