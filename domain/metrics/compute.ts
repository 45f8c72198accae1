/** The engine on a file: items with their terms in, the ledger, segments and figures out. */
import { isoExponent } from '../currency';
import { RecoupError } from '../errors';
import { wrongFields } from '../wrong-fields';
import { cohortFigures } from './cohorts';
import { inputSchema, instantOf, type ComputeInput, type InputItem } from './compute-input';
import type { ComputeOutput } from './compute-output';
import { until } from './customer-metrics';
import { isDeducted, type Reduction } from './discounts';
import { exact, sum, ZERO, type Exact } from './exact';
import type { LedgerEntry, MoneyFigures } from './figures';
import { convertedFigures, type Reporting } from './fx';
import type { Rate } from './measures';
import { movementsOf, type Movement } from './movements';
import { addIntervals } from './periods';
import { compareText } from './plain';
import {
  annualEntries,
  cohortCalendar,
  MONEY_KEYS,
  periodReport,
  type PeriodReport,
  type Recurring,
} from './report';
import { merged, segmentsOf, type FreeStay, type Segment } from './segments';
import { averagedBills } from './usage';
import { periodsPerMonth, type PricedItem } from './value';

/** Errors: `invalid_input`, naming the path of each wrong field and what was expected. */
export function readComputeInput(given: unknown): ComputeInput {
  const parsed = inputSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new RecoupError('invalid_input', `The file is wrong: ${wrongFields(parsed.error)}.`);
}

/** Errors: `invalid_input` where a rate of exchange is missing. */
export function compute(input: ComputeInput): ComputeOutput {
  try {
    return computed(input);
  } catch (error) {
    if (!(error instanceof RecoupError)) throw error;
    throw new RecoupError(error.code, `The file is wrong: fx: ${error.message}`);
  }
}

function computed(input: ComputeInput): ComputeOutput {
  const { timeZone, period } = input;
  const asOf = instantOf(input.now, timeZone);
  const calendar = { period, timeZone, asOf };
  const ledger = [...rowsByCustomer(input)].map(([customer, rows]) =>
    customerLedger(customer, rows, input, asOf),
  );
  const valued = ledger.flatMap(({ customer, movements }) =>
    movements.map((movement) => ({ ...movement, customer })),
  );
  const entries: readonly LedgerEntry[] = valued;
  const reporting = reportingOf(input);
  // Customers may have subscriptions of the same name.
  const lives = ledger.flatMap(({ customer, segments }) =>
    segments.map(({ subscription, currency, from, to }) => ({
      ...{ subscription: JSON.stringify([customer, subscription]), currency, from, to },
    })),
  );
  const trials = ledger.flatMap((each) => each.trials);
  const recurring = { entries, annual: annualEntries(valued), lives, trials };
  return {
    movements: [...valued]
      .sort(
        (a, b) =>
          a.at.getTime() - b.at.getTime() ||
          compareText(a.customer, b.customer) ||
          compareText(a.currency, b.currency),
      )
      .map(({ customer, at, type, currency, deltaMinor, afterMinor }) => ({
        customer,
        at: at.toISOString(),
        type,
        currency,
        deltaMinor: String(deltaMinor),
        mrrAfterMinor: String(afterMinor),
      })),
    periods: periodReport(recurring, { ...calendar, reporting }).map(periodRow),
    segments: ledger.flatMap(({ customer, segments }) =>
      segments.map(({ item, from, to, value }) => ({
        customer,
        item,
        from: from.toISOString(),
        to: to?.toISOString() ?? null,
        mrrNumerator: String(value.n),
        mrrDenominator: String(value.d),
      })),
    ),
    converted: reporting
      ? convertedFigures(entries, { ...calendar, reporting }).map((row) => ({
          period: row.span.label,
          currency: row.currency,
          reportingCurrency: reporting.currency,
          ...moneyOf(row),
          carriedRateDays: row.carriedRateDays,
        }))
      : [],
    cohorts: cohortFigures(entries, cohortCalendar(calendar)).map((row) => ({
      cohort: row.span.label,
      currency: row.currency,
      period: row.period,
      offset: row.offset,
      joinedCustomers: row.joinedCustomers,
      joinedMinor: String(row.joinedMinor),
      customers: row.customers,
      mrrMinor: String(row.mrrMinor),
    })),
  };
}

function reportingOf({ reportingCurrency, policy, fx }: ComputeInput): Reporting | null {
  if (reportingCurrency === null) return null;
  const exponent = isoExponent(reportingCurrency) ?? 0;
  return { currency: reportingCurrency, exponent, fx: policy.fx, rates: fx };
}

/** Each row once, however often and in whatever order it is given. */
function rowsByCustomer({ items }: ComputeInput): Map<string, InputItem[]> {
  const rows = new Map(items.map((row) => [JSON.stringify(row), row]));
  const byCustomer = new Map<string, InputItem[]>();
  for (const [, row] of [...rows].sort(([a], [b]) => compareText(a, b))) {
    const known = byCustomer.get(row.customer);
    if (known) known.push(row);
    else byCustomer.set(row.customer, [row]);
  }
  return new Map([...byCustomer].sort(([a], [b]) => compareText(a, b)));
}

interface CustomerLedger {
  readonly customer: string;
  readonly segments: readonly Segment[];
  readonly movements: readonly Movement[];
  readonly trials: readonly Trial[];
}

type Trial = Recurring['trials'][number];

function customerLedger(
  customer: string,
  rows: readonly InputItem[],
  input: ComputeInput,
  asOf: Date,
): CustomerLedger {
  const segments: Segment[] = [];
  const stays: FreeStay[] = [];
  const trials: Trial[] = [];
  for (const [, own] of grouped(rows, ({ subscription, currency }) =>
    JSON.stringify([subscription, currency]),
  )) {
    const worth = subscriptionWorth(own, input);
    segments.push(...until(asOf, worth.segments));
    stays.push(...until(asOf, worth.stays));
    trials.push(...endedTrial(own, input, asOf));
  }
  const { freePlans, reactivationGapDays } = input.policy;
  const kept = freePlans === 'contraction' ? stays : [];
  const movements = movementsOf(segments, [], { stays: kept, reactivationGapDays });
  return { customer, segments, movements, trials };
}

function subscriptionWorth(
  rows: readonly InputItem[],
  { policy, timeZone }: ComputeInput,
): ReturnType<typeof segmentsOf> {
  const dated = rows
    .map((row) => ({ row, ...spanOf(row, timeZone) }))
    .sort((a, b) => a.from.getTime() - b.from.getTime());
  const [first] = dated;
  if (!first) return { segments: [], stays: [] };
  const averaged = averagedBills(policy);
  const bills = new Map<string, Exact[]>();
  const items: PricedItem[] = [];
  const reductions: Reduction[] = [];
  for (const [index, { row, from, to }] of dated.entries()) {
    const { item, kind, currency, interval, intervalCount } = row;
    // Rows of one item may overlap, and the discounts of each are its own.
    const key = String(index);
    const periods = periodsPerMonth({ interval, intervalCount }, policy);
    const isExcluded =
      (kind === 'trial' && policy.trials === 'exclude') || (kind === 'metered' && averaged === 0);
    if (!periods || isExcluded || from.getTime() === to?.getTime()) continue;
    let amount = kind === 'free' ? ZERO : exact(row.unitAmountMinor).mul(exact(row.quantity));
    if (kind === 'metered') {
      const past = [...(bills.get(item) ?? []), amount].slice(-averaged);
      bills.set(item, past);
      amount = sum(past).div(exact(BigInt(past.length)));
    }
    items.push({
      item: key,
      value: amount.mul(periods),
      periodsPerMonth: periods,
      exponent: isoExponent(currency) ?? 0,
      from,
      to,
      basis: 'exact',
      inputs: [],
    });
    reductions.push(...reductionsOf(row, { key, from, to }, { policy, timeZone }));
  }
  const { segments, stays } = segmentsOf({
    subscription: first.row.subscription,
    currency: first.row.currency,
    startedAt: first.from,
    endedAt: null,
    items,
    gaps: [],
    reductions,
    taxes: [],
  });
  const named = segments.flatMap((segment) => {
    const item = dated[Number(segment.item)]?.row.item;
    return item === undefined ? [] : [{ ...segment, item }];
  });
  return { segments: merged(named), stays };
}

interface Span {
  readonly from: Date;
  readonly to: Date | null;
}

const spanOf = ({ from, to }: Pick<InputItem, 'from' | 'to'>, timeZone: string): Span => ({
  from: instantOf(from, timeZone),
  to: to ? instantOf(to, timeZone) : null,
});

/** The discounts of a row, within the time of the row. */
function reductionsOf(
  { interval, intervalCount, discounts }: InputItem,
  within: Span & { readonly key: string },
  { policy, timeZone }: Pick<ComputeInput, 'policy' | 'timeZone'>,
): Reduction[] {
  return discounts.flatMap((discount, position): Reduction[] => {
    if (!isDeducted(discount.duration, policy)) return [];
    const begins = discount.from ? instantOf(discount.from, timeZone) : within.from;
    const from = begins < within.from ? within.from : begins;
    // What is taken off once lasts as long as the bill that it is taken off.
    const bill = { anchor: begins, interval, count: intervalCount, timeZone };
    const ends = discount.to
      ? instantOf(discount.to, timeZone)
      : discount.duration === 'once'
        ? addIntervals(bill)
        : null;
    const to = ends && !(within.to && within.to < ends) ? ends : within.to;
    if (to && to <= from) return [];
    const { percentOff, amountOffMinor } = discount;
    return [
      {
        id: '',
        item: within.key,
        owner: 'item',
        percentOff: percentOff === null ? null : exact(percentOff),
        amountOff: amountOffMinor === null ? null : exact(amountOffMinor),
        position,
        from,
        to,
        basis: 'exact',
      },
    ];
  });
}

/** The trial of a subscription, if it is over; it converted if anything was paid for then or later. */
function endedTrial(rows: readonly InputItem[], { timeZone }: ComputeInput, asOf: Date): Trial[] {
  const spans = rows.map((row) => ({ row, ...spanOf(row, timeZone) }));
  const trials = spans.filter(({ row }) => row.kind === 'trial');
  const [first] = trials;
  if (!first) return [];
  const ends = trials.map(({ to }) => to?.getTime() ?? Infinity);
  const end = ends.reduce((a, b) => Math.max(a, b));
  if (end > asOf.getTime()) return [];
  const isConverted = spans.some(
    ({ row, from, to }) =>
      (row.kind === 'licensed' || row.kind === 'metered') &&
      from <= asOf &&
      (to === null || to.getTime() > end),
  );
  return [{ currency: first.row.currency, at: new Date(end), isConverted }];
}

function periodRow(row: PeriodReport): ComputeOutput['periods'][number] {
  return {
    period: row.span.label,
    currency: row.currency,
    scope: row.scope,
    ...moneyOf(row),
    customersAtStart: row.customersAtStart,
    customers: row.customers,
    newCustomers: row.newCustomers,
    reactivatedCustomers: row.reactivatedCustomers,
    churnedCustomers: row.churnedCustomers,
    lostCustomers: row.lostCustomers,
    subscriptions: row.subscriptions,
    trialsEnded: row.trialsEnded,
    trialsConverted: row.trialsConverted,
    mrrMinor: String(row.endMinor),
    arrMinor: String(row.arrMinor),
    arpa: rateOf(row.arpa),
    asp: rateOf(row.asp),
    customerChurnRate: rateOf(row.customerChurnRate),
    grossMrrChurnRate: rateOf(row.grossMrrChurnRate),
    netMrrChurnRate: rateOf(row.netMrrChurnRate),
    quickRatio: rateOf(row.quickRatio),
    ltv: rateOf(row.ltv),
    trialConversionRate: rateOf(row.trialConversionRate),
    carriedRateDays: row.carriedRateDays,
  };
}

const rateOf = (rate: Rate | null) =>
  rate && { numerator: String(rate.numerator), denominator: String(rate.denominator) };

const moneyOf = (figures: MoneyFigures) =>
  Object.fromEntries(MONEY_KEYS.map((key) => [key, String(figures[key])])) as Record<
    keyof MoneyFigures,
    string
  >;

function grouped<T>(list: readonly T[], keyOf: (each: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const each of list) {
    const key = keyOf(each);
    const known = groups.get(key);
    if (known) known.push(each);
    else groups.set(key, [each]);
  }
  return groups;
}
