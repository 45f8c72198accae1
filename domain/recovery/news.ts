/** What stored rows say of a case's invoice, in one word: what a sync has seen, told to whoever runs the case. */
import type { CaseState } from './states';

/** What the sync, the webhook inbox or a person has seen of a case's invoice. */
export const CASE_NEWS = [
  'paid_elsewhere',
  'voided',
  'disputed',
  'refunded',
  'card_updated',
  'returned',
  'settled',
  'account_resumed',
] as const;
export type CaseNews = (typeof CASE_NEWS)[number];

/** A case, and what the rows about its invoice say now. */
export interface CaseSighting {
  readonly state: CaseState;
  /** Canonical; null for an invoice that is not there any more. */
  readonly invoiceStatus: string | null;
  readonly isDisputed: boolean;
  readonly isRefunded: boolean;
  /** Whether its newest charge has failed. */
  readonly hasFailed: boolean;
  /** Whether its customer has changed since the case was told of something last. */
  readonly customerChanged: boolean;
}

/** Null when nothing of it concerns the case. */
export function newsOf(sighting: CaseSighting): CaseNews | null {
  const { state, invoiceStatus, isDisputed, isRefunded, hasFailed, customerChanged } = sighting;
  const isSettling = state === 'pending_settlement';
  if (isDisputed) return 'disputed';
  if (isRefunded) return 'refunded';
  if (invoiceStatus === 'paid') return isSettling ? 'settled' : 'paid_elsewhere';
  if (invoiceStatus !== 'open') return 'voided';
  if (isSettling && hasFailed) return 'returned';
  return customerChanged ? 'card_updated' : null;
}

/** Money that a case has brought, and what the rows about its charge say now. */
export interface RecoveredCharge {
  readonly recoveredMinor: bigint;
  readonly refundedMinor: bigint;
  /** Of disputes that were lost. */
  readonly lostMinor: bigint;
  /** The charge has failed after all: a debit was returned. */
  readonly isReturned: boolean;
}

/** All that was taken back so far; never more than came in. */
export function reversedMinor(charge: RecoveredCharge): bigint {
  const { recoveredMinor, refundedMinor, lostMinor, isReturned } = charge;
  const taken = isReturned ? recoveredMinor : refundedMinor + lostMinor;
  return taken < recoveredMinor ? taken : recoveredMinor;
}
