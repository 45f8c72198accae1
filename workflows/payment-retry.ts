/**
 * One failed invoice, until its money is in or will not come. Thin: steps, updates, signals and timers become events, the engine in
 * domain/recovery says what they mean and what is to be done; here are the steps, the waits and what people see. Postgres is the
 * record: after a terminate, a reset or a restart it goes on from the row, and an attempt that was open is looked up, never
 * made again. Errors are events: nothing but the end of the case ends this workflow.
 */
import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  continueAsNew,
  log,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { AttemptSighting, CaseRecord, Sighting } from '../activities/contract';
import type { CaseEvent } from '../domain/recovery/decide';
import {
  answer,
  clockAt,
  failureOf,
  happen,
  hear,
  nextActionAtMs,
  recorded,
  recordOf,
  takeUp,
  taskOf,
  told,
} from '../domain/recovery/engine';
import { upgradeMemory } from '../domain/recovery/memory';
import type { CaseMemory } from '../domain/recovery/memory';
import type { CaseDesired, CaseFacts, CaseRecorded } from '../domain/recovery/record';
import type { CaseStepName } from '../domain/recovery/work';
import { sentences } from '../domain/words';
import { renderCase } from './case-details';
import {
  attemptNow,
  cancel,
  caseNews,
  caseStatus,
  pause,
  reopen,
  resolve,
  resume,
  tick,
} from './contract';
import type { CaseStatus, PaymentRetryInput, UpdateAnswer } from './contract';
import { indexAs } from './details';
import { stepFailure } from './failure';
import {
  checkCaseInput,
  checkReopen,
  checkResolve,
  checkUpdate,
  readCaseNews,
  readTick,
} from './input';
import type { CheckedCaseInput } from './input';
import { recordCase, step } from './options';

/** Errors: ApplicationFailure `invalid_input`, also for a case that nobody has opened. */
export async function paymentRetry(given: PaymentRetryInput): Promise<CaseStatus> {
  const one = new Case(checkCaseInput(given));
  one.listen();
  const scope = CancellationScope.current();
  scope.cancelRequested.catch(() =>
    one.happen({ type: 'cancel', because: 'The workflow was cancelled.' }),
  );
  const status = await CancellationScope.nonCancellable(() => one.live());
  if (status === null)
    return continueAsNew<typeof paymentRetry>({ ...given, carried: one.carry() });
  // Money that came in before the cancel took hold is a result all the same.
  if (scope.consideredCancelled && status.state === 'canceled') {
    throw new CancelledFailure(status.because);
  }
  return status;
}

interface Resolution {
  readonly outcome: 'succeeded' | 'declined' | 'absent';
  readonly reason: string;
}

class Case {
  private memory: CaseMemory | null;
  /** Counts what has happened from outside: whoever waits looks again. */
  private news = 0;
  /** How often the case went on from what is stored. */
  private takenUp = 0;
  /** What was told before the case was read. */
  private heard = { hasNews: false, nowMs: 0 };
  /** What is wanted is written one after the other, since of two writes the older might land last. */
  private writing: Promise<void> = Promise.resolve();
  private written: CaseDesired = 'run';
  /** What people have to know beside: why a signal was not understood, that a write has failed for good. */
  private refused: string | null = null;
  private unwritten: string | null = null;

  constructor(private readonly input: CheckedCaseInput) {
    this.memory = input.carried === undefined ? null : upgradeMemory(input.carried);
  }

  carry(): CaseMemory {
    return this.known();
  }

  status(): CaseStatus {
    const { account, invoice } = this.input;
    const { memory } = this;
    if (memory === null) {
      const because = 'The workflow has just started.';
      const nothing = { attention: false, attempts: 0, nextActionAt: null, transitions: 0 };
      return { account, invoice, state: 'discovered', because, ...nothing };
    }
    const { state, because, attention, attempts, transitions } = memory;
    const atMs = nextActionAtMs(memory, this.moment());
    const nextActionAt = atMs === null ? null : new Date(atMs).toISOString();
    return { account, invoice, state, because, attention, attempts, nextActionAt, transitions };
  }

  listen(): void {
    const on = (
      type: 'pause' | 'resume' | 'cancel' | 'attempt_now',
      args: { reason?: string } | undefined,
    ): Promise<UpdateAnswer> =>
      this.happen({ type, ...(args?.reason !== undefined && { because: args.reason }) });
    setHandler(pause, (args) => on('pause', args), {
      validator: checkUpdate,
      description: 'Make no further attempt until it is resumed. {"reason":"…"}',
    });
    setHandler(resume, (args) => on('resume', args), {
      validator: checkUpdate,
      description: 'Go on; also once the cause of needs_human is mended. {"reason":"…"}',
    });
    setHandler(cancel, (args) => on('cancel', args), {
      validator: checkUpdate,
      description: 'End the case for good, after the attempt at hand. {"reason":"…"}',
    });
    setHandler(attemptNow, (args) => on('attempt_now', args), {
      validator: checkUpdate,
      description: 'Try now, with the same checks as at any other time. {"reason":"…"}',
    });
    setHandler(resolve, (args) => this.resolve(args), {
      validator: checkResolve,
      description:
        'Say what became of an attempt that nothing proves. {"outcome":"absent","reason":"…"}: succeeded, declined or absent.',
    });
    setHandler(reopen, (args) => this.reopen(args), {
      validator: checkReopen,
      description:
        'Only once it is exhausted: try again, for another window of its campaign. {"reason":"…"}',
    });
    setHandler(caseNews, (args) => this.heed(readCaseNews(args), () => this.hear()), {
      description:
        'For machines: something was seen of the invoice, look at it. {"what":"paid_elsewhere"}',
    });
    setHandler(tick, (args) => this.heed(readTick(args), ({ nowMs }) => this.tell(nowMs)), {
      description: 'For machines, with a simulated clock: it is so late. {"nowMs":1793498400000}',
    });
    setHandler(caseStatus, () => this.status(), {
      description: 'State, why, and what comes next.',
    });
  }

  /** A signal has no validator, and throwing here would stall the workflow: what is wrong is shown instead. */
  private heed<T>(
    { value, refused }: { readonly value: T | null; readonly refused: string | null },
    take: (value: T) => void,
  ): void {
    this.refused = refused;
    if (value === null) log.warn('a signal was not understood', { ...this.key(), refused });
    else take(value);
    if (this.memory !== null) this.show();
  }

  private hear(): void {
    this.news += 1;
    if (this.memory === null) this.heard = { ...this.heard, hasNews: true };
    else this.memory = hear(this.memory);
  }

  private tell(nowMs: number): void {
    if (this.memory === null) this.heard = { ...this.heard, nowMs };
    else this.memory = clockAt(this.memory, nowMs);
  }

  /** Something has happened from outside. Never throws: whoever asked may be cancelled, what was begun is finished. */
  happen(event: CaseEvent): Promise<UpdateAnswer> {
    return CancellationScope.nonCancellable(async () => {
      await condition(() => this.memory !== null);
      return this.take(happen(this.known(), event, this.moment()));
    });
  }

  /** What is known after an event becomes what is known; answers with what the event has come to. */
  private async take(after: CaseMemory): Promise<UpdateAnswer> {
    const { transitions: before } = this.known();
    this.memory = after;
    this.news += 1;
    this.show();
    const line = after.unrecorded.find(({ sequence }) => sequence > before);
    const because = line?.because ?? after.because;
    const { takenUp } = this;
    await this.writeDesired();
    // What was forgotten decides what the event has come to.
    const { state, because: anew } = this.known();
    return this.takenUp === takenUp ? { state: after.state, because } : { state, because: anew };
  }

  private writeDesired(): Promise<void> {
    this.writing = this.writing.then(async () => {
      const { desired } = this.known();
      if (desired === this.written) return;
      await this.must((record) =>
        step('setCaseDesired', { ...this.key(), record, desired }, `want it to ${desired}`),
      );
      this.written = desired;
    });
    return this.writing;
  }

  private resolve(said: Resolution): Promise<UpdateAnswer> {
    return CancellationScope.nonCancellable(async () => {
      await condition(() => this.memory !== null);
      const { state, open: number } = this.known();
      if (state !== 'needs_human' || number === null) {
        return { state, because: 'No attempt waits for a person to say what became of it.' };
      }
      const record = recordOf(this.known(), this.moment());
      const input = { ...this.key(), record, number, ...said };
      const summary = `a person says: attempt ${String(number)} ${said.outcome}`;
      try {
        const { event, nowMs } = await step('resolveAttempt', input, summary);
        this.memory = clockAt(recorded(this.known(), record), nowMs);
        return await this.take(happen(this.known(), event, this.moment()));
      } catch (thrown) {
        const { message, remedy } = stepFailure(thrown);
        return { state: this.known().state, because: sentences(message, remedy) };
      }
    });
  }

  /** An exhausted case has ended, and so has its workflow: whoever starts another one to ask it this has it go on. */
  private reopen({ reason }: { readonly reason: string }): Promise<UpdateAnswer> {
    return CancellationScope.nonCancellable(async () => {
      await condition(() => this.memory !== null);
      const { state } = this.known();
      if (state !== 'exhausted') return this.happen({ type: 'reopen', because: reason });
      await this.store();
      try {
        const input = { ...this.key(), reason };
        const facts = await step('reopenCase', input, 'a person wants it opened again');
        this.goOnFrom(facts);
        return { state: facts.state, because: facts.because };
      } catch (thrown) {
        const { message, remedy } = stepFailure(thrown);
        return { state, because: sentences(message, remedy) };
      }
    });
  }

  private goOnFrom(facts: CaseFacts): void {
    this.memory = takeUp(facts, this.input.policy);
    this.written = facts.desired;
    this.takenUp += 1;
    this.news += 1;
    this.show();
  }

  /** Null: continue as new. No handler is at work then. */
  async live(): Promise<CaseStatus | null> {
    if (this.memory === null) await this.start();
    this.written = this.known().desired;
    this.show();
    for (;;) {
      const task = taskOf(this.known(), this.moment());
      const isOver = task.do === 'end';
      if (isOver || workflowInfo().continueAsNewSuggested) {
        await this.writing;
        await this.store();
        await condition(allHandlersFinished);
        if (this.known().unrecorded.length > 0) continue;
        const isReopened = isOver && taskOf(this.known(), this.moment()).do !== 'end';
        if (isReopened) continue;
        return isOver ? this.status() : null;
      }
      switch (task.do) {
        case 'step':
          await this.act(task.step);
          break;
        case 'tell':
          await this.tellCustomer();
          break;
        case 'apply':
          this.memory = happen(this.known(), task.event, this.moment());
          break;
        case 'wait':
          await this.wait(task.untilMs);
      }
      this.show();
    }
  }

  private async start(): Promise<void> {
    try {
      const facts = await step('readCase', this.key(), 'read the case');
      const taken = takeUp(facts, this.input.policy);
      this.memory = this.heard.hasNews ? hear(taken) : taken;
      this.tell(this.heard.nowMs);
    } catch (thrown) {
      const { code, message, remedy } = stepFailure(thrown);
      throw ApplicationFailure.nonRetryable(sentences(message, remedy), code);
    }
  }

  /** One step. Whatever happened since the last one is stored by it. */
  private async act(name: CaseStepName): Promise<void> {
    const begun = this.known();
    const record = recordOf(begun, this.moment());
    const { seen, stored } = await this.see(name, { begun, record });
    const { nowMs, event } = seen;
    const known = clockAt(stored ? recorded(this.known(), record) : this.known(), nowMs);
    this.memory = known;
    const attempt = 'attempt' in seen ? { attempt: seen.attempt } : {};
    const given = { step: name, event, begunIn: begun.state, ...attempt };
    this.memory = answer(known, given, this.moment());
    await this.writeDesired();
  }

  private async see(
    name: CaseStepName,
    { begun, record }: { readonly begun: CaseMemory; readonly record: CaseRecord | null },
  ): Promise<{ readonly seen: Sighting | AttemptSighting; readonly stored: boolean }> {
    try {
      return { seen: await this.call(name, begun, record), stored: true };
    } catch (thrown) {
      const { message, remedy, retryAfterMs } = stepFailure(thrown);
      const event = failureOf(name, { because: sentences(message, remedy), retryAfterMs });
      return { seen: { nowMs: begun.nowMs, event }, stored: false };
    }
  }

  private call(
    name: CaseStepName,
    { open, attempts, lookups }: CaseMemory,
    record: CaseRecord | null,
  ): Promise<Sighting | AttemptSighting> {
    const input = { ...this.key(), record };
    switch (name) {
      case 'plan':
        return step('planCase', input, 'decide what comes next');
      case 'check':
        return step('checkCase', input, 'read the invoice again');
      case 'charge':
        return step('chargeCase', { ...input, after: attempts }, `attempt ${String(attempts + 1)}`);
      case 'lookup': {
        const number = open ?? attempts;
        const which = `lookup ${String(lookups + 1)}`;
        return step('lookUpAttempt', { ...input, number }, `${which} of attempt ${String(number)}`);
      }
    }
  }

  /** It goes on while the message is under way: whom it does not reach does not hold the case up. */
  private async tellCustomer(): Promise<void> {
    const record = recordOf(this.known(), this.moment());
    try {
      const input = { ...this.key(), record };
      const { message } = await step(
        'noteCustomerNeeded',
        input,
        'note that it needs its customer',
      );
      this.memory = told(recorded(this.known(), record));
      if (message !== null) this.deliver(message);
    } catch (thrown) {
      const { message } = stepFailure(thrown);
      this.memory = told(this.known());
      this.failForGood(message);
    }
  }

  private deliver(message: string): void {
    const { account } = this.input;
    step('deliverWebhook', { account, message }, `deliver ${message}`).catch((thrown: unknown) => {
      this.unwritten = sentences(stepFailure(thrown).message);
      this.show();
    });
  }

  private async wait(untilMs: number | null): Promise<void> {
    const { news } = this;
    await this.store();
    if (this.news === news) await this.until(untilMs, () => this.news !== news);
  }

  /** The one place where time passes: by a timer, or by the ticks of a simulated clock. */
  private async until(untilMs: number | null, isWoken: () => boolean): Promise<void> {
    const woken = (): boolean => isWoken() || workflowInfo().continueAsNewSuggested;
    if (untilMs === null) return condition(woken);
    if (this.isSimulated(this.known())) {
      return condition(() => woken() || this.known().nowMs >= untilMs);
    }
    const leftMs = untilMs - Date.now();
    const summary = `${this.known().state} until ${new Date(untilMs).toISOString()}`;
    if (leftMs > 0) await condition(woken, leftMs, { summary });
  }

  private async store(): Promise<void> {
    await this.must(async (record) => record && recordCase({ ...this.key(), record }));
  }

  /**
   * A write that fails for good (its row is gone, say) is shown to people, not the death of the case. One that is refused shows that
   * the case was reset, and has forgotten an attempt: it goes on from what is stored.
   */
  private async must(
    write: (record: CaseRecord | null) => Promise<CaseRecorded | null>,
  ): Promise<void> {
    const record = recordOf(this.known(), this.moment());
    try {
      const written = await write(record);
      if (written?.isRefused) {
        const facts = await step(
          'readCase',
          this.key(),
          'read the case, which knows of an attempt',
        );
        return this.goOnFrom(facts);
      }
    } catch (thrown) {
      const { message, remedy } = stepFailure(thrown);
      log.error('a write of the case failed for good', { ...this.key(), message });
      this.failForGood(sentences(message, remedy));
    }
    this.memory = recorded(this.known(), record);
  }

  private failForGood(message: string): void {
    this.unwritten = message;
    this.memory = { ...this.known(), attention: true };
    this.show();
  }

  private show(): void {
    const memory = this.known();
    const { account, provider, state, attention } = memory;
    const { policy, nowMs } = this.moment();
    const notes = [
      ...(this.refused === null ? [] : [`The last signal was not understood: ${this.refused}`]),
      ...(this.unwritten === null ? [] : [this.unwritten]),
    ];
    setCurrentDetails(renderCase({ memory, policy, nowMs, notes }));
    // What is over within a second is not worth an event in the history.
    const task = taskOf(memory, { policy, nowMs });
    if (task.do !== 'wait' && task.do !== 'end' && state !== 'charging') return;
    const atMs = nextActionAtMs(memory, { policy, nowMs });
    const nextActionAt = atMs === null ? null : new Date(atMs);
    // eslint-disable-next-line no-restricted-syntax -- What people search by, see `Indexed`.
    const amountMinor = Number(memory.amountMinor);
    indexAs({ account, provider, state, attention, nextActionAt, amountMinor });
  }

  private moment() {
    const { policy } = this.input;
    const { memory } = this;
    const nowMs = memory !== null && this.isSimulated(memory) ? memory.nowMs : Date.now();
    return { policy, nowMs };
  }

  private isSimulated({ clock }: Pick<CaseMemory, 'clock'>): boolean {
    return clock === 'simulated';
  }

  private key(): { readonly account: string; readonly invoice: string } {
    const { account, invoice } = this.input;
    return { account, invoice };
  }

  private known(): CaseMemory {
    if (this.memory === null) throw new Error('The case has not been read yet.');
    return this.memory;
  }
}
