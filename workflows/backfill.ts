/**
 * One window of an account, read again or for the first time, as an operator asked for it. It runs the same plan as a sync
 * and does not talk to `account`: both share only rows.
 */
import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  continueAsNew,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { Desired, ResourceProgress, RunResult, StepFailure } from '../activities/contract';
import { backoffDelayMs, budgetLeft, countFailure, NO_FAILURES } from '../domain/account/budget';
import { ERRORS } from '../domain/errors';
import { sentences } from '../domain/words';
import {
  backfillRunKey,
  backfillStatus,
  cancel,
  pause,
  resume,
  type BackfillInput,
  type UpdateAnswer,
} from './contract';
import { display } from './details';
import { stepFailure } from './failure';
import { checkBackfillInput, checkUpdate, invalidBackfill } from './input';
import type { CheckedBackfillInput } from './input';
import { step } from './options';
import { runPlan } from './plan';
import type { PlanEnd, Position } from './plan';

type State = 'running' | 'paused' | 'backing_off' | 'blocked' | 'ended';

const SHOWN_AS = { run: 'running', pause: 'paused', cancel: null } as const;

const NEXT: Record<State, string> = {
  running: 'nothing to do; `pause` stops it and keeps its position, `cancel` ends it.',
  paused: '`resume` goes on where it stopped; `cancel` ends it.',
  backing_off: 'nothing to do; `resume` tries at once.',
  blocked: 'mend the cause above, then `resume`, or `cancel`.',
  ended: 'nothing.',
};

/** Errors: ApplicationFailure `invalid_input`, `unknown_account`. */
export async function backfill(given: BackfillInput): Promise<RunResult> {
  const input = checkBackfillInput(given);
  const job = new Backfill(input);
  job.listen();
  const scope = CancellationScope.current();
  scope.cancelRequested.catch(() => job.want('cancel', 'The workflow was cancelled.'));
  const result = await CancellationScope.nonCancellable(() => job.live());
  if (result === null) return continueAsNew<typeof backfill>({ ...given, carried: job.carry() });
  // A run that was complete before the cancel took hold is a result all the same.
  if (scope.consideredCancelled && result.state === 'canceled')
    throw new CancelledFailure(result.summary);
  return result;
}

interface Carried {
  readonly v: 1;
  readonly position: Position;
  readonly state: State;
  readonly because: string;
  readonly desired: Desired;
}

class Backfill {
  private state: State = 'running';
  private because = 'It was started.';
  private desired: Desired = 'run';
  private position: Position;
  private failures = NO_FAILURES;
  private nextActionAt: Date | null = null;
  private progress: readonly ResourceProgress[] = [];
  private result: RunResult | null = null;
  private provider = '';
  /** Wishes to be written, and those that are: one after the other, since of two under way the older might land last. */
  private wished = 0;
  private written = 0;
  private resumes = 0;
  private readonly display = display();

  constructor(private readonly input: CheckedBackfillInput) {
    const { account, from, to, resources, refetch } = input;
    const key = backfillRunKey(workflowInfo());
    const open = { account, kind: 'backfill', key, from, to, resources, refetch } as const;
    this.position = { open, run: null, result: null };
    if (input.carried !== undefined) {
      const { position, state, because, desired } = upgradeCarried(input.carried);
      Object.assign(this, { position, state, because, desired });
    }
  }

  carry(): Carried {
    const { position, state, because, desired } = this;
    return { v: 1, position, state, because, desired };
  }

  listen(): void {
    setHandler(pause, (args) => this.want('pause', args?.reason ?? 'Paused by a person.'), {
      validator: checkUpdate,
      description: 'Stop after the request at hand and keep the position. {"reason":"…"}',
    });
    setHandler(resume, (args) => this.want('run', args?.reason ?? 'Resumed by a person.'), {
      validator: checkUpdate,
      description: 'Go on where it stopped. {"reason":"…"}',
    });
    setHandler(cancel, (args) => this.want('cancel', args?.reason ?? 'Canceled by a person.'), {
      validator: checkUpdate,
      description: 'Stop for good; what was read stays. {"reason":"…"}',
    });
    setHandler(
      backfillStatus,
      () => ({
        account: this.input.account,
        state: this.state,
        because: this.because,
        attention: this.state === 'blocked',
        run: this.position.run,
        nextActionAt: this.nextActionAt?.toISOString() ?? null,
      }),
      { description: 'State, why, and what comes next.' },
    );
  }

  /** Writes what is wanted into the run's row, where every lane reads it at its next commit. */
  async want(desired: Desired, because: string): Promise<UpdateAnswer> {
    if (this.desired === 'cancel' || this.state === 'ended') {
      return { state: this.state, because: 'The backfill is ending already.' };
    }
    if (desired === this.desired && this.state === SHOWN_AS[desired]) {
      return { state: this.state, because: `The backfill is ${this.state} already.` };
    }
    this.desired = desired;
    if (desired === 'run') {
      this.resumes += 1;
      this.failures = NO_FAILURES;
    }
    this.show(desired === 'cancel' ? this.state : SHOWN_AS[desired], because);
    await this.writeDesired();
    return { state: desired === 'cancel' ? 'ending' : this.state, because };
  }

  private async writeDesired(): Promise<void> {
    const { run } = this.position;
    const { desired } = this;
    if (run === null) return;
    const before = this.wished;
    this.wished += 1;
    try {
      const { account } = this.input;
      await CancellationScope.nonCancellable(async () => {
        if (this.written < before) await condition(() => this.written === before);
        return step('setDesired', { account, run, desired }, `want run ${run} to ${desired}`);
      });
    } finally {
      this.written += 1;
    }
  }

  /** Null: continue as new. */
  async live(): Promise<RunResult | null> {
    await this.start();
    while (this.result === null) {
      await condition(() => this.written === this.wished);
      if (this.desired === 'cancel') this.result = await this.close();
      else if (this.desired === 'pause') await condition(() => this.desired !== 'pause');
      else if (workflowInfo().continueAsNewSuggested) break;
      else await this.run();
    }
    if (this.result !== null) this.show('ended', this.result.summary);
    await condition(allHandlersFinished);
    return this.result;
  }

  private async start(): Promise<void> {
    const { account } = this.input;
    try {
      this.provider = (await step('readAccount', { account }, 'read the account')).provider;
    } catch (thrown) {
      throw refusal(stepFailure(thrown));
    }
    this.show(this.state, this.because);
  }

  private async run(): Promise<void> {
    const resumesBefore = this.resumes;
    this.show('running', this.because);
    const end = await runPlan({
      position: this.position,
      moved: (position) => {
        this.position = position;
        this.show(this.state, this.because);
      },
      walked: ({ progress }) => {
        this.progress = progress;
        this.show(this.state, this.because);
      },
      interrupt: () => this.desired !== 'run' || workflowInfo().continueAsNewSuggested,
    });
    await this.follow(end, this.resumes > resumesBefore);
  }

  private async follow(end: PlanEnd, resumedSince: boolean): Promise<void> {
    if (end.how === 'finished') this.result = end.result;
    else if (end.how === 'stopped' && this.desired === 'run' && !resumedSince) {
      this.desired = 'pause';
      this.show('paused', 'Stopped from outside: the account is paused, or the run itself.');
    } else if (end.how === 'failed' && this.desired === 'run') {
      await this.fail(end.failure, end.progressed);
    }
  }

  private async fail(failure: StepFailure, progressed: boolean): Promise<void> {
    const { policy } = this.input;
    const { scope } = ERRORS[failure.code];
    if (scope === 'input') throw refusal(failure);
    const because = sentences(failure.message, failure.remedy);
    const nowMs = Date.now();
    this.failures = countFailure(this.failures, { progressed, nowMs });
    if (scope === 'account' || !budgetLeft(this.failures, policy, nowMs)) {
      this.desired = 'pause';
      this.show('blocked', because);
      return;
    }
    const delayMs = backoffDelayMs(this.failures, policy, failure.retryAfterMs);
    this.nextActionAt = new Date(nowMs + delayMs);
    this.show('backing_off', because);
    const { resumes } = this;
    const woken = (): boolean => this.desired !== 'run' || this.resumes > resumes;
    await condition(woken, delayMs, { summary: 'until the next try' });
    this.nextActionAt = null;
  }

  private async close(): Promise<RunResult> {
    const { run, result } = this.position;
    if (result !== null) return result;
    if (run === null) {
      const summary = 'Canceled before its run was opened.';
      return { run: '', state: 'canceled', objects: 0, changedRows: 0, parked: [], summary };
    }
    const because = this.because;
    return step('closeRun', { run, ended: 'canceled', because }, `close run ${run}`);
  }

  private show(state: State, because: string): void {
    this.state = state;
    this.because = because;
    const { account } = this.input;
    this.display({
      account,
      provider: this.provider,
      attention: state === 'blocked',
      nextActionAt: this.nextActionAt,
      title: `Backfill of ${this.provider} account ${account}`,
      state,
      because,
      next: NEXT[state],
      run: this.position.run,
      progress: this.progress,
      last: this.result,
    });
  }
}

/** An unknown account or resource: the operator's input is at fault, and says how it should look. */
function refusal(failure: StepFailure): ApplicationFailure {
  return failure.code === 'invalid_input'
    ? invalidBackfill(failure.message)
    : ApplicationFailure.nonRetryable(sentences(failure.message, failure.remedy), failure.code);
}

function upgradeCarried(carried: unknown): Carried {
  const version = (carried as { v?: unknown } | null)?.v;
  if (version === 1) return carried as Carried;
  throw new Error(`Carried state has version ${String(version)}; this worker knows 1.`);
}
