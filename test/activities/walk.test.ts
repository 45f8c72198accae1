import type { Kysely } from 'kysely';
import type { Database } from '../../db/schema';
import { openTestDatabase } from '../support/database';
import { addInvoices, createHarness } from './harness';

let db: Kysely<Database>;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});
afterAll(() => close());

const invoiceRows = (account: string) =>
  db
    .selectFrom('invoice')
    .selectAll()
    .where('account_id', '=', account)
    .orderBy('external_id')
    .execute();

const hours = (count: number) => count * 3_600_000;

describe('a walk', () => {
  it('reads every object of every resource once and ends complete', async () => {
    const { account, service, steps, act, open, walk } = await createHarness(db);
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
    ]);
    const closed = await act(() => steps.closeRun({ run, ended: 'drained', because: '' }));
    expect(closed).toMatchObject({ state: 'complete', objects: 36, changedRows: 36, parked: [] });
    expect(await invoiceRows(account)).toHaveLength(35);
    expect(service.open).toBe(0);
  });

  it('changes no row when it reads the same again', async () => {
    const { account, service, open, walk } = await createHarness(db);
    addInvoices(service, 25);
    await walk(await open());
    const before = await invoiceRows(account);
    service.now = new Date(service.now.getTime() + hours(1));
    const report = await walk(await open({ key: 'second' }));
    expect(report).toMatchObject({ outcome: 'drained', objects: 25, changedRows: 0 });
    expect(await invoiceRows(account)).toEqual(before);
  });
});
