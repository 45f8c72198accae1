/**
 * One window of an account, read again or for the first time, as an operator asked for it; or what was missing from a run that
 * has ended. It runs the same plan as a sync and does not talk to `account`: both share only rows.
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
import type {
  Desired,
  ResourceProgress,
  RunChange,
  RunResult,
  StepFailure,
} from '../activities/contract';
import { backoffDelayMs, budgetLeft, countFailure, NO_FAILURES } from '../domain/account/budget';
import type { Failures } from '../domain/account/budget';
import { ERRORS } from '../domain/errors';
import { sentences } from '../domain/words';
import {
  backfillRunKey,
  backfillStatus,
  cancel,
  pause,
  resume,
  retry,
  skip,
  type BackfillInput,
  type UpdateAnswer,
} from './contract';
import { asideIn, display } from './details';
import { stepFailure } from './failure';
import { checkBackfillInput, checkRetry, checkSkip, checkUpdate, invalidBackfill } from './input';
import type { CheckedBackfillInput } from './input';
import { Meter } from './meter';
import { step } from './options';
import { isPatched } from './patches';
import { runPlan } from './plan';
import type { PlanEnd, Position } from './plan';

type State = 'running' | 'paused' | 'backing_off' | 'blocked' | 'ended';

const SHOWN_AS = { run: 'running', pause: 'paused', cancel: null } as const;

const NEXT: Record<State, string> = {
  running: 'nothing to do; `pause` stops it and keeps its position, `cancel` ends it.',
  paused: '`resume` goes on where it stopped; `cancel` ends it.',
  backing_off: 'nothing to do; `resume` tries at once.',
  blocked:
    'mend the cause above (for credentials: `recoup accounts rotate-secret <account>`), then `resume`, or `cancel`.',
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
  readonly v: 2;
  readonly position: Position;
  readonly state: State;
  readonly because: string;
  readonly desired: Desired;
  readonly failures: Failures;
  readonly progress: readonly ResourceProgress[];
}

class Backfill {
  private state: State = 'running';
  private because = 'It was started.';
  private desired: Desired = 'run';
  private position: Position;
  private failures: Failures = NO_FAILURES;
  private nextActionAt: Date | null = null;
  private progress: readonly ResourceProgress[] = [];
  private result: RunResult | null = null;
  /** Wishes to be written, and those that are: one after the other, since of two under way the older might land last. */
  private wished = 0;
  private written = 0;
  private resumes = 0;
  private retries = 0;
  private readonly display = display();
  private meter = new Meter();

  constructor(private readonly input: CheckedBackfillInput) {
    const { account, from, to, resources, refetch, run } = input;
    const key = backfillRunKey(workflowInfo());
    const open = { account, kind: 'backfill', key, from, to, resources, refetch } as const;
    this.position = { open, run, result: null };
    if (input.carried !== undefined) {
      const { position, state, because, desired, failures, progress } = upgradeCarried(
        input.carried,
      );
      Object.assign(this, { position, state, because, desired, failures, progress });
    }
  }

  carry(): Carried {
    const { position, state, because, desired, failures, progress } = this;
    return { v: 2, position, state, because, desired, failures, progress };
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
    setHandler(retry, (args) => this.retry(args?.resource ?? null), {
      validator: checkRetry,
      description:
        'Take up again what is parked or skipped: one resource, or all. {"resource":"dispute"}',
    });
    setHandler(skip, ({ resource, always = false }) => this.skip({ resource, always }), {
      validator: checkSkip,
      description:
        'Leave a resource out of this run; with always, out of the account’s syncs too. {"resource":"dispute","always":false}',
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

  private async retry(resource: string | null): Promise<UpdateAnswer> {
    const { account } = this.input;
    const answer = await this.changeRun((run) =>
      step('retryResource', { account, run, resource }, `retry ${resource ?? 'what is parked'}`),
    );
    if (answer.changed) this.retries += 1;
    return { state: this.state, because: answer.because };
  }

  private async skip(asked: { resource: string; always: boolean }): Promise<UpdateAnswer> {
    const { account } = this.input;
    const { because } = await this.changeRun((run) =>
      step('skipResource', { account, run, ...asked }, `skip ${asked.resource}`),
    );
    return { state: this.state, because };
  }

  /** Never throws: a resource that nobody knows is an answer. */
  private async changeRun(change: (run: string) => Promise<RunChange>): Promise<RunChange> {
    const { run } = this.position;
    if (this.result !== null || this.desired === 'cancel') {
      return { changed: false, because: 'The backfill is ending already.' };
    }
    if (run === null) return { changed: false, because: 'Its run has not begun.' };
    try {
      return await change(run);
    } catch (thrown) {
      const { message, remedy } = stepFailure(thrown);
      return { changed: false, because: sentences(message, remedy) };
    }
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
    try {
      await this.learnProvider();
      if (this.input.carried === undefined) await this.reopen();
    } catch (thrown) {
      throw refusal(stepFailure(thrown));
    }
    this.show(this.state, this.because);
  }

  /** To open a run tells it, too: that is a step less before the first page. */
  private async learnProvider(): Promise<void> {
    const { account } = this.input;
    const { run, provider } = this.position;
    const isTold = isPatched('provider-from-open-run') && (run === null || provider !== undefined);
    if (isTold) return;
    const facts = await step('readAccount', { account }, 'read the account');
    this.position = { ...this.position, provider: facts.provider };
  }

  /** What was missing from a run that has ended, when that is what was asked for. */
  private async reopen(): Promise<void> {
    const { account, run, resources } = this.input;
    if (run === null) return;
    const changes: RunChange[] = [];
    for (const resource of resources ?? [null]) {
      const summary = `retry ${resource ?? 'what is parked'} in run ${run}`;
      changes.push(await step('retryResource', { account, run, resource }, summary));
    }
    if (!changes.some(({ changed }) => changed)) {
      throw invalidBackfill(`run: ${changes.map(({ because }) => because).join(' ')}`);
    }
  }

  private async run(): Promise<void> {
    const { resumes, retries } = this;
    this.show('running', this.because);
    this.meter = new Meter();
    const end = await runPlan({
      position: this.position,
      progress: this.progress,
      moved: (position) => {
        this.position = position;
        this.show(this.state, this.because);
      },
      walked: (progress) => {
        this.meter.read(progress, Date.now());
        this.progress = progress;
        this.show(this.state, this.because);
      },
      interrupt: () => this.desired !== 'run' || workflowInfo().continueAsNewSuggested,
    });
    // An answer that is under way may still have taken something up again.
    await condition(allHandlersFinished);
    await this.follow(end, {
      resumed: this.resumes > resumes,
      retried: this.retries > retries,
    });
  }

  private async follow(
    end: PlanEnd,
    since: { readonly resumed: boolean; readonly retried: boolean },
  ): Promise<void> {
    if (end.how === 'finished') {
      const goesOn = since.retried && end.result.state === 'partial';
      if (goesOn) this.position = { ...this.position, result: null };
      else this.result = end.result;
    } else if (end.how === 'stopped' && this.desired === 'run' && !since.resumed) {
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

  private next(state: State): string {
    const { account } = this.input;
    if (state !== 'ended' || this.result?.state !== 'partial') {
      return NEXT[state].replaceAll('<account>', account);
    }
    const input = JSON.stringify({ account, run: this.result.run });
    return `a new \`backfill\` with \`${input}\` tries again what is parked.`;
  }

  private show(state: State, because: string): void {
    this.state = state;
    this.because = because;
    const { account } = this.input;
    const { provider = null } = this.position;
    this.display({
      account,
      provider,
      attention: state === 'blocked',
      nextActionAt: this.nextActionAt,
      searchable: true,
      title: `Backfill of ${provider === null ? '' : `${provider} `}account ${account}`,
      state,
      because,
      next: this.next(state),
      notes: [],
      run: this.position.run,
      progress: this.progress,
      rates: this.meter.rates,
      last: this.result,
      aside: state === 'ended' ? [] : asideIn(this.progress),
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
  if (version === 2) return carried as Carried;
  if (version === 1) {
    const older = carried as Omit<Carried, 'failures' | 'progress'>;
    return { ...older, v: 2, failures: NO_FAILURES, progress: [] };
  }
  throw new Error(`Carried state has version ${String(version)}; this worker knows 1 and 2.`);
}
