/** What a campaign is told to do: which invoices, how long, how often. Stored with the campaign; it can only be stricter than the rules. */
import type { DeclineClass } from './decline';

export interface CampaignTerms {
  /** Invoices whose payment first failed in this half-open interval, as ISO instants; null means since ever, and until now. */
  readonly from: string | null;
  readonly to: string | null;
  /** In minor units of the invoice's currency, as decimal strings; null means no limit. */
  readonly minAmountMinor: string | null;
  readonly maxAmountMinor: string | null;
  /** ISO 4217, upper case; null means every currency. */
  readonly currency: string | null;
  /** By the newest decline; null means every class. */
  readonly classes: readonly DeclineClass[] | null;
  /** A case ends so many days after it was opened. */
  readonly windowDays: number;
  /** Of ours, for one case. */
  readonly maxAttempts: number;
  /** Share of customers who are held out, in basis points. */
  readonly holdoutBp: number;
  /** Attempts of the whole campaign; null means no limit. */
  readonly budgetAttempts: number | null;
}

export const DEFAULT_TERMS: CampaignTerms = {
  from: null,
  to: null,
  minAmountMinor: null,
  maxAmountMinor: null,
  currency: null,
  classes: null,
  windowDays: 28,
  maxAttempts: 8,
  holdoutBp: 1_000,
  budgetAttempts: null,
};

/** A control group of more than half measures nothing better and recovers less. */
export const MAX_HOLDOUT_BP = 5_000;
