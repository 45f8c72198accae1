/** What an account's workflow knows, and hands on at continue-as-new: a persisted format with a version. */
import type {
  AccountFacts,
  MetricsReport,
  OpenRunInput,
  ResourceProgress,
  RunResult,
  WarehouseReport,
} from '../activities/contract';
import { NO_FAILURES } from '../domain/account/budget';
import type { Failures } from '../domain/account/budget';
import { STATES } from '../domain/account/transitions';
import type { AccountState } from '../domain/account/transitions';
import type { Wish } from '../domain/account/wish';
import type { Position } from './plan';

export interface Memory {
  readonly v: 2;
  readonly account: string;
  readonly provider: string;
  readonly state: AccountState;
  /** Why it is in this state. */
  readonly because: string;
  readonly attention: boolean;
  /** Sequence number of the last recorded transition. */
  readonly transitions: number;
  /** The run at hand; null when there is none. */
  readonly position: Position | null;
  /** What was asked for meanwhile: the next run serves it. */
  readonly wish: Wish | null;
  /** The newest run that has ended `partial`, until a sync is complete: what `retry` takes up again. */
  readonly unfinished: UnfinishedRun | null;
  readonly failures: Failures;
  /** Epoch milliseconds of the next try; null unless backing off. */
  readonly nextActionAtMs: number | null;
  readonly progress: readonly ResourceProgress[];
  readonly last: FinishedSync | null;
}

export interface FinishedSync {
  readonly result: RunResult;
  /** Null where nothing had changed that they show. */
  readonly metrics: MetricsReport | null;
  readonly warehouse: WarehouseReport | null;
}

export interface UnfinishedRun {
  readonly run: string;
  readonly open: OpenRunInput;
  readonly parked: readonly string[];
  /** Whether only a person can settle what is missing. */
  readonly unsettled: boolean;
}

/** What an earlier history of any version handed on, in today's form. An unknown version waits for a worker that knows it. */
export function upgradeState(carried: unknown): Memory {
  const version = (carried as { v?: unknown } | null)?.v;
  if (version === 2) return carried as Memory;
  if (version === 1) {
    return { ...(carried as Omit<Memory, 'wish' | 'unfinished'>), ...EMPTY, v: 2 };
  }
  throw new Error(`Carried state has version ${String(version)}; this worker knows 1 and 2.`);
}

/** What older state does not say. */
const EMPTY = { wish: null, unfinished: null } as const;

const SYNC: Wish = { kind: 'sync', to: null };

/** The run that begins with transition number `sequence`: that number never comes twice in the life of an account. */
export function newRun(
  { account, transitions: sequence }: Pick<Memory, 'account' | 'transitions'>,
  { workflowId, wish }: { readonly workflowId: string; readonly wish: Wish | null },
): Position {
  const key = `${workflowId}/${String(sequence)}`;
  const { kind, to } = wish ?? SYNC;
  return { open: { account, kind, key, from: null, to, resources: null }, run: null, result: null };
}

/** What is unfinished after a run has ended: a complete sync reads all that an older run had missed. */
export function unfinishedAfter(
  { unfinished }: Pick<Memory, 'unfinished'>,
  { open, until }: Position,
  result: RunResult,
): UnfinishedRun | null {
  const { run, state, parked, settled } = result;
  const ofSync = open.kind === 'sync';
  if (state !== 'partial') return ofSync || unfinished?.run === run ? null : unfinished;
  if (!ofSync && unfinished !== null && unfinished.run !== run) return unfinished;
  return {
    run,
    open: { ...open, to: until ?? open.to },
    parked: parked.map(({ resource }) => resource),
    unsettled: settled !== true,
  };
}

/** The same once a resource is left out: when nothing parked is left, nobody has to be called. */
export function withoutParked(unfinished: UnfinishedRun, resource: string): UnfinishedRun {
  const parked = unfinished.parked.filter((name) => name !== resource);
  return { ...unfinished, parked, unsettled: unfinished.unsettled && parked.length > 0 };
}

/** Where a new workflow for a known account goes on: Postgres is the record, also after a terminate. */
export function recall(facts: AccountFacts, workflowId: string): Memory {
  const recorded = STATES.find((state) => state === facts.state) ?? 'idle';
  // A wait that nobody remembers the end of is over.
  const state = recorded === 'backing_off' ? 'syncing' : recorded;
  const { account, provider, lastTransition: transitions, openRun, partialRun } = facts;
  const begun = newRun({ account, transitions }, { workflowId, wish: null });
  const atWork = state === 'syncing' || (state !== 'idle' && openRun !== null);
  return {
    ...EMPTY,
    v: 2,
    account,
    provider,
    state,
    because: transitions === 0 ? 'The account is new.' : 'As it was last recorded.',
    attention: facts.attention ?? state === 'blocked',
    transitions,
    position: atWork ? { ...begun, run: openRun } : null,
    unfinished: partialRun ? { ...partialRun, open: begun.open } : null,
    failures: NO_FAILURES,
    nextActionAtMs: null,
    progress: [],
    last: null,
  };
}
