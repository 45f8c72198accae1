/**
 * The life of a billing account as a table: what each event means in each state. A missing pair does not compile; an event
 * that means nothing in a state says so with its reason. `decide.ts` reads this table, `diagram.ts` draws it.
 */

export const STATES = [
  'idle',
  'syncing',
  'backing_off',
  'paused',
  'blocked',
  'disconnected',
] as const;
export type AccountState = (typeof STATES)[number];

export const EVENT_TYPES = [
  'sync_requested',
  'run_done',
  'run_partial',
  'run_stopped',
  'transient_failure',
  'account_failure',
  'timer_fired',
  'pause',
  'resume',
  'credentials_changed',
  'configuration_changed',
  'disconnect',
  'canceled',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** What a move asks for; `decide` adds the numbers. */
export type EffectName =
  /** Go on with the sync at hand, or open one when there is none. Only on the way into `syncing`. */
  | 'run_plan'
  /** The sync at hand has ended: the next one is a new run. */
  | 'end_sync'
  /** Write into the database what is wanted, where every lane reads it at its next commit. */
  | 'want_run'
  | 'want_pause'
  | 'want_cancel'
  | 'count_failure'
  | 'forgive_failures'
  | 'set_timer'
  /** Raise attention once it has failed too often in a row. */
  | 'alarm_when_stuck'
  | 'raise_attention'
  | 'clear_attention'
  /** The workflow ends. */
  | 'end_disconnected'
  | 'end_canceled';

/** Conditions on the context that choose between moves. */
export const GUARDS = ['work_left', 'budget_left', 'resumed_since'] as const;
export type Guard = (typeof GUARDS)[number];

export interface Move {
  /** The first move whose guard holds is taken; the last one has none. */
  readonly when: Guard | null;
  /** `same` stays. */
  readonly to: AccountState | 'same';
  readonly because: string;
  readonly effects: readonly EffectName[];
}

export type Cell =
  | { readonly kind: 'moves'; readonly first: readonly Move[]; readonly otherwise: Move }
  | { readonly kind: 'forbidden'; readonly because: string };

export type Table = {
  readonly [S in AccountState]: { readonly [E in EventType]: Cell };
};

const move = (to: Move['to'], because: string, ...effects: EffectName[]): Move => ({
  when: null,
  to,
  because,
  effects,
});
const go = (to: AccountState, because: string, ...effects: EffectName[]): Cell => ({
  kind: 'moves',
  first: [],
  otherwise: move(to, because, ...effects),
});
const stay = (because: string, ...effects: EffectName[]): Cell => ({
  kind: 'moves',
  first: [],
  otherwise: move('same', because, ...effects),
});
const choose = (when: Guard, then: Move, otherwise: Move): Cell => ({
  kind: 'moves',
  first: [{ ...then, when }],
  otherwise,
});
const forbid = (because: string): Cell => ({ kind: 'forbidden', because });

const noRun = forbid('No run is at hand that could report this.');
const noTimer = forbid('No timer is set in this state.');
const gone = forbid('It must be connected again first.');

export const TABLE: Table = {
  idle: {
    sync_requested: go('syncing', 'A sync was asked for.', 'run_plan'),
    run_done: noRun,
    run_partial: noRun,
    run_stopped: noRun,
    transient_failure: noRun,
    account_failure: noRun,
    timer_fired: noTimer,
    pause: go('paused', 'Paused by a person.', 'want_pause'),
    resume: forbid('Nothing is paused: ask for a sync instead.'),
    credentials_changed: stay('The next sync uses the new credentials.'),
    configuration_changed: stay('The next sync uses the new configuration.'),
    disconnect: go('disconnected', 'Disconnected by a person.', 'want_cancel', 'end_disconnected'),
    canceled: go('paused', 'The workflow was cancelled.', 'want_pause', 'end_canceled'),
  },
  syncing: {
    sync_requested: stay('A sync is running already and serves this request too.'),
    run_done: go(
      'idle',
      'The sync is complete.',
      'end_sync',
      'forgive_failures',
      'clear_attention',
    ),
    run_partial: go(
      'idle',
      'The sync is partial.',
      'end_sync',
      'forgive_failures',
      'raise_attention',
    ),
    run_stopped: choose(
      'resumed_since',
      move('same', 'The account was resumed before the run had stopped: it goes on.'),
      move('paused', 'The run was stopped from outside.', 'want_pause'),
    ),
    transient_failure: choose(
      'budget_left',
      move(
        'backing_off',
        'The sync failed and is tried again.',
        'count_failure',
        'set_timer',
        'alarm_when_stuck',
      ),
      move(
        'blocked',
        'The sync failed too often for too long.',
        'count_failure',
        'raise_attention',
      ),
    ),
    account_failure: go('blocked', 'The sync cannot go on.', 'raise_attention'),
    timer_fired: noTimer,
    pause: go('paused', 'Paused by a person.', 'want_pause'),
    resume: forbid('A sync is running already.'),
    credentials_changed: stay('The sync at hand uses the new credentials from its next step on.'),
    configuration_changed: stay(
      'The sync at hand uses the new configuration from its next step on.',
    ),
    disconnect: go('disconnected', 'Disconnected by a person.', 'want_cancel', 'end_disconnected'),
    canceled: go('paused', 'The workflow was cancelled.', 'want_pause', 'end_canceled'),
  },
  backing_off: {
    sync_requested: stay('A sync waits for its next try already; resume tries at once.'),
    run_done: noRun,
    run_partial: noRun,
    run_stopped: noRun,
    transient_failure: noRun,
    account_failure: noRun,
    timer_fired: go('syncing', 'The wait is over.', 'run_plan'),
    pause: go('paused', 'Paused by a person.', 'want_pause'),
    resume: go('syncing', 'Resumed by a person.', 'forgive_failures', 'run_plan'),
    credentials_changed: go(
      'syncing',
      'The account has new credentials.',
      'forgive_failures',
      'run_plan',
    ),
    configuration_changed: stay('The next try uses the new configuration.'),
    disconnect: go('disconnected', 'Disconnected by a person.', 'want_cancel', 'end_disconnected'),
    canceled: go('paused', 'The workflow was cancelled.', 'want_pause', 'end_canceled'),
  },
  paused: {
    sync_requested: forbid('A paused account must be resumed before it can sync.'),
    run_done: stay(
      'The run had ended before the pause took hold.',
      'end_sync',
      'forgive_failures',
      'clear_attention',
    ),
    run_partial: stay(
      'The run had ended as partial before the pause took hold.',
      'end_sync',
      'forgive_failures',
      'raise_attention',
    ),
    run_stopped: stay('The run has stopped as asked; its position is kept.'),
    transient_failure: stay('The run failed while it was being stopped; its position is kept.'),
    account_failure: stay('The run failed while it was being stopped; its position is kept.'),
    timer_fired: noTimer,
    pause: stay('It was paused already.'),
    resume: choose(
      'work_left',
      move('syncing', 'Resumed by a person.', 'want_run', 'forgive_failures', 'run_plan'),
      move('idle', 'Resumed by a person; no sync was at hand.', 'want_run'),
    ),
    credentials_changed: stay('The new credentials are used once it is resumed.'),
    configuration_changed: stay('The new configuration is used once it is resumed.'),
    disconnect: go('disconnected', 'Disconnected by a person.', 'want_cancel', 'end_disconnected'),
    canceled: stay('The workflow was cancelled.', 'want_pause', 'end_canceled'),
  },
  blocked: {
    sync_requested: forbid('A blocked account must be mended and resumed before it can sync.'),
    run_done: noRun,
    run_partial: noRun,
    run_stopped: noRun,
    transient_failure: noRun,
    account_failure: noRun,
    timer_fired: noTimer,
    pause: go('paused', 'Paused by a person.', 'want_pause'),
    resume: go(
      'syncing',
      'Resumed by a person.',
      'want_run',
      'forgive_failures',
      'clear_attention',
      'run_plan',
    ),
    credentials_changed: go(
      'syncing',
      'The account has new credentials.',
      'want_run',
      'forgive_failures',
      'clear_attention',
      'run_plan',
    ),
    configuration_changed: go(
      'syncing',
      'The configuration was changed.',
      'want_run',
      'forgive_failures',
      'clear_attention',
      'run_plan',
    ),
    disconnect: go('disconnected', 'Disconnected by a person.', 'want_cancel', 'end_disconnected'),
    canceled: stay('The workflow was cancelled.', 'want_pause', 'end_canceled'),
  },
  disconnected: {
    sync_requested: gone,
    run_done: stay('The run had ended before the account was disconnected.', 'end_sync'),
    run_partial: stay('The run had ended before the account was disconnected.', 'end_sync'),
    run_stopped: stay('The run has stopped as asked.'),
    transient_failure: stay('The run failed while it was being stopped.'),
    account_failure: stay('The run failed while it was being stopped.'),
    timer_fired: noTimer,
    pause: gone,
    resume: gone,
    credentials_changed: gone,
    configuration_changed: gone,
    disconnect: forbid('It was disconnected already.'),
    canceled: forbid('The account is disconnected and the workflow is ending.'),
  },
};
