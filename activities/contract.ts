/**
 * The steps that workflows call, as types: what goes into a history and what comes out of it. Ids, counts, cursors and words
 * only. Implementations: one file per activity beside this one, wired in `index.ts`.
 */
import type { ErrorCode } from '../domain/errors';
import type { ResourceProgress } from '../domain/sync/progress';
import type { Desired, RunKind, RunState } from '../domain/sync/run';
import type { CampaignActivities, CaseActivities } from './recovery-contract';

export type { Desired, ResourceProgress, RunKind, RunState };
export type * from './recovery-contract';

export interface OpenRunInput {
  readonly account: string;
  readonly kind: RunKind;
  /**
   * The caller's name for this run, for example `<workflowId>/<n>`: opening twice under one key gives the same run, so that an
   * activity retry or a reset makes no second one.
   */
  readonly key: string;
  /** ISO instant, inclusive; null means since ever. */
  readonly from: string | null;
  /** ISO instant, exclusive; null means the provider's clock at the start. */
  readonly to: string | null;
  /** Null means all resources of the provider. */
  readonly resources: readonly string[] | null;
  /** Read again what is already covered; left out means no. */
  readonly refetch?: boolean;
}

export interface OpenRunResult {
  readonly run: string;
  /** The frozen end of the run's window, as ISO instant: a run never chases now. */
  readonly until: string;
  readonly tasks: number;
  /** Left out by workers of before. */
  readonly provider?: string;
}

/** An account- or run-wide failure as data: the state machine decides what follows. */
export interface StepFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
  readonly retryAfterMs: number | null;
}

export interface WalkReport {
  /**
   * `more`: time was up, call again. `drained`: no task is left to do. `stopped`: desired state says pause or cancel.
   * `failed`: see failure; tasks keep their cursors.
   */
  readonly outcome: 'more' | 'drained' | 'stopped' | 'failed';
  readonly failure: StepFailure | null;
  /** Of this call alone. */
  readonly pages: number;
  readonly objects: number;
  readonly changedRows: number;
  /** Of the whole run so far, by resource in plan order: what the details in the UI show. */
  readonly progress: readonly ResourceProgress[];
}

export interface RunResult {
  readonly run: string;
  readonly state: RunState;
  /** Objects read, and canonical rows that they changed. */
  readonly objects: number;
  readonly changedRows: number;
  /** Resources that were parked, each with its reason. */
  readonly parked: readonly { readonly resource: string; readonly reason: string }[];
  /** One sentence for people. */
  readonly summary: string;
  /** Whether nothing is missing but what a person has left out; absent in older histories. */
  readonly settled?: boolean;
  /** Whether metrics and warehouse may have changed since they were last brought up to date; absent in older histories. */
  readonly metricsDue?: boolean;
  /** Whether the account has cases that what was read may concern; absent in older histories. */
  readonly casesDue?: boolean;
}

export interface TransitionInput {
  readonly account: string;
  /** 1, 2, 3 … over the life of the entity: the key of the row, so that a replayed call writes it once. */
  readonly sequence: number;
  readonly from: string;
  readonly event: string;
  readonly to: string;
  readonly because: string;
  readonly attention: boolean;
  /** ISO instant by the workflow's clock. */
  readonly at: string;
}

export interface AccountFacts {
  readonly account: string;
  readonly provider: string;
  /** As last recorded: where a new workflow for a known account goes on. */
  readonly state: string;
  readonly lastTransition: number;
  /** A run that is neither finished nor canceled, if any. */
  readonly openRun: string | null;
  /** As last recorded; absent in older histories. */
  readonly attention?: boolean;
  /** The newest sync, if it has ended `partial`, and what is parked in it; absent in older histories. */
  readonly partialRun?: {
    readonly run: string;
    readonly parked: readonly string[];
    readonly unsettled: boolean;
  } | null;
}

export interface RunChange {
  /** Whether anything was there to change. */
  readonly changed: boolean;
  /** Why, in one sentence. */
  readonly because: string;
}

export interface WakeAccountsInput {
  /** IANA names of the zones whose accounts are meant; null means those of every zone that `except` does not name. */
  readonly timeZone: string | null;
  readonly except: readonly string[];
  /** Where the last call stopped; null at the start. */
  readonly after: string | null;
  /** The exclusive end of the syncs' windows, as ISO instant: when the schedule meant this night to begin. */
  readonly to: string;
  /** Syncs under way at a time at most. */
  readonly maxConcurrent: number;
}

export interface WakeAccountsReport {
  /** Hand this on as `after`; null when everybody was woken. */
  readonly next: string | null;
  readonly woken: number;
  /** Accounts that cannot sync now (paused, blocked or disconnected), or do so already. */
  readonly passedOver: number;
  /** Accounts after `next`. */
  readonly left: number;
}

export interface SyncActivities {
  /** Errors: unknown_account. */
  readAccount(input: { account: string }): Promise<AccountFacts>;
  /** Errors: unknown_account, invalid_input (an unknown resource, an inverted window), those of Provider.probe. */
  openRun(input: OpenRunInput): Promise<OpenRunResult>;
  /** Works for about `seconds`, then reports; left out means as long as the worker is configured to. */
  walk(input: { run: string; seconds?: number }): Promise<WalkReport>;
  /** How far a run has come, for whoever lost the report of a walk. */
  readProgress(input: { run: string }): Promise<{ progress: readonly ResourceProgress[] }>;
  /** Takes a parked or skipped resource of a run up again, also of one that has ended `partial`; null means all of them. */
  retryResource(input: {
    account: string;
    run: string;
    resource: string | null;
  }): Promise<RunChange>;
  /** Leaves a resource out: of this run, and where `always` of later syncs of the account too, until it is retried. */
  skipResource(input: {
    account: string;
    run: string | null;
    resource: string;
    always: boolean;
  }): Promise<RunChange>;
  /**
   * Wakes accounts of a time-zone group for their nightly sync, in order of their ids, as many at a time as are wanted, and
   * returns after some minutes at the latest.
   */
  wakeAccounts(input: WakeAccountsInput): Promise<WakeAccountsReport>;
  /** Ends the run: `complete`, or `partial` when something is parked or could not be normalised. */
  closeRun(input: {
    run: string;
    ended: 'drained' | 'canceled' | 'failed';
    because: string;
  }): Promise<RunResult>;
  /** Writes what is wanted of the account or of one run; every lane reads it at its next commit. */
  setDesired(input: { account: string; run: string | null; desired: Desired }): Promise<void>;
  recordTransition(input: TransitionInput): Promise<void>;
}

export interface MetricsReport {
  /** Monotonic per account: load id and watermark of what follows. */
  readonly metricRun: number;
  readonly customers: number;
  readonly movements: number;
}

export interface WarehouseReport {
  readonly metricRun: number;
  readonly tables: number;
  readonly rows: number;
  /** False when the warehouse already held this metric run. */
  readonly loaded: boolean;
}

export interface RenormaliseReport {
  /** Stored objects that were looked at; those of older content change nothing. */
  readonly objects: number;
  readonly changedRows: number;
  /** Objects that stay raw only. */
  readonly notNormalised: number;
}

export interface MetricsActivities {
  /** Recomputes the dirty customers of the account, or `everybody`, under a lock per account. */
  computeMetrics(input: { account: string; everybody?: boolean }): Promise<MetricsReport>;
  /** Makes the canonical rows anew from the stored objects, where the normaliser has changed since, or with `force`. */
  renormalise(input: { account: string; force: boolean }): Promise<RenormaliseReport>;
  /** Scoped replace of the account's rows with the newest metric run; refuses an older one. */
  loadWarehouse(input: { account: string }): Promise<WarehouseReport>;
}

export type Activities = SyncActivities & MetricsActivities & CampaignActivities & CaseActivities;
