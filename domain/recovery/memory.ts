/** What whoever runs a case knows of it. The workflow hands it on at continue-as-new: a persisted format with a version. */
import type { CaseEvent } from './decide';
import type { CaseDesired, CaseFacts, CaseKey, CaseRecovery, CaseTransition } from './record';
import type { CaseState } from './states';

export interface CaseMemory extends CaseKey {
  readonly v: 1;
  readonly campaign: string;
  readonly provider: string;
  readonly clock: 'real' | 'simulated';
  readonly amountMinor: string;
  readonly currency: string;
  /** Absent from what older histories hand on. */
  readonly exponent?: number;
  readonly windowEndsAtMs: number;
  /** The account's clock as last seen. */
  readonly nowMs: number;
  readonly state: CaseState;
  readonly sinceMs: number;
  /** Why it is in this state. */
  readonly because: string;
  readonly attention: boolean;
  readonly desired: CaseDesired;
  /** Sequence number of the newest transition. */
  readonly transitions: number;
  /** Those that are not stored yet, in order. */
  readonly unrecorded: readonly CaseTransition[];
  /** Number of the newest attempt in the ledger that has an outcome. */
  readonly attempts: number;
  /** The attempt whose outcome is not known yet; never two. */
  readonly open: number | null;
  /** When the wait of its state ends; null when nothing but people and news end it. */
  readonly dueAtMs: number | null;
  /** No step before this, since the last one came to nothing. */
  readonly tryAgainAtMs: number | null;
  /** Tries in a row that came to nothing. */
  readonly fruitless: number;
  /** Lookups of the open attempt so far, on schedule. */
  readonly lookups: number;
  /** What would have stopped the case while an attempt was in flight: one of each kind, in order. */
  readonly remembered: readonly CaseEvent[];
  /** Something was seen of the invoice: it is looked at before anything else. */
  readonly hasNews: boolean;
  /** Somebody is still to be told that it waits for its customer. */
  readonly owesWord: boolean;
  readonly recovery: CaseRecovery | null;
  /** The last plan. */
  readonly decision: {
    readonly because: string;
    readonly facts: CaseTransition['facts'];
  } | null;
}

/** A case as its row has it, before anything that its new runner has to catch up with. */
export function memoryOf(facts: CaseFacts): CaseMemory {
  const { account, invoice, campaign, provider, clock, amountMinor, currency } = facts;
  const { windowEndsAtMs, nowMs, state, because, attention, desired, transitions } = facts;
  const open = openOf(facts);
  return {
    v: 1,
    account,
    invoice,
    campaign,
    provider,
    clock,
    amountMinor,
    currency,
    ...(facts.exponent !== undefined && { exponent: facts.exponent }),
    windowEndsAtMs,
    nowMs,
    state,
    sinceMs: nowMs,
    because,
    attention,
    desired,
    transitions,
    unrecorded: [],
    attempts: open === null ? facts.attempts : Math.min(facts.attempts, open - 1),
    open,
    dueAtMs: facts.nextActionAtMs,
    tryAgainAtMs: null,
    fruitless: 0,
    lookups: 0,
    remembered: [],
    hasNews: false,
    owesWord: false,
    recovery: facts.recovery,
    decision: null,
  };
}

/** An attempt that was begun and is not in the ledger may still be on its way there: it is the next number. */
function openOf({ state, openAttempt, attempts }: CaseFacts): number | null {
  if (openAttempt !== null) return openAttempt.number;
  if (state === 'charging' || state === 'unknown') return attempts + 1;
  return state === 'pending_settlement' ? attempts : null;
}

/** What an earlier history handed on, in today's form. An unknown version waits for a worker that knows it. */
export function upgradeMemory(carried: unknown): CaseMemory {
  const version = (carried as { v?: unknown } | null)?.v;
  if (version === 1) return carried as CaseMemory;
  throw new Error(`Carried state has version ${String(version)}; this worker knows 1.`);
}
