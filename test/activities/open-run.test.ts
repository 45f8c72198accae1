import type { Kysely } from 'kysely';
import type { OpenRunInput } from '../../activities/contract';
import type { Database } from '../../db/schema';
import { openTestDatabase } from '../support/database';
import { createHarness } from './harness';

let db: Kysely<Database>;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});
afterAll(() => close());

const tasksOf = (run: string) =>
  db.selectFrom('task').selectAll().where('run_id', '=', run).orderBy('position').execute();

describe('opening a run', () => {
  it('plans one task per resource up to the provider’s clock, in whole seconds', async () => {
    const { account, service, steps, act } = await createHarness(db);
    service.now = new Date('2026-03-01T12:00:00.750Z');
    const opened = await act(() =>
      steps.openRun({ account, kind: 'sync', key: 'k', from: null, to: null, resources: null }),
    );
    expect(opened).toMatchObject({ until: '2026-03-01T12:00:00.000Z', tasks: 4 });
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
    });
    const row = db.selectFrom('account').selectAll().where('id', '=', account);
    expect(await row.executeTakeFirst()).toMatchObject({
      state_reason: 'step 2',
      attention: true,
    });
  });
});
