/**
 * What the workflows and everybody who talks to them agree on: ids, inputs, updates, signals, queries, search attributes.
 * The only file that `client/` takes from this room. Everything here is plain JSON: ids, counts and words, no customer data.
 */
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { SyncPolicy } from '../domain/account/budget';
import type { RecoveryPolicy } from '../domain/recovery/policy';
import type { CaseNews } from '../domain/recovery/news';
import type { CaseState } from '../domain/recovery/states';
import type { MetricsReport, RenormaliseReport, WarehouseReport } from '../activities/contract';

export type {
  MetricsReport,
  RenormaliseReport,
  RunResult,
  RunState,
  WarehouseReport,
} from '../activities/contract';
export { CASE_NEWS, type CaseNews } from '../domain/recovery/news';

export const WORKFLOW_TYPES = {
  account: 'account',
  backfill: 'backfill',
  nightlySync: 'nightlySync',
  paymentRetry: 'paymentRetry',
  retryCampaign: 'retryCampaign',
  deliverMessage: 'deliverMessage',
  restateMetrics: 'restateMetrics',
} as const;

/**
 * Where the long steps wait (walks, metrics, loads), beside the task queue of the workflows and their quick steps: so that many
 * walks at once never keep a pause waiting.
 */
export const walkTaskQueue = (taskQueue: string): string => `${taskQueue}-walks`;

export const SEARCH_ATTRIBUTES = {
  account: defineSearchAttributeKey('RecoupAccountId', SearchAttributeType.KEYWORD),
  provider: defineSearchAttributeKey('RecoupProvider', SearchAttributeType.KEYWORD),
  state: defineSearchAttributeKey('RecoupState', SearchAttributeType.KEYWORD),
  attention: defineSearchAttributeKey('RecoupAttention', SearchAttributeType.BOOL),
  nextActionAt: defineSearchAttributeKey('RecoupNextActionAt', SearchAttributeType.DATETIME),
  amountMinor: defineSearchAttributeKey('RecoupAmountMinor', SearchAttributeType.INT),
} as const;

/** `account/<accountId>`: one per account until it is disconnected. */
export const accountWorkflowId = (accountId: string): string => `account/${accountId}`;

/** `backfill/<accountId>/<suffix>`: as many as wanted. */
export const backfillWorkflowId = (options: { accountId: string; suffix: string }): string =>
  `backfill/${options.accountId}/${options.suffix}`;

/** `nightly/<group>`: one Schedule per time-zone group. */
export const nightlyScheduleId = (group: string): string => `nightly/${group}`;

/** `nightly/<group>`; the server appends the scheduled time to what a Schedule starts. */
export const nightlyWorkflowId = (group: string): string => `nightly/${group}`;

/** `recovery/<accountId>/<invoiceId>`: one case for each failed invoice, whatever campaign found it. */
export const recoveryWorkflowId = (options: { accountId: string; invoiceId: string }): string =>
  `recovery/${options.accountId}/${options.invoiceId}`;

/** `message/<accountId>/<messageId>`. */
export const messageWorkflowId = (options: { accountId: string; message: string }): string =>
  `message/${options.accountId}/${options.message}`;

/** `metrics/<accountId>`: one at a time. */
export const metricsWorkflowId = (accountId: string): string => `metrics/${accountId}`;

/** `campaign/<accountId>/<campaignId>`: campaigns are numbered by each database, and several may share a Temporal server. */
export const campaignWorkflowId = (options: { accountId: string; campaignId: string }): string =>
  `campaign/${options.accountId}/${options.campaignId}`;

/** Which workflow walks a backfill's run: its id and, over continue-as-new, the first run of its chain. */
export interface BackfillRun {
  readonly workflowId: string;
  readonly firstExecutionRunId: string;
}

/** The key of its run, the same for every run of the chain, and another when the workflow's id is used again. */
export const backfillRunKey = ({ workflowId, firstExecutionRunId }: BackfillRun): string =>
  `${workflowId}/${firstExecutionRunId}`;

/** Null for the key of another kind of run. */
export function parseBackfillRunKey(key: string): BackfillRun | null {
  const [, workflowId, firstExecutionRunId] = /^(backfill\/.+)\/([^/]+)$/.exec(key) ?? [];
  if (workflowId === undefined || firstExecutionRunId === undefined) return null;
  return { workflowId, firstExecutionRunId };
}

/** Input of `account`. `carried` is the workflow's own, handed on at continue-as-new. */
export interface AccountInput {
  readonly account: string;
  /** Limits and delays of retrying, where they differ from the defaults. */
  readonly policy?: Partial<SyncPolicy>;
  readonly carried?: unknown;
}

/** Input of `backfill`, as an operator types it: one JSON object in which all but `account` may be left out. */
export interface BackfillInput {
  readonly account: string;
  /**
   * The id of a run that has ended `partial`: what is parked in it is tried again, in its own window. With it, neither `from`
   * nor `to` nor `refetch` may be given, and `resources` names what to try again.
   */
  readonly run?: string;
  /** ISO date or instant, inclusive; since ever when left out. A date means its midnight UTC. */
  readonly from?: string;
  /** ISO date or instant, exclusive; the provider's now when left out. */
  readonly to?: string;
  /** Resource names; all when left out. */
  readonly resources?: readonly string[];
  /** Read again what is already covered. */
  readonly refetch?: boolean;
  /** Limits and delays of retrying, where they differ from the defaults. */
  readonly policy?: Partial<SyncPolicy>;
  /** The workflow's own, handed on at continue-as-new. */
  readonly carried?: unknown;
}

/** Input of `nightlySync`, as a Schedule or an operator gives it: one JSON object in which everything may be left out. */
export interface NightlyInput {
  /** IANA name of the zone whose accounts are meant; null, as when left out, means those of every zone. */
  readonly timeZone?: string | null;
  /** Zones left out where `timeZone` is null: those that have a Schedule of their own. */
  readonly except?: readonly string[];
  /** Syncs under way at a time at most; `NIGHTLY_MAX_CONCURRENT` when left out. */
  readonly maxConcurrent?: number;
  /** The workflow's own, handed on at continue-as-new. */
  readonly carried?: unknown;
}

export const NIGHTLY_MAX_CONCURRENT = 50;

/** Input of `paymentRetry`. `carried` is the workflow's own. */
export interface PaymentRetryInput {
  readonly account: string;
  readonly invoice: string;
  readonly policy?: Partial<RecoveryPolicy>;
  readonly carried?: unknown;
}

/** Input of `deliverMessage`. */
export interface DeliverMessageInput {
  readonly account: string;
  readonly message: string;
}

/** Input of `restateMetrics`: one JSON object in which all but `account` may be left out. */
export interface RestateInput {
  readonly account: string;
  /** Make the rows anew from the stored objects even where the normaliser is the same. */
  readonly rows?: boolean;
}

export interface RestateResult {
  readonly rows: RenormaliseReport;
  readonly metrics: MetricsReport;
  readonly warehouse: WarehouseReport;
}

/** Input of `retryCampaign`: its terms are a row. `carried` is the workflow's own. */
export interface RetryCampaignInput {
  readonly campaign: string;
  readonly carried?: unknown;
}

export interface CaseStatus {
  readonly account: string;
  readonly invoice: string;
  readonly state: CaseState;
  readonly because: string;
  readonly attention: boolean;
  readonly attempts: number;
  /** ISO instant of what comes next, if anything does by itself. */
  readonly nextActionAt: string | null;
  readonly transitions: number;
}

export interface NightlyResult {
  /** Accounts whose sync was asked for. */
  readonly woken: number;
  /** Accounts that could not sync (paused, blocked or disconnected), or did so already. */
  readonly passedOver: number;
  /** When this night was meant to begin, as ISO instant: the syncs' windows end there. */
  readonly from: string;
}

/** One correct argument of each kind: what error messages show. */
export const EXAMPLES = {
  account: { account: 'acct_1' },
  backfill: {
    account: 'acct_1',
    from: '2026-10-01',
    to: '2026-11-01',
    resources: ['invoice'],
  },
  nightlySync: { timeZone: 'Europe/Berlin', maxConcurrent: 50 },
  retryCampaign: { campaign: 'camp_1' },
  deliverMessage: { account: 'acct_1', message: 'msg_1' },
  restateMetrics: { account: 'acct_1', rows: false },
  update: { reason: 'ticket 4711' },
  accountChanged: { what: 'credentials', reason: 'ticket 4711' },
  retry: { resource: 'dispute', reason: 'ticket 4711' },
  skip: { resource: 'dispute', always: false, reason: 'ticket 4711' },
  wake: { what: 'sync', to: '2026-11-01T02:00:00Z' },
  paymentRetry: { account: 'acct_1', invoice: 'in_1' },
  resolve: { outcome: 'absent', reason: 'the bank says it never saw it' },
  caseNews: { what: 'paid_elsewhere' },
  tick: { nowMs: 1_793_498_400_000 },
} as const;

export interface UpdateAnswer {
  /** The state after the update. */
  readonly state: string;
  /** Why, in one sentence: also when nothing changed. */
  readonly because: string;
}

export interface AccountStatus {
  readonly account: string;
  readonly state: string;
  readonly because: string;
  readonly attention: boolean;
  readonly run: string | null;
  /** ISO instant of the next timer, if one is set. */
  readonly nextActionAt: string | null;
  readonly transitions: number;
}

export interface BackfillStatus {
  readonly account: string;
  /** `running`, `paused`, `backing_off`, `blocked` or `ended`. */
  readonly state: string;
  readonly because: string;
  readonly attention: boolean;
  readonly run: string | null;
  readonly nextActionAt: string | null;
}

/** Ask for a sync now. Answers at once; while one runs, that one serves. */
export const requestSync = defineUpdate<UpdateAnswer, [{ reason?: string }]>('requestSync');
/** Stop after the request at hand; the state of a run at hand is kept. */
export const pause = defineUpdate<UpdateAnswer, [{ reason?: string }]>('pause');
/** Go on where it stopped; also the way out of `blocked`. */
export const resume = defineUpdate<UpdateAnswer, [{ reason?: string }]>('resume');
/** End the account's life in Recoup; its data stay. */
export const disconnect = defineUpdate<UpdateAnswer, [{ reason?: string }]>('disconnect');
/** Credentials or configuration are new: wakes an account that waits for them. */
export const accountChanged = defineUpdate<
  UpdateAnswer,
  [{ what: 'credentials' | 'configuration'; reason?: string }]
>('accountChanged');
/** Take a parked or skipped resource up again, or all of them when none is named; of `account` and of `backfill`. */
export const retry = defineUpdate<UpdateAnswer, [{ resource?: string; reason?: string }]>('retry');
/**
 * Leave a resource out of the run at hand, or of the last one; with `always` out of the account's later syncs too, until it
 * is retried. Of `account` and of `backfill`.
 */
export const skip = defineUpdate<
  UpdateAnswer,
  [{ resource: string; always?: boolean; reason?: string }]
>('skip');
/**
 * Only of `account`, for machines, which need no answer. `sync`: read what is new, up to `to` (ISO instant, exclusive; the
 * provider's now when left out). `changes`: read the objects that hints name. While a run is at work the wish is kept.
 */
export const wake =
  defineSignal<[{ what: 'sync' | 'changes'; to?: string; reason?: string }]>('wake');
/** Of `backfill` and of `paymentRetry`: stop for good. */
export const cancel = defineUpdate<UpdateAnswer, [{ reason?: string }]>('cancel');
/** Of `account`. */
export const status = defineQuery<AccountStatus>('status');
/** Of `backfill`; the same name, so that `status` is what one asks of either. */
export const backfillStatus = defineQuery<BackfillStatus>('status');

/** Only of `paymentRetry`: try now, with the same checks as at any other time. */
export const attemptNow = defineUpdate<UpdateAnswer, [{ reason?: string }]>('attemptNow');
/** Only of `paymentRetry`, where nothing proves what became of an attempt: a person says so, and why. */
export const resolve = defineUpdate<
  UpdateAnswer,
  [{ outcome: 'succeeded' | 'declined' | 'absent'; reason: string }]
>('resolve');
/** Only of `paymentRetry` of an exhausted case: try again, for another window of its campaign. */
export const reopen = defineUpdate<UpdateAnswer, [{ reason: string }]>('reopen');
/** Only of `paymentRetry`, for machines: look at the invoice again, since something was seen of it. */
export const caseNews = defineSignal<[{ what: CaseNews }]>('caseNews');
/** Only of `paymentRetry` of an account whose clock is simulated: it is now so late, in epoch milliseconds. */
export const tick = defineSignal<[{ nowMs: number }]>('tick');
/** Of `paymentRetry`. */
export const caseStatus = defineQuery<CaseStatus>('status');
/** Only of `retryCampaign`: end its cases after what is in flight, and open no more. */
export const stop = defineUpdate<UpdateAnswer, [{ reason?: string }]>('stop');
