/** The figures of a stored account are those that `recoup metrics compute` has for a file with the same subscriptions. */
import type { Kysely } from 'kysely';
import { createComputeMetrics } from '../../activities/metrics-compute';
import { importRates } from '../../db/repositories/fx-rates';
import { setPolicy } from '../../db/repositories/metric-policies';
import { readFigures } from '../../db/repositories/metric-figures';
import type { Database } from '../../db/schema';
import { cohortFigures } from '../../domain/metrics/cohorts';
import { compute, readComputeInput } from '../../domain/metrics/compute';
import type { CustomerFacts } from '../../domain/metrics/facts';
import { PERIODS } from '../../domain/metrics/periods';
import { DEFAULT_POLICY, type MetricPolicy } from '../../domain/metrics/policy';
import { cohortCalendar, periodReport } from '../../domain/metrics/report';
import { cohortJson, periodJson } from '../../client/period-view';
import { at, factsOf } from '../domain/metrics-facts';
import { openTestDatabase } from '../support/database';
import { newAccount, recordsOf, store } from './metrics-account';

let db: Kysely<Database>;
let close: () => Promise<void>;
let account: string;
beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});
afterAll(() => close());

const TIME_ZONE = 'Europe/Berlin';
const PRICES = [
  { id: 'basic', currency: 'EUR' },
  { id: 'pro', currency: 'EUR', unitAmount: '3000' },
  { id: 'year', currency: 'USD', unitAmount: '10000', interval: 'year' },
  { id: 'yen', currency: 'JPY', exponent: 0, unitAmount: '700', interval: 'week' },
];

const one = (options: {
  currency: string;
  price: string;
  from: string;
  to?: string;
  trialTo?: string;
}): CustomerFacts => {
  const { currency, price, from, to, trialTo } = options;
  const startedAt = at(from);
  const line = { id: 'il_1', currency, priceId: price, periodStart: startedAt };
  return factsOf({
    price: PRICES,
    subscription: [
      {
        ...{ id: 'sub_1', currency, startedAt, createdAt: startedAt },
        ...(to && { status: 'canceled', endedAt: at(to) }),
        ...(trialTo && { trialStartAt: startedAt, trialEndAt: at(trialTo) }),
      },
    ],
    subscription_item: to ? [] : [{ id: 'si_1', priceId: price, createdAt: startedAt }],
    invoice_line: [{ ...line, amountMinor: trialTo ? 0n : 1000n }],
  });
};

const FACTS: Readonly<Record<string, CustomerFacts>> = {
  cus_plain: one({ currency: 'EUR', price: 'basic', from: '2026-01-31T23:30:00Z' }),
  cus_year: one({ currency: 'USD', price: 'year', from: '2026-02-10', to: '2026-05-02' }),
  cus_week: one({ currency: 'JPY', price: 'yen', from: '2026-03-29' }),
  cus_tried: one({ currency: 'EUR', price: 'pro', from: '2026-02-01', trialTo: '2026-02-15' }),
  cus_left: one({
    ...{ currency: 'EUR', price: 'pro', from: '2026-02-01' },
    ...{ to: '2026-02-15', trialTo: '2026-02-15' },
  }),
};

const item = (customer: string, terms: Record<string, unknown>) => ({
  ...{ customer, subscription: `sub_1_${customer}`, item: `si_1_${customer}`, ...terms },
});
const monthly = { currency: 'EUR', unitAmountMinor: '3000', interval: 'month' };
const ITEMS = [
  item('cus_plain', { ...monthly, unitAmountMinor: '1000', from: '2026-01-31T23:30:00Z' }),
  item('cus_year', {
    ...{ currency: 'USD', unitAmountMinor: '10000', interval: 'year' },
    ...{ from: '2026-02-10T00:00:00Z', to: '2026-05-02T00:00:00Z' },
  }),
  item('cus_week', {
    ...{ currency: 'JPY', unitAmountMinor: '700', interval: 'week', from: '2026-03-29T00:00:00Z' },
  }),
  ...['cus_tried', 'cus_left'].map((customer) =>
    item(customer, {
      ...{ ...monthly, kind: 'trial' },
      ...{ from: '2026-02-01T00:00:00Z', to: '2026-02-15T00:00:00Z' },
    }),
  ),
  item('cus_tried', { ...monthly, from: '2026-02-15T00:00:00Z' }),
];
const RATES = [
  { currency: 'USD', date: '2026-02-01', rate: '0.9217' },
  { currency: 'USD', date: '2026-03-07', rate: '0.9' },
  { currency: 'USD', date: '2026-03-08', rate: '0.915' },
  { currency: 'JPY', date: '2026-03-01', rate: '0.0061' },
  { currency: 'JPY', date: '2026-06-30', rate: '0.00605' },
];

const adopt = (fields: Partial<MetricPolicy>) =>
  setPolicy(db, {
    ...{ accountId: account, by: 'Ada', why: 'as the group reports' },
    policy: { ...DEFAULT_POLICY, ...fields },
  });
const metrics = () => createComputeMetrics({ db })({ account });
const figures = async () => {
  const read = await readFigures(db, account);
  if (!read) throw new Error('there are no figures');
  return read;
};
/** Amounts as text, and without what a file's figures lack. */
const asInFile = (row: object, without: readonly string[]): unknown =>
  JSON.parse(
    JSON.stringify(row, (name, part: unknown) =>
      without.includes(name) ? undefined : typeof part === 'bigint' ? String(part) : part,
    ),
  );

beforeEach(async () => {
  account = await newAccount(db);
  await db.updateTable('account').set({ time_zone: TIME_ZONE }).where('id', '=', account).execute();
  for (const [customer, facts] of Object.entries(FACTS)) {
    await store(db, account, { records: recordsOf(facts, customer), dirty: [customer] });
  }
});

describe('the figures of a stored account', () => {
  it.each(['daily', 'month_average', 'booking_rate'] as const)(
    'are those of a file, by day, week, month and quarter, at rates that are %s',
    async (fx) => {
      await importRates(db, { reportingCurrency: 'EUR', rates: RATES });
      await adopt({ reportingCurrency: 'EUR', fx });
      await metrics();
      const { timeZone, asOf, recurring, reporting } = await figures();
      for (const period of PERIODS) {
        const calendar = { period, timeZone, asOf };
        const expected = compute(
          readComputeInput({
            ...{ now: asOf.toISOString(), timeZone, reportingCurrency: 'EUR', period },
            ...{ policy: { fx }, items: ITEMS, fx: RATES },
          }),
        );
        const rows = periodReport(recurring, { ...calendar, reporting }).map((row) =>
          asInFile(periodJson(account, row), ['account', 'from', 'to', 'exponent']),
        );
        expect(rows).toEqual(expected.periods);
        expect(rows.filter((row) => (row as { scope: string }).scope === 'total')).not.toEqual([]);
        const cohorts = cohortFigures(recurring.entries, cohortCalendar(calendar)).map((row) =>
          asInFile(cohortJson(account, row), ['account', 'exponent']),
        );
        expect(cohorts).toEqual(expected.cohorts);
      }
      expect(recurring.trials.map(({ isConverted }) => isConverted).sort()).toEqual([false, true]);
    },
  );

  it('have no total while a rate is missing, and name the first one', async () => {
    await adopt({ reportingCurrency: 'CHF' });
    await importRates(db, {
      reportingCurrency: 'CHF',
      rates: [{ currency: 'EUR', date: '2026-02-01', rate: '0.94' }],
    });
    await metrics();
    expect(await figures()).toMatchObject({
      reporting: null,
      missing: { currency: 'JPY', reportingCurrency: 'CHF', date: '2026-03-29' },
    });
  });

  it('follow new rates in a metric run of its own that computes nobody', async () => {
    await adopt({ reportingCurrency: 'GBP' });
    const rate = (text: string) =>
      importRates(db, {
        reportingCurrency: 'GBP',
        rates: ['EUR', 'USD', 'JPY'].map((currency) => ({
          ...{ currency, date: '2026-01-01', rate: text },
        })),
      });
    await rate('0.5');
    const first = await metrics();
    expect(await metrics()).toMatchObject({ metricRun: first.metricRun, customers: 0 });
    expect(await rate('0.50')).toEqual({ added: 0, changed: 0 });
    expect(await metrics()).toMatchObject({ metricRun: first.metricRun });
    expect(await rate('0.25')).toEqual({ added: 0, changed: 3 });
    expect(await metrics()).toEqual({
      metricRun: first.metricRun + 1,
      customers: 0,
      movements: 0,
    });
    await importRates(db, { reportingCurrency: 'SEK', rates: RATES });
    expect(await metrics()).toMatchObject({ metricRun: first.metricRun + 1 });
  });
});
