import type { Kysely } from 'kysely';
import type { OpenRunInput } from '../../activities/contract';
import { readRun } from '../../db/repositories/runs';
import type { Database } from '../../db/schema';
import { REREAD } from '../../domain/sync/run';
import { openTestDatabase } from '../support/database';
import { addInvoices, createHarness } from './harness';

let db: Kysely<Database>;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});
afterAll(() => close());

/** The windows of a run: without its last task, which has none. */
const tasksOf = (run: string) =>
  db
    .selectFrom('task')
    .selectAll()
    .where('run_id', '=', run)
    .where('resource', '<>', REREAD)
    .orderBy('position')
    .orderBy('id')
    .execute();

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** `resource [from, to)` of each window, in minutes. */
const windowsOf = async (run: string): Promise<string[]> => {
  const text = (at: Date | null) => at?.toISOString().slice(0, 16) ?? '';
  return (await tasksOf(run)).map(
    (task) => `${task.resource} [${text(task.window_from)}, ${text(task.window_to)})`,
  );
};

describe('opening a run', () => {
  it('plans one task per resource up to the provider’s clock, in whole seconds', async () => {
    const { account, service, steps, act } = await createHarness(db);
    service.now = new Date('2026-03-01T12:00:00.750Z');
    const opened = await act(() =>
      steps.openRun({ account, kind: 'sync', key: 'k', from: null, to: null, resources: null }),
    );
    expect(opened).toMatchObject({ until: '2026-03-01T12:00:00.000Z', tasks: 5 });
    expect(
      (await tasksOf(opened.run)).map((task) => [task.resource, task.window_from, task.window_to]),
    ).toEqual(
      ['customer', 'subscription', 'invoice', 'dispute'].map((resource) => [
        resource,
        null,
        new Date('2026-03-01T12:00:00Z'),
      ]),
    );
    expect(service.open).toBe(0);
  });

  it('twice under one key gives the same run, with its window and its progress', async () => {
    const { service, open } = await createHarness(db);
    const run = await open({ resources: ['customer'] });
    await db.updateTable('task').set({ cursor: 'here' }).where('run_id', '=', run).execute();
    service.now = new Date('2026-05-01T00:00:00Z');
    expect(await open({ resources: ['customer'] })).toBe(run);
    expect(await tasksOf(run)).toMatchObject([
      { cursor: 'here', window_to: new Date('2026-03-01T00:00:00Z') },
    ]);
    expect(await open({ key: 'another' })).not.toBe(run);
  });

  it('at the same moment by two workers gives one run', async () => {
    const { open } = await createHarness(db);
    const runs = await Promise.all([open(), open(), open()]);
    expect(new Set(runs).size).toBe(1);
    expect(await tasksOf(runs[0] ?? '')).toHaveLength(4);
  });

  it('never reaches beyond the provider’s now', async () => {
    const { open } = await createHarness(db);
    const run = await open({ from: '2026-01-01', to: '2027-01-01', resources: ['invoice'] });
    expect(await tasksOf(run)).toMatchObject([
      { window_from: new Date('2026-01-01'), window_to: new Date('2026-03-01') },
    ]);
  });

  it.each<[string, Partial<OpenRunInput>, string]>([
    ['an unknown resource', { resources: ['invoices'] }, 'resources: "invoices" is unknown'],
    ['no resource', { resources: [] }, 'resources: the list is empty'],
    ['a date that is none', { from: 'yesterday' }, 'from: "yesterday" is no ISO date'],
    ['an inverted window', { from: '2026-02-02', to: '2026-02-01' }, 'from: 2026-02-02'],
    ['a window that has not begun', { from: '2026-04-01' }, 'from: 2026-04-01'],
  ])('refuses %s, names it, and writes nothing', async (_, input, message) => {
    const { account, open } = await createHarness(db);
    await expect(open(input)).rejects.toMatchObject({
      type: 'invalid_input',
      nonRetryable: true,
      message: expect.stringContaining(message) as string,
    });
    const runs = db.selectFrom('run').selectAll().where('account_id', '=', account);
    expect(await runs.execute()).toEqual([]);
  });

  it('refuses an unknown account', async () => {
    const { open } = await createHarness(db);
    await expect(open({ account: 'acct_nobody' })).rejects.toMatchObject({
      type: 'unknown_account',
      nonRetryable: true,
    });
  });
});

describe('what a run reads', () => {
  it('is nothing but the objects that hints name, at its end', async () => {
    const { open } = await createHarness(db);
    const run = await open({ kind: 'changes' });
    expect(await tasksOf(run)).toEqual([]);
    const tasks = db.selectFrom('task').selectAll().where('run_id', '=', run);
    expect(await tasks.execute()).toMatchObject([{ resource: REREAD, state: 'open' }]);
  });

  it('is what the last sync could not know: what was created since, and what the feed tells', async () => {
    const { service, open, walk, finish } = await createHarness(db);
    const first = await open({ resources: ['invoice'] });
    await walk(first);
    await finish(first);
    service.now = new Date(service.now.getTime() + DAY_MS);
    expect(await windowsOf(await open({ key: 'second', resources: ['invoice'] }))).toEqual([
      // What was created just before a read may not have been listed yet.
      'invoice [2026-02-28T23:59, 2026-03-02T00:00)',
      'change [2026-02-28T23:00, 2026-03-02T00:00)',
    ]);
  });

  it('is everything again when the feed has forgotten changes, and the run says so', async () => {
    const { account, service, open, walk, finish } = await createHarness(db);
    const first = await open({ resources: ['invoice'] });
    await walk(first);
    await finish(first);
    service.now = new Date(service.now.getTime() + 31 * DAY_MS);
    const second = await open({ key: 'second', resources: ['invoice'] });
    expect(await windowsOf(second)).toEqual(['invoice [, 2026-04-01T00:00)']);
    expect((await readRun(db, second)).note).toBe(
      'The last sync is so long ago that fake may have forgotten changes since, which it keeps for 30 days: everything is read again.',
    );
    await walk(second);
    expect((await finish(second)).summary).toContain('everything is read again');
    const feed = db.selectFrom('change_feed').selectAll().where('account_id', '=', account);
    expect(await feed.execute()).toMatchObject([
      { as_of: service.now, unbroken_since: service.now },
    ]);
  });

  it('finds what was deleted while the feed was left alone: by its id, and nothing else', async () => {
    const { account, service, open, walk, finish } = await createHarness(db);
    addInvoices(service, 30);
    const first = await open({ resources: ['invoice'] });
    await walk(first);
    await finish(first);
    const [deleted] = [...service.objects.values()];
    service.remove('invoice', deleted?.id ?? '');
    service.now = new Date(service.now.getTime() + 31 * DAY_MS);
    const second = await open({ key: 'second', resources: ['invoice'] });
    await walk(second);
    await finish(second);
    expect(service.fetches.map(({ id }) => id)).toEqual([deleted?.id]);
    const left = db.selectFrom('invoice').select('external_id').where('account_id', '=', account);
    expect(await left.execute()).toHaveLength(29);
  });

  it('is never given up by a backfill, which could not make up for it', async () => {
    const { account, service, open, walk } = await createHarness(db);
    await walk(await open({ resources: ['invoice'] }));
    const feed = () =>
      db
        .selectFrom('change_feed')
        .selectAll()
        .where('account_id', '=', account)
        .executeTakeFirstOrThrow();
    const before = await feed();
    service.now = new Date(service.now.getTime() + 60 * DAY_MS);
    const backfill = { key: 'b', kind: 'backfill', resources: ['invoice'] } as const;
    expect(await windowsOf(await open(backfill))).toEqual([
      'invoice [2026-02-28T23:59, 2026-04-30T00:00)',
    ]);
    expect(await feed()).toEqual(before);
  });

  it('is the gaps alone when a backfill is widened, and all of it when it is to be refetched', async () => {
    const { service, open, walk, finish } = await createHarness(db);
    addInvoices(service, 200);
    const backfill = { kind: 'backfill', resources: ['invoice'] } as const;
    const inner = { ...backfill, from: '2026-02-23', to: '2026-02-25' };
    await walk(await open({ ...inner, key: '1' }));
    const outer = { ...backfill, from: '2026-02-22', to: '2026-02-26' };
    const widened = await open({ ...outer, key: '2' });
    expect(await windowsOf(widened)).toEqual([
      'invoice [2026-02-25T00:00, 2026-02-26T00:00)',
      'invoice [2026-02-22T00:00, 2026-02-23T00:00)',
    ]);
    expect(await walk(widened)).toMatchObject({ outcome: 'drained', objects: 48 });
    const again = await open({ ...outer, key: '3' });
    expect(await tasksOf(again)).toEqual([]);
    await walk(again);
    expect(await finish(again)).toMatchObject({
      state: 'complete',
      objects: 0,
      summary:
        'All of its window was read before and is up to date: with refetch it is read again. 0 objects read, 0 rows changed.',
    });
    const refetched = await open({ ...outer, key: '4', refetch: true });
    expect(await walk(refetched)).toMatchObject({ objects: 96, changedRows: 0 });
  });

  it('ends where a night was meant to begin, however late it does', async () => {
    const { service, open, walk } = await createHarness(db);
    await walk(await open({ to: '2026-02-28T02:00:00Z', resources: ['invoice'] }));
    service.now = new Date('2026-03-01T03:00:00Z');
    const run = await open({ key: 'n', to: '2026-03-01T02:00:00Z', resources: ['invoice'] });
    expect(await windowsOf(run)).toEqual([
      'invoice [2026-02-28T02:00, 2026-03-01T02:00)',
      'change [2026-02-28T23:00, 2026-03-01T02:00)',
    ]);
  });

  it('leaves out what a person told syncs to leave out, until it is retried, and says so', async () => {
    const { account, steps, act, open, walk, finish } = await createHarness(db);
    const skip = { account, run: null, resource: 'dispute', always: true };
    expect(await act(() => steps.skipResource(skip))).toEqual({
      changed: true,
      because: 'dispute is left out of all later syncs.',
    });
    const run = await open();
    expect(await walk(run)).toMatchObject({ outcome: 'drained' });
    expect(await finish(run)).toMatchObject({
      state: 'partial',
      summary: '0 objects read, 0 rows changed; dispute is skipped.',
    });
    // Whoever names it wants it.
    const named = await open({ key: 'named', kind: 'backfill', resources: ['dispute'] });
    await walk(named);
    expect(await finish(named)).toMatchObject({ state: 'complete' });

    expect(await act(() => steps.retryResource({ account, run, resource: 'dispute' }))).toEqual({
      changed: true,
      because: `dispute of ${run} is taken up again.`,
    });
    await walk(run);
    expect(await finish(run)).toMatchObject({ state: 'complete' });
    const next = await open({ key: 'next' });
    await walk(next);
    expect(await finish(next)).toMatchObject({ state: 'complete' });
  });

  it('cannot leave out what the provider does not have', async () => {
    const { account, steps, act } = await createHarness(db);
    const skip = { account, run: null, resource: 'invoices', always: true };
    await expect(act(() => steps.skipResource(skip))).rejects.toMatchObject({
      type: 'invalid_input',
      message:
        'resource: "invoices" is unknown; fake has customer, subscription, invoice, dispute, change.',
    });
  });
});

describe('what is wanted', () => {
  it('cannot be said of a run that the account does not have', async () => {
    const { steps, act, open } = await createHarness(db);
    const other = await createHarness(db);
    const run = await open();
    await expect(
      act(() => steps.setDesired({ account: other.account, run, desired: 'pause' })),
    ).rejects.toMatchObject({ type: 'invalid_input', message: `No run is called "${run}".` });
  });
});

describe('the account’s row', () => {
  it('takes whatever was typed as a reason: one that Postgres refused would be tried for ever', async () => {
    const { account, steps, act } = await createHarness(db);
    await act(() =>
      steps.recordTransition({
        account,
        sequence: 1,
        from: 'idle',
        event: 'pause',
        to: 'paused',
        because: 'Paused by a person. \0',
        attention: false,
        at: '2026-03-01T00:00:00Z',
      }),
    );
    expect(await act(() => steps.readAccount({ account }))).toMatchObject({ state: 'paused' });
  });

  it('shows the newest transition, each written once', async () => {
    const { account, steps, act, open } = await createHarness(db);
    const record = (sequence: number, to: string) =>
      act(() =>
        steps.recordTransition({
          account,
          sequence,
          from: 'idle',
          event: 'syncRequested',
          to,
          because: `step ${sequence}`,
          attention: sequence === 2,
          at: '2026-03-01T00:00:00Z',
        }),
      );
    await record(1, 'syncing');
    await record(2, 'paused');
    await record(2, 'paused');
    await record(1, 'syncing');
    const run = await open();
    expect(await act(() => steps.readAccount({ account }))).toEqual({
      account,
      provider: 'fake',
      state: 'paused',
      lastTransition: 2,
      openRun: run,
      attention: true,
      partialRun: null,
    });
    const row = db.selectFrom('account').selectAll().where('id', '=', account);
    expect(await row.executeTakeFirst()).toMatchObject({
      state_reason: 'step 2',
      attention: true,
    });
  });
});
