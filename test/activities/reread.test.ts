/** The last task of every run: objects that hints name are read by their ids. */
import { ActivityCancellationDetails } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Kysely } from 'kysely';
import type { Database } from '../../db/schema';
import { RecoupError } from '../../domain/errors';
import { MAX_PAGE_ATTEMPTS } from '../../domain/sync/backoff';
import { openTestDatabase } from '../support/database';
import type { FakeService } from '../support/fake-provider';
import { createHarness } from './harness';

// What is tested is what follows from failures, not how long the pauses between the tries are.
jest.mock('../../domain/sync/backoff', () => ({
  ...jest.requireActual<object>('../../domain/sync/backoff'),
  backoffMs: () => 1,
}));

let db: Kysely<Database>;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});
afterAll(() => close());

const HOUR_MS = 3_600_000;
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const CREATED = new Date('2026-01-01T00:00:00Z');
const priceId = (index: number): string => `price_${String(index).padStart(3, '0')}`;

/** Subscriptions that each name a price which no list holds; the provider has the first of them. */
function addPriced(service: FakeService, options: { named: number; served?: number }): void {
  const { named, served = named } = options;
  for (let i = 0; i < named; i += 1) {
    service.put({
      type: 'subscription',
      id: `sub_${i}`,
      createdAt: CREATED,
      customerId: `cus_${i}`,
      status: 'active',
      items: [`si_${i}`],
      priceId: priceId(i),
    });
  }
  for (let i = 0; i < served; i += 1) {
    service.put({ type: 'price', id: priceId(i), createdAt: CREATED, unitAmount: '1000' });
  }
}

/** `count` invoices that were read before and have changed since, as the feed tells. */
async function withChanges(count: number, lanes = 2) {
  const harness = await createHarness(db, lanes);
  const { service, open, walk, finish } = harness;
  const put = (total: number) => {
    for (let i = 0; i < count; i += 1) {
      service.put({ type: 'invoice', id: `in_${i}`, createdAt: CREATED, total });
    }
  };
  put(1);
  const first = await open();
  await walk(first);
  await finish(first);
  service.now = new Date(service.now.getTime() + HOUR_MS);
  put(2);
  for (let i = 0; i < count; i += 1) service.tell('invoice', `in_${i}`);
  service.now = new Date(service.now.getTime() + HOUR_MS);
  service.fetches.length = 0;
  return harness;
}

const prices = (account: string) =>
  db
    .selectFrom('price')
    .select(['external_id', 'unit_amount', 'version', 'raw_hash'])
    .where('account_id', '=', account)
    .orderBy('external_id')
    .execute();

const totals = async (account: string): Promise<bigint[]> => {
  const rows = await db
    .selectFrom('invoice')
    .select('total_minor')
    .where('account_id', '=', account)
    .orderBy('external_id')
    .execute();
  return rows.map((row) => row.total_minor);
};

const hintsOf = (account: string) =>
  db.selectFrom('hint').selectAll().where('account_id', '=', account).execute();

describe('prices that rows name and no list holds', () => {
  it('are read once each, with the version of their read and their raw objects', async () => {
    const { account, service, open, walk, finish } = await createHarness(db);
    addPriced(service, { named: 60 });
    const run = await open();
    expect(await walk(run)).toMatchObject({ outcome: 'drained', failure: null, objects: 120 });
    expect(service.fetches.map(({ id }) => id).sort()).toEqual(
      Array.from({ length: 60 }, (_, i) => priceId(i)),
    );
    const rows = await prices(account);
    expect(rows).toHaveLength(60);
    expect(rows[7]).toMatchObject({ external_id: priceId(7), unit_amount: '1000' });
    expect(rows.every(({ version }) => version.getTime() === service.now.getTime())).toBe(true);
    const raw = await db
      .selectFrom('raw_object')
      .select('hash')
      .where('account_id', '=', account)
      .where('type', '=', 'price')
      .execute();
    expect(raw.map(({ hash }) => hash.toString('hex')).sort()).toEqual(
      rows.map(({ raw_hash }) => raw_hash.toString('hex')).sort(),
    );
    expect(service.open).toBe(0);
    expect(await finish(run)).toMatchObject({ state: 'complete', objects: 120 });
  });

  it('cost no request when they are named again', async () => {
    const { service, open, walk } = await createHarness(db);
    addPriced(service, { named: 3, served: 2 });
    await walk(await open());
    service.now = new Date(service.now.getTime() + HOUR_MS);
    await walk(await open({ key: 'second', kind: 'backfill', refetch: true }));
    expect(service.fetches).toHaveLength(3);
  });

  it('make nothing fail when the provider does not have them: the run names them', async () => {
    const { service, open, walk, finish } = await createHarness(db);
    addPriced(service, { named: 4, served: 2 });
    const run = await open();
    expect(await walk(run)).toMatchObject({ outcome: 'drained', failure: null });
    expect(service.fetches).toHaveLength(4);
    const ended = await finish(run);
    expect(ended.state).toBe('complete');
    expect(ended.summary).toContain('prices of unknown value count as 0: price_002, price_003');
  });

  it('come in before the metrics are computed', async () => {
    const { account, service, act, steps, open, walk, finish } = await createHarness(db);
    addPriced(service, { named: 2, served: 1 });
    const run = await open();
    await walk(run);
    await finish(run);
    const computed = await act(() => steps.computeMetrics({ account }));
    expect(computed).toMatchObject({ customers: 2, movements: 1 });
  });
});

describe('objects that the feed says have changed', () => {
  it('are read again, as many at once as there are lanes, and nothing else is', async () => {
    const { account, service, open, walk, finish } = await withChanges(120, 3);
    let [atOnce, most] = [0, 0];
    service.beforeObject = async () => {
      most = Math.max(most, (atOnce += 1));
      await pause(2);
      atOnce -= 1;
    };
    const run = await open({ key: 'second' });
    expect(await walk(run)).toMatchObject({ outcome: 'drained', changedRows: 120 });
    expect(most).toBe(3);
    expect(service.fetches).toHaveLength(120);
    expect(await totals(account)).toEqual(Array.from({ length: 120 }, () => 2n));
    expect(await hintsOf(account)).toEqual([]);
    expect(await finish(run)).toMatchObject({ state: 'complete' });
  });

  it('are read no more when a page has shown them since', async () => {
    const { account, service, open, walk } = await withChanges(10);
    const backfill = await open({ key: 'again', kind: 'backfill', refetch: true });
    await walk(backfill);
    await walk(await open({ key: 'second' }));
    expect(service.fetches).toHaveLength(0);
    expect(await hintsOf(account)).toEqual([]);
  });

  it('are read only when every list is done', async () => {
    const { service, open, walk } = await withChanges(5);
    let [unanswered, most] = [0, -1];
    service.beforeAnswer = async ({ resource }) => {
      unanswered += 1;
      await pause(resource === 'dispute' ? 300 : 0);
      unanswered -= 1;
    };
    service.beforeObject = () => {
      most = Math.max(most, unanswered);
    };
    await walk(await open({ key: 'second' }));
    expect(most).toBe(0);
  });

  it('are gone for good when the provider does not have them any more', async () => {
    const { account, service, open, walk, finish } = await withChanges(3);
    service.remove('invoice', 'in_1');
    const run = await open({ key: 'second' });
    expect(await walk(run)).toMatchObject({ outcome: 'drained', changedRows: 3 });
    expect(await totals(account)).toEqual([2n, 2n]);
    expect(await finish(run)).toMatchObject({ state: 'complete' });

    // A late page still shows it.
    service.put({ type: 'invoice', id: 'in_1', createdAt: CREATED, total: 3 });
    await walk(await open({ key: 'late', kind: 'backfill', refetch: true }));
    expect(await totals(account)).toEqual([2n, 2n]);
  });

  it('are tried again while the trouble may pass', async () => {
    const { account, service, open, walk } = await withChanges(10);
    service.beforeObject = ({ id }) => {
      const tries = service.fetches.filter((each) => each.id === id).length;
      if (tries < 3) throw new RecoupError('rate_limited', 'Too many requests.');
    };
    expect(await walk(await open({ key: 'second' }))).toMatchObject({ outcome: 'drained' });
    expect(await hintsOf(account)).toEqual([]);
  });

  it('are given up with the reason when the service stays away, and what was read is kept', async () => {
    const lanes = 2;
    const { account, service, open, walk } = await withChanges(60, lanes);
    const run = await open({ key: 'second' });
    let away = false;
    service.beforeObject = (_, number) => {
      if (number <= 52) return;
      away = true;
      throw new RecoupError('provider_unavailable', 'The service answered 500.');
    };
    service.beforeProbe = () => {
      if (away) throw new RecoupError('provider_unavailable', 'The service answered 500.');
    };
    expect(await walk(run)).toMatchObject({
      outcome: 'failed',
      failure: { code: 'provider_unavailable', message: 'The service answered 500.' },
      // With the 60 of the feed.
      objects: 112,
    });
    expect(service.fetches.length).toBeLessThanOrEqual(52 + lanes * MAX_PAGE_ATTEMPTS);
    service.beforeObject = () => undefined;
    expect(await walk(run)).toMatchObject({ outcome: 'drained', objects: 8 });
    expect(await hintsOf(account)).toEqual([]);
  });

  it('do not hold up a run for ever when one of them always fails', async () => {
    const { account, service, open, walk, finish } = await withChanges(3);
    await walk(await open({ key: 'read' }));
    const told = { account_id: account, resource: 'invoice', source: 'webhook' } as const;
    const changed_at = new Date(service.now.getTime() + HOUR_MS);
    await db
      .insertInto('hint')
      .values([0, 1, 2].map((i) => ({ ...told, changed_at, external_id: `in_${i}` })))
      .execute();
    service.now = new Date(changed_at.getTime() + HOUR_MS);
    service.beforeObject = ({ id }) => {
      if (id === 'in_1') throw new RecoupError('provider_unavailable', 'It answered 500.');
    };
    const run = await open({ key: 'told', kind: 'changes' });
    expect(await walk(run)).toMatchObject({ outcome: 'drained', failure: null });
    expect(await finish(run)).toMatchObject({
      state: 'partial',
      parked: [{ resource: 'invoice', reason: 'It answered 500.' }],
    });
    expect(await hintsOf(account)).toMatchObject([{ external_id: 'in_1' }]);
  });

  it('are left to the next run where they come in for ever', async () => {
    const { account, service, open, walk, finish } = await withChanges(1);
    service.beforeObject = async ({ id }, number) => {
      service.now = new Date(service.now.getTime() + 3_000);
      await db
        .insertInto('hint')
        .values({
          account_id: account,
          resource: 'invoice',
          external_id: `${id}.${number}`,
          source: 'webhook',
          changed_at: service.now,
        })
        .execute();
    };
    const run = await open({ key: 'second' });
    expect(await walk(run)).toMatchObject({ outcome: 'drained' });
    expect(await finish(run)).toMatchObject({ state: 'complete' });
    expect((await hintsOf(account)).length).toBeGreaterThan(0);
  }, 60_000);

  it('end the walk at once when the key is rejected', async () => {
    const { service, open, walk } = await withChanges(5, 1);
    const run = await open({ key: 'second' });
    service.beforeObject = () => {
      throw new RecoupError('credentials_rejected', 'The key was revoked.');
    };
    expect(await walk(run)).toMatchObject({
      outcome: 'failed',
      failure: { code: 'credentials_rejected' },
    });
    expect(service.fetches).toHaveLength(1);
  });

  it.each([
    ['permission_missing', 'The key may not read invoices.'],
    ['request_refused', 'That is no id.'],
  ] as const)('stay noted when they are refused (%s): the run says so', async (code, reason) => {
    const { account, service, open, walk, finish } = await withChanges(5, 1);
    service.beforeObject = ({ resource }) => {
      if (resource === 'invoice') throw new RecoupError(code, reason);
    };
    const run = await open({ key: 'second' });
    expect(await walk(run)).toMatchObject({ outcome: 'drained' });
    expect(service.fetches).toHaveLength(1);
    expect(await finish(run)).toMatchObject({
      state: 'partial',
      parked: [{ resource: 'invoice', reason }],
    });
    expect(await hintsOf(account)).toHaveLength(5);

    service.beforeObject = () => undefined;
    service.now = new Date(service.now.getTime() + HOUR_MS);
    const next = await open({ key: 'third' });
    await walk(next);
    expect(await finish(next)).toMatchObject({ state: 'complete' });
    expect(await totals(account)).toEqual([2n, 2n, 2n, 2n, 2n]);
  });

  it.each(['pause', 'cancel'] as const)(
    'cost at most one further request per lane once a %s is wanted',
    async (desired) => {
      const lanes = 3;
      const { account, service, steps, act, open, walk } = await withChanges(60, lanes);
      const run = await open({ key: 'second' });
      let before = 0;
      service.beforeObject = async (_, number) => {
        // Slow enough that most of them are still to be asked for when the pause returns.
        if (number !== 10) return pause(20);
        await act(() => steps.setDesired({ account, run, desired }));
        before = service.fetches.length;
      };
      expect(await walk(run)).toMatchObject({ outcome: 'stopped' });
      expect(service.fetches.length - before).toBeLessThanOrEqual(lanes);
      // Everything that was asked for was also committed.
      expect(await hintsOf(account)).toHaveLength(60 - service.fetches.length);
      await act(() => steps.setDesired({ account, run, desired: 'run' }));
      expect(await walk(run)).toMatchObject({ outcome: 'drained' });
      expect(service.fetches).toHaveLength(60);
    },
  );

  it.each([
    ['go on where they were left when the worker shuts down', 'workerShutdown', 'more', 6],
    ['are given up on their way when nobody wants them', 'cancelRequested', 'stopped', 5],
  ] as const)('%s', async (_, why, outcome, objects) => {
    const { service, steps, open } = await withChanges(5, 1);
    const run = await open({ key: 'second', kind: 'sync' });
    const context = new MockActivityEnvironment();
    service.beforeObject = () =>
      context.cancel(undefined, new ActivityCancellationDetails({ [why]: true }));
    expect(await context.run(() => steps.walk({ run }))).toMatchObject({ outcome, objects });
    expect(service.fetches).toHaveLength(1);
  });

  it('are left to syncs by a backfill, which reads by id only what its own rows name', async () => {
    const { account, service, open, walk } = await withChanges(5);
    const told = { account_id: account, resource: 'invoice', changed_at: service.now };
    await db
      .insertInto('hint')
      .values([
        { ...told, external_id: 'in_0', source: 'webhook' },
        { ...told, external_id: 'in_1', source: 'overlap' },
      ])
      .execute();
    await walk(await open({ key: 'narrow', kind: 'backfill' }));
    expect(service.fetches.map(({ id }) => id)).toEqual(['in_1']);
    await walk(await open({ key: 'told', kind: 'changes' }));
    expect(service.fetches.map(({ id }) => id)).toEqual(['in_1', 'in_0']);
  });

  it('are read once more a moment later when two reads overlapped', async () => {
    const { account, service, open, walk, finish } = await withChanges(1);
    // The object changes in the very second in which it is read.
    const run = await open({ key: 'second' });
    service.beforeObject = () => {
      service.now = new Date(service.now.getTime() + 2_000);
    };
    service.put({ type: 'invoice', id: 'in_0', createdAt: CREATED, total: 3 });
    await db
      .updateTable('object_head')
      .set({ version: service.now })
      .where('account_id', '=', account)
      .execute();
    service.tell('invoice', 'in_0', new Date(service.now.getTime() - 1_000));
    expect(await walk(run)).toMatchObject({ outcome: 'drained' });
    expect(service.fetches).toHaveLength(2);
    expect(await totals(account)).toEqual([3n]);
    expect(await hintsOf(account)).toEqual([]);
    expect(await finish(run)).toMatchObject({ state: 'complete' });
  });

  it('park their resource with a reason when Postgres does not take one, and the others are stored', async () => {
    const { account, service, open, walk, finish } = await withChanges(5);
    service.put({ type: 'invoice', id: 'in_3', createdAt: CREATED, total: 1e20 });
    const run = await open({ key: 'second' });
    expect(await walk(run)).toMatchObject({ outcome: 'drained' });
    expect(await totals(account)).toEqual([2n, 2n, 2n, 1n, 2n]);
    expect(await finish(run)).toMatchObject({
      state: 'partial',
      parked: [
        {
          resource: 'invoice',
          reason: 'Postgres refuses what was read of invoice objects (SQLSTATE 22003).',
        },
      ],
    });
  });
});
