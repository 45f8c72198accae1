import { ActivityCancellationDetails } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { sql, type Kysely } from 'kysely';
import type { Database } from '../../db/schema';
import { RecoupError } from '../../domain/errors';
import { MAX_PAGE_ATTEMPTS } from '../../domain/sync/backoff';
import { openTestDatabase } from '../support/database';
import { addInvoices, createHarness } from './harness';

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

/** The account's invoices without what tells when and from which object they were read. */
const invoiceContent = (account: string) =>
  db
    .selectFrom('invoice')
    .select(['external_id', 'customer_id', 'total_minor', 'created_at'])
    .where('account_id', '=', account)
    .orderBy('external_id')
    .execute();

const invoiceRows = (account: string) =>
  db
    .selectFrom('invoice')
    .selectAll()
    .where('account_id', '=', account)
    .orderBy('external_id')
    .execute();

const stateOf = async (run: string) =>
  (await db.selectFrom('run').select('state').where('id', '=', run).executeTakeFirstOrThrow())
    .state;

const rateLimited = () => new RecoupError('rate_limited', 'Too many requests.');
const serverError = () => new RecoupError('provider_unavailable', 'The service answered 500.');

describe('a walk', () => {
  it('reads every object of every resource once and ends complete', async () => {
    const harness = await createHarness(db);
    const { account, service, open, walk } = harness;
    addInvoices(service, 35);
    service.put({ type: 'customer', id: 'cus_1', createdAt: new Date('2026-01-01'), name: 'A' });
    const run = await open();
    const report = await walk(run);
    expect(report).toMatchObject({ outcome: 'drained', failure: null, objects: 36 });
    expect(
      report.progress.map(({ resource, state, objects }) => [resource, state, objects]),
    ).toEqual([
      ['customer', 'done', 1],
      ['subscription', 'done', 0],
      ['invoice', 'done', 35],
      ['dispute', 'done', 0],
      ['reread', 'done', 0],
    ]);
    expect(await harness.finish(run)).toMatchObject({
      state: 'complete',
      objects: 36,
      changedRows: 36,
      parked: [],
    });
    expect(await invoiceRows(account)).toHaveLength(35);
    expect(service.open).toBe(0);
  });

  it('changes no row when it reads the same again', async () => {
    const { account, service, open, walk } = await createHarness(db);
    addInvoices(service, 25);
    await walk(await open());
    const before = await invoiceRows(account);
    service.now = new Date(service.now.getTime() + HOUR_MS);
    const report = await walk(await open({ key: 'second', kind: 'backfill', refetch: true }));
    expect(report).toMatchObject({ outcome: 'drained', objects: 25, changedRows: 0 });
    expect(await invoiceRows(account)).toEqual(before);
  });

  it('gives the same rows with many lanes, which split windows, as with one', async () => {
    const one = await createHarness(db, 1);
    const many = await createHarness(db, 8);
    for (const { service } of [one, many]) {
      service.pageSize = 50;
      service.createdAt = new Date(service.now.getTime() - 2_100 * HOUR_MS);
      addInvoices(service, 2_000);
    }
    // Slow enough that lanes without work find a window worth a cut.
    many.service.beforeAnswer = () => new Promise((resolve) => setTimeout(resolve, 20));
    expect((await one.walk(await one.open())).outcome).toBe('drained');
    const run = await many.open();
    expect(await many.walk(run)).toMatchObject({ outcome: 'drained', objects: 2_000 });
    const tasks = await db
      .selectFrom('task')
      .select(['window_from', 'window_to'])
      .where('run_id', '=', run)
      .where('resource', '=', 'invoice')
      .orderBy('window_to', 'desc')
      .execute();
    expect(tasks.length).toBeGreaterThan(2);
    expect(await invoiceContent(many.account)).toEqual(await invoiceContent(one.account));
    // The windows cover exactly what one window covered.
    tasks.slice(1).forEach((task, i) => expect(task.window_to).toEqual(tasks[i]?.window_from));
    expect(tasks.at(-1)?.window_from).toBeNull();
    expect(tasks[0]?.window_to).toEqual(many.service.now);
  });

  it('makes few more requests with many lanes than there are pages, and all of them work after the first', async () => {
    const lanes = 8;
    const { service, open, walk } = await createHarness(db, lanes);
    service.pageSize = 100;
    service.createdAt = new Date(service.now.getTime() - 12_000 * HOUR_MS);
    addInvoices(service, 12_000);
    service.beforeAnswer = () => new Promise((resolve) => setTimeout(resolve, 80));
    const run = await open({ resources: ['invoice'] });
    expect(await walk(run)).toMatchObject({ outcome: 'drained', objects: 12_000 });
    expect(service.requests.length).toBeLessThanOrEqual(1.25 * 120);
    // The first page, those that followed while it was committed and cut, and one of each lane's own window.
    const first = service.requests.slice(0, 4 * lanes);
    expect(new Set(first.map(({ window }) => window.to.getTime())).size).toBeGreaterThanOrEqual(
      lanes,
    );
  }, 60_000);

  it('goes on at the committed cursor after its worker died, whose late page is then refused', async () => {
    const harness = await createHarness(db, 1);
    const { account, service, steps, act, open } = harness;
    addInvoices(service, 60);
    const run = await open({ resources: ['invoice'] });
    let wake: () => void = () => undefined;
    const asleep = new Promise<void>((resolve) => (wake = resolve));
    service.beforeAnswer = (_, number) => (number === 4 ? asleep : undefined);
    const zombie = act(() => steps.walk({ run }));
    await until(async () => (await pagesOf(run)) === 3);
    await db
      .updateTable('task')
      .set({ lease_until: sql<Date>`clock_timestamp() - interval '1 second'` })
      .where('run_id', '=', run)
      .execute();
    const report = await harness.walk(run);
    expect(report).toMatchObject({ outcome: 'drained', pages: 3, objects: 30 });
    // Six pages, and the one that was on its way when the worker died.
    expect(service.requests).toHaveLength(7);
    expect(await harness.finish(run)).toMatchObject({ state: 'complete', objects: 60 });

    const before = await invoiceRows(account);
    expect(before).toHaveLength(60);
    service.now = new Date(service.now.getTime() + HOUR_MS);
    wake();
    expect(await zombie).toMatchObject({ pages: 3 });
    expect(await invoiceRows(account)).toEqual(before);
    expect(await harness.finish(run)).toMatchObject({ objects: 60 });
  });

  it('makes at most one further request per lane once a pause is wanted, and then goes on', async () => {
    const lanes = 3;
    const harness = await createHarness(db, lanes);
    const { account, service, steps, act, open, walk } = harness;
    // Too little for a split, so that every page is asked for once.
    service.createdAt = new Date(service.now.getTime() - 200 * HOUR_MS);
    addInvoices(service, 200);
    for (let i = 0; i < 200; i += 1) {
      const createdAt = new Date(service.now.getTime() - (i + 1) * HOUR_MS);
      service.put({ type: 'customer', id: `cus_${i}`, createdAt, name: `N${i}` });
      service.put({ type: 'dispute', id: `dp_${i}`, createdAt });
    }
    const run = await open({ resources: ['customer', 'invoice', 'dispute'] });
    let atPause = 0;
    service.beforeAnswer = async (_, number) => {
      if (number !== 20) return;
      await act(() => steps.setDesired({ account, run: null, desired: 'pause' }));
      atPause = service.requests.length;
    };
    const paused = await walk(run);
    expect(paused.outcome).toBe('stopped');
    expect(service.requests.length - atPause).toBeLessThanOrEqual(lanes);
    expect((await steps.readAccount({ account })).openRun).toBe(run);
    // Everything that was asked for was also committed.
    expect(await pagesOf(run)).toBe(service.requests.length);

    service.beforeAnswer = () => undefined;
    expect(await walk(run)).toMatchObject({ outcome: 'stopped', pages: 0 });
    await act(() => steps.setDesired({ account, run: null, desired: 'run' }));
    expect((await walk(run)).outcome).toBe('drained');
    expect(service.requests).toHaveLength(60);
    expect(await harness.finish(run)).toMatchObject({ state: 'complete', objects: 600 });
  });

  it.each(['run', 'account'])(
    'is shown as paused by the pause of its %s though no walk is at work to see it',
    async (paused) => {
      const { account, steps, act, open, walk } = await createHarness(db);
      const run = await open();
      const of = { account, run: paused === 'run' ? run : null };
      await act(() => steps.setDesired({ ...of, desired: 'pause' }));
      expect(await stateOf(run)).toBe('paused');
      await act(() => steps.setDesired({ ...of, desired: 'run' }));
      await walk(run);
      expect(await stateOf(run)).toBe('running');
    },
  );

  it('gives up a page of many requests when a pause is wanted, and reads it whole later', async () => {
    const lanes = 2;
    const { account, service, steps, act, open, walk } = await createHarness(db, lanes);
    service.createdAt = new Date(service.now.getTime() - 20 * HOUR_MS);
    addInvoices(service, 20);
    service.morePerPage = 100;
    const run = await open({ resources: ['invoice'] });
    let atPause = 0;
    const pausing = (async () => {
      await until(() => Promise.resolve(service.moreRequests >= 20));
      await act(() => steps.setDesired({ account, run, desired: 'pause' }));
      atPause = service.moreRequests;
    })();
    expect(await walk(run)).toMatchObject({ outcome: 'stopped', pages: 0 });
    await pausing;
    expect(service.moreRequests - atPause).toBeLessThanOrEqual(lanes);
    await act(() => steps.setDesired({ account, run, desired: 'run' }));
    expect(await walk(run)).toMatchObject({ outcome: 'drained', objects: 20 });
  });

  it('tries each request of a page of many by itself, so that the page need not begin anew', async () => {
    const { service, open, walk } = await createHarness(db, 1);
    service.createdAt = new Date(service.now.getTime() - 5 * HOUR_MS);
    addInvoices(service, 5);
    service.morePerPage = 100;
    service.beforeMore = (number) => {
      if (number % 4 === 0) throw rateLimited();
    };
    const run = await open({ resources: ['invoice'] });
    expect(await walk(run)).toMatchObject({ outcome: 'drained', objects: 5 });
    expect(service.requests).toHaveLength(1);

    // Until it was tried often enough: then so was the page.
    service.beforeMore = () => {
      throw rateLimited();
    };
    service.moreRequests = 0;
    const again = await open({
      key: 'again',
      kind: 'backfill',
      refetch: true,
      resources: ['invoice'],
    });
    expect(await walk(again)).toMatchObject({ outcome: 'failed' });
    expect(service.moreRequests).toBe(MAX_PAGE_ATTEMPTS);
  });

  it('works no longer than it is told to once it has something to show', async () => {
    const { service, steps, act, open } = await createHarness(db, 1);
    addInvoices(service, 60);
    const run = await open({ resources: ['invoice'] });
    service.beforeAnswer = () => new Promise((resolve) => setTimeout(resolve, 20));
    const first = await act(() => steps.walk({ run, seconds: 0.001 }));
    // The page, and the one that was on its way.
    expect(first).toMatchObject({ outcome: 'more', pages: 2 });
    expect(first.progress[0]).toMatchObject({ resource: 'invoice', state: 'walking', objects: 20 });
  });

  it('stops when one run alone is to be canceled', async () => {
    const { account, service, steps, act, open, walk } = await createHarness(db, 1);
    addInvoices(service, 100);
    const run = await open();
    service.beforeAnswer = (_, number) =>
      number === 3 ? act(() => steps.setDesired({ account, run, desired: 'cancel' })) : undefined;
    expect((await walk(run)).outcome).toBe('stopped');
    const because = 'The operator asked for it.';
    const canceled = await act(() => steps.closeRun({ run, ended: 'canceled', because }));
    expect(canceled).toMatchObject({ state: 'canceled' });
    expect(canceled.summary).toContain(because);
    expect((await walk(run)).outcome).toBe('drained');
    expect((await steps.readAccount({ account })).openRun).toBeNull();
  });

  it.each([
    ['finishes the request at hand and asks to be called again', 'workerShutdown', 'more', 1],
    ['gives up the request at hand', 'cancelRequested', 'stopped', 0],
  ] as const)('%s when its end is for %s', async (_, why, outcome, pages) => {
    const { service, steps, open } = await createHarness(db, 1);
    addInvoices(service, 100);
    const run = await open({ resources: ['invoice'] });
    const context = new MockActivityEnvironment();
    service.beforeAnswer = () =>
      context.cancel(undefined, new ActivityCancellationDetails({ [why]: true }));
    expect(await context.run(() => steps.walk({ run }))).toMatchObject({ outcome, pages });
    expect(service.requests).toHaveLength(1);
    const { lease_owner } = await db
      .selectFrom('task')
      .select('lease_owner')
      .where('run_id', '=', run)
      .executeTakeFirstOrThrow();
    expect(lease_owner).toBeNull();
  });

  it('leaves a run as it is when Temporal has given it up: another walk is at work', async () => {
    const { service, steps, open } = await createHarness(db, 1);
    addInvoices(service, 100);
    const run = await open({ resources: ['invoice'] });
    const context = new MockActivityEnvironment();
    service.beforeAnswer = () =>
      context.cancel(undefined, new ActivityCancellationDetails({ timedOut: true }));
    await context.run(() => steps.walk({ run }));
    const { state } = await db
      .selectFrom('run')
      .select('state')
      .where('id', '=', run)
      .executeTakeFirstOrThrow();
    expect(state).toBe('running');
  });

  it('leaves a task to the lane of its own that has claimed it since', async () => {
    const { service, open, walk } = await createHarness(db, 3);
    addInvoices(service, 30);
    const run = await open({ resources: ['invoice'] });
    // Of the task as it was opened: idle lanes may split others off.
    const claims = async () => {
      const { fence } = await db
        .selectFrom('task')
        .select('fence')
        .where('run_id', '=', run)
        .orderBy('id')
        .limit(1)
        .executeTakeFirstOrThrow();
      return fence;
    };
    // The first lane loses its lease while its page is on its way, and learns of it before the second has its page.
    const secondAsked = async () => {
      await db
        .updateTable('task')
        .set({ lease_until: sql<Date>`clock_timestamp() - interval '1 second'` })
        .where('run_id', '=', run)
        .where('fence', '=', 1n)
        .execute();
      return (await claims()) > 1n;
    };
    service.beforeAnswer = async (_, number) => {
      if (number === 1) await until(secondAsked);
      if (number === 2) await new Promise((resolve) => setTimeout(resolve, 1_000));
    };
    expect((await walk(run)).outcome).toBe('drained');
    expect(await claims()).toBe(2n);
  });

  it('parks a resource that the key may not read, and finishes the others as partial', async () => {
    const harness = await createHarness(db);
    const { service, open, walk } = harness;
    addInvoices(service, 30);
    service.beforeAnswer = ({ resource }) => {
      if (resource !== 'dispute') return;
      throw new RecoupError('permission_missing', 'The key may not read disputes.');
    };
    const run = await open();
    const report = await walk(run);
    expect(report.outcome).toBe('drained');
    expect(report.progress.at(-2)).toMatchObject({
      resource: 'dispute',
      state: 'parked',
      reason: 'The key may not read disputes.',
    });
    const ended = await harness.finish(run);
    expect(ended).toMatchObject({
      state: 'partial',
      objects: 30,
      parked: [{ resource: 'dispute', reason: 'The key may not read disputes.' }],
    });
    expect(ended.summary).toContain('dispute is parked');
  });

  it('loses nothing when it is rate limited from the very first request', async () => {
    const harness = await createHarness(db, 4);
    const { account, service, open, walk } = harness;
    addInvoices(service, 60);
    service.beforeAnswer = (_, number) => {
      if (number <= 12 || number % 3 === 0) throw rateLimited();
    };
    const run = await open();
    expect(await walk(run)).toMatchObject({ outcome: 'drained', failure: null, objects: 60 });
    expect(await harness.finish(run)).toMatchObject({ state: 'complete' });
    expect(await invoiceRows(account)).toHaveLength(60);
  });

  it('reports a service that stays away as a failure with its reason, and keeps what it has', async () => {
    // Of two lanes one may still commit what it was answered, while the other has its last try: then the service is not away.
    const harness = await createHarness(db, 1);
    const { service, open, walk } = harness;
    addInvoices(service, 60);
    service.beforeAnswer = (_, number) => {
      if (number > 3) throw serverError();
    };
    const run = await open({ resources: ['invoice'] });
    const failed = await walk(run);
    expect(failed).toMatchObject({
      outcome: 'failed',
      failure: { code: 'provider_unavailable', message: 'The service answered 500.' },
    });
    service.beforeAnswer = () => undefined;
    const rest = await walk(run);
    expect(rest.outcome).toBe('drained');
    expect(failed.objects + rest.objects).toBe(60);
    expect(await harness.finish(run)).toMatchObject({ state: 'complete' });
  });

  it('does not try every resource of a service that is away', async () => {
    const lanes = 2;
    const { service, open, walk } = await createHarness(db, lanes);
    service.beforeAnswer = () => {
      throw serverError();
    };
    expect((await walk(await open())).outcome).toBe('failed');
    expect(service.requests.length).toBeLessThanOrEqual(lanes * MAX_PAGE_ATTEMPTS);
  });

  it('lets the others finish when one resource keeps failing, tries it once more and parks it', async () => {
    const harness = await createHarness(db, 2);
    const { service, steps, act, account, open, walk, finish } = harness;
    addInvoices(service, 300);
    service.put({ type: 'customer', id: 'cus_1', createdAt: new Date('2026-01-01'), name: 'A' });
    let failures = 0;
    service.beforeAnswer = async ({ resource }) => {
      if (resource !== 'customer') return;
      failures += 1;
      await new Promise((resolve) => setTimeout(resolve, 5));
      throw serverError();
    };
    const run = await open();
    const report = await walk(run);
    expect(report).toMatchObject({ outcome: 'drained', failure: null });
    expect(failures).toBe(2 * MAX_PAGE_ATTEMPTS);
    expect(report.progress.map(({ resource, state }) => [resource, state])).toEqual([
      ['customer', 'parked'],
      ['subscription', 'done'],
      ['invoice', 'done'],
      ['dispute', 'done'],
      ['reread', 'done'],
    ]);
    expect(await finish(run)).toMatchObject({
      state: 'partial',
      parked: [{ resource: 'customer', reason: 'The service answered 500.' }],
    });

    service.beforeAnswer = () => undefined;
    await act(() => steps.retryResource({ account, run, resource: 'customer' }));
    expect(await walk(run)).toMatchObject({ outcome: 'drained', objects: 1 });
    expect(await finish(run)).toMatchObject({ state: 'complete', objects: 301 });
  });

  it('parks nothing because the service went away while the last resource was being read', async () => {
    const { service, open, walk } = await createHarness(db, 1);
    addInvoices(service, 30);
    service.beforeAnswer = ({ resource }) => {
      if (resource === 'dispute') throw serverError();
    };
    service.beforeProbe = () => {
      if (service.requests.length > 0) throw serverError();
    };
    const run = await open();
    expect(await walk(run)).toMatchObject({
      outcome: 'failed',
      failure: { code: 'provider_unavailable' },
    });
    service.beforeAnswer = () => undefined;
    expect(await walk(run)).toMatchObject({ outcome: 'drained' });
  });

  it('parks a resource of which Postgres refuses a page, with the reason', async () => {
    const { service, open, walk, finish } = await createHarness(db);
    addInvoices(service, 30);
    service.put({ type: 'invoice', id: 'in_vast', createdAt: new Date('2026-02-28'), total: 1e20 });
    service.put({ type: 'customer', id: 'cus_1', createdAt: new Date('2026-01-01'), name: 'A' });
    const run = await open();
    expect(await walk(run)).toMatchObject({ outcome: 'drained', failure: null });
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

  it('fails at once when the key is rejected', async () => {
    const { service, open, walk } = await createHarness(db, 1);
    addInvoices(service, 60);
    service.beforeAnswer = (_, number) => {
      if (number >= 3) throw new RecoupError('credentials_rejected', 'The key was revoked.');
    };
    const report = await walk(await open({ resources: ['invoice'] }));
    expect(report).toMatchObject({
      outcome: 'failed',
      objects: 20,
      failure: { code: 'credentials_rejected', message: 'The key was revoked.' },
    });
    expect(service.requests).toHaveLength(3);
  });

  it('keeps an object raw that cannot be normalised, goes on, and ends partial by number', async () => {
    const harness = await createHarness(db);
    const { account, service, open, walk } = harness;
    addInvoices(service, 30);
    const createdAt = new Date('2026-02-27T00:30:00Z');
    service.put({ type: 'invoice', id: 'in_bad', createdAt, broken: true });
    // No total: an unforeseen error of ours, not an expected one.
    service.put({ type: 'invoice', id: 'in_worse', createdAt });
    const run = await open();
    expect(await walk(run)).toMatchObject({ outcome: 'drained', objects: 32, changedRows: 30 });
    const ended = await harness.finish(run);
    expect(ended.state).toBe('partial');
    expect(ended.summary).toContain('2 objects kept raw only, not normalised');
    const named = await db
      .selectFrom('not_normalised')
      .innerJoin('raw_object', (join) =>
        join
          .onRef('raw_object.external_id', '=', 'not_normalised.external_id')
          .onRef('raw_object.hash', '=', 'not_normalised.hash'),
      )
      .select(['raw_object.external_id', 'reason'])
      .where('run_id', '=', run)
      .where('account_id', '=', account)
      .orderBy('raw_object.external_id')
      .execute();
    expect(named).toEqual([
      { external_id: 'in_bad', reason: 'invoice.currency: expected a text' },
      { external_id: 'in_worse', reason: 'Unexpected error while normalising: see the log.' },
    ]);
  });

  it('changes nothing by a page that was asked for before a newer read', async () => {
    const { account, service, open, walk } = await createHarness(db, 1);
    const createdAt = new Date('2026-02-01');
    const put = (total: number) => service.put({ type: 'invoice', id: 'in_1', createdAt, total });
    put(1);
    service.answersAsAsked = true;
    let isNested = false;
    service.beforeAnswer = async ({ resource }) => {
      if (resource !== 'invoice' || isNested) return;
      isNested = true;
      service.now = new Date(service.now.getTime() + HOUR_MS);
      put(2);
      await db
        .insertInto('hint')
        .values({
          account_id: account,
          resource: 'invoice',
          external_id: 'in_1',
          source: 'webhook',
          changed_at: service.now,
        })
        .execute();
      await walk(await open({ key: 'told', kind: 'changes' }));
      expect(await invoiceRows(account)).toMatchObject([{ total_minor: 2n }]);
    };
    expect(await walk(await open())).toMatchObject({ outcome: 'drained' });
    expect(await invoiceRows(account)).toMatchObject([{ total_minor: 2n }]);
  });

  it('knows both of two changes of one second, the second of them told after the first was read', async () => {
    const { account, service, open, walk } = await createHarness(db, 1);
    const createdAt = new Date('2026-02-01');
    service.change({ type: 'invoice', id: 'in_1', createdAt, total: 1 });
    await walk(await open());
    service.change({ type: 'invoice', id: 'in_1', createdAt, total: 2 });
    service.now = new Date(service.now.getTime() + HOUR_MS);
    await walk(await open({ key: 'second' }));
    expect(await invoiceRows(account)).toMatchObject([{ total_minor: 2n }]);
  });

  it('brings nothing back by a change that is told late, of an object that was deleted', async () => {
    const { account, service, open, walk } = await createHarness(db, 1);
    const createdAt = new Date('2026-02-01');
    service.put({ type: 'invoice', id: 'in_1', createdAt, total: 1 });
    await walk(await open());
    service.remove('invoice', 'in_1');
    service.tell('invoice', 'in_1');
    service.now = new Date(service.now.getTime() + HOUR_MS);
    await walk(await open({ key: 'second' }));
    expect(await invoiceRows(account)).toEqual([]);

    service.change({ type: 'invoice', id: 'in_1', createdAt, total: 2 });
    service.now = new Date(service.now.getTime() + HOUR_MS);
    service.fetches.length = 0;
    await walk(await open({ key: 'third' }));
    expect(await invoiceRows(account)).toEqual([]);
    expect(service.fetches).toEqual([]);
  });

  it('says when metrics are due, and when nothing has changed', async () => {
    const { account, service, steps, act, open, walk, finish } = await createHarness(db);
    addInvoices(service, 5);
    const sync = async (key: string) => {
      const run = await open({ key });
      await walk(run);
      return finish(run);
    };
    expect(await sync('first')).toMatchObject({ metricsDue: true });
    await act(() => steps.computeMetrics({ account }));
    service.now = new Date(service.now.getTime() + HOUR_MS);
    expect(await sync('second')).toMatchObject({ state: 'complete', metricsDue: false });
    service.change({
      type: 'invoice',
      id: 'in_00001',
      createdAt: new Date('2026-02-28T22:00:00Z'),
      total: 9,
    });
    service.now = new Date(service.now.getTime() + HOUR_MS);
    expect(await sync('third')).toMatchObject({ changedRows: 1, metricsDue: true });
    await act(() => steps.computeMetrics({ account }));
    service.now = new Date('2026-04-01T00:00:00Z');
    expect(await sync('a month later')).toMatchObject({ metricsDue: true });
  });

  it('is never complete while a window is unread', async () => {
    const harness = await createHarness(db);
    const run = await harness.open();
    const ended = await harness.finish(run);
    expect(ended).toMatchObject({ state: 'partial' });
    expect(ended.summary).toContain('5 windows not read to the end');
  });
});

async function pagesOf(run: string): Promise<number> {
  const rows = await db.selectFrom('task').select('pages').where('run_id', '=', run).execute();
  return rows.reduce((sum, { pages }) => sum + pages, 0);
}

/** Looks often, but not for ever. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let look = 0; look < 500; look += 1) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('It never came to hold.');
}
