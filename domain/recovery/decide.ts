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
} & (
  | {
      readonly type: Timed;
      /** Epoch milliseconds: when to go, when the provider retries, when to look again at the earliest. */
      readonly atMs: number;
    }
  | {
      readonly type: Money;
      /** Who brought the money, and how much, as a decimal string. */
      readonly by: 'us' | 'elsewhere' | 'provider';
      readonly amountMinor: string;
      readonly chargeId: string | null;
    }
  | { readonly type: 'customer_needed'; readonly remedy: 'update' | 'authenticate' }
  | { readonly type: 'step_failed'; readonly retryAfterMs: number | null }
  | { readonly type: Exclude<CaseEventType, Timed | Money | 'customer_needed' | 'step_failed'> }
);

export interface CaseDecision {
  readonly next: CaseState;
  readonly because: string;
}
