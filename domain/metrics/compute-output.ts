/** What `recoup metrics compute` answers. Amounts are decimal strings of minor units, rates numerator and denominator. */
import { z } from 'zod';
import { MOVEMENT_TYPES } from './movements';

const integer = z.string().regex(/^-?\d+$/);
const count = z.int().min(0);
const instant = z.iso.datetime();
const currency = z.string().regex(/^[A-Z]{3}$/);
const rate = z.strictObject({ numerator: integer, denominator: integer }).nullable();

/** start + new + expansion + contraction + churn + reactivation + fx = end. */
const money = {
  startMinor: integer,
  newMinor: integer,
  expansionMinor: integer,
  contractionMinor: integer,
  churnMinor: integer,
  reactivationMinor: integer,
  fxMinor: integer,
  endMinor: integer,
};

const period = z.strictObject({
  period: z.string(),
  currency,
  /** `currency`: the ledger of one currency as it is. `total`: all of them, converted into the reporting currency. */
  scope: z.enum(['currency', 'total']),
  ...money,
  customersAtStart: count,
  customers: count,
  newCustomers: count,
  reactivatedCustomers: count,
  churnedCustomers: count,
  lostCustomers: count,
  subscriptions: count,
  trialsEnded: count,
  trialsConverted: count,
  mrrMinor: integer,
  arrMinor: integer,
  arpa: rate,
  asp: rate,
  customerChurnRate: rate,
  grossMrrChurnRate: rate,
  netMrrChurnRate: rate,
  quickRatio: rate,
  ltv: rate,
  trialConversionRate: rate,
  /** Days of the period whose rate was missing, so that the last earlier one was taken. */
  carriedRateDays: count,
});

export const outputSchema = z.strictObject({
  movements: z.array(
    z.strictObject({
      customer: z.string(),
      at: instant,
      type: z.enum(MOVEMENT_TYPES),
      currency,
      deltaMinor: integer,
      mrrAfterMinor: integer,
    }),
  ),
  periods: z.array(period),
  segments: z.array(
    z.strictObject({
      customer: z.string(),
      item: z.string(),
      from: instant,
      to: instant.nullable(),
      mrrNumerator: integer,
      mrrDenominator: integer,
    }),
  ),
  /** The ledger of each currency in the reporting currency; empty where there is none. */
  converted: z.array(
    z.strictObject({
      period: z.string(),
      currency,
      reportingCurrency: currency,
      ...money,
      carriedRateDays: count,
    }),
  ),
  /** Customers who began in the same period, at the end of each since; by month where periods are days. */
  cohorts: z.array(
    z.strictObject({
      cohort: z.string(),
      currency,
      period: z.string(),
      offset: count,
      joinedCustomers: count,
      joinedMinor: integer,
      customers: count,
      mrrMinor: integer,
    }),
  ),
});

export type ComputeOutput = z.output<typeof outputSchema>;
