/** What is counted by period of a ledger, be it computed from a file or stored: one row for each currency, and for their total. */
import { subscriptionCounts, trialCounts, type EndedTrial, type Live } from './counts';
import { exact, roundHalfUp, type Exact } from './exact';
import {
  customerFigures,
  ledgerFigures,
  NO_MONEY,
  spansFrom,
  type Calendar,
  type Figures,
  type LedgerEntry,
  type MoneyFigures,
} from './figures';
import { convertedFigures, type Reporting } from './fx';
import { measuresOf, type Measures, type TrialCounts } from './measures';
import type { PeriodSpan } from './periods';

/** All that is known of an account's recurring revenue. */
export interface Recurring {
  readonly entries: readonly LedgerEntry[];
  /** The ledger of what is worth twelve times as much: see `annualEntries`. */
  readonly annual: readonly LedgerEntry[];
  /** When subscriptions were worth something. */
  readonly lives: readonly (Live & { readonly currency: string })[];
  readonly trials: readonly (EndedTrial & { readonly currency: string })[];
}

export interface PeriodReport extends Figures, TrialCounts, Measures {
  readonly span: PeriodSpan;
  readonly currency: string;
  readonly exponent: number;
  /** `currency`: the ledger of one currency as it is. `total`: all of them, converted into the reporting currency. */
  readonly scope: 'currency' | 'total';
  /** At the end of the period, subscriptions that are worth something. */
  readonly subscriptions: number;
  readonly arrMinor: bigint;
  /** Days of the period whose rate was missing, so that the last earlier one was taken. */
  readonly carriedRateDays: number;
}

/**
 * By currency and period, then the total by period, unless everything is in the reporting currency already: its own rows are the
 * total then. Errors: `invalid_input` where a rate of exchange is missing.
 */
export function periodReport(
  recurring: Recurring,
  { reporting, ...calendar }: Calendar & { readonly reporting: Reporting | null },
): PeriodReport[] {
  return [
    ...currencyRows(recurring, calendar),
    ...(reporting ? totalRows(recurring, { ...calendar, reporting }) : []),
  ];
}

/** Cohorts have the grain of a month where the periods are days: nobody follows a thousand cohorts. */
export const cohortCalendar = (calendar: Calendar): Calendar =>
  calendar.period === 'day' ? { ...calendar, period: 'month' } : calendar;

const MONTHS_PER_YEAR = exact(12n);

/** Rounded once, not twelve times: a yearly price is its own ARR. Movements of one customer and currency in order of time. */
export function annualEntries(
  movements: readonly (LedgerEntry & { readonly afterExact: Exact })[],
): LedgerEntry[] {
  const before = new Map<string, bigint>();
  return movements.map(({ customer, currency, exponent, at, type, afterExact }) => {
    const key = `${currency} ${customer}`;
    const after = roundHalfUp(afterExact.mul(MONTHS_PER_YEAR));
    const deltaMinor = after - (before.get(key) ?? 0n);
    before.set(key, after);
    return { customer, currency, exponent, at, type, deltaMinor };
  });
}

function currencyRows(
  { entries, annual, lives, trials }: Recurring,
  calendar: Calendar,
): PeriodReport[] {
  const arr = ledgerFigures(annual, calendar);
  const figures = ledgerFigures(entries, calendar);
  return [...new Set(figures.map(({ currency }) => currency))].flatMap((currency) => {
    const isOwn = (each: { readonly currency: string }) => each.currency === currency;
    const own = figures.filter(isOwn);
    const arrOfCurrency = arr.filter(isOwn);
    const spans = own.map(({ span }) => span);
    const subscriptions = subscriptionCounts(lives.filter(isOwn), spans);
    const ended = trialCounts(trials.filter(isOwn), spans);
    return own.map((row, index) =>
      measured({
        ...row,
        scope: 'currency',
        arrMinor: arrOfCurrency[index]?.endMinor ?? 0n,
        subscriptions: subscriptions[index] ?? 0,
        ...(ended[index] ?? NO_TRIALS),
        carriedRateDays: 0,
      }),
    );
  });
}

function totalRows(
  { entries, annual, lives, trials }: Recurring,
  calendar: Calendar & { reporting: Reporting },
): PeriodReport[] {
  const { currency, exponent } = calendar.reporting;
  if (entries.every((entry) => entry.currency === currency)) return [];
  const first = entries.reduce((least, { at }) => (at < least ? at : least), calendar.asOf);
  const spans = spansFrom(first, calendar);
  const money = addedUp(convertedFigures(entries, calendar), spans);
  const arr = addedUp(convertedFigures(annual, calendar), spans);
  const customers = customerFigures(entries, spans);
  const subscriptions = subscriptionCounts(lives, spans);
  const ended = trialCounts(trials, spans);
  return spans.flatMap((span, index) => {
    const [row, counts] = [money[index], customers[index]];
    if (!row || !counts) return [];
    return measured({
      span,
      currency,
      exponent,
      scope: 'total',
      ...row,
      ...counts,
      arrMinor: arr[index]?.endMinor ?? 0n,
      subscriptions: subscriptions[index] ?? 0,
      ...(ended[index] ?? NO_TRIALS),
    });
  });
}

const NO_TRIALS: TrialCounts = { trialsEnded: 0, trialsConverted: 0 };

const measured = (row: Omit<PeriodReport, keyof Measures>): PeriodReport => ({
  ...row,
  ...measuresOf(row),
});

type Sum = MoneyFigures & { readonly carriedRateDays: number };

export const MONEY_KEYS = Object.keys(NO_MONEY) as (keyof MoneyFigures)[];

function addedUp(
  rows: readonly (Sum & { readonly span: PeriodSpan })[],
  spans: readonly PeriodSpan[],
): Sum[] {
  const nothing: Sum = { ...NO_MONEY, carriedRateDays: 0 };
  const sums = new Map<string, Sum>();
  for (const { span, ...row } of rows) {
    const known = sums.get(span.label) ?? nothing;
    const added = Object.fromEntries(
      MONEY_KEYS.map((key) => [key, known[key] + row[key]]),
    ) as unknown as MoneyFigures;
    const carriedRateDays = Math.max(known.carriedRateDays, row.carriedRateDays);
    sums.set(span.label, { ...added, carriedRateDays });
  }
  return spans.map(({ label }) => sums.get(label) ?? nothing);
}
