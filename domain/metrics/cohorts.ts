/** What became of the customers who began in the same period. */
import { byCurrency, spansFrom, type Calendar, type LedgerEntry } from './figures';
import type { PeriodSpan } from './periods';

/** A cohort at the end of a period: its own is the first. */
export interface CohortFigures {
  /** The period in which its customers began. */
  readonly span: PeriodSpan;
  readonly currency: string;
  readonly exponent: number;
  /** Label of the period at whose end this is. */
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
    ofCurrency(own, calendar).map((figures) => ({
      ...figures,
      currency,
      exponent: own[0]?.exponent ?? 0,
    })),
  );
}

interface Cohort {
  readonly span: PeriodSpan;
  readonly begins: number;
  joinedCustomers: number;
  joinedMinor: bigint;
  customers: number;
  mrrMinor: bigint;
}

type OfCurrency = Omit<CohortFigures, 'currency' | 'exponent'>;

function ofCurrency(movements: readonly LedgerEntry[], calendar: Calendar): OfCurrency[] {
  const [first] = movements;
  if (!first) return [];
  const cohortOf = new Map<string, Cohort>();
  const rows = new Map<Cohort, OfCurrency[]>();
  let next = 0;
  for (const [index, span] of spansFrom(first.at, calendar).entries()) {
    const { label, to } = span;
    const counts = { joinedCustomers: 0, joinedMinor: 0n, customers: 0, mrrMinor: 0n };
    const opened: Cohort = { span, begins: index, ...counts };
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
    for (const [{ begins, ...figures }, known] of rows) {
      known.push({ period: label, offset: index - begins, ...figures });
    }
  }
  return [...rows.values()].flat();
}
