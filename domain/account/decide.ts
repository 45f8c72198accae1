/** What an event does to an account: a pure reading of the table. The workflow performs the effects and decides nothing. */
import { ERRORS, type ErrorCode } from '../errors';
import { sentences } from '../words';
import { backoffDelayMs, budgetLeft, countFailure, NO_FAILURES } from './budget';
import type { Failures, SyncPolicy } from './budget';
import { TABLE } from './transitions';
import type { AccountState, EventType, Guard, Move } from './transitions';
import type { Wish } from './wish';

/** A failure of the account's run, in words that may be stored and shown. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
  readonly retryAfterMs: number | null;
}

type FailureEvent = 'transient_failure' | 'account_failure';
type WishEvent = 'sync_requested' | 'changes_arrived';
type SteeringEvent = 'retry_requested' | 'skip_requested';

export type AccountEvent =
  | {
      readonly type: FailureEvent;
      readonly failure: Failure;
      /** Whether anything was committed since the sync was last taken up. */
      readonly progressed: boolean;
    }
  | {
      readonly type: WishEvent;
      /** Exclusive end of a sync's window, as ISO instant; left out means the provider's now. */
      readonly to?: string | null;
      readonly reason?: string;
    }
  | {
      readonly type: 'retry_requested';
      /** Null means all of them. */
      readonly resource: string | null;
      readonly reason?: string;
    }
  | {
      readonly type: 'skip_requested';
      readonly resource: string;
      /** Of later syncs too. */
      readonly always: boolean;
      readonly reason?: string;
    }
  | {
      readonly type: Exclude<EventType, FailureEvent | WishEvent | SteeringEvent>;
      /** One sentence by whoever caused the event; it is appended to the table's reason. */
      readonly reason?: string;
    };

export interface Context {
  readonly nowMs: number;
  readonly policy: SyncPolicy;
  readonly failures: Failures;
  /** A run was begun and has not ended, or one is wished. */
  readonly workLeft: boolean;
  /** One is wished, and kept until the run at hand has ended. */
  readonly wishLeft: boolean;
  /** The run at hand serves what the event asks for. */
  readonly served: boolean;
  /** What a retry or skip asked for has changed a run or the account. */
  readonly runChanged: boolean;
  /** Something is left that only a person can settle. */
  readonly unsettled: boolean;
  /** The account was resumed after the step that reports now had begun. */
  readonly resumedSince: boolean;
  /** A resource was taken up again since then. */
  readonly retriedSince: boolean;
}

export type Effect =
  | { readonly type: 'run_plan' }
  | { readonly type: 'remember_wish'; readonly wish: Wish }
  | { readonly type: 'end_sync' }
  | { readonly type: 'take_up_run' }
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

/** Null for an event that asks for no run of its own. */
export function wishOf(event: AccountEvent): Wish | null {
  if (event.type === 'changes_arrived') return { kind: 'changes', to: null };
  return event.type === 'sync_requested' ? { kind: 'sync', to: event.to ?? null } : null;
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
    wish_left: context.wishLeft,
    served: context.served,
    run_changed: context.runChanged,
    retried_since: context.retriedSince,
    resumed_since: context.resumedSince,
    budget_left: budgetLeft(failures, context.policy, context.nowMs),
  };
  const move = cell.first.find(({ when }) => when !== null && holds[when]) ?? cell.otherwise;
  const next = move.to === 'same' ? state : move.to;
  const retryAfterMs = 'failure' in event ? event.failure.retryAfterMs : null;
  const delayMs = backoffDelayMs(failures, context.policy, retryAfterMs);
  const stuck = failures.withoutProgress.count >= context.policy.alarmAfterFailures;
  const { unsettled } = context;
  const facts = { failures, delayMs, stuck, unsettled, wish: wishOf(event) };
  const effects = move.effects.flatMap((name) => effectOf(name, facts));
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
  facts: {
    readonly failures: Failures;
    readonly delayMs: number;
    readonly stuck: boolean;
    readonly unsettled: boolean;
    readonly wish: Wish | null;
  },
): Effect | [] {
  switch (name) {
    case 'run_plan':
    case 'end_sync':
    case 'take_up_run':
      return { type: name };
    case 'remember_wish':
      return facts.wish === null ? [] : { type: name, wish: facts.wish };
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
    case 'settle_attention':
      return { type: 'set_attention', attention: facts.unsettled };
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
