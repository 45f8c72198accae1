/**
 * The same random script through the engine in memory and through the live workflow gives the same state, story and ledger. The live
 * one has a real clock and durable timers, and a server that skips the time until they fire.
 */
import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import fc from 'fast-check';
import { RECOVERY_POLICY, type RecoveryPolicy } from '../../domain/recovery/policy';
import { isTerminal } from '../../domain/recovery/states';
import type { CaseStepName } from '../../domain/recovery/work';
import { attemptNow, cancel, caseNews, caseStatus, pause, resume } from '../../workflows/contract';
import type { paymentRetry } from '../../workflows/payment-retry';
import {
  eventOfTurn,
  FACTS,
  LAST,
  Play,
  scripts,
  WINDOW_MS,
  type LedgerLine,
  type Script,
  type Wish,
} from '../domain/recovery/play';
import { startTimeSkipping } from '../support/time-skipping';
import { succeeded, type CaseFakes } from './case-fakes';
import { deferred } from './fakes';
import { CACHES, eventually, Harness } from './harness';

const RUNS = 20;
/** On a busy machine there are fewer runs rather than a late end. */
const RUNS_LIMIT_MS = 40_000;
const MOST_BEATS = 12;
/** Of lives that are longer there is no end, where the whole history is replayed on every task. */
const MOST_MOVES = 30;
const UPDATES = { pause, resume, cancel, attempt_now: attemptNow };

/**
 * The server's clock runs on while something is at work. Everything waits for multiples of this, which no test lasts, so that the two
 * agree about what comes first; and the window ends between two of them, so that nothing falls together with its end.
 */
const GRAIN_MS = 600_000;
const coarse = (ms: number) => Math.ceil(ms / GRAIN_MS) * GRAIN_MS;
const POLICY: RecoveryPolicy = {
  ...RECOVERY_POLICY,
  lookupDelaysMs: RECOVERY_POLICY.lookupDelaysMs.map(coarse),
  backoffFirstMs: coarse(RECOVERY_POLICY.backoffFirstMs),
};

function lengthOf(script: Script): number {
  const model = new Play(script, { ...FACTS, clock: 'real' }, POLICY);
  model.settle();
  for (const beat of script.beats) model.beat(beat);
  return model.journal.length;
}

let environment: TestWorkflowEnvironment;
beforeAll(async () => {
  environment = await startTimeSkipping();
});
afterAll(() => environment.teardown());

describe.each(CACHES)('a case played live, $cache', ({ maxCachedWorkflows }) => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await Harness.start({ maxCachedWorkflows, address: environment.address });
  });
  afterEach(() => harness.end());
  afterAll(() => harness.stop());

  /** Plays beat by beat, each one once the case has come to rest where the model says. */
  async function live(script: Script) {
    fc.pre(lengthOf(script) <= MOST_MOVES);
    let nowMs = await environment.currentTimeMs();
    const startMs = nowMs;
    const windowEndsAtMs = startMs + WINDOW_MS + GRAIN_MS / 2;
    const facts = { ...FACTS, clock: 'real', nowMs, windowEndsAtMs } as const;
    const model = new Play(script, facts, POLICY);
    const fakes = harness.cases();
    fakes.now = () => nowMs;
    fakes.facts = facts;
    const ledger: LedgerLine[] = [];
    const started = deferred<WorkflowHandle<typeof paymentRetry>>();
    const ask = async (wish: Wish) =>
      (await started.promise).executeUpdate(UPDATES[wish], { args: [{}] });
    for (const step of ['plan', 'check', 'charge', 'lookup'] as const satisfies CaseStepName[]) {
      const turns = [...script.turns[step]];
      fakes.byDefault[step] = async () => {
        const { says, ...turn } = turns.shift() ?? LAST[step];
        const number = Number(fakes.steps.at(-1)?.split(' ')[1]);
        nowMs = await environment.currentTimeMs();
        if (step === 'charge' || step === 'lookup') {
          ledger.push({ step, number, atMs: nowMs, says });
        }
        for (const wish of turn.meanwhile) await ask(wish);
        if (says === null) throw ApplicationFailure.nonRetryable('It broke.', 'internal');
        return eventOfTurn({ ...turn, says }, nowMs);
      };
    }
    const atRest = () =>
      eventually(() => fakes.transitions.size >= model.journal.length && !fakes.atWork);
    model.settle();
    const handle = await harness.startCase({ policy: POLICY });
    started.resolve(handle);
    await atRest();
    for (const beat of script.beats) {
      if (isTerminal(model.memory.state)) break;
      model.beat(beat);
      if (beat.kind === 'pass') await environment.sleep(beat.byMs);
      else if (beat.kind === 'news') await handle.signal(caseNews, { what: 'settled' });
      else await ask(beat.wish);
      await atRest();
    }
    const status = await handle.query(caseStatus);
    const journal = [...fakes.transitions.values()];
    await end(handle, fakes);
    /** In whole grains from the start. */
    const dated = <T extends { readonly atMs: number }>({ atMs, ...line }: T) => ({
      ...line,
      at: Math.floor((atMs - startMs) / GRAIN_MS),
    });
    return {
      status,
      played: { journal: journal.map(dated), ledger: ledger.map(dated) },
      model: { journal: model.journal.map(dated), ledger: model.ledger.map(dated) },
      memory: model.memory,
    };
  }

  /**
   * Time passes for every case of the server, so that none is left behind; and one that is terminated while a task of it is under way
   * holds the server's time for ever, so that each comes to its own end.
   */
  async function end(handle: WorkflowHandle<typeof paymentRetry>, fakes: CaseFakes) {
    fakes.byDefault = { plan: succeeded, check: succeeded, charge: succeeded, lookup: succeeded };
    if (isTerminal((await handle.query(caseStatus)).state)) return;
    await handle.signal(caseNews, { what: 'settled' });
    await environment.sleep(POLICY.backoffMaxMs);
    await handle.result();
  }

  test('state, story and ledger agree with the engine in memory', async () => {
    await fc.assert(
      fc.asyncProperty(scripts(MOST_BEATS, GRAIN_MS), async (script) => {
        const { status, played, model, memory } = await live(script);
        expect(played).toEqual(model);
        const { state, attempts, attention, transitions } = memory;
        expect(status).toMatchObject({ state, attempts, attention, transitions });
      }),
      { numRuns: RUNS, interruptAfterTimeLimit: RUNS_LIMIT_MS, endOnFailure: true },
    );
  });
});
