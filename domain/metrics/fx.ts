/** Recurring revenue in the reporting currency: the ledger of each currency is the truth, and is valued anew each day. */
import { RecoupError } from '../errors';
import { exact, roundHalfUp, sum, type Exact } from './exact';
import {
  byCurrency,
  moneyFigures,
  NO_MONEY,
  spansFrom,
  type Calendar,
  type LedgerEntry,
  type MoneyFigures,
} from './figures';
import type { MovementType } from './movements';
import { dayOf, type PeriodSpan } from './periods';
import { compareText } from './plain';
import type { MetricPolicy } from './policy';

/** How much of the reporting currency one unit of a currency was worth on a day. */
export interface FxRate {
  readonly currency: string;
  /** `2026-03-29` in the account's time zone. */
  readonly date: string;
  /** Decimal. */
  readonly rate: string;
}

export interface ConvertedFigures extends MoneyFigures {
  readonly span: PeriodSpan;
  /** Whose ledger it is; the amounts are of the reporting currency. */
  readonly currency: string;
  /** Days whose rate was missing, so that the last earlier one was taken. */
  readonly carriedRateDays: number;
}

export interface Reporting {
  readonly currency: string;
  readonly exponent: number;
  readonly fx: MetricPolicy['fx'];
  readonly rates: readonly FxRate[];
}

/** What one currency is worth in the reporting currency on a day. */
interface Valuation {
  /** Minor units of the reporting currency for one of the ledger's. */
  readonly factor: Exact;
  readonly isCarried: boolean;
}

type Values = (date: string) => Valuation;
type KnownValues = (date: string) => Valuation | null;

/** In this order no partial sum is below 0. */
const IN_ORDER: readonly MovementType[] = [
  'new',
  'reactivation',
  'expansion',
  'contraction',
  'churn',
];

/**
 * One row per currency and period. The end of a day is R(MRR x rate of the day); its movements are valued at that rate too, with
 * cumulative rounding, and what remains is the movement of the rates. At booking rates each customer's rise counts at the rate of
 * its day and a fall takes its share of what was booked, so that rates never move anything.
 *
 * Errors: `invalid_input`, naming currency and date, where there is no rate on or before a day that needs one.
 */
export function convertedFigures(
  movements: readonly LedgerEntry[],
  options: Calendar & { reporting: Reporting },
): ConvertedFigures[] {
  const { reporting, ...calendar } = options;
  return byCurrency(movements).flatMap(([currency, own]) => {
    const [first] = own;
    if (!first) return [];
    const known = valuesOf({ currency, exponent: first.exponent, reporting, ...calendar });
    const values: Values = (date) => known(date) ?? throwMissing({ currency, reporting, date });
    const days = spansFrom(first.at, { ...calendar, period: 'day' });
    const daily =
      reporting.fx === 'booking_rate'
        ? bookedDays(own, days, values, calendar)
        : revaluedDays(own, days, values);
    return gathered(daily, spansFrom(first.at, calendar)).map((row) => ({ ...row, currency }));
  });
}

/** A rate that is needed first, and is not there. */
export interface MissingRate {
  readonly currency: string;
  readonly reportingCurrency: string;
  /** There is none on or before this day. */
  readonly date: string;
}

/** Whether `convertedFigures` would find all rates: that of the first day of each currency, since later days carry it on. */
export function missingRate(
  movements: readonly LedgerEntry[],
  { reporting, ...calendar }: Omit<Calendar, 'period'> & { reporting: Reporting },
): MissingRate | null {
  for (const [currency, [first]] of byCurrency(movements)) {
    if (!first) continue;
    const date = dayOf(first.at, calendar.timeZone);
    const value = valuesOf({ currency, exponent: first.exponent, reporting, ...calendar });
    if (!value(date)) return { currency, reportingCurrency: reporting.currency, date };
  }
  return null;
}

interface DayFigures extends MoneyFigures {
  readonly from: Date;
  readonly isCarried: boolean;
}

function revaluedDays(
  movements: readonly LedgerEntry[],
  days: readonly PeriodSpan[],
  values: Values,
): DayFigures[] {
  let before = 0n;
  return moneyFigures(movements, days).map((own, index): DayFigures => {
    const { from, label } = days[index] ?? { from: new Date(0), label: '' };
    const isEmpty = own.startMinor === 0n && IN_ORDER.every((type) => own[`${type}Minor`] === 0n);
    if (isEmpty) return { ...NO_MONEY, from, isCarried: false };
    const { factor, isCarried } = values(label);
    const valued = (minor: bigint) => roundHalfUp(factor.mul(exact(minor)));
    let running = own.startMinor;
    let endMinor = valued(running);
    const figures = { ...NO_MONEY, startMinor: before, fxMinor: endMinor - before };
    for (const type of IN_ORDER) {
      running += own[`${type}Minor`];
      const after = valued(running);
      figures[`${type}Minor`] = after - endMinor;
      endMinor = after;
    }
    before = endMinor;
    return { ...figures, endMinor, from, isCarried };
  });
}

function bookedDays(
  movements: readonly LedgerEntry[],
  days: readonly PeriodSpan[],
  values: Values,
  { timeZone }: Calendar,
): DayFigures[] {
  const carried = new Set<string>();
  const holdings = new Map<string, { minor: bigint; booked: bigint }>();
  const booked = movements.map(({ customer, at, type, deltaMinor }) => {
    const holding = holdings.get(customer) ?? { minor: 0n, booked: 0n };
    const minor = holding.minor + deltaMinor;
    const date = dayOf(at, timeZone);
    let after = holding.booked;
    if (deltaMinor > 0n) {
      const { factor, isCarried } = values(date);
      if (isCarried) carried.add(date);
      after += roundHalfUp(factor.mul(exact(deltaMinor)));
    } else if (deltaMinor < 0n) {
      after = roundHalfUp(exact(after * minor).div(exact(holding.minor)));
    }
    holdings.set(customer, { minor, booked: after });
    return { at, type, deltaMinor: after - holding.booked };
  });
  return moneyFigures(booked, days).map((own, index): DayFigures => {
    const { from, label } = days[index] ?? { from: new Date(0), label: '' };
    return { ...own, from, isCarried: carried.has(label) };
  });
}

function gathered(
  days: readonly DayFigures[],
  spans: readonly PeriodSpan[],
): Omit<ConvertedFigures, 'currency'>[] {
  let next = 0;
  let endMinor = 0n;
  return spans.map((span) => {
    const figures = { ...NO_MONEY, startMinor: endMinor };
    let carriedRateDays = 0;
    for (; ; next += 1) {
      const day = days[next];
      if (!day || day.from >= span.to) break;
      for (const type of [...IN_ORDER, 'fx'] as const) {
        figures[`${type}Minor`] += day[`${type}Minor`];
      }
      if (day.isCarried) carriedRateDays += 1;
      endMinor = day.endMinor;
    }
    return { ...figures, endMinor, span, carriedRateDays };
  });
}

function throwMissing(of: { currency: string; reporting: Reporting; date: string }): never {
  throw new RecoupError(
    'invalid_input',
    `There is no rate of ${of.currency} to ${of.reporting.currency} on or before ${of.date}.`,
  );
}

function valuesOf(
  options: Omit<Calendar, 'period'> & { currency: string; exponent: number; reporting: Reporting },
): KnownValues {
  const { currency, exponent, reporting, timeZone, asOf } = options;
  // A provider may count a currency in other units than ISO 4217 does, the reporting currency too.
  const scale = exact(10n ** BigInt(reporting.exponent)).div(exact(10n ** BigInt(exponent)));
  if (currency === reporting.currency) return () => ({ factor: scale, isCarried: false });
  const today = dayOf(asOf, timeZone);
  const byDate = new Map<string, Exact>();
  for (const { currency: of, date, rate } of reporting.rates) {
    if (of === currency && date <= today) byDate.set(date, exact(rate));
  }
  const isMonthly = reporting.fx === 'month_average';
  const known = [...(isMonthly ? monthAverages(byDate) : byDate)].sort(([a], [b]) =>
    compareText(a, b),
  );
  const valued = known.map(([key, rate]) => ({ key, factor: rate.mul(scale) }));
  return (date) => {
    const key = isMonthly ? date.slice(0, MONTH_CHARS) : date;
    const found = lastUpTo(valued, key);
    return found && { factor: found.factor, isCarried: found.key !== key };
  };
}

/** `2026-03` of `2026-03-29`. */
const MONTH_CHARS = 7;

function monthAverages(byDate: ReadonlyMap<string, Exact>): Map<string, Exact> {
  const months = new Map<string, Exact[]>();
  for (const [date, rate] of byDate) {
    const month = date.slice(0, MONTH_CHARS);
    months.set(month, [...(months.get(month) ?? []), rate]);
  }
  return new Map(
    [...months].map(([month, rates]) => [month, sum(rates).div(exact(BigInt(rates.length)))]),
  );
}

/** The last whose key is not greater; keys ascend. */
function lastUpTo<T extends { readonly key: string }>(list: readonly T[], key: string): T | null {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle]?.key ?? '') <= key) low = middle + 1;
    else high = middle;
  }
  return list[low - 1] ?? null;
}
