/** One attempt of ours to have an invoice paid, as the ledger has it, and what it counts as. */
import type { Charge } from './charge';
import type { CaseEvent } from './decide';
import type { Decline } from './decline';

export type AttemptState =
  /** In the ledger before anything is sent; it may be on the wire. */
  | 'intended'
  /** It was sent, or may have been, and nobody knows what became of it. */
  | 'unknown'
  /** Taken, to be settled later. */
  | 'pending'
  | 'succeeded'
  | 'declined'
  /** It never happened. */
  | 'absent'
  /** Taken, and given back later. */
  | 'returned';

/** Of these, an invoice has one at most, and no other attempt is made beside it. */
export const isOpen = (state: AttemptState): state is 'intended' | 'unknown' | 'pending' =>
  state === 'intended' || state === 'unknown' || state === 'pending';

export interface CaseRef {
  readonly account: string;
  readonly invoice: string;
}

export interface AttemptRef extends CaseRef {
  /** 1, 2, 3 … within the case. */
  readonly number: number;
}

export interface Attempt extends AttemptRef {
  readonly customerId: string | null;
  readonly credentialId: string;
  /** What ceilings count by. */
  readonly credentialKey: string;
  readonly network: string | null;
  readonly country: string | null;
  readonly currency: string;
  readonly amountMinor: bigint;
  readonly state: AttemptState;
  readonly idempotencyKey: string;
  /** By the provider's clock. */
  readonly intendedAt: Date;
  readonly chargeBefore: string | null;
  /** By the ledger's clock, like the next one. */
  readonly sendBefore: Date;
  /** That nothing of it is found proves only after this that it never happened. */
  readonly absentAfter: Date;
  readonly chargeId: string | null;
  readonly requestId: string | null;
  /** What came in, where it succeeded. */
  readonly paidMinor: bigint | null;
  readonly settledBy: 'answer' | 'lookup' | 'person' | 'fence' | null;
  readonly note: string | null;
  readonly decline: Decline | null;
  /** What was said of it that cannot be true beside what the ledger has: a person must look. */
  readonly conflict: string | null;
}

const COUNTS_AS = {
  intended: 'open',
  unknown: 'open',
  pending: 'pending',
  succeeded: 'succeeded',
  declined: 'failed',
  returned: 'failed',
} as const satisfies Record<Exclude<AttemptState, 'absent'>, Charge['status']>;

/** What the networks count of it; null for what never happened. */
export function chargeOf(attempt: Attempt): Charge | null {
  const { state, network, country, amountMinor, currency, decline } = attempt;
  if (state === 'absent') return null;
  return {
    id: attempt.chargeId ?? `intent/${attempt.idempotencyKey}`,
    atMs: attempt.intendedAt.getTime(),
    network,
    country,
    amountMinor,
    currency,
    status: COUNTS_AS[state],
    decline,
  };
}

/** All that is known of one credential, each once: an attempt of ours whose charge is among the synced ones is that charge. */
export function countEach(synced: readonly Charge[], attempts: readonly Attempt[]): Charge[] {
  const known = new Set(synced.map(({ id }) => id));
  const ours = attempts.flatMap((attempt) => chargeOf(attempt) ?? []);
  return [...synced, ...ours.filter(({ id }) => !known.has(id))];
}

/** The event that it is to its case, whether it ended just now or the ledger had it already. What was said of it, word for word. */
export function eventOf(attempt: Attempt): CaseEvent {
  const { number, state, chargeId, requestId, decline, note } = attempt;
  const facts = { attempt: number, charge: chargeId, request: requestId };
  const about = { attempt: number, facts, ...(note !== null && { because: note }) };
  switch (state) {
    case 'intended':
    case 'unknown':
      return { type: 'outcome_unknown', ...about };
    case 'pending':
    case 'absent':
    case 'returned':
      return { type: state, ...about };
    case 'succeeded': {
      const paidMinor = attempt.paidMinor ?? attempt.amountMinor;
      return {
        type: paidMinor < attempt.amountMinor ? 'partially_succeeded' : 'succeeded',
        by: 'us',
        amountMinor: String(paidMinor),
        chargeId,
        ...about,
      };
    }
    case 'declined':
      return {
        type: decline?.retryable === 'after_auth' ? 'authentication_required' : 'declined',
        ...about,
        ...(decline && { facts: { ...facts, reason: decline.reason, class: decline.class } }),
      };
  }
}
