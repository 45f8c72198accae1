/** The ledger as the attempt protocol sees it: in Postgres for real accounts, in memory where a hundred thousand cases are tried. */
import type { Attempt, AttemptRef } from './attempt';
import type { Claimed, ClaimRequest, ClaimTerms } from './claim';
import type { Said } from './settlement';

export interface LedgerEntry {
  readonly attempt: Attempt | null;
  /** The ledger's clock just before it was read. */
  readonly now: Date;
}

export interface AttemptLedger {
  /**
   * Judges, and writes the intent where the verdict is to go, in one transaction under a lock on the credential and on the
   * case. Errors: invalid_input for a case that nobody has opened, or a number that does not follow the newest one.
   */
  claim(request: ClaimRequest): Promise<Claimed>;
  /** Errors: invalid_input for an attempt that is not there. */
  settle(ref: AttemptRef, said: Said): Promise<Attempt>;
  read(ref: AttemptRef): Promise<LedgerEntry>;
  /** Takes a number that nobody has claimed, for good. Returns what stands under it now. */
  fence(ref: AttemptRef, terms: Pick<ClaimTerms, 'keySpace'>): Promise<Attempt>;
}

/** One for each attempt, whatever becomes of it. */
export const idempotencyKey = (
  keySpace: string,
  { account, invoice, number }: AttemptRef,
): string => `${keySpace}/${account}/${invoice}/${number}`;

/** What is sent, as one text: one key never stands for two of them. */
export const requestText = ({
  invoice,
  credentialId,
  currency,
  amountMinor,
}: Pick<Attempt, 'invoice' | 'credentialId' | 'currency' | 'amountMinor'>): string =>
  JSON.stringify({ invoice, credentialId, currency, amountMinor: String(amountMinor) });
