/** Figures by period: sums of the ledger and counts of customers. */
import type { MovementType } from './movements';
import { periodsOf, type Period, type PeriodSpan } from './periods';
import { compareText } from './plain';

/** What of a movement the figures need. */
export interface LedgerEntry {
  readonly customer: string;
  readonly currency: string;
  readonly exponent: number;
  readonly at: Date;
  readonly type: MovementType;
  readonly deltaMinor: bigint;
}

type Sums = { readonly [T in MovementType as `${T}Minor`]: bigint };

/** startMinor + the five movements + fxMinor = endMinor, always. */
export interface MoneyFigures extends Sums {
  readonly startMinor: bigint;
  /** What a change of rates made of what was there; 0 in the currency of the ledger. */
  readonly fxMinor: bigint;
  readonly endMinor: bigint;
}

/** customersAtStart + newCustomers + reactivatedCustomers - churnedCustomers = customers, always. */
export interface CustomerFigures {
  readonly customersAtStart: number;
  /** At the end of the period. */
  readonly customers: number;
  readonly newCustomers: number;
  readonly reactivatedCustomers: number;
  readonly churnedCustomers: number;
  /** There at the start and gone at the end. */
  readonly lostCustomers: number;
}

export type Figures = MoneyFigures & CustomerFigures;

export interface LedgerFigures extends Figures {
  readonly span: PeriodSpan;
  readonly currency: string;
  readonly exponent: number;
}

export interface Calendar {
  readonly period: Period;
  /** IANA name. */
  readonly timeZone: string;
  /** The period of this instant is the last. */
  readonly asOf: Date;
}

/** One row per currency and period, from its first movement on, by currency and period. */
export function ledgerFigures(
  movements: readonly LedgerEntry[],
  calendar: Calendar,
): LedgerFigures[] {
  return byCurrency(movements).flatMap(([currency, own]) => {
    const [first] = own;
    if (!first) return [];
    const spans = spansFrom(first.at, calendar);
    const money = moneyFigures(own, spans);
    const counts = customerFigures(own, spans);
    return spans.map((span, index) => ({
      span,
      currency,
      exponent: first.exponent,
      ...(money[index] ?? NO_MONEY),
      ...(counts[index] ?? NOBODY),
    }));
  });
}

export const spansFrom = (first: Date, { asOf, ...calendar }: Calendar): PeriodSpan[] =>
  periodsOf({ ...calendar, from: first, to: asOf });

/** By currency; the entries of each in order of time. */
export function byCurrency<T extends LedgerEntry>(movements: readonly T[]): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const movement of movements) {
    const known = groups.get(movement.currency);
    if (known) known.push(movement);
    else groups.set(movement.currency, [movement]);
  }
  for (const own of groups.values()) own.sort(inTime);
  return [...groups].sort(([a], [b]) => compareText(a, b));
}

const inTime = (a: LedgerEntry, b: LedgerEntry): number =>
  a.at.getTime() - b.at.getTime() || compareText(a.customer, b.customer);

export const NO_MONEY: MoneyFigures = {
  startMinor: 0n,
  newMinor: 0n,
  expansionMinor: 0n,
  contractionMinor: 0n,
  churnMinor: 0n,
  reactivationMinor: 0n,
  fxMinor: 0n,
  endMinor: 0n,
};

const NOBODY: CustomerFigures = {
  customersAtStart: 0,
  customers: 0,
  newCustomers: 0,
  reactivatedCustomers: 0,
  churnedCustomers: 0,
  lostCustomers: 0,
};

/** Of one currency. Entries in order of time, spans without gaps between them and from the first entry on. */
export function moneyFigures(
  movements: readonly Pick<LedgerEntry, 'at' | 'type' | 'deltaMinor'>[],
  spans: readonly PeriodSpan[],
): MoneyFigures[] {
  let endMinor = 0n;
  let next = 0;
  return spans.map(({ to }) => {
    const figures = { ...NO_MONEY, startMinor: endMinor };
    for (; ; next += 1) {
      const movement = movements[next];
      if (!movement || movement.at >= to) break;
      figures[`${movement.type}Minor`] += movement.deltaMinor;
      endMinor += movement.deltaMinor;
    }
    return { ...figures, endMinor };
  });
}

/** Who was there. A customer of several currencies is one, and has left when none is left: a change of currency is no churn. */
export function customerFigures(
  movements: readonly LedgerEntry[],
  spans: readonly PeriodSpan[],
): CustomerFigures[] {
  const ordered = [...movements].sort(inTime);
  /** The currencies in which each is a customer; nobody is forgotten, since a return is no beginning. */
  const known = new Map<string, Set<string>>();
  let customers = 0;
  let next = 0;
  return spans.map(({ to }) => {
    const figures = { ...NOBODY, customersAtStart: customers };
    const joined = new Set<string>();
    const lost = new Set<string>();
    for (;;) {
      const movement = ordered[next];
      if (!movement || movement.at >= to) break;
      const { customer, at } = movement;
      const isKnown = known.has(customer);
      const currencies = known.get(customer) ?? new Set<string>();
      known.set(customer, currencies);
      const wasThere = currencies.size > 0;
      for (; ; next += 1) {
        const same = ordered[next];
        if (same?.customer !== customer || same.at.getTime() !== at.getTime()) break;
        if (same.type === 'churn') currencies.delete(same.currency);
        else currencies.add(same.currency);
      }
      const isThere = currencies.size > 0;
      if (isThere && !wasThere) {
        customers += 1;
        if (isKnown) figures.reactivatedCustomers += 1;
        else figures.newCustomers += 1;
        if (!lost.delete(customer)) joined.add(customer);
      } else if (wasThere && !isThere) {
        customers -= 1;
        figures.churnedCustomers += 1;
        if (!joined.delete(customer)) lost.add(customer);
      }
    }
    return { ...figures, customers, lostCustomers: lost.size };
  });
}
