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
  'changes_arrived',
  'retry_requested',
  'skip_requested',
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
  /** Go on with the run at hand, or open one for what is wished. Only on the way into `syncing`, or for the next run in it. */
  | 'run_plan'
  /** Keep the wish until a run serves it. */
  | 'remember_wish'
  /** The run at hand has ended: the next one is a new run. */
  | 'end_sync'
  /** A run that had ended, or was about to, goes on: it is the run at hand. */
  | 'take_up_run'
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
  /** Attention says whether something is left that only a person can settle. */
  | 'settle_attention'
  /** The workflow ends. */
  | 'end_disconnected'
  | 'end_canceled';

/** Conditions on the context that choose between moves. */
export const GUARDS = [
  'work_left',
  'wish_left',
  'served',
  'run_changed',
  'budget_left',
  'resumed_since',
  'retried_since',
] as const;
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

/** A retry in every state that has something to take up; `then` says what follows when a run has changed by it. */
const retries = (then: Move): Cell =>
  choose('run_changed', then, move('same', 'There is nothing to take up again.'));
const skips = (...effects: EffectName[]): Cell =>
  choose(
    'run_changed',
    move('same', 'A resource is left out.', ...effects),
    move('same', 'There is nothing to leave out.'),
  );
/** Syncs are asked for every night, changes are told once. */
const keepsChanges = (because: string): Cell => stay(because, 'remember_wish');

const noRun = forbid('No run is at hand that could report this.');
const noTimer = forbid('No timer is set in this state.');
const gone = forbid('It must be connected again first.');

export const TABLE: Table = {
  idle: {
    sync_requested: go('syncing', 'A sync was asked for.', 'remember_wish', 'run_plan'),
    changes_arrived: go('syncing', 'Changes have arrived.', 'remember_wish', 'run_plan'),
    retry_requested: retries(
      move('syncing', 'A resource is taken up again.', 'take_up_run', 'run_plan'),
    ),
    skip_requested: skips('settle_attention'),
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
    sync_requested: choose(
      'served',
      move('same', 'A sync is running already and serves this request too.'),
      move('same', 'The run at hand does not read that far: a sync follows it.', 'remember_wish'),
    ),
    changes_arrived: keepsChanges('They are read once the run at hand has ended.'),
    retry_requested: retries(
      move('same', 'A resource is taken up again by the run at hand.', 'take_up_run'),
    ),
    skip_requested: skips(),
    run_done: choose(
      'wish_left',
      move(
        'same',
        'The sync is complete, and more was asked for meanwhile.',
        'end_sync',
        'forgive_failures',
        'settle_attention',
        'run_plan',
      ),
      move('idle', 'The sync is complete.', 'end_sync', 'forgive_failures', 'settle_attention'),
    ),
    run_partial: {
      kind: 'moves',
      first: [
        {
          ...move(
            'same',
            'A resource was taken up again before the run had ended: it goes on.',
            'take_up_run',
            'run_plan',
          ),
          when: 'retried_since',
        },
        {
          ...move(
            'same',
            'The sync is partial, and more was asked for meanwhile.',
            'end_sync',
            'forgive_failures',
            'settle_attention',
            'run_plan',
          ),
          when: 'wish_left',
        },
      ],
      otherwise: move(
        'idle',
        'The sync is partial.',
        'end_sync',
        'forgive_failures',
        'settle_attention',
      ),
    },
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
    sync_requested: choose(
      'served',
      move('same', 'A sync waits for its next try already; resume tries at once.'),
      move(
        'same',
        'The run that waits does not read that far: a sync follows it.',
        'remember_wish',
      ),
    ),
    changes_arrived: keepsChanges('They are read once the run that waits has ended.'),
    retry_requested: retries(
      move('same', 'A resource is taken up again with the next try.', 'take_up_run'),
    ),
    skip_requested: skips(),
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
    changes_arrived: keepsChanges('They are told once, so they are kept until it is resumed.'),
    retry_requested: retries(
      move('same', 'A resource is taken up again once the account is resumed.', 'take_up_run'),
    ),
    skip_requested: skips('settle_attention'),
    run_done: stay(
      'The run had ended before the pause took hold.',
      'end_sync',
      'forgive_failures',
      'settle_attention',
    ),
    run_partial: choose(
      'retried_since',
      move('same', 'A resource was taken up again before the run had ended.', 'take_up_run'),
      move(
        'same',
        'The run had ended as partial before the pause took hold.',
        'end_sync',
        'forgive_failures',
        'settle_attention',
      ),
    ),
    run_stopped: stay('The run has stopped as asked; its position is kept.'),
    transient_failure: stay('The run failed while it was being stopped; its position is kept.'),
    account_failure: stay('The run failed while it was being stopped; its position is kept.'),
    timer_fired: noTimer,
    pause: stay('It was paused already.'),
    resume: choose(
      'work_left',
      move('syncing', 'Resumed by a person.', 'want_run', 'forgive_failures', 'run_plan'),
      move('idle', 'Resumed by a person; nothing was at hand.', 'want_run'),
    ),
    credentials_changed: stay('The new credentials are used once it is resumed.'),
    configuration_changed: stay('The new configuration is used once it is resumed.'),
    disconnect: go('disconnected', 'Disconnected by a person.', 'want_cancel', 'end_disconnected'),
    canceled: stay('The workflow was cancelled.', 'want_pause', 'end_canceled'),
  },
  blocked: {
    sync_requested: forbid('A blocked account must be mended and resumed before it can sync.'),
    changes_arrived: keepsChanges('They are told once, so they are kept until it is mended.'),
    retry_requested: retries(
      move('same', 'A resource is taken up again once the account is mended.', 'take_up_run'),
    ),
    skip_requested: skips(),
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
    changes_arrived: gone,
    retry_requested: gone,
    skip_requested: gone,
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
