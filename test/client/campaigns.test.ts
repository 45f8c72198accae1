/** Campaigns by the built command line, over an account of failed invoices at a simulated service. */
import { startSimulator, type Simulator } from '../../simulator/server';
import { SIMULATOR_KEY, someAccountId, startRecoup, type Recoup } from '../support/recoup';

const ACCOUNT = someAccountId();
const INVOICES = 60;

let simulator: Simulator;
let recoup: Recoup;

beforeAll(async () => {
  simulator = await startSimulator({
    seed: 5,
    customers: 0,
    failures: INVOICES,
    accountId: ACCOUNT,
    asOf: new Date('2026-11-01T00:00:00Z'),
    keys: { [SIMULATOR_KEY]: { permissions: 'all' } },
  });
  recoup = await startRecoup();
  await recoup.connect({ account: ACCOUNT, apiBase: simulator.url });
  await recoup.startWorker();
  await recoup.cli(['sync', ACCOUNT]);
}, 120_000);

afterAll(async () => {
  await recoup.close();
  await simulator.close();
});

const start = (...args: string[]) => ['campaigns', 'start', '--account', ACCOUNT, ...args];

interface Assessed {
  readonly invoices: number;
  readonly cases: number;
  readonly heldOut: number;
  readonly groups: readonly {
    readonly currency: string;
    readonly class: string;
    readonly cases: number;
    readonly amountMinor: number;
  }[];
  readonly excluded: readonly { readonly reason: string; readonly invoices: number }[];
}

/** Rows of every table, by table. */
async function rowCounts(): Promise<Record<string, string>> {
  const { rows } = await recoup.pool.query<{ name: string; rows: string }>(`
    select table_name as name, (xpath('/row/c/text()', query_to_xml(
      format('select count(*) as c from %I', table_name), false, true, '')))[1]::text as rows
    from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`);
  return Object.fromEntries(rows.map(({ name, rows: count }) => [name, count]));
}

test('a dry run says what it would do; it writes nothing and sends nothing', async () => {
  const before = await rowCounts();
  const requests = simulator.requests.counts();
  const assessed = (await recoup.json(start('--dry-run', '--json'))) as Assessed;
  expect(assessed.cases).toBeGreaterThan(INVOICES / 2);
  expect(assessed.heldOut).toBeLessThan(assessed.cases);
  expect(assessed.groups.reduce((sum, { cases }) => sum + cases, 0)).toBe(assessed.cases);
  const { code, stdout } = await recoup.cli(start('--dry-run'));
  expect(code).toBe(0);
  expect(stdout).toContain(
    `${assessed.cases} would become cases, ${assessed.heldOut} of them held out`,
  );
  expect(await rowCounts()).toEqual(before);
  expect(simulator.requests.counts()).toEqual(requests);
}, 60_000);

test('amounts are exact in the decimals of their currency, and narrow what is taken up', async () => {
  const all = (await recoup.json(start('--dry-run', '--json'))) as Assessed;
  const currency = all.groups[0]?.currency ?? '';
  const narrow = async (...args: string[]) =>
    (await recoup.json(start('--dry-run', '--json', '--currency', currency, ...args))) as Assessed;
  const inCurrency = await narrow();
  const { cases: below } = await narrow('--max-amount', '29.99');
  const { cases: above } = await narrow('--min-amount', '30');
  expect(below + above).toBe(inCurrency.cases);
}, 60_000);

test.each([
  [
    ['--min-amount', '10.50'],
    '--min-amount and --max-amount need a currency. Give --currency, for example eur.',
  ],
  [
    ['--min-amount', '1.005', '--currency', 'eur'],
    '--min-amount: EUR has 2 decimals, and "1.005" has more. Round it.',
  ],
  [
    ['--min-amount', '1.5', '--currency', 'jpy'],
    '--min-amount: JPY has no decimals, and "1.5" has more. Round it.',
  ],
  [
    ['--min-amount', '1e3', '--currency', 'eur'],
    '--min-amount: "1e3" is no amount of EUR. Give it as 10.50.',
  ],
  [
    ['--min-amount', '3', '--max-amount', '2', '--currency', 'eur'],
    '--min-amount is more than --max-amount. Turn them round.',
  ],
  [['--currency', 'xyz'], '--currency: there is no XYZ. Give an ISO 4217 code such as eur.'],
  [['--from', 'yesterday'], '--from "yesterday" is no ISO date or instant'],
  [
    ['--holdout', '60%'],
    "Option '--holdout <share>' argument '60%' is invalid. Expected a share from 0% to 50%",
  ],
  [['--classes', 'funds,soon'], 'There is no class "soon". Known: hard, soft,'],
])('%j is refused in words, and nothing is started', async (args, words) => {
  const before = await rowCounts();
  const { code, stderr } = await recoup.cli(start(...args));
  expect(code).toBe(2);
  expect(stderr).toContain(words);
  expect(await rowCounts()).toEqual(before);
});

test('more than 1,000 cases are started without a terminal only by --yes', async () => {
  const { rows } = await recoup.pool.query<{ external_id: string }>(
    `select external_id from invoice where account_id = $1 and status = 'open' limit 1`,
    [ACCOUNT],
  );
  const copied = rows[0]?.external_id ?? '';
  await recoup.pool.query(
    `insert into invoice select (jsonb_populate_record(invoice, jsonb_build_object('external_id', 'in_copy_' || n))).*
     from invoice cross join generate_series(1, 1000) as n where external_id = $1`,
    [copied],
  );
  await recoup.pool.query(
    `insert into invoice_payment select (jsonb_populate_record(invoice_payment,
       jsonb_build_object('external_id', external_id || n, 'invoice_id', 'in_copy_' || n))).*
     from invoice_payment cross join generate_series(1, 1000) as n where invoice_id = $1`,
    [copied],
  );
  const { code, stderr } = await recoup.cli(start());
  await recoup.pool.query(`delete from invoice where external_id like 'in_copy_%'`);
  await recoup.pool.query(`delete from invoice_payment where invoice_id like 'in_copy_%'`);
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /^recoup: 1,0\d\d cases are more than 1,000, and there is no terminal to ask at\. Give --yes/,
  );
  expect(await recoup.json(['campaigns', 'list', '--json'])).toEqual([]);
}, 60_000);

describe('a campaign that was started', () => {
  let campaign: string;
  interface Shown {
    readonly campaign: string;
    readonly state: string;
    readonly cases: number;
    readonly heldOut: number;
    readonly states: readonly { readonly state: string; readonly cases: number }[];
  }
  const show = async () => (await recoup.json(['campaigns', 'show', campaign, '--json'])) as Shown;
  const eventually = async (holds: (shown: Shown) => boolean): Promise<Shown> => {
    for (;;) {
      const shown = await show();
      if (holds(shown)) return shown;
    }
  };

  beforeAll(async () => {
    await recoup.json(['accounts', 'set', ACCOUNT, '--clock', 'simulated', '--json']);
    const started = (await recoup.json(start('--holdout', '20%', '--json'))) as Shown;
    campaign = started.campaign;
    await eventually(({ state }) => state === 'running');
  }, 60_000);

  test('has as many cases as its dry run had said, held out ones among them', async () => {
    const { cases, heldOut } = await show();
    expect(cases).toBeGreaterThan(INVOICES / 2);
    expect(heldOut).toBeGreaterThan(0);
    const assessed = (await recoup.json(start('--dry-run', '--json'))) as Assessed;
    expect(assessed.cases).toBe(0);
  });

  test('is listed, shown and accounted for', async () => {
    const { stdout } = await recoup.cli(['campaigns', 'show', campaign]);
    expect(stdout).toContain('in the control group');
    expect(await recoup.json(['campaigns', 'list', '--account', ACCOUNT, '--json'])).toMatchObject([
      { campaign, state: 'running' },
    ]);
    const report = (await recoup.json(['campaigns', 'report', campaign, '--json'])) as {
      groups: { cases?: number; holdout: { cases: number } | null }[];
      unmappedCodes: { count: number };
    };
    const { cases, heldOut } = await show();
    const sum = (of: (group: (typeof report.groups)[number]) => number): number =>
      report.groups.reduce((total, group) => total + of(group), 0);
    expect(sum((group) => group.holdout?.cases ?? 0)).toBe(heldOut);
    expect(sum((group) => group.cases ?? 0)).toBe(cases - heldOut);
    expect(report.unmappedCodes.count).toBe(0);
    expect((await recoup.cli(['campaigns', 'report', campaign])).stdout).toContain(
      'Held out: customers of the control group',
    );
  });

  test('its cases are listed and explained, each decision with its reason', async () => {
    const rows = (await recoup.json([
      'recoveries',
      'list',
      '--campaign',
      campaign,
      '--state',
      'holdout',
      '--json',
    ])) as { invoice: string; heldOut: boolean }[];
    expect(rows.every(({ heldOut }) => heldOut)).toBe(true);
    const { invoice = '' } = rows[0] ?? {};
    expect(await recoup.json(['recoveries', 'explain', invoice, '--json'])).toMatchObject({
      invoice,
      story: [
        { kind: 'decision', from: 'discovered', to: 'eligibility' },
        { kind: 'decision', from: 'eligibility', to: 'holdout' },
      ],
    });
    const { stdout } = await recoup.cli(['recoveries', 'explain', invoice]);
    expect(stdout).toMatch(/ in the control group\n +Its customer belongs to the control group/);
    expect(await recoup.cli(['recoveries', 'pause', invoice])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is in the control group') as string,
    });
  });

  test('is paused, resumed and stopped, and says so', async () => {
    const steer = (verb: string) =>
      recoup.cli(['campaigns', verb, campaign, '--reason', 'ticket 4711']);
    expect(await steer('pause')).toMatchObject({
      code: 0,
      stdout: `${campaign} is paused. ticket 4711.\n`,
    });
    await eventually(({ states }) => states.some(({ state }) => state === 'paused'));
    expect((await steer('resume')).stdout).toBe(`${campaign} is running. ticket 4711.\n`);
    expect((await steer('stop')).stdout).toBe(`${campaign} is stopping. ticket 4711.\n`);
    const { states } = await eventually(({ state }) => state === 'stopped');
    expect(states.map(({ state }) => state)).toContain('canceled');
    expect(await steer('resume')).toMatchObject({
      code: 2,
      stderr: `recoup: ${campaign} has ended: it is stopped. See \`recoup campaigns list\`.\n`,
    });
  }, 120_000);
});

test('a campaign and a case that are not there are named', async () => {
  expect(await recoup.cli(['campaigns', 'show', 'camp_0'])).toMatchObject({
    code: 2,
    stderr:
      'recoup: No campaign is called "camp_0". See `recoup campaigns list` for the known ones.\n',
  });
  expect(await recoup.cli(['recoveries', 'explain', 'in_0'])).toMatchObject({
    code: 2,
    stderr: 'recoup: in_0 is no case. See `recoup recoveries list`.\n',
  });
});
