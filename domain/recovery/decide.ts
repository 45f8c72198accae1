/** What an event does to a case: a pure reading of the table. `engine.ts` performs the effects and decides nothing. */
import { sentences } from '../words';
import type { RecoveryPolicy } from './policy';
import type { CaseDesired, CaseRecovery } from './record';
import { CASE_TABLE } from './transitions';
import type { CaseEffectName, CaseGuard } from './transitions';
import type { CaseEventType, CaseState } from './states';

/** What an attempt, or a look at one, says about money. */
type Money = 'succeeded' | 'partially_succeeded' | 'paid_elsewhere' | 'reversed';
/** Events that carry an instant. */
type Timed = 'attempt_planned' | 'provider_retry_pending' | 'inconclusive';

/** Something that happened to a case. `because` is one sentence by whoever saw it; it is appended to the table's reason. */
export type CaseEvent = {
  readonly because?: string;
  /** What a decision was made by; stored with the transition. */
  readonly facts?: Readonly<Record<string, unknown>>;
  /** Number in the ledger of the attempt that it is about; left out means the one at hand. */
  readonly attempt?: number;
} & (
  | {
      readonly type: Timed;
      /** Epoch milliseconds: when to go, when the provider retries, when to look again at the earliest. */
      readonly atMs: number;
    }
  | {
      readonly type: Money;
      /** Who brought the money, and how much, as a decimal string; of a reversal, all that was taken back so far. */
      readonly by: 'us' | 'elsewhere' | 'provider';
      readonly amountMinor: string;
      readonly chargeId: string | null;
    }
  | { readonly type: 'customer_needed'; readonly remedy: 'update' | 'authenticate' }
  | { readonly type: 'step_failed'; readonly retryAfterMs: number | null }
  | { readonly type: Exclude<CaseEventType, Timed | Money | 'customer_needed' | 'step_failed'> }
);

export interface CaseContext {
  /** By the account's clock. */
  readonly nowMs: number;
  readonly policy: RecoveryPolicy;
  /** Tries in a row that came to nothing. */
  readonly fruitless: number;
  /** Lookups so far, on schedule, of the attempt that is unknown or being settled. */
  readonly lookups: number;
  /** The wait that was set is over. */
  readonly due: boolean;
  /** The step of the state itself says so, not somebody else. */
  readonly answered: boolean;
  readonly attemptOpen: boolean;
  /** What has happened while an attempt was in flight, and is to be applied after it. */
  readonly remembered: readonly CaseEvent[];
  readonly recovery: CaseRecovery | null;
}

export type CaseEffect =
  | { readonly type: 'write_desired'; readonly desired: CaseDesired }
  | { readonly type: 'remember'; readonly event: CaseEvent }
  | { readonly type: 'forget_pause' }
  /** Null: until somebody says something. */
  | { readonly type: 'wait_until'; readonly atMs: number | null }
  | { readonly type: 'count_lookups'; readonly lookups: number }
  /** Null: at once. */
  | { readonly type: 'try_again'; readonly atMs: number | null; readonly fruitless: number }
  | { readonly type: 'set_attention'; readonly attention: boolean }
  | { readonly type: 'set_recovery'; readonly recovery: CaseRecovery }
  | { readonly type: 'tell_customer' };

export interface CaseDecision {
  readonly next: CaseState;
  readonly effects: readonly CaseEffect[];
  readonly because: string;
}

/** Total: every state answers every event, and nothing is thrown. */
export function decideCase(state: CaseState, event: CaseEvent, context: CaseContext): CaseDecision {
  const cell = CASE_TABLE[state][event.type];
  const explain = (because: string): string => sentences(because, event.because ?? '');
  if (cell.kind === 'forbidden') {
    return { next: state, effects: [], because: explain(cell.because) };
  }
  const { remembered } = context;
  const holds: Record<CaseGuard, boolean> = {
    answered: context.answered,
    attempt_open: context.attemptOpen,
    paid_meanwhile: remembered.some(({ type }) => type === 'paid_elsewhere'),
    stopped_meanwhile: remembered.length > 0,
  };
  const { to, because, effects } =
    cell.first.find(({ when }) => when !== null && holds[when]) ?? cell.otherwise;
  return {
    next: to === 'same' ? state : to,
    effects: effects.flatMap((name) => effectOf(name, event, context)),
    because: explain(because),
  };
}

function effectOf(
  name: CaseEffectName,
  event: CaseEvent,
  context: CaseContext,
): CaseEffect | CaseEffect[] {
  const { nowMs, policy, fruitless, lookups } = context;
  const at = 'atMs' in event ? event.atMs : nowMs;
  switch (name) {
    case 'want_run':
      return { type: 'write_desired', desired: 'run' };
    case 'want_pause':
      return { type: 'write_desired', desired: 'pause' };
    case 'want_cancel':
      return { type: 'write_desired', desired: 'cancel' };
    case 'remember':
      return { type: 'remember', event };
    case 'wait_until':
      // Rounds that come to nothing are quick: a plan for later than the longest delay is none of them.
      return [
        { type: 'wait_until', atMs: at },
        ...(at - nowMs > policy.backoffMaxMs ? forgiven(context) : []),
      ];
    case 'wait_for_provider':
      return { type: 'wait_until', atMs: at + policy.providerRetryGraceMs };
    case 'look_up':
      return lookup({ number: 0, atMs: lookupAtMs({ lookups: 0, nowMs, policy }) });
    case 'look_up_again':
      // A look that news have caused is not one of the schedule's.
      if (!context.due) return [];
      return lookup({
        number: lookups + 1,
        atMs: Math.max(at, lookupAtMs({ lookups: lookups + 1, nowMs, policy })),
      });
    case 'await_settlement':
      return lookup({ number: 0, atMs: settledAtMs({ lookups: 0, nowMs, policy }) });
    case 'await_settlement_on':
      if (!context.due) return [];
      return lookup({
        number: lookups + 1,
        atMs: settledAtMs({ lookups: lookups + 1, nowMs, policy }),
      });
    case 'look_again':
      return { type: 'wait_until', atMs: nowMs + policy.lookAgainMs };
    case 'wait_for_people':
      return { type: 'wait_until', atMs: null };
    case 'back_off': {
      const asked = event.type === 'step_failed' ? (event.retryAfterMs ?? 0) : 0;
      const ownMs = Math.min(policy.backoffFirstMs * 2 ** fruitless, policy.backoffMaxMs);
      const again = fruitless + 1;
      const atMs = nowMs + Math.max(ownMs, asked);
      return [
        { type: 'try_again', atMs, fruitless: again },
        ...(again < policy.alarmAfterFailures ? [] : [ALARM]),
      ];
    }
    case 'forgive':
      return forgiven(context);
    case 'hurry':
      return { type: 'try_again', atMs: null, fruitless };
    case 'raise_attention':
      return ALARM;
    case 'clear_attention':
      return ALL_CLEAR;
    case 'count_money':
      return recoveryBy(event);
    case 'count_reversal':
      return context.recovery === null || !('amountMinor' in event)
        ? []
        : {
            type: 'set_recovery',
            recovery: { ...context.recovery, reversedMinor: event.amountMinor },
          };
    case 'forget_pause':
    case 'tell_customer':
      return { type: name };
  }
}

const forgiven = ({ fruitless, policy }: CaseContext): CaseEffect[] => [
  { type: 'try_again', atMs: null, fruitless: 0 },
  ...(fruitless < policy.alarmAfterFailures ? [] : [ALL_CLEAR]),
];

const ALARM = { type: 'set_attention', attention: true } as const;
const ALL_CLEAR = { type: 'set_attention', attention: false } as const;

const lookup = ({ number, atMs }: { number: number; atMs: number }): CaseEffect[] => [
  { type: 'count_lookups', lookups: number },
  { type: 'wait_until', atMs },
];

type Lookup = Pick<CaseContext, 'lookups' | 'nowMs' | 'policy'>;

/** After the last delay of the schedule nothing is looked up any more: a person is called at once. */
const lookupAtMs = ({ lookups, nowMs, policy }: Lookup): number =>
  nowMs + (policy.lookupDelaysMs[lookups] ?? 0);

const settledAtMs = ({ lookups, nowMs, policy: { settlementDelaysMs: delays } }: Lookup): number =>
  nowMs + (delays[lookups] ?? delays.at(-1) ?? 0);

function recoveryBy(event: CaseEvent): CaseEffect | [] {
  if (!('amountMinor' in event)) return [];
  const { by, amountMinor: recoveredMinor, chargeId } = event;
  return {
    type: 'set_recovery',
    recovery: { by, recoveredMinor, reversedMinor: '0', chargeId },
  };
}
