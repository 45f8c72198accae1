/**
 * The life of one billing account, until it is disconnected. Thin: updates, timers and finished steps become events, the table
 * in domain/account decides, and `apply` is the one place that performs, records and shows. Errors are states: after its
 * start nothing but an end that somebody asked for ends this workflow.
 */
import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  continueAsNew,
  log,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { decide, failureEvent } from '../domain/account/decide';
import type { AccountEvent, Effect } from '../domain/account/decide';
import type { AccountState } from '../domain/account/transitions';
import { sentences } from '../domain/words';
import { newSync, recall, upgradeState } from './carried';
import type { Memory } from './carried';
import { accountChanged, disconnect, pause, requestSync, resume, status } from './contract';
import type { AccountInput, AccountStatus, UpdateAnswer } from './contract';
import { display } from './details';
import { stepFailure } from './failure';
import { checkAccountInput, checkChange, checkUpdate } from './input';
import type { CheckedAccountInput } from './input';
import { step } from './options';
import { runPlan } from './plan';
import type { PlanEnd } from './plan';

const NEXT: Record<AccountState, string> = {
  idle: 'nothing to do; `requestSync` starts a sync. What is parked is tried again by the next one.',
  syncing: 'nothing to do; `pause` stops it and keeps its position.',
  backing_off: 'nothing to do; `resume` tries at once.',
  paused: '`resume` goes on where it stopped.',
  blocked: 'mend the cause above, then `resume`.',
  disconnected: 'nothing; the data stay.',
};

export async function account(given: AccountInput): Promise<AccountStatus> {
  const input = checkAccountInput(given);
  const entity = new Entity(input);
  entity.listen();
  CancellationScope.current().cancelRequested.catch(() => entity.apply({ type: 'canceled' }));
  await CancellationScope.nonCancellable(() => entity.live());
  if (entity.ending === 'canceled') throw new CancelledFailure('Cancelled; the account is paused.');
  if (entity.ending === 'disconnected') return entity.status();
  return continueAsNew<typeof account>({ ...given, carried: entity.carry() });
}

class Entity {
  ending: 'disconnected' | 'canceled' | null = null;
  private memory: Memory | null;
  /** Events are applied one after the other. */
  private turn: Promise<unknown> = Promise.resolve();
  private waiting = 0;
  /** A sync has ended in this history: it is the next one's turn. */
  private synced = false;
  private resumes = 0;
  private readonly display = display();

  constructor(private readonly input: CheckedAccountInput) {
    this.memory = input.carried === undefined ? null : upgradeState(input.carried);
  }

  carry(): Memory {
    return this.known();
  }

  status(): AccountStatus {
    const { memory } = this;
    return {
      account: this.input.account,
      state: memory?.state ?? 'starting',
      because: memory?.because ?? 'The workflow has just started.',
      attention: memory?.attention ?? false,
      run: memory?.position?.run ?? null,
      nextActionAt: isoOf(memory?.nextActionAtMs ?? null),
      transitions: memory?.transitions ?? 0,
    };
  }

  listen(): void {
    const on = (event: AccountEvent): Promise<UpdateAnswer> => this.apply(event);
    const because = (args: { reason?: string } | undefined) =>
      args?.reason === undefined ? {} : { reason: args.reason };
    setHandler(requestSync, (args) => on({ type: 'sync_requested', ...because(args) }), {
      validator: checkUpdate,
      description: 'Sync now; while a sync runs, that one serves. {"reason":"…"}',
    });
    setHandler(pause, (args) => on({ type: 'pause', ...because(args) }), {
      validator: checkUpdate,
      description: 'Stop all runs of the account after the request at hand. {"reason":"…"}',
    });
    setHandler(resume, (args) => on({ type: 'resume', ...because(args) }), {
      validator: checkUpdate,
      description: 'Go on where it stopped; also the way out of blocked. {"reason":"…"}',
    });
    setHandler(disconnect, (args) => on({ type: 'disconnect', ...because(args) }), {
      validator: checkUpdate,
      description: 'End the account’s life in Recoup; its data stay. {"reason":"…"}',
    });
    setHandler(accountChanged, (args) => on({ type: `${args.what}_changed`, ...because(args) }), {
      validator: checkChange,
      description: 'Say that credentials or configuration are new. {"what":"credentials"}',
    });
    setHandler(status, () => this.status(), { description: 'State, why, and what comes next.' });
  }

  /** Returns when the workflow is to end (`ending`) or to continue as new; no handler is at work then. */
  async live(): Promise<void> {
    if (this.memory === null) await this.start();
    this.show();
    for (;;) {
      await condition(() => this.waiting === 0);
      if (this.ending !== null || this.longEnough()) {
        await condition(allHandlersFinished);
        if (this.waiting > 0) continue;
        break;
      }
      await this.liveOn(this.known());
    }
    await this.endRun();
  }

  private async start(): Promise<void> {
    const { account } = this.input;
    try {
      const facts = await step('readAccount', { account }, 'read the account');
      this.memory = recall(facts, workflowInfo().workflowId);
    } catch (thrown) {
      const { code, message, remedy } = stepFailure(thrown);
      throw ApplicationFailure.nonRetryable(sentences(message, remedy), code);
    }
    if (this.memory.state === 'disconnected') this.ending = 'disconnected';
  }

  private async liveOn(memory: Memory): Promise<void> {
    const changed = (): boolean =>
      this.waiting > 0 || this.ending !== null || workflowInfo().continueAsNewSuggested;
    if (memory.state === 'syncing') {
      await this.sync(memory);
    } else if (memory.state === 'backing_off' && memory.nextActionAtMs !== null) {
      const leftMs = memory.nextActionAtMs - Date.now();
      const summary = 'until the next try';
      if (leftMs <= 0 || !(await condition(changed, leftMs, { summary }))) {
        await this.apply({ type: 'timer_fired' });
      }
    } else {
      await condition(changed);
    }
  }

  private async sync({ position }: Memory): Promise<void> {
    const resumesBefore = this.resumes;
    if (position === null) throw new Error('Syncing without a sync at hand.');
    const end = await runPlan({
      position,
      moved: (moved) => {
        this.change({ position: moved });
        this.show();
      },
      walked: ({ progress }) => {
        this.change({ progress });
        this.show();
      },
      interrupt: () => this.known().state !== 'syncing' || this.longEnough(),
    });
    if (end.how === 'finished') {
      const { result, metrics, warehouse } = end;
      this.change({ last: { result, metrics, warehouse } });
    }
    const event = eventOf(end);
    if (event !== null) await this.apply(event, this.resumes > resumesBefore);
  }

  /** The one place where the account changes. Never throws. */
  apply(event: AccountEvent, resumedSince = false): Promise<UpdateAnswer> {
    this.waiting += 1;
    // Whoever asked may be cancelled; what was begun is finished.
    const turn = this.turn.then(() =>
      CancellationScope.nonCancellable(() => this.applyNow(event, resumedSince)),
    );
    this.turn = turn.finally(() => {
      this.waiting -= 1;
    });
    return turn;
  }

  private async applyNow(event: AccountEvent, resumedSince: boolean): Promise<UpdateAnswer> {
    await condition(() => this.memory !== null);
    const { state: from, because, transitions, failures, position } = this.known();
    const nowMs = Date.now();
    const decision = decide(from, event, {
      nowMs,
      policy: this.input.policy,
      failures,
      workLeft: position !== null,
      resumedSince,
    });
    this.change({
      state: decision.next,
      because: decision.next === from ? because : decision.because,
      transitions: transitions + 1,
    });
    for (const effect of decision.effects) await this.perform(effect, nowMs);
    this.show();
    const { account, attention } = this.known();
    await this.must(() =>
      step(
        'recordTransition',
        {
          account,
          sequence: transitions + 1,
          from,
          event: event.type,
          to: decision.next,
          because: decision.because,
          attention,
          at: new Date(nowMs).toISOString(),
        },
        `${from} → ${decision.next} (${event.type})`,
      ),
    );
    return { state: decision.next, because: decision.because };
  }

  private async perform(effect: Effect, nowMs: number): Promise<void> {
    const { account, position, transitions } = this.known();
    switch (effect.type) {
      case 'run_plan':
        this.change({
          position: position ?? newSync(account, workflowInfo().workflowId, transitions),
          progress: position === null ? [] : this.known().progress,
        });
        return;
      case 'end_sync':
        this.synced = true;
        this.change({ position: null });
        return;
      case 'write_desired': {
        const { desired } = effect;
        if (desired === 'run') this.resumes += 1;
        await this.must(() =>
          step('setDesired', { account, run: null, desired }, `want the account to ${desired}`),
        );
        return;
      }
      case 'remember_failures':
        this.change({ failures: effect.failures });
        return;
      case 'set_timer':
        this.change({ nextActionAtMs: nowMs + effect.delayMs });
        return;
      case 'clear_timer':
        this.change({ nextActionAtMs: null });
        return;
      case 'set_attention':
        this.change({ attention: effect.attention });
        return;
      case 'end':
        this.ending = effect.as;
    }
  }

  /** The run of a disconnected account is over; its last walk has returned by now. */
  private async endRun(): Promise<void> {
    const { position } = this.known();
    const run = position?.run;
    if (this.ending !== 'disconnected' || !run || position.result !== null) return;
    const because = 'The account was disconnected.';
    await this.must(() =>
      step('closeRun', { run, ended: 'canceled', because }, `close run ${run}`),
    );
    this.change({ position: null });
  }

  /** A write that fails for good (its row is gone, say) is an attention flag, not the death of the entity. */
  private async must(write: () => Promise<unknown>): Promise<void> {
    try {
      await write();
    } catch (thrown) {
      const { message, remedy } = stepFailure(thrown);
      log.error('a write of the account failed for good', { account: this.input.account, message });
      this.change({ attention: true, because: sentences(this.known().because, message, remedy) });
      this.show();
    }
  }

  private longEnough(): boolean {
    return this.synced || workflowInfo().continueAsNewSuggested;
  }

  private known(): Memory {
    if (this.memory === null) throw new Error('The account has not been read yet.');
    return this.memory;
  }

  private change(change: Partial<Memory>): void {
    this.memory = { ...this.known(), ...change };
  }

  private show(): void {
    const { account, provider, state, because, attention, nextActionAtMs, ...rest } = this.known();
    const nextActionAt = nextActionAtMs === null ? null : new Date(nextActionAtMs);
    const waits = nextActionAt === null ? '' : ` Next try at ${nextActionAt.toISOString()}.`;
    this.display({
      account,
      provider,
      attention,
      nextActionAt,
      title: `${provider} account ${account}`,
      state,
      because: because + waits,
      next: NEXT[state],
      run: rest.position?.run ?? null,
      progress: rest.progress,
      last: rest.last?.result ?? null,
    });
  }
}

const isoOf = (atMs: number | null): string | null =>
  atMs === null ? null : new Date(atMs).toISOString();

/** Null when the plan ended only because somebody else's event asked for it. */
function eventOf(end: PlanEnd): AccountEvent | null {
  switch (end.how) {
    case 'finished': {
      const type = end.result.state === 'partial' ? 'run_partial' : 'run_done';
      return { type, reason: end.result.summary };
    }
    case 'stopped':
      return { type: 'run_stopped' };
    case 'failed':
      return failureEvent(end.failure, end.progressed);
    case 'interrupted':
      return null;
  }
}
