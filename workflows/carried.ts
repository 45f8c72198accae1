/** What an account's workflow knows, and hands on at continue-as-new: a persisted format with a version. */
import type {
  AccountFacts,
  MetricsReport,
  ResourceProgress,
  RunResult,
  WarehouseReport,
} from '../activities/contract';
import { NO_FAILURES } from '../domain/account/budget';
import type { Failures } from '../domain/account/budget';
import { STATES } from '../domain/account/transitions';
import type { AccountState } from '../domain/account/transitions';
import type { Position } from './plan';

export interface Memory {
  readonly v: 1;
  readonly account: string;
  readonly provider: string;
  readonly state: AccountState;
  /** Why it is in this state. */
  readonly because: string;
  readonly attention: boolean;
  /** Sequence number of the last recorded transition. */
  readonly transitions: number;
  /** The sync at hand; null when there is none. */
  readonly position: Position | null;
  readonly failures: Failures;
  /** Epoch milliseconds of the next try; null unless backing off. */
  readonly nextActionAtMs: number | null;
  readonly progress: readonly ResourceProgress[];
  readonly last: FinishedSync | null;
}

export interface FinishedSync {
  readonly result: RunResult;
  readonly metrics: MetricsReport;
  readonly warehouse: WarehouseReport;
}

/** What an earlier history of any version handed on, in today's form. An unknown version waits for a worker that knows it. */
export function upgradeState(carried: unknown): Memory {
  const version = (carried as { v?: unknown } | null)?.v;
  if (version === 1) return carried as Memory;
  throw new Error(`Carried state has version ${String(version)}; this worker knows 1.`);
}

/** The sync that begins with transition number `sequence`: that number never comes twice in the life of an account. */
export function newSync(account: string, workflowId: string, sequence: number): Position {
  const key = `${workflowId}/${String(sequence)}`;
  return {
    open: { account, kind: 'sync', key, from: null, to: null, resources: null },
    run: null,
    result: null,
  };
}

/** Where a new workflow for a known account goes on: Postgres is the record, also after a terminate. */
export function recall(facts: AccountFacts, workflowId: string): Memory {
  const recorded = STATES.find((state) => state === facts.state) ?? 'idle';
  // A wait that nobody remembers the end of is over.
  const state = recorded === 'backing_off' ? 'syncing' : recorded;
  const sync = newSync(facts.account, workflowId, facts.lastTransition);
  const atWork = state === 'syncing' || (state !== 'idle' && facts.openRun !== null);
  return {
    v: 1,
    account: facts.account,
    provider: facts.provider,
    state,
    because: facts.lastTransition === 0 ? 'The account is new.' : 'As it was last recorded.',
    attention: state === 'blocked',
    transitions: facts.lastTransition,
    position: atWork ? { ...sync, run: facts.openRun } : null,
    failures: NO_FAILURES,
    nextActionAtMs: null,
    progress: [],
    last: null,
  };
}
