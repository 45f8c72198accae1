import { ActivityCancellationDetails } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Kysely } from 'kysely';
import { listMissingPrices } from '../../db/repositories/prices';
import type { Database } from '../../db/schema';
import { RecoupError } from '../../domain/errors';
import { MAX_PAGE_ATTEMPTS } from '../../domain/sync/backoff';
import { factsOf } from '../domain/metrics-facts';
import { openTestDatabase } from '../support/database';
import { createHarness, type Harness } from './harness';
import { recordsOf, store } from './metrics-account';

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

const CREATED = new Date('2026-01-01T00:00:00Z');
const priceId = (index: number): string => `price_${String(index).padStart(3, '0')}`;

/** A run whose lists are drained, over subscriptions that each name a price which no list holds. */
async function drainedRun(
  { service, open, walk }: Harness,
  options: { named: number; served?: number },
): Promise<string> {
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
  const run = await open();
  expect(await walk(run)).toMatchObject({ outcome: 'drained' });
  return run;
}

const finish = ({ steps, act }: Harness, run: string) =>
  act(() => steps.closeRun({ run, ended: 'drained', because: 'Everything was read.' }));

const prices = (account: string) =>
  db
    .selectFrom('price')
    .select(['external_id', 'unit_amount', 'version', 'raw_hash'])
    .where('account_id', '=', account)
    .orderBy('external_id')
    .execute();

describe('prices that rows name and no list holds', () => {
  it('are read by id once each, with the version of their read and their raw objects', async () => {
    const harness = await createHarness(db);
    const { account, service, fetchMissingPrices } = harness;
    const run = await drainedRun(harness, { named: 25 });
    const report = await fetchMissingPrices(run);
    expect(report).toEqual({ outcome: 'drained', failure: null, fetched: 25, gone: 0 });
    expect(service.fetches.map(({ id }) => id).sort()).toEqual(
      Array.from({ length: 25 }, (_, i) => priceId(i)),
    );
    const rows = await prices(account);
    expect(rows).toHaveLength(25);
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
    expect(await finish(harness, run)).toMatchObject({ state: 'complete' });
  });

  it('cost no request when there is none, nor when they are asked for again', async () => {
    const harness = await createHarness(db);
    const { service, fetchMissingPrices } = harness;
    const run = await drainedRun(harness, { named: 3 });
    await fetchMissingPrices(run);
    expect(await fetchMissingPrices(run)).toMatchObject({ outcome: 'drained', fetched: 0 });
    expect(service.fetches).toHaveLength(3);
  });

  it('are never asked for at a higher rate than lanes at once', async () => {
    const harness = await createHarness(db, 3);
    const { service, fetchMissingPrices } = harness;
    const run = await drainedRun(harness, { named: 30 });
    let [atOnce, most] = [0, 0];
    service.beforeObject = async () => {
      most = Math.max(most, (atOnce += 1));
      await new Promise((resolve) => setTimeout(resolve, 5));
      atOnce -= 1;
    };
    await fetchMissingPrices(run);
    expect(most).toBe(3);
  });

  it('make nothing fail when the provider does not have them: the run names them', async () => {
    const harness = await createHarness(db);
    const { service, fetchMissingPrices } = harness;
    const run = await drainedRun(harness, { named: 4, served: 2 });
    expect(await fetchMissingPrices(run)).toEqual({
      outcome: 'drained',
      failure: null,
      fetched: 2,
      gone: 2,
    });
    expect(service.fetches).toHaveLength(4);
    const ended = await finish(harness, run);
    expect(ended.state).toBe('complete');
    expect(ended.summary).toContain('prices of unknown value count as 0: price_002, price_003');
  });

  it('are tried again while the trouble may pass', async () => {
    const harness = await createHarness(db);
    const { account, service, fetchMissingPrices } = harness;
    const run = await drainedRun(harness, { named: 10 });
    service.beforeObject = ({ id }) => {
      const tries = service.fetches.filter((each) => each.id === id).length;
      if (tries < 3) throw new RecoupError('rate_limited', 'Too many requests.');
    };
    expect(await fetchMissingPrices(run)).toMatchObject({ outcome: 'drained', fetched: 10 });
    expect(await prices(account)).toHaveLength(10);
  });

  it('are given up with the reason when the service stays away, and what was read is kept', async () => {
    const lanes = 2;
    const harness = await createHarness(db, lanes);
    const { service, fetchMissingPrices } = harness;
    const run = await drainedRun(harness, { named: 10 });
    service.beforeObject = (_, number) => {
      if (number > 4) throw new RecoupError('provider_unavailable', 'The service answered 500.');
    };
    expect(await fetchMissingPrices(run)).toMatchObject({
      outcome: 'failed',
      failure: { code: 'provider_unavailable', message: 'The service answered 500.' },
      fetched: 4,
    });
    expect(service.fetches.length).toBeLessThanOrEqual(4 + lanes * MAX_PAGE_ATTEMPTS);
    service.beforeObject = () => undefined;
    expect(await fetchMissingPrices(run)).toMatchObject({ outcome: 'drained', fetched: 6 });
  });

  it('end the call at once when the key is rejected', async () => {
    const harness = await createHarness(db, 1);
    const { service, fetchMissingPrices } = harness;
    const run = await drainedRun(harness, { named: 5 });
    service.beforeObject = () => {
      throw new RecoupError('credentials_rejected', 'The key was revoked.');
    };
    expect(await fetchMissingPrices(run)).toMatchObject({
      outcome: 'failed',
      failure: { code: 'credentials_rejected' },
    });
    expect(service.fetches).toHaveLength(1);
  });

  it('are parked when the key may not read them, and asked for no more in this run', async () => {
    const harness = await createHarness(db, 1);
    const { service, fetchMissingPrices } = harness;
    const run = await drainedRun(harness, { named: 5 });
    service.beforeObject = () => {
      throw new RecoupError('permission_missing', 'The key may not read price objects.');
    };
    for (const call of [1, 2]) {
      expect([call, await fetchMissingPrices(run)]).toMatchObject([call, { outcome: 'drained' }]);
    }
    expect(service.fetches).toHaveLength(1);
    expect(await finish(harness, run)).toMatchObject({
      state: 'partial',
      parked: [{ resource: 'price', reason: 'The key may not read price objects.' }],
    });
  });

  it('make the run partial when one is refused by itself, and the others are read', async () => {
    const harness = await createHarness(db);
    const { service, fetchMissingPrices } = harness;
    const run = await drainedRun(harness, { named: 5 });
    service.beforeObject = ({ id }) => {
      if (id === priceId(1)) throw new RecoupError('request_refused', 'That is no id.');
    };
    expect(await fetchMissingPrices(run)).toMatchObject({ outcome: 'drained', fetched: 4 });
    expect(await finish(harness, run)).toMatchObject({ state: 'partial' });
  });

  it.each(['pause', 'cancel'] as const)(
    'cost at most one further request per lane once a %s is wanted',
    async (desired) => {
      const lanes = 3;
      const harness = await createHarness(db, lanes);
      const { account, service, steps, act, fetchMissingPrices } = harness;
      const run = await drainedRun(harness, { named: 60 });
      let before = 0;
      service.beforeObject = async (_, number) => {
        if (number !== 10) return;
        await act(() => steps.setDesired({ account, run, desired }));
        before = service.fetches.length;
      };
      expect(await fetchMissingPrices(run)).toMatchObject({ outcome: 'stopped' });
      expect(service.fetches.length - before).toBeLessThanOrEqual(lanes);
      // Everything that was asked for was also committed.
      expect(await prices(account)).toHaveLength(service.fetches.length);

      const asked = service.fetches.length;
      expect(await fetchMissingPrices(run)).toMatchObject({ outcome: 'stopped', fetched: 0 });
      await act(() => steps.setDesired({ account, run, desired: 'run' }));
      expect(await fetchMissingPrices(run)).toMatchObject({ fetched: 60 - asked });
    },
  );

  it.each([
    ['finish the request at hand and ask to be called again', 'workerShutdown', 'more', 1],
    ['give up the request at hand', 'cancelRequested', 'stopped', 0],
  ] as const)('%s when the end is for %s', async (_, why, outcome, fetched) => {
    const harness = await createHarness(db, 1);
    const { service, steps } = harness;
    const run = await drainedRun(harness, { named: 5 });
    const context = new MockActivityEnvironment();
    service.beforeObject = () =>
      context.cancel(undefined, new ActivityCancellationDetails({ [why]: true }));
    expect(await context.run(() => steps.fetchMissingPrices({ run }))).toMatchObject({
      outcome,
      fetched,
    });
    expect(service.fetches).toHaveLength(1);
  });
});

describe('the list of missing prices', () => {
  const missing = (accountId: string, after = '', limit = 100) =>
    listMissingPrices(db, { accountId, after, limit });

  it('is of all rows that can bear on recurring revenue, in order and in parts', async () => {
    const { account } = await createHarness(db);
    const facts = factsOf({
      subscription_item: [{ id: 'si_1', priceId: 'of_item' }],
      invoice_line: [
        { id: 'il_1', priceId: 'of_line' },
        { id: 'il_2', priceId: 'of_proration', kind: 'proration' },
        { id: 'il_3', priceId: 'of_one_time', kind: 'one_time' },
        { id: 'il_4', priceId: null },
        { id: 'il_5', priceId: 'known' },
      ],
      invoice_item: [
        { id: 'ii_1', priceId: 'of_pending' },
        { id: 'ii_2', priceId: 'of_pending_one_time', subscriptionId: null },
      ],
      price: [{ id: 'known' }],
      subscription_change: [
        {
          id: 'evt_1',
          before: { items: [{ id: 'si_1', priceId: 'of_before', quantity: '1' }] },
          after: { items: [{ id: 'si_1', priceId: 'of_after', quantity: '1' }] },
        },
        { id: 'evt_2', before: { status: 'active' }, after: { status: 'canceled' } },
      ],
    });
    const records = recordsOf(facts, 'cus_1').filter(
      ({ kind, id }) => kind !== 'price' || id === 'known',
    );
    await store(db, account, { records, dirty: [] });

    const all = ['of_after', 'of_before', 'of_item', 'of_line', 'of_pending', 'of_proration'];
    expect(await missing(account)).toEqual(all);
    expect(await missing(account, '', 2)).toEqual(all.slice(0, 2));
    expect(await missing(account, 'of_before', 2)).toEqual(all.slice(2, 4));
    expect(await missing((await createHarness(db)).account)).toEqual([]);
  });
});
