/** What became of the customers who began in the same period. */
import { byCurrency, spansFrom, type Calendar, type LedgerEntry } from './figures';

/** A cohort at the end of a period: its own is the first. */
export interface CohortFigures {
  /** Label of the period in which its customers began. */
  readonly cohort: string;
  readonly currency: string;
  readonly period: string;
  /** 0 in its own period, 1 in the next one … */
  readonly offset: number;
  /** How many began, and with how much a month. */
  readonly joinedCustomers: number;
  readonly joinedMinor: bigint;
  /** How many are there, and what they are worth a month. */
  readonly customers: number;
  readonly mrrMinor: bigint;
}

/** By currency, cohort and period. */
export function cohortFigures(
  movements: readonly LedgerEntry[],
  calendar: Calendar,
): CohortFigures[] {
  return byCurrency(movements).flatMap(([currency, own]) =>
    ofCurrency(own, calendar).map((figures) => ({ ...figures, currency })),
  );
}

interface Cohort {
  readonly label: string;
  readonly begins: number;
  joinedCustomers: number;
  joinedMinor: bigint;
  customers: number;
  mrrMinor: bigint;
}

function ofCurrency(
  movements: readonly LedgerEntry[],
  calendar: Calendar,
): Omit<CohortFigures, 'currency'>[] {
  const [first] = movements;
  if (!first) return [];
  const cohortOf = new Map<string, Cohort>();
  const rows = new Map<Cohort, Omit<CohortFigures, 'currency'>[]>();
  let next = 0;
  for (const [index, { label, to }] of spansFrom(first.at, calendar).entries()) {
    const counts = { joinedCustomers: 0, joinedMinor: 0n, customers: 0, mrrMinor: 0n };
    const opened: Cohort = { label, begins: index, ...counts };
    for (; ; next += 1) {
      const movement = movements[next];
      if (!movement || movement.at >= to) break;
      const { customer, type, deltaMinor } = movement;
      const cohort = cohortOf.get(customer) ?? opened;
      cohortOf.set(customer, cohort);
      if (type === 'new') {
        cohort.joinedCustomers += 1;
        cohort.joinedMinor += deltaMinor;
      }
      if (type === 'new' || type === 'reactivation') cohort.customers += 1;
      if (type === 'churn') cohort.customers -= 1;
      cohort.mrrMinor += deltaMinor;
    }
    if (opened.joinedCustomers > 0) rows.set(opened, []);
    for (const [{ label: cohort, begins, ...figures }, known] of rows) {
      known.push({ cohort, period: label, offset: index - begins, ...figures });
    }
  }
  return [...rows.values()].flat();
}
