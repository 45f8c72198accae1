/**
 * Measures of a period, from its figures. Rates stay numerator and denominator: whoever shows one divides last, and a
 * denominator of 0 is no rate at all.
 */
import type { Figures } from './figures';

/** An exact rate; of amounts in minor units, where it is one of amounts. */
export interface Rate {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** Null where the denominator is 0. */
export interface Measures {
  /** Revenue per customer a month, minor units. */
  readonly arpa: Rate | null;
  /** What a new customer brings a month, minor units. */
  readonly asp: Rate | null;
  /** Customers at the start that are gone at the end, of those at the start. */
  readonly customerChurnRate: Rate | null;
  /** What churn and contraction took, of the revenue at the start. */
  readonly grossMrrChurnRate: Rate | null;
  /** The same, less expansion and reactivation; below 0 where these were more. */
  readonly netMrrChurnRate: Rate | null;
  /** What new customers, expansion and reactivation brought, for each unit that churn and contraction took. */
  readonly quickRatio: Rate | null;
  /** Revenue per customer a month over the customer churn rate, minor units; null where nobody churned. */
  readonly ltv: Rate | null;
  /** Trials that became paid, of those that ended. */
  readonly trialConversionRate: Rate | null;
}

/** Trials that ended in a period. */
export interface TrialCounts {
  readonly trialsEnded: number;
  readonly trialsConverted: number;
}

export const RATES = [
  'arpa',
  'asp',
  'customerChurnRate',
  'grossMrrChurnRate',
  'netMrrChurnRate',
  'quickRatio',
  'ltv',
  'trialConversionRate',
] as const satisfies readonly (keyof Measures)[];

export function measuresOf(figures: Figures & TrialCounts): Measures {
  const { startMinor, endMinor, newMinor, expansionMinor, reactivationMinor } = figures;
  const lost = -figures.churnMinor - figures.contractionMinor;
  const customers = BigInt(figures.customers);
  const atStart = BigInt(figures.customersAtStart);
  const gone = BigInt(figures.lostCustomers);
  return {
    arpa: rate(endMinor, customers),
    asp: rate(newMinor, BigInt(figures.newCustomers)),
    customerChurnRate: rate(gone, atStart),
    grossMrrChurnRate: rate(lost, startMinor),
    netMrrChurnRate: rate(lost - expansionMinor - reactivationMinor, startMinor),
    quickRatio: rate(newMinor + expansionMinor + reactivationMinor, lost),
    ltv: rate(endMinor * atStart, customers * gone),
    trialConversionRate: rate(BigInt(figures.trialsConverted), BigInt(figures.trialsEnded)),
  };
}

const rate = (numerator: bigint, denominator: bigint): Rate | null =>
  denominator === 0n ? null : { numerator, denominator };
