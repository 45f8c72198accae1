/** What an event does to an account: a pure reading of the table. The workflow performs the effects and decides nothing. */
import { ERRORS, type ErrorCode } from '../errors';
import { sentences } from '../words';
import { backoffDelayMs, budgetLeft, countFailure, NO_FAILURES } from './budget';
import type { Failures, SyncPolicy } from './budget';
import { TABLE } from './transitions';
import type { AccountState, EventType, Guard, Move } from './transitions';

/** A failure of the account's run, in words that may be stored and shown. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
  readonly retryAfterMs: number | null;
}

type FailureEvent = 'transient_failure' | 'account_failure';

export type AccountEvent =
  | {
      readonly type: FailureEvent;
      readonly failure: Failure;
      /** Whether anything was committed since the sync was last taken up. */
      readonly progressed: boolean;
    }
  | {
      readonly type: Exclude<EventType, FailureEvent>;
      /** One sentence by whoever caused the event; it is appended to the table's reason. */
      readonly reason?: string;
    };

export interface Context {
  readonly nowMs: number;
  readonly policy: SyncPolicy;
  readonly failures: Failures;
  /** A sync was begun and has not ended. */
  readonly workLeft: boolean;
  /** The account was resumed after the step that reports now had begun. */
  readonly resumedSince: boolean;
}

export type Effect =
  | { readonly type: 'run_plan' }
  | { readonly type: 'end_sync' }
  | { readonly type: 'write_desired'; readonly desired: 'run' | 'pause' | 'cancel' }
  | { readonly type: 'remember_failures'; readonly failures: Failures }
  | { readonly type: 'set_timer'; readonly delayMs: number }
  | { readonly type: 'clear_timer' }
  | { readonly type: 'set_attention'; readonly attention: boolean }
  | { readonly type: 'end'; readonly as: 'disconnected' | 'canceled' };

export interface Decision {
  readonly next: AccountState;
  readonly effects: readonly Effect[];
  readonly because: string;
}

/** Which event a failed step is: what only waiting or only a person can mend. */
export function failureEvent(failure: Failure, progressed: boolean): AccountEvent {
  const scope = ERRORS[failure.code].scope;
  const type = scope === 'account' || scope === 'input' ? 'account_failure' : 'transient_failure';
  return { type, failure, progressed };
}

/** Total: every state answers every event, and nothing is thrown. */
export function decide(state: AccountState, event: AccountEvent, context: Context): Decision {
  const cell = TABLE[state][event.type];
  if (cell.kind === 'forbidden') {
    return { next: state, effects: [], because: explain(cell.because, event) };
  }
  const failures =
    'failure' in event
      ? countFailure(context.failures, { progressed: event.progressed, nowMs: context.nowMs })
      : context.failures;
  const holds: Record<Guard, boolean> = {
    work_left: context.workLeft,
    resumed_since: context.resumedSince,
    budget_left: budgetLeft(failures, context.policy, context.nowMs),
  };
  const move = cell.first.find(({ when }) => when !== null && holds[when]) ?? cell.otherwise;
  const next = move.to === 'same' ? state : move.to;
  const retryAfterMs = 'failure' in event ? event.failure.retryAfterMs : null;
  const delayMs = backoffDelayMs(failures, context.policy, retryAfterMs);
  const stuck = failures.withoutProgress.count >= context.policy.alarmAfterFailures;
  const effects = move.effects.flatMap((name) => effectOf(name, { failures, delayMs, stuck }));
  // The only timer is that of backing_off, so leaving it is the one place where a timer is dropped.
  const leaves = state === 'backing_off' && next !== 'backing_off';
  return {
    next,
    effects: leaves ? [{ type: 'clear_timer' }, ...effects] : effects,
    because: explain(move.because, event),
  };
}

function effectOf(
  name: Move['effects'][number],
  facts: { readonly failures: Failures; readonly delayMs: number; readonly stuck: boolean },
): Effect | [] {
  switch (name) {
    case 'run_plan':
    case 'end_sync':
      return { type: name };
    case 'want_run':
      return { type: 'write_desired', desired: 'run' };
    case 'want_pause':
      return { type: 'write_desired', desired: 'pause' };
    case 'want_cancel':
      return { type: 'write_desired', desired: 'cancel' };
    case 'count_failure':
      return { type: 'remember_failures', failures: facts.failures };
    case 'forgive_failures':
      return { type: 'remember_failures', failures: NO_FAILURES };
    case 'set_timer':
      return { type: 'set_timer', delayMs: facts.delayMs };
    case 'alarm_when_stuck':
      return facts.stuck ? { type: 'set_attention', attention: true } : [];
    case 'raise_attention':
      return { type: 'set_attention', attention: true };
    case 'clear_attention':
      return { type: 'set_attention', attention: false };
    case 'end_disconnected':
      return { type: 'end', as: 'disconnected' };
    case 'end_canceled':
      return { type: 'end', as: 'canceled' };
  }
}

/** The table's reason, and what the cause of the event adds to it. */
function explain(because: string, event: AccountEvent): string {
  if ('failure' in event) return sentences(because, event.failure.message, event.failure.remedy);
  const { type, reason = '' } = event;
  // The summary of a run says how much of the sentence is true; what a person says is a sentence of its own.
  const continues = (type === 'run_done' || type === 'run_partial') && reason !== '';
  return continues ? `${because.replace(/\.$/, ':')} ${reason}` : sentences(because, reason);
}
