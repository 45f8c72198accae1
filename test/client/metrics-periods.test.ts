/** What finance reads of an account, by the built command line: periods, measures, cohorts, payments, and rates of exchange. */
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSimulator, type Simulator } from '../../simulator/server';
import { SIMULATOR_KEY, someAccountId, startRecoup, type Recoup } from '../support/recoup';

const account = someAccountId();
const folder = mkdtempSync(join(tmpdir(), 'recoup-rates-'));

let simulator: Simulator;
let recoup: Recoup;

beforeAll(async () => {
  simulator = await startSimulator({
    seed: 5,
    customers: 40,
    accountId: account,
    asOf: new Date('2026-11-01T00:00:00Z'),
    keys: { [SIMULATOR_KEY]: { permissions: 'all' } },
  });
  recoup = await startRecoup();
  await recoup.startWorker();
  await recoup.connect({ account, apiBase: simulator.url });
  await recoup.json(['sync', account, '--json']);
}, 120_000);

afterAll(async () => {
  await recoup.close();
  await simulator.close();
  rmSync(folder, { recursive: true, force: true });
});

const metrics = (...args: string[]) => recoup.cli(['metrics', ...args]);
const metricsJson = async <Row>(...args: string[]): Promise<Row[]> =>
  (await recoup.json(['metrics', ...args, '--account', account, '--json'])) as Row[];

interface Row {
  readonly period: string;
  readonly currency: string;
  readonly scope: string;
  readonly startMinor: number;
  readonly endMinor: number;
  readonly fxMinor: number;
  readonly arrMinor: number;
  readonly customers: number;
  readonly newCustomers: number;
  readonly arpa: { readonly numerator: number; readonly denominator: number } | null;
}
const MOVES = ['new', 'expansion', 'contraction', 'churn', 'reactivation', 'fx'] as const;

function expectIdentity(rows: readonly Row[]): void {
  expect(rows.length).toBeGreaterThan(0);
  for (const row of rows) {
    const moved = MOVES.reduce((sum, move) => sum + Number(Reflect.get(row, `${move}Minor`)), 0);
    expect(row.startMinor + moved).toBe(row.endMinor);
  }
}

test('each period adds up, and days, weeks, months and quarters end with the same', async () => {
  const ends: Record<string, number>[] = [];
  for (const period of ['day', 'week', 'month', 'quarter']) {
    const rows = await metricsJson<Row>('--period', period, '--last', '2');
    expectIdentity(rows);
    ends.push(Object.fromEntries(rows.map(({ currency, endMinor }) => [currency, endMinor])));
  }
  expect(new Set(ends.map((end) => JSON.stringify(end))).size).toBe(1);
});

test('a window and a currency are chosen', async () => {
  const rows = await metricsJson<Row>(
    ...['--from', '2026-03-15', '--to', '2026-06', '--currency', 'eur'],
  );
  expect(rows.map(({ period, currency }) => `${period} ${currency}`)).toEqual([
    '2026-03 EUR',
    '2026-04 EUR',
    '2026-05 EUR',
  ]);
});

test('measures, cohorts and payments are tables, and JSON with exact fractions', async () => {
  const [row] = (await metricsJson<Row>('measures', '--currency', 'EUR')).slice(-1);
  expect(row?.arpa).toEqual({ numerator: row?.endMinor, denominator: row?.customers });
  expect(row?.arrMinor).toBeGreaterThan(0);
  const measures = await metrics('measures', '--account', account);
  expect(measures).toMatchObject({ code: 0, stderr: '' });
  expect(measures.stdout).toMatch(/^EUR\nPeriod +MRR +ARR +Cust\. +Subs +ARPA +ASP +Cust\. churn/);

  interface Cohort {
    readonly cohort: string;
    readonly currency: string;
    readonly period: string;
    readonly customers: number;
    readonly mrrMinor: number;
  }
  const cohorts = await metricsJson<Cohort>('cohorts', '--last', '400');
  const newest = await metricsJson<Row>('--last', '1');
  for (const { currency, period, endMinor, customers } of newest) {
    const now = cohorts.filter((each) => each.currency === currency && each.period === period);
    expect(now.reduce((sum, each) => sum + each.mrrMinor, 0)).toBe(endMinor);
    expect(now.reduce((sum, each) => sum + each.customers, 0)).toBe(customers);
  }
  const table = await metrics('cohorts', '--account', account, '--of', 'mrr', '--last', '3');
  expect(table.stdout).toMatch(/^EUR\nBegan in +Cust\. +MRR +\+0 +\+1 /);
  expect(table.stdout).toContain('100.0%');

  const volumes = await metricsJson<Record<string, number>>('payments', '--last', '400');
  const failed = await recoup.pool.query<{ invoices: string }>(
    `select count(*) as invoices from (
       select distinct on (l.invoice_id) a.status from invoice_payment l
       join payment_attempt a on a.payment_id = l.payment_id
       order by l.invoice_id, a.created_at, a.external_id) as first where status = 'failed'`,
  );
  const total = (field: string) => volumes.reduce((sum, each) => sum + (each[field] ?? 0), 0);
  expect(total('failedInvoices')).toBe(Number(failed.rows[0]?.invoices));
  expect(total('failedInvoices')).toBeGreaterThan(0);
  for (const each of volumes) {
    const { failedMinor, recoveredMinor = 0, lostMinor = 0, voidedMinor = 0, openMinor = 0 } = each;
    expect(recoveredMinor + lostMinor + voidedMinor + openMinor).toBe(failedMinor);
  }
  expect((await metrics('payments', '--account', account)).stdout).toMatch(/Recovered +Lost +Void/);
});

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

test('with a reporting currency there is a total once its rates are imported', async () => {
  const set = await metrics(
    ...['policy', 'set', '--account', account, '--reporting-currency', 'CHF', '--why', 'group'],
  );
  expect(set.code).toBe(0);
  const without = await metrics('--account', account);
  expect(without.stdout).not.toContain('All in CHF');
  expect(without.stderr).toMatch(
    /^No total in CHF of acct_\w+: there is no rate of [A-Z]{3} on or/,
  );

  const currencies = [...new Set((await metricsJson<Row>()).map(({ currency }) => currency))];
  const rates = ['2020-01-01,0.95', '2026-08-10,0.9', '2026-08-20,0.905'];
  const lines = currencies.flatMap((currency) => rates.map((rate) => `${currency},${rate}`));
  const path = file('rates.csv', ['currency,date,rate', ...lines].join('\n'));
  const into = ['rates', 'import', path, '--into', 'CHF', '--json'];
  const counts = { reportingCurrency: 'CHF', rates: lines.length };
  expect(await recoup.json(['metrics', ...into])).toEqual({
    ...{ ...counts, added: lines.length, changed: 0 },
  });
  expect(await recoup.json(['metrics', ...into])).toEqual({ ...counts, added: 0, changed: 0 });
  const listed = await metrics('rates', 'list');
  expect(listed.stdout).toMatch(/EUR +CHF +3 +2020-01-01 +2026-08-20 +1 EUR = 0\.905 CHF/);

  const rows = await metricsJson<Row>();
  expectIdentity(rows);
  const totals = rows.filter(({ scope }) => scope === 'total');
  expect(totals).toHaveLength(12);
  expect(totals.find(({ period }) => period === '2026-08')?.fxMinor).toBeLessThan(0);
  const shown = await metrics('--account', account);
  expect(shown.stderr).toBe('');
  expect(shown.stdout).toMatch(/All in CHF per month, \w+ 26 so far\nMonth .*Rates/);
});

test.each([
  [['rates', 'import', 'nowhere.csv', '--into', 'EUR'], /nowhere\.csv cannot be read/],
  [['rates', 'import', 'wrong.csv', '--into', 'EUR'], /line 2: rate: expected a decimal above 0/],
  [['rates', 'import', 'wrong.csv', '--into', 'euro'], /Expected an ISO 4217 code such as EUR/],
  [['rates', 'import', 'wrong.csv'], /'--into <code>' not specified/],
  [['--period', 'year'], /Allowed choices are day, week, month, quarter/],
  [['--from', '2026-13'], /Expected a date such as 2026-03-01/],
  [['--last', '3', '--from', '2026-01'], /cannot be used with/],
  [
    ['measures', '--account', account, '--from', '2026-05', '--to', '2026-04'],
    /is not after --from/,
  ],
])('%j is refused in one line that names what is wrong', async (args, line) => {
  const wrong = file('wrong.csv', 'currency,date,rate\nUSD,2026-01-01,much\n');
  const given = args.map((arg) => (arg === 'wrong.csv' ? wrong : arg));
  const { code, stdout, stderr } = await metrics(...given);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(line);
  expect(stderr.split('\n')).toHaveLength(2);
});
