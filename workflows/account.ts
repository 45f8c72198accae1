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
import type { RunChange } from '../activities/contract';
import { decide, failureEvent, wishOf } from '../domain/account/decide';
import type { AccountEvent, Effect } from '../domain/account/decide';
import { TABLE } from '../domain/account/transitions';
import type { AccountState } from '../domain/account/transitions';
import { mergeWishes, serves } from '../domain/account/wish';
import { sentences } from '../domain/words';
import { newRun, recall, unfinishedAfter, upgradeState, withoutParked } from './carried';
import type { Memory } from './carried';
import {
  accountChanged,
  disconnect,
  pause,
  requestSync,
  resume,
  retry,
  skip,
  status,
  wake,
} from './contract';
import type { AccountInput, AccountStatus, UpdateAnswer } from './contract';
import { asideIn, display } from './details';
import { stepFailure } from './failure';
import {
  checkAccountInput,
  checkChange,
  checkRetry,
  checkSkip,
  checkUpdate,
  readWake,
} from './input';
import type { CheckedAccountInput } from './input';
import { Meter } from './meter';
import { step } from './options';
import { runPlan } from './plan';
import type { PlanEnd } from './plan';

const NEXT: Record<AccountState, string> = {
  idle: 'nothing to do; `requestSync` starts a sync.',
  syncing: 'nothing to do; `pause` stops it and keeps its position.',
  backing_off: 'nothing to do; `resume` tries at once.',
  paused: '`resume` goes on where it stopped.',
  blocked:
    'mend the cause above. For credentials, `recoup accounts rotate-secret <account>` takes a new key and goes on by itself; for anything else, `resume` once it is mended.',
  disconnected: 'nothing; the data stay.',
};
const NEXT_ASIDE = 'retry or skip what is left aside, see below; `requestSync` starts a sync.';

/** What has happened since a plan was set going, and makes its end mean something else. */
interface Meanwhile {
  readonly resumes: number;
  readonly retries: number;
}

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
  private meanwhile: Meanwhile = { resumes: 0, retries: 0 };
  /** Why the last signal was not understood: nobody waits for an answer to it. */
  private refused: string | null = null;
  private readonly display = display();
  private meter = new Meter();
  /** The sync at work takes more than one walk. */
  private lasting = false;

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
    setHandler(
      retry,
      ({ resource = null, ...args } = {}) =>
        on({ type: 'retry_requested', resource, ...because(args) }),
      {
        validator: checkRetry,
        description:
          'Take up again what is parked or skipped: one resource, or all. {"resource":"dispute"}',
      },
    );
    setHandler(
      skip,
      ({ resource, always = false, ...args }) =>
        on({ type: 'skip_requested', resource, always, ...because(args) }),
      {
        validator: checkSkip,
        description:
          'Leave a resource out of this run; with always, out of later syncs too. {"resource":"dispute","always":false}',
      },
    );
    setHandler(wake, (args) => this.heed(args), {
      description:
        'For machines: there is something to read. {"what":"sync"} or {"what":"changes"}',
    });
    setHandler(status, () => this.status(), { description: 'State, why, and what comes next.' });
  }

  /** A signal has no validator, and throwing here would stall the workflow: what is wrong is shown instead. */
  private async heed(given: unknown): Promise<void> {
    const { wish, refused } = readWake(given);
    this.refused = refused;
    if (wish === null) {
      log.warn('a wake was not understood', { account: this.input.account, refused });
      if (this.memory !== null) this.show();
      return;
    }
    const { what, to, reason } = wish;
    const type = what === 'sync' ? 'sync_requested' : 'changes_arrived';
    await this.apply({
      type,
      ...(to !== undefined && { to }),
      ...(reason !== undefined && { reason }),
    });
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

  private async sync({ position, progress }: Memory): Promise<void> {
    const { meanwhile } = this;
    if (position === null) throw new Error('Syncing without a run at hand.');
    if (position.open.kind === 'changes' && position.run === null) {
      const stopped = (): boolean => this.known().state !== 'syncing';
      const summary = 'gather changes';
      if (await condition(stopped, this.input.policy.gatherMs, { summary })) return;
    }
    this.meter = new Meter();
    this.lasting = false;
    const end = await runPlan({
      position,
      progress,
      moved: (moved) => {
        this.change({ position: moved });
        this.show();
      },
      walked: (walked, goesOn) => {
        this.lasting ||= goesOn;
        this.meter.read(walked, Date.now());
        this.change({ progress: walked });
        this.show();
      },
      interrupt: () => this.known().state !== 'syncing' || this.longEnough(),
    });
    if (end.how === 'finished') {
      const { result, metrics, warehouse } = end;
      const known = this.known();
      const unfinished = unfinishedAfter(known, known.position ?? position, result);
      this.change({ last: { result, metrics, warehouse }, unfinished });
    }
    const event = eventOf(end);
    if (event !== null) await this.apply(event, meanwhile);
  }

  private count(what: keyof Meanwhile): void {
    this.meanwhile = { ...this.meanwhile, [what]: this.meanwhile[what] + 1 };
  }

  /** The one place where the account changes. Never throws. */
  apply(event: AccountEvent, since = this.meanwhile): Promise<UpdateAnswer> {
    this.waiting += 1;
    // Whoever asked may be cancelled; what was begun is finished.
    const turn = this.turn.then(() =>
      CancellationScope.nonCancellable(() => this.applyNow(event, since)),
    );
    this.turn = turn.finally(() => {
      this.waiting -= 1;
    });
    return turn;
  }

  private async applyNow(given: AccountEvent, since: Meanwhile): Promise<UpdateAnswer> {
    await condition(() => this.memory !== null);
    const { changed, event } = await this.steer(given);
    const {
      state: from,
      because,
      transitions,
      failures,
      position,
      wish,
      unfinished,
    } = this.known();
    const nowMs = Date.now();
    const asked = wishOf(event);
    const decision = decide(from, event, {
      nowMs,
      policy: this.input.policy,
      failures,
      workLeft: position !== null || wish !== null,
      wishLeft: wish !== null,
      served: position !== null && asked !== null && serves(position.open, asked),
      runChanged: changed,
      unsettled: unfinished?.unsettled ?? false,
      resumedSince: this.meanwhile.resumes > since.resumes,
      retriedSince: this.meanwhile.retries > since.retries,
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

  /** A retry or skip changes rows first: only what has changed there changes the account's state. */
  private async steer(event: AccountEvent): Promise<{ changed: boolean; event: AccountEvent }> {
    const { state, account, position, unfinished } = this.known();
    if (event.type !== 'retry_requested' && event.type !== 'skip_requested') {
      return { changed: false, event };
    }
    if (TABLE[state][event.type].kind === 'forbidden') return { changed: false, event };
    const run = position === null ? (unfinished?.run ?? null) : position.run;
    const change =
      event.type === 'retry_requested'
        ? await this.retryResource({ account, run, resource: event.resource })
        : await this.skipResource({ account, run, ...event });
    const reason = sentences(change.because, event.reason ?? '');
    return { changed: change.changed, event: { ...event, reason } };
  }

  private async retryResource(asked: {
    account: string;
    run: string | null;
    resource: string | null;
  }): Promise<RunChange> {
    const { account, run, resource } = asked;
    if (run === null) return UNCHANGED;
    const change = await this.changeRun(() =>
      step('retryResource', { account, run, resource }, `retry ${resource ?? 'what is parked'}`),
    );
    if (change.changed) this.count('retries');
    return change;
  }

  private async skipResource(asked: {
    account: string;
    run: string | null;
    resource: string;
    always: boolean;
  }): Promise<RunChange> {
    const { account, run, resource, always } = asked;
    if (run === null && !always) return UNCHANGED;
    const change = await this.changeRun(() =>
      step('skipResource', { account, run, resource, always }, `skip ${resource}`),
    );
    const { unfinished } = this.known();
    if (change.changed && unfinished !== null) {
      this.change({ unfinished: withoutParked(unfinished, resource) });
    }
    return change;
  }

  /** Never throws: a resource that nobody knows is an answer. */
  private async changeRun(change: () => Promise<RunChange>): Promise<RunChange> {
    try {
      return await change();
    } catch (thrown) {
      const { message, remedy } = stepFailure(thrown);
      return { changed: false, because: sentences(message, remedy) };
    }
  }

  private async perform(effect: Effect, nowMs: number): Promise<void> {
    const { account, position, unfinished, wish } = this.known();
    switch (effect.type) {
      case 'run_plan': {
        if (position !== null) return;
        const { workflowId } = workflowInfo();
        const begun = newRun(this.known(), { workflowId, wish });
        this.change({ position: begun, wish: null, progress: [] });
        return;
      }
      case 'remember_wish':
        this.change({ wish: mergeWishes(wish, effect.wish) });
        return;
      case 'take_up_run': {
        const run = position ?? unfinished;
        if (run === null) throw new Error('There is no run to take up again.');
        this.change({ position: { ...run, result: null } });
        return;
      }
      case 'end_sync':
        this.synced = true;
        this.change({ position: null });
        return;
      case 'write_desired': {
        const { desired } = effect;
        if (desired === 'run') this.count('resumes');
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
    const { position, progress, last, unfinished, wish } = rest;
    const aside = position === null ? (unfinished?.parked ?? []) : asideIn(progress);
    const next = state === 'idle' && aside.length > 0 ? NEXT_ASIDE : NEXT[state];
    this.display({
      account,
      provider,
      attention,
      nextActionAt,
      // A sync that finds nothing new is over within seconds. Of most accounts it is every night's, and an upsert costs an action.
      searchable: state !== 'syncing' || this.lasting,
      title: `${provider} account ${account}`,
      state,
      because: because + waits,
      next: next.replaceAll('<account>', account),
      notes: [
        ...(wish === null ? [] : [`Afterwards: ${FOLLOWS[wish.kind]}`]),
        ...(this.refused === null ? [] : [`The last \`wake\` was not understood: ${this.refused}`]),
      ],
      run: position?.run ?? null,
      progress,
      rates: this.meter.rates,
      last: last?.result ?? null,
      aside,
    });
  }
}

const FOLLOWS = {
  sync: 'another sync, which was asked for meanwhile.',
  changes: 'a run for the changes that have arrived meanwhile.',
} as const;

const UNCHANGED: RunChange = { changed: false, because: 'No run is at hand, and none is partial.' };

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
