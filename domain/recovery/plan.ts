/** The question of when to try a failed payment again, and its answers: what every policy of timing is asked and says. */
import type { AllowanceRequest } from './ceilings';
import type { Charge } from './charge';
import type { Decline } from './decline';

/** What is to be paid, and with what. */
export type Payment = Omit<AllowanceRequest, 'charges' | 'nowMs'>;

export interface Situation {
  readonly payment: Payment;
  /** Every known charge of the credential at this account, whoever made it. */
  readonly charges: readonly Charge[];
  /** Ours, of this case, in order, with whatever credential; `decline` is null where there is none. */
  readonly attempts: readonly { readonly decline: Decline | null }[];
  /** The last decline of this payment with this credential; null when there is none, as after a card was updated. */
  readonly latest: { readonly atMs: number; readonly decline: Decline } | null;
  readonly limits: {
    /** Of ours, for the whole case. */
    readonly maxAttempts: number;
    readonly windowEndsAtMs: number;
  };
  readonly customer: {
    readonly country: string | null;
    /** IANA name. */
    readonly timeZone: string | null;
    /** When payments got through that had failed before, or that the customer made by hand: they tell of paydays. Oldest first. */
    readonly paidAtMs: readonly number[];
  };
  /** The provider's own next retry, as long as it is to be believed. */
  readonly providerRetryAtMs: number | null;
  /** Spreads cases that would all be due at the same moment, for example the case's id. */
  readonly seed: string;
  readonly nowMs: number;
}

export interface Explained {
  /** For people: a sentence or two. */
  readonly because: string;
  /** The ids of the rules that shaped it. */
  readonly rules: readonly string[];
}

export type Plan = Explained &
  (
    | { readonly kind: 'attempt'; readonly atMs: number }
    | { readonly kind: 'await_customer'; readonly remedy: 'update' | 'authenticate' }
    /** Somebody else is about to move: look again then. */
    | { readonly kind: 'monitor'; readonly untilMs: number }
    | { readonly kind: 'stop'; readonly as: 'exhausted' | 'hard_stopped' }
  );
