/** Monthly figures: sums of the ledger by calendar month of the account's time zone. */
import { ledgerFigures, type LedgerEntry } from './figures';
import type { MovementType } from './movements';

/** startMinor + the five movements = endMinor, always. */
export type MonthlyFigures = {
  /** `2026-03` in the account's zone. */
  readonly month: string;
  readonly currency: string;
  readonly exponent: number;
  readonly startMinor: bigint;
  readonly endMinor: bigint;
  /** At the end of the month. */
  readonly customers: number;
} & { readonly [T in MovementType as `${T}Minor`]: bigint };

/** One row per currency and month, from its first movement to the month of `asOf`, by currency and month. */
export function monthlyFigures(options: {
  /** Restated rows and their reversals left out. */
  movements: readonly LedgerEntry[];
  /** IANA name. */
  timeZone: string;
  asOf: Date;
}): MonthlyFigures[] {
  const { movements, timeZone, asOf } = options;
  return ledgerFigures(movements, { period: 'month', timeZone, asOf }).map((figures) => ({
    month: figures.span.label,
    currency: figures.currency,
    exponent: figures.exponent,
    startMinor: figures.startMinor,
    newMinor: figures.newMinor,
    expansionMinor: figures.expansionMinor,
    contractionMinor: figures.contractionMinor,
    churnMinor: figures.churnMinor,
    reactivationMinor: figures.reactivationMinor,
    endMinor: figures.endMinor,
    customers: figures.customers,
  }));
}
