/** What finance asks of the ledger, by the built command line: what counts, what changed, and how a figure came about. */
import { startSimulator, type Simulator } from '../../simulator/server';
import { SIMULATOR_KEY, someAccountId, startRecoup, type Recoup } from '../support/recoup';

const account = someAccountId();
const AS_OF = new Date('2026-11-01T00:00:00Z');
const RESTATEMENT_LIMIT_MS = 60_000;

let simulator: Simulator;
let recoup: Recoup;

beforeAll(async () => {
  simulator = await startSimulator({
    seed: 5,
    customers: 25,
    accountId: account,
    asOf: AS_OF,
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
});

const metrics = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await recoup.cli(['metrics', ...args, '--account', account]);
  if (code !== 0) throw new Error(stderr);
  return stdout;
};

const metricsJson = async <T>(...args: string[]): Promise<T> =>
  JSON.parse(await metrics(...args, '--json')) as T;

/** What stands in the ledger: rows that neither are nor have been taken back. */
const standing = async () => {
  const { rows } = await recoup.pool.query<{ id: string; customer_id: string }>(
    `select m.id, m.customer_id, m.at, m.type, m.delta_minor, m.after_minor from mrr_movement m
     where reverses is null and not exists (select from mrr_movement r where r.reverses = m.id)
     order by customer_id, currency, at`,
  );
  return rows;
};
const withoutId = ({ id: _id, ...row }: { id: string }) => row;

interface Explanation {
  readonly note: string | null;
  readonly movements: readonly {
    readonly id: number;
    readonly afterMinor: number;
    readonly items: readonly { readonly valuePerMonth: string; readonly steps: unknown[] }[];
  }[];
  readonly records: readonly { readonly id: string; readonly object: { hash: string } | null }[];
}

test(
  'a changed policy restates, and the first one again ends as at first',
  async () => {
    const before = await standing();
    const set = await metricsJson<{ version: number; changes: unknown[] }>(
      ...[
        'policy',
        'set',
        '--day-factor',
        '30',
        '--discounts',
        'none',
        '--why',
        'as the board does',
      ],
    );
    expect(set.changes).toHaveLength(2);
    await metrics('restate');
    expect((await standing()).map(withoutId)).not.toEqual(before.map(withoutId));

    const shown = await metrics('policy', 'show');
    expect(shown).toContain('as the board does');
    const runs = await metricsJson<{ run: number; policyVersion: number }[]>('runs');
    expect(runs.map(({ policyVersion }) => policyVersion)).toEqual([2, 1]);
    const difference = await metrics('diff', '1', '2');
    expect(difference).toContain('policy discounts: recurring → none');
    expect(difference).toContain('the policy');

    await metrics(
      ...['policy', 'set', '--day-factor', '365/12', '--discounts', 'recurring', '--why', 'back'],
    );
    await metrics('restate');
    expect((await standing()).map(withoutId)).toEqual(before.map(withoutId));
    expect(await metrics('diff', '1', '3')).not.toContain('Because of');
  },
  RESTATEMENT_LIMIT_MS,
);

test('each customer is explained down to the raw objects, and the items add up to the movement', async () => {
  const rows = await standing();
  const customers = [...new Set(rows.map(({ customer_id }) => customer_id))];
  const hashes = await recoup.pool.query<{ hash: string }>(
    `select encode(hash, 'hex') as hash from raw_object where account_id = $1`,
    [account],
  );
  const known = new Set(hashes.rows.map(({ hash }) => hash));
  const ids: string[] = [];
  for (const customer of customers.slice(0, 8)) {
    const { note, movements, records } = await metricsJson<Explanation>(
      ...['explain', '--customer', customer],
    );
    expect(note).toBeNull();
    for (const { id, afterMinor, items } of movements) {
      ids.push(String(id));
      const total = items.reduce((sum, { valuePerMonth }) => {
        const [numerator, denominator = '1'] = valuePerMonth.split('/');
        return sum + Number(numerator) / Number(denominator);
      }, 0);
      expect(Math.abs(total - afterMinor)).toBeLessThanOrEqual(0.5 + 1e-6);
      for (const { steps } of items) expect(steps.length).toBeGreaterThan(0);
    }
    expect(records.length).toBeGreaterThan(0);
    for (const { id, object } of records) {
      expect([id, object === null || known.has(object.hash)]).toEqual([id, true]);
    }
    expect(records.some(({ object }) => object !== null)).toBe(true);
  }
  expect(ids).toEqual(
    rows
      .filter(({ customer_id }) => customers.slice(0, 8).includes(customer_id))
      .map(({ id }) => id),
  );
});

test('one movement is explained by its id, with the one that took it back', async () => {
  const [row] = await standing();
  const { movements } = await metricsJson<Explanation>('explain', '--movement', row?.id ?? '');
  expect(movements.map(({ id }) => String(id))).toEqual([row?.id]);

  const taken = await recoup.pool.query<{ reverses: string; run: string }>(
    `select reverses, run from mrr_movement where reverses is not null order by id limit 1`,
  );
  const [reversal] = taken.rows;
  const text = await metrics('explain', '--movement', reversal?.reverses ?? '');
  expect(text).toContain(`Run ${reversal?.run} took it back`);
});

test.each([
  [['explain'], /Neither a customer nor a movement is named/],
  [['explain', '--customer', 'cus_1', '--month', '2026-13'], /--month takes a month such as/],
  [['explain', '--movement', '999999'], /has no movement 999999/],
  [['diff', '1', '99'], /has no metric run 99/],
  [['policy', 'set', '--discounts', 'some', '--why', 'x'], /discounts/],
  [['policy', 'set', '--why', 'x'], /No field is named/],
])('%j is refused in one line that names what is wrong', async (args, line) => {
  const { code, stdout, stderr } = await recoup.cli(['metrics', ...args, '--account', account]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(line);
  expect(stderr.split('\n')).toHaveLength(2);
});
