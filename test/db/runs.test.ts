import type { Kysely } from 'kysely';
import { readAccount } from '../../db/repositories/accounts';
import { hasDueCustomers, readMetricInputs } from '../../db/repositories/metrics';
import { commitObjects } from '../../db/repositories/pages';
import { endRun, readRun, retryResource, skipResource } from '../../db/repositories/runs';
import { parkResource } from '../../db/repositories/tasks';
import type { Database } from '../../db/schema';
import { RecoupError } from '../../domain/errors';
import { openTestDatabase } from '../support/database';
import {
  at,
  claimNext,
  claimOn,
  commitPage,
  newAccountOn,
  newLeaseOn,
  newRunOn,
  page,
  subscription,
  UNTIL,
} from './reading';

let db: Kysely<Database>;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});
afterAll(() => close());

const end = (runId: string) => endRun(db, { runId, ended: 'drained', because: 'All is read.' });
const forbidden = new RecoupError('permission_missing', 'The key may not read subscriptions.');

describe('the end of a run', () => {
  it('adds what it changed to the account, once, and after a retry only what is new', async () => {
    const lease = await newLeaseOn(db);
    const { accountId, runId, resource } = lease;
    const shows = (on: typeof lease, minute: number, ids: string[]) =>
      commitPage(
        db,
        page(
          on,
          at(minute),
          ids.map((id) => subscription(id, {})),
        ),
      );
    await shows(lease, 5, ['sub_1', 'sub_2']);
    await parkResource(db, { runId, resource, error: forbidden });
    expect((await end(runId)).run).toMatchObject({ state: 'partial' });
    await end(runId);
    const known = { changes: 2n, read_as_of: at(5) };
    expect(await readAccount(db, accountId)).toMatchObject(known);

    expect(await retryResource(db, { accountId, runId, resource: null })).toEqual([resource]);
    expect(await readRun(db, runId)).toMatchObject({
      state: 'running',
      ended_at: null,
      summary: null,
    });
    const again = await claimOn(db, { accountId, runId });
    expect(again).toMatchObject({ cursor: 'more', fence: lease.fence + 2n });
    await shows(again, 7, ['sub_3']);
    await commitPage(db, { ...page(again, at(8), []), nextCursor: null });
    const { run, facts } = await end(runId);
    expect(run).toMatchObject({ state: 'complete' });
    expect(facts).toMatchObject({ changedRows: 3, parked: [] });
    expect(await readAccount(db, accountId)).toMatchObject({ changes: 3n, read_as_of: at(8) });
    expect(await retryResource(db, { accountId, runId, resource: null })).toEqual([]);
  });

  it('names what was skipped and is partial, and prices that were gone before they were read', async () => {
    const accountId = await newAccountOn(db);
    const task = { from: null, to: UNTIL, position: 0 };
    const tasks = [
      { ...task, resource: 'subscription' },
      { ...task, resource: 'dispute', skipped: true },
    ];
    const runId = await newRunOn(db, { accountId, tasks });
    const lease = await claimOn(db, { accountId, runId });
    const gone = [{ resource: 'price', id: 'price_1' }];
    await commitObjects(db, { lease, objects: [], gone, answered: [], requests: 1 });
    expect(
      await skipResource(db, { accountId, runId, resource: 'subscription', always: true }),
    ).toBe(true);
    const { run } = await end(runId);
    expect(run.state).toBe('partial');
    expect(run.summary).toContain('subscription is skipped; dispute is skipped');
    expect(run.summary).toContain('price_1');
  });
});

describe('a resource that is skipped', () => {
  it('is left to nobody, until it is retried', async () => {
    const lease = await newLeaseOn(db);
    const { accountId, runId, resource } = lease;
    const skip = (always: boolean) => skipResource(db, { accountId, runId, resource, always });
    expect(await skip(false)).toBe(true);
    expect(await skip(false)).toBe(false);
    expect(await skip(true)).toBe(true);
    expect((await readAccount(db, accountId)).skipped_resources).toEqual([resource]);
    await expect(commitPage(db, page(lease, at(1), []))).rejects.toMatchObject({
      code: 'lease_lost',
    });
    const claim = () => claimNext(db, { accountId, runId });
    expect(await claim()).toBeNull();
    expect(await retryResource(db, { accountId, runId, resource })).toEqual([resource]);
    expect((await readAccount(db, accountId)).skipped_resources).toEqual([]);
    expect(await claim()).not.toBeNull();
  });
});

describe('the inputs of the metrics', () => {
  it('change with every commit that changes rows, and not with the end of the run', async () => {
    const lease = await newLeaseOn(db);
    const { accountId, runId } = lease;
    const inputs = () => readMetricInputs(db, accountId);
    const before = await inputs();
    expect(before).toMatchObject({ asOf: UNTIL, timeZone: 'UTC' });
    await commitPage(db, page(lease, at(5), [subscription('sub_1', {})]));
    const changed = await inputs();
    expect(changed.digest).not.toBe(before.digest);
    expect(changed.asOf).toEqual(at(5));
    await commitPage(db, page(lease, at(6), [subscription('sub_1', {})]));
    await end(runId);
    expect(await inputs()).toEqual({ ...changed, asOf: at(6) });
    await expect(readMetricInputs(db, 'acct_nobody')).rejects.toMatchObject({
      code: 'unknown_account',
    });
  });

  it('tell of customers that are marked, or whose time has come', async () => {
    const accountId = await newAccountOn(db);
    const due = (minute: number) => hasDueCustomers(db, { accountId, asOf: at(minute) });
    expect(await due(0)).toBe(false);
    const customer = { account_id: accountId, customer_id: 'cus_1' };
    await db
      .insertInto('metric_customer')
      .values({ ...customer, run: 1n, next_change_at: at(5), missing_prices: [] })
      .execute();
    expect(await due(4)).toBe(false);
    expect(await due(5)).toBe(true);
    await db.insertInto('dirty_customer').values(customer).execute();
    expect(await due(4)).toBe(true);
  });
});
