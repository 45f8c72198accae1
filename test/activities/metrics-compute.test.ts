import { sql, type Kysely } from 'kysely';
import { createComputeMetrics } from '../../activities/metrics-compute';
import { listPolicies, setPolicy } from '../../db/repositories/metric-policies';
import { listMetricRuns } from '../../db/repositories/metric-runs';
import { lastMetricRun, openMetricRun, takeDirtyCustomers } from '../../db/repositories/metrics';
import type { Database } from '../../db/schema';
import { DEFAULT_POLICY, type MetricPolicy } from '../../domain/metrics/policy';
import { at, factsOf, SEEN } from '../domain/metrics-facts';
import { openTestDatabase } from '../support/database';
import { newAccount, recordsOf, store, storedReport } from './metrics-account';

let db: Kysely<Database>;
let close: () => Promise<void>;
let account: string;
beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});
afterAll(() => close());
beforeEach(async () => {
  account = await newAccount(db);
});

const compute = () => createComputeMetrics({ db })({ account });

const adopt = (fields: Partial<MetricPolicy>) =>
  setPolicy(db, {
    accountId: account,
    policy: { ...DEFAULT_POLICY, ...fields },
    by: 'Ada',
    why: 'as the board counts',
  });

const basic = factsOf({ invoice_line: [{ id: 'il_1' }], subscription_item: [{ id: 'si_1' }] });
const upgraded = factsOf({
  invoice_line: [
    { id: 'il_1' },
    { id: 'il_2', kind: 'proration', amountMinor: -500n, periodStart: at('2026-01-15') },
    {
      id: 'il_3',
      kind: 'proration',
      amountMinor: 1500n,
      priceId: 'pro',
      periodStart: at('2026-01-15'),
    },
  ],
  subscription_item: [{ id: 'si_1', priceId: 'pro' }],
});

const customer = (name: string, facts = basic) => ({
  records: recordsOf(facts, name),
  dirty: [name],
});

const ledger = (of = account) =>
  db.selectFrom('mrr_movement').selectAll().where('account_id', '=', of).orderBy('id').execute();

/** Rows as `customer day type delta`, reversals with a leading `-`. */
const ledgerLines = async () =>
  (await ledger()).map(
    (row) =>
      `${row.reverses === null ? '' : '-'}${row.customer_id} ${row.at.toISOString().slice(0, 10)} ${row.type} ${String(row.delta_minor)}`,
  );

describe('computing the metrics of an account', () => {
  it('writes versions, segments and the ledger of dirty customers, and takes their marks', async () => {
    await store(db, account, customer('cus_1', upgraded));
    await store(db, account, customer('cus_2'));
    expect(await compute()).toEqual({ metricRun: 1, customers: 2, movements: 3 });
    expect(await ledgerLines()).toEqual([
      'cus_1 2026-01-01 new 1000',
      'cus_1 2026-01-15 expansion 2000',
      'cus_2 2026-01-01 new 1000',
    ]);
    const [, expansion] = await ledger();
    expect(expansion).toMatchObject({
      currency: 'eur',
      exponent: 2,
      after_minor: 3000n,
      basis: 'exact',
      causes: ['item_changed'],
      inputs: ['il_2_cus_1', 'il_3_cus_1'],
      run: 1n,
    });
    const count = (table: 'subscription_item_version' | 'mrr_segment' | 'dirty_customer') =>
      db
        .selectFrom(table)
        .select(({ fn }) => fn.countAll().as('rows'))
        .where('account_id', '=', account)
        .executeTakeFirstOrThrow();
    expect(await count('subscription_item_version')).toEqual({ rows: 3n });
    expect(await count('mrr_segment')).toEqual({ rows: 3n });
    expect(await count('dirty_customer')).toEqual({ rows: 0n });
    expect(await lastMetricRun(db, account)).toMatchObject({ customers: 2, movements: 3 });
  });

  it('makes a first run of an account without anything, and no second one', async () => {
    expect(await compute()).toEqual({ metricRun: 1, customers: 0, movements: 0 });
    expect(await compute()).toEqual({ metricRun: 1, customers: 0, movements: 0 });
  });

  it('refuses an account that it does not know', async () => {
    account = 'acct_nowhere';
    await expect(compute()).rejects.toMatchObject({ code: 'unknown_account' });
  });

  it('keeps the last run when nothing is dirty, and writes no row when nothing differs', async () => {
    await store(db, account, customer('cus_1', upgraded));
    await compute();
    expect(await compute()).toEqual({ metricRun: 1, customers: 0, movements: 0 });
    const rowVersions = async () =>
      (
        await sql`select xmin::text, ctid::text from mrr_segment where account_id = ${account}
          union all select xmin::text, ctid::text from subscription_item_version where account_id = ${account}
          union all select xmin::text, ctid::text from mrr_movement where account_id = ${account}`.execute(
          db,
        )
      ).rows;
    const before = await rowVersions();
    await store(db, account, { records: [], dirty: ['cus_1'] });
    expect(await compute()).toMatchObject({ customers: 1, movements: 0 });
    expect(await rowVersions()).toEqual(before);
  });

  it('restates what no longer holds by a reversal and new rows, and only that', async () => {
    await store(db, account, customer('cus_1', upgraded));
    await compute();
    const downgraded = factsOf({
      invoice_line: upgraded.invoice_line.map((line) =>
        line.id === 'il_3' ? { ...line, quantity: '2' } : line,
      ),
      subscription_item: [{ id: 'si_1', priceId: 'pro', quantity: '2' }],
    });
    await store(db, account, customer('cus_1', downgraded));
    expect(await compute()).toEqual({ metricRun: 2, customers: 1, movements: 2 });
    expect((await ledgerLines()).slice(2)).toEqual([
      '-cus_1 2026-01-15 expansion -2000',
      'cus_1 2026-01-15 expansion 5000',
    ]);
    expect((await storedReport(db, account)).at(-1)).toMatchObject({
      endMinor: 6000n,
      customers: 1,
    });
  });

  it('restates twice when the facts go there and back again', async () => {
    for (const facts of [basic, upgraded, basic]) {
      const all = recordsOf(facts, 'cus_1');
      await db.deleteFrom('invoice_line').where('account_id', '=', account).execute();
      await store(db, account, { records: all, dirty: ['cus_1'] });
      await compute();
    }
    expect((await ledgerLines()).slice(1)).toEqual([
      'cus_1 2026-01-15 expansion 2000',
      '-cus_1 2026-01-15 expansion -2000',
    ]);
  });

  it('ends in the same ledger, net of reversals, however the facts came in', async () => {
    const records = recordsOf(upgraded, 'cus_1');
    const standing = async (of: string) =>
      (
        await sql`
          select at, type, currency, sum(delta_minor) as delta, count(*) % 2 as odd from mrr_movement
          where account_id = ${of} group by 1, 2, 3 having sum(delta_minor) <> 0 order by 1, 2, 3`.execute(
          db,
        )
      ).rows;
    await store(db, account, { records, dirty: ['cus_1'] });
    await compute();
    const expected = await standing(account);
    for (const cut of [1, 2, 3, 4, 5, 6]) {
      account = await newAccount(db);
      await store(db, account, { records: records.slice(-cut), dirty: ['cus_1'] });
      await compute();
      await store(db, account, { records: records.slice(0, -cut), dirty: ['cus_1'] });
      await compute();
      expect(await standing(account)).toEqual(expected);
    }
  });

  it('makes a new run when invoices or payments changed though no revenue did', async () => {
    await store(db, account, customer('cus_1'));
    await compute();
    const invoice = recordsOf(factsOf({ ...basic, invoice: [{ id: 'in_9' }] }), 'cus_1');
    await store(db, account, {
      records: invoice.filter(({ kind }) => kind === 'invoice'),
      dirty: [],
    });
    expect(await compute()).toEqual({ metricRun: 2, customers: 0, movements: 0 });
    expect(await compute()).toMatchObject({ metricRun: 2 });
  });

  it('moves the ledger on when only time has passed', async () => {
    const discounted = factsOf({
      ...basic,
      discount: [{ id: 'di_1', percentOff: '50', duration: 'repeating', endAt: at('2026-08-01') }],
    });
    await store(db, account, customer('cus_1', discounted));
    await compute();
    expect(await ledgerLines()).toEqual(['cus_1 2026-01-01 new 500']);
    await readUntil('2026-08-02');
    expect(await compute()).toEqual({ metricRun: 2, customers: 1, movements: 1 });
    expect((await ledgerLines()).at(-1)).toBe('cus_1 2026-08-01 expansion 500');
  });

  it('computes a customer again when a price comes that it missed', async () => {
    const records = recordsOf(basic, 'cus_1');
    const isPrice = ({ kind }: { kind: string }) => kind === 'price';
    const hidden = recordsOf(factsOf({ ...basic, invoice_line: [] }), 'cus_2');
    await store(db, account, {
      records: [...records, ...hidden].filter((record) => !isPrice(record)),
      dirty: ['cus_1', 'cus_2'],
    });
    expect(await compute()).toEqual({ metricRun: 1, customers: 2, movements: 0 });
    await store(db, account, { records: records.filter(isPrice), dirty: [] });
    expect(await compute()).toEqual({ metricRun: 2, customers: 2, movements: 2 });
    expect(await ledgerLines()).toEqual(['cus_1 2026-01-01 new 1000', 'cus_2 2026-01-01 new 1000']);
    expect(await compute()).toMatchObject({ metricRun: 2, customers: 0 });
  });

  it('makes a new run when a month begins, for the months are those up to now', async () => {
    await store(db, account, customer('cus_1'));
    await compute();
    await readUntil('2026-07-20');
    expect(await compute()).toMatchObject({ metricRun: 1 });
    await readUntil('2026-08-20');
    expect(await compute()).toMatchObject({ metricRun: 2 });
    expect((await storedReport(db, account)).map(({ span }) => span.label).slice(-2)).toEqual([
      '2026-07',
      '2026-08',
    ]);
  });

  it('computes everybody again under a changed policy, and back, and keeps which run had which', async () => {
    const weekly = { id: 'basic', interval: 'week', unitAmount: '700' };
    await store(db, account, customer('cus_1', factsOf({ ...basic, price: [weekly] })));
    await compute();
    await adopt({ weekFactor: '4.33' });
    expect(await compute()).toEqual({ metricRun: 2, customers: 1, movements: 2 });
    expect(await compute()).toMatchObject({ metricRun: 2, customers: 0 });
    await adopt({});
    expect(await compute()).toEqual({ metricRun: 3, customers: 1, movements: 2 });
    expect(await ledgerLines()).toEqual([
      'cus_1 2026-01-01 new 3033',
      '-cus_1 2026-01-01 new -3033',
      'cus_1 2026-01-01 new 3031',
      '-cus_1 2026-01-01 new -3031',
      'cus_1 2026-01-01 new 3033',
    ]);
    const runs = await listMetricRuns(db, { accountId: account, limit: 10 });
    expect(runs.map(({ run, policy_version }) => [run, policy_version])).toEqual([
      [3n, 3],
      [2n, 2],
      [1n, 1],
    ]);
    const [third, second, first] = await listPolicies(db, account);
    expect(third).toMatchObject({ version: 3, by: 'Ada', hash: first?.hash });
    expect(second?.policy.weekFactor).toBe('4.33');
    expect(first).toMatchObject({ version: 1, by: 'recoup', policy: DEFAULT_POLICY });
  });

  it('makes no version of a policy that says what the one in force says', async () => {
    expect(await adopt({})).toMatchObject({ changed: false, is: { version: 1, since: null } });
    expect(await adopt({ tax: 'include' })).toMatchObject({ changed: true, is: { version: 2 } });
    expect(await adopt({ tax: 'include' })).toMatchObject({ changed: false, is: { version: 2 } });
    expect(await listPolicies(db, account)).toHaveLength(2);
  });

  it('leaves nobody under a policy whose computation was cut short', async () => {
    await store(db, account, customer('cus_1'));
    await compute();
    await adopt({ weekFactor: '4' });
    const [inForce] = await listPolicies(db, account);
    await openMetricRun(db, { accountId: account, policy: inForce, asOf: SEEN });
    await adopt({});
    expect(await compute()).toMatchObject({ metricRun: 3, customers: 1 });
  });

  it('computes everybody when it is told to, and those that changed otherwise', async () => {
    const names = Array.from({ length: 30 }, (_, index) => `cus_${String(index)}`);
    await store(db, account, {
      records: names.flatMap((name) => recordsOf(basic, name)),
      dirty: names,
    });
    expect(await compute()).toMatchObject({ customers: 30, movements: 30 });
    await store(db, account, { records: [], dirty: names.slice(0, 10) });
    expect(await compute()).toMatchObject({ customers: 10, movements: 0 });
    const all = await createComputeMetrics({ db })({ account, everybody: true });
    expect(all).toMatchObject({ customers: 30, movements: 0 });
  });

  it('passes over a run that was never finished', async () => {
    await store(db, account, customer('cus_1'));
    await compute();
    await sql`
      insert into metric_run (account_id, run, policy_hash, policy_version, engine_version, as_of)
      select account_id, 2, policy_hash, 1, engine_version, now() from metric_run where account_id = ${account}`.execute(
      db,
    );
    expect(await compute()).toMatchObject({ metricRun: 1 });
    await store(db, account, customer('cus_2'));
    expect(await compute()).toMatchObject({ metricRun: 3, customers: 1 });
  });

  it('computes each customer once where there are more than fit into one transaction', async () => {
    const names = Array.from({ length: 1_300 }, (_, index) => `cus_${String(index)}`);
    await store(db, account, {
      records: names.flatMap((name) => recordsOf(basic, name)),
      dirty: names,
    });
    expect(await compute()).toEqual({ metricRun: 1, customers: 1_300, movements: 1_300 });
    expect(new Set((await ledger()).map((row) => row.customer_id))).toEqual(new Set(names));
    expect(await compute()).toMatchObject({ metricRun: 1, customers: 0 });
  });

  it('lets two computations at once take turns', async () => {
    for (const name of ['cus_1', 'cus_2', 'cus_3']) await store(db, account, customer(name));
    const reports = await Promise.all([compute(), compute(), compute()]);
    expect(reports.map(({ customers }) => customers).sort()).toEqual([0, 0, 3]);
    expect(reports.map(({ metricRun }) => metricRun)).toEqual([1, 1, 1]);
    expect(await ledger()).toHaveLength(3);
  });

  it('keeps a mark that is made while its customer is being computed', async () => {
    await store(db, account, customer('cus_1'));
    let marked: Promise<void> | undefined;
    await db.transaction().execute(async (trx) => {
      const limit = { accountId: account, limit: 10 };
      expect(await takeDirtyCustomers(trx, limit)).toEqual(['cus_1']);
      marked = store(db, account, { records: [], dirty: ['cus_1'] });
      // Until the marking waits for this transaction, or is done with.
      for (let tries = 0; tries < 100; tries += 1) {
        const waiting = await sql`
          select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%dirty_customer%'`.execute(
          trx,
        );
        if (waiting.rows.length > 0) break;
      }
    });
    await marked;
    expect(await compute()).toMatchObject({ customers: 1 });
  });

  it('computes many customers in batches, each once', async () => {
    const names = Array.from({ length: 450 }, (_, index) => `cus_${String(index)}`);
    await store(db, account, {
      records: names.flatMap((name) => recordsOf(basic, name)),
      dirty: names,
    });
    expect(await compute()).toEqual({ metricRun: 1, customers: 450, movements: 450 });
  });
});

describe('the ledger', () => {
  it('refuses to be changed', async () => {
    await store(db, account, customer('cus_1'));
    await compute();
    const own = sql`where account_id = ${account}`;
    for (const statement of [
      sql`update mrr_movement set delta_minor = 1 ${own}`,
      sql`delete from mrr_movement ${own}`,
    ]) {
      await expect(statement.execute(db)).rejects.toThrow('mrr_movement is append-only');
    }
  });
});

/** As if a sync had read the account up to then without finding anything new. */
async function readUntil(day: string): Promise<void> {
  await sql`
    insert into run (account_id, key, kind, until, floor)
    values (${account}, ${day}, 'sync', ${at(day)}, ${at('2020-01-01')})`.execute(db);
}
