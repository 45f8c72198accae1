import { sql, type Kysely } from 'kysely';
import { openDatabase } from '../../db/database';
import { unpackBatch } from '../../db/raw-object';
import { setAccountDesired } from '../../db/repositories/accounts';
import { openFeed } from '../../db/repositories/feed';
import { commitPages, type PageObject } from '../../db/repositories/pages';
import { claimTask, listOpenTasks, parkResource, splitTask } from '../../db/repositories/tasks';
import type { Database } from '../../db/schema';
import { inTransaction } from '../../db/transaction';
import { chooseSplit } from '../../domain/sync/split';
import { RecoupError } from '../../domain/errors';
import { openTestDatabase } from '../support/database';
import {
  at,
  claimNext,
  claimOn,
  commitPage,
  FLOOR,
  newAccountOn,
  newLeaseOn,
  newRunOn,
  object,
  page,
  subscription,
  UNTIL,
} from './reading';

let db: Kysely<Database>;
let url: string;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, url, close } = await openTestDatabase());
});
afterAll(() => close());

const MIDDLE = new Date('2026-01-01T00:00:00Z');
const newLease = () => newLeaseOn(db);
const claim = (accountId: string, runId: string) => claimOn(db, { accountId, runId });

/** Lets the lease of a task expire, as if its worker had died. */
const expire = (taskId: bigint) =>
  db
    .updateTable('task')
    .set({ lease_until: sql<Date>`clock_timestamp() - interval '1 second'` })
    .where('id', '=', taskId)
    .execute();

const statusOf = async (accountId: string, id: string) =>
  (await db
    .selectFrom('subscription')
    .select(['status', 'version'])
    .where('account_id', '=', accountId)
    .where('external_id', '=', id)
    .executeTakeFirst()) ?? null;

const itemsOf = async (accountId: string) =>
  (
    await db
      .selectFrom('subscription_item')
      .select('external_id')
      .where('account_id', '=', accountId)
      .orderBy('external_id')
      .execute()
  ).map(({ external_id }) => external_id);

const dirtyOf = async (accountId: string) =>
  (
    await db
      .selectFrom('dirty_customer')
      .select('customer_id')
      .where('account_id', '=', accountId)
      .orderBy('customer_id')
      .execute()
  ).map(({ customer_id }) => customer_id);

describe('a row', () => {
  it('follows a newer read with different content', async () => {
    const lease = await newLease();
    await commitPage(db, page(lease, at(1), [subscription('sub_1', { status: 'active' })]));
    const { changedRows } = await commitPage(
      db,
      page(lease, at(2), [subscription('sub_1', { status: 'canceled' })]),
    );
    expect(changedRows).toBe(1);
    expect(await statusOf(lease.accountId, 'sub_1')).toEqual({
      status: 'canceled',
      version: at(2),
    });
  });

  it('stays when a page that was read earlier is committed later', async () => {
    const lease = await newLease();
    await commitPage(db, page(lease, at(2), [subscription('sub_1', { status: 'canceled' })]));
    const { changedRows } = await commitPage(
      db,
      page(lease, at(1), [subscription('sub_1', { status: 'active' })]),
    );
    expect(changedRows).toBe(0);
    expect(await statusOf(lease.accountId, 'sub_1')).toEqual({
      status: 'canceled',
      version: at(2),
    });
  });

  it('keeps its version when a newer read shows the same content', async () => {
    const lease = await newLease();
    await commitPage(db, page(lease, at(1), [subscription('sub_1', {})]));
    const { changedRows } = await commitPage(db, page(lease, at(2), [subscription('sub_1', {})]));
    expect(changedRows).toBe(0);
    expect(await statusOf(lease.accountId, 'sub_1')).toEqual({ status: 'active', version: at(1) });
  });

  it('keeps its version when only what is not normalised differs', async () => {
    const lease = await newLease();
    const dispute = (note: string) => object({ type: 'dispute', id: 'dp_1', value: { note } });
    await commitPage(db, page(lease, at(1), [dispute('one')]));
    const { changedRows } = await commitPage(db, page(lease, at(2), [dispute('two')]));
    expect(changedRows).toBe(0);
  });

  it('is written once when a page shows the object twice', async () => {
    const lease = await newLease();
    const same = subscription('sub_1', {});
    const { changedRows } = await commitPage(db, page(lease, at(1), [same, same]));
    expect(changedRows).toBe(1);
  });

  it('holds text without NUL, which Postgres cannot store', async () => {
    const lease = await newLease();
    await commitPage(db, page(lease, at(1), [subscription('sub_1', { status: 'a\0b' })]));
    expect(await statusOf(lease.accountId, 'sub_1')).toMatchObject({ status: 'ab' });
  });

  it('holds reasons and names without NUL too, and names an object once that a page shows twice', async () => {
    const lease = await newLease();
    const bad = { ...subscription('sub_\0', {}), records: [], notNormalised: 'status: "\0"' };
    await commitPage(db, page(lease, at(1), [bad, bad]));
    await parkResource(db, { ...lease, error: new RecoupError('request_refused', 'code \0.') });
    expect(
      await db
        .selectFrom('task')
        .innerJoin('not_normalised', 'not_normalised.run_id', 'task.run_id')
        .select(['external_id', 'reason', 'parked_reason'])
        .where('id', '=', lease.taskId)
        .execute(),
    ).toEqual([{ external_id: 'sub_', reason: 'status: ""', parked_reason: 'code .' }]);
  });
});

describe('parts', () => {
  it('vanish with the version that no longer holds them', async () => {
    const lease = await newLease();
    await commitPage(
      db,
      page(lease, at(1), [
        subscription('sub_1', { items: ['si_a', 'si_b'] }),
        subscription('sub_2', { items: ['si_x'] }),
      ]),
    );
    const { changedRows } = await commitPage(
      db,
      page(lease, at(2), [subscription('sub_1', { items: ['si_b', 'si_c'] })]),
    );
    expect(await itemsOf(lease.accountId)).toEqual(['si_b', 'si_c', 'si_x']);
    // The subscription, the new item and the deleted one; the item that stayed says the same.
    expect(changedRows).toBe(3);
  });

  it('do not come back with a page that was read before they vanished', async () => {
    const lease = await newLease();
    await commitPage(db, page(lease, at(2), [subscription('sub_1', { items: ['si_b'] })]));
    await commitPage(db, page(lease, at(1), [subscription('sub_1', { items: ['si_a'] })]));
    expect(await itemsOf(lease.accountId)).toEqual(['si_b']);
  });
});

describe('a mention', () => {
  const mention = (name: string) => subscription(name, { price: 'prod_1' });
  const productName = async (accountId: string) =>
    (
      await db
        .selectFrom('product')
        .select('name')
        .where('account_id', '=', accountId)
        .executeTakeFirst()
    )?.name;
  const product = (readAs: string): PageObject => ({
    ...subscription('sub_p', {}),
    records: [
      { kind: 'product', id: 'prod_1', fields: { name: readAs, active: true, createdAt: FLOOR } },
    ],
  });

  it('fills a gap and yields to a real read, even to one that was made before it', async () => {
    const lease = await newLease();
    await commitPage(db, page(lease, at(5), [mention('sub_1')]));
    expect(await productName(lease.accountId)).toBe('seen in passing');
    await commitPage(db, page(lease, at(1), [product('real')]));
    expect(await productName(lease.accountId)).toBe('real');
  });

  it('yields to a real read that says the same, so that no other mention takes its place', async () => {
    const lease = await newLease();
    await commitPage(db, page(lease, at(1), [mention('sub_1')]));
    await commitPage(db, page(lease, at(2), [product('seen in passing')]));
    const greater = { ...mention('sub_2'), mentions: product('zzz').records };
    await commitPage(db, page(lease, at(3), [greater]));
    expect(await productName(lease.accountId)).toBe('seen in passing');
  });

  it('is the same one of several, in whatever order and on whatever pages they come', async () => {
    const shows = (name: string): PageObject => ({
      ...subscription(`sub_${name}`, {}),
      records: [],
      mentions: [
        { kind: 'product', id: 'prod_1', fields: { name, active: true, createdAt: FLOOR } },
      ],
    });
    const orders = [[['a'], ['b']], [['b'], ['a']], [['a', 'b']], [['b', 'a']]];
    for (const pages of orders) {
      const lease = await newLease();
      for (const names of pages) await commitPage(db, page(lease, at(5), names.map(shows)));
      expect({ pages, name: await productName(lease.accountId) }).toEqual({ pages, name: 'b' });
    }
  });

  it('never replaces what is known', async () => {
    const lease = await newLease();
    await commitPage(db, page(lease, at(1), [product('real')]));
    await commitPage(db, page(lease, at(5), [mention('sub_1')]));
    expect(await productName(lease.accountId)).toBe('real');
  });
});

describe('raw objects', () => {
  it('are kept once for each content, compressed, and can be read again', async () => {
    const lease = await newLease();
    await commitPage(db, page(lease, at(1), [subscription('sub_1', { status: 'active' })]));
    await commitPage(db, page(lease, at(2), [subscription('sub_1', { status: 'active' })]));
    await commitPage(
      db,
      page(lease, at(3), [
        subscription('sub_1', { status: 'pa\0üsed' }),
        subscription('sub_2', {}),
      ]),
    );
    const rows = await db
      .selectFrom('raw_object')
      .innerJoin('raw_batch', 'raw_batch.id', 'batch')
      .selectAll()
      .where('raw_object.account_id', '=', lease.accountId)
      .orderBy('read_at')
      .orderBy('external_id')
      .execute();
    expect(rows.map(({ external_id, read_at }) => [external_id, read_at])).toEqual([
      ['sub_1', at(1)],
      ['sub_1', at(3)],
      ['sub_2', at(3)],
    ]);
    expect(rows.map((row) => unpackBatch(row.payload)(row))).toMatchObject([
      { status: 'active' },
      { status: 'pa\0üsed' },
      { id: 'sub_2' },
    ]);
  });
});

/** A task of which a dense page is read, and where an idle lane would cut it. */
async function newSplittable() {
  const lease = await newLease();
  const dense = Array.from({ length: 100 }, (_, i) => subscription(`sub_${i}`, {}));
  await commitPage(db, page(lease, at(1), dense));
  const [task] = await listOpenTasks(db, lease.runId);
  const cut = task && chooseSplit([task], FLOOR);
  if (!cut) throw new Error('nothing to split');
  return { lease, split: { accountId: lease.accountId, owner: 'idle', task, at: cut.at } };
}

describe('the commit of a page', () => {
  it('marks the customers of changed objects dirty, and no others', async () => {
    const lease = await newLease();
    const one = subscription('sub_1', { customerId: 'cus_1' });
    await commitPage(db, page(lease, at(1), [one, subscription('sub_2', { customerId: 'cus_2' })]));
    expect(await dirtyOf(lease.accountId)).toEqual(['cus_1', 'cus_2']);
    await db.deleteFrom('dirty_customer').where('account_id', '=', lease.accountId).execute();
    await commitPage(
      db,
      page(lease, at(2), [one, subscription('sub_2', { customerId: 'cus_2', status: 'unpaid' })]),
    );
    expect(await dirtyOf(lease.accountId)).toEqual(['cus_2']);
  });

  it('counts words that this edition does not know, and names what it could not normalise', async () => {
    const lease = await newLease();
    const unknown = (id: string) => subscription(id, { unknowns: ['status=frozen'] });
    await commitPage(db, page(lease, at(1), [unknown('sub_1'), unknown('sub_2')]));
    const bad = {
      ...subscription('sub_3', {}),
      records: [],
      notNormalised: 'subscription.items: missing',
    };
    await commitPage(db, page(lease, at(2), [unknown('sub_4'), bad]));
    expect(
      await db
        .selectFrom('unknown_value')
        .select(['type', 'value', 'count'])
        .where('run_id', '=', lease.runId)
        .execute(),
    ).toEqual([{ type: 'subscription', value: 'status=frozen', count: 3 }]);
    expect(
      await db
        .selectFrom('not_normalised')
        .select(['external_id', 'reason'])
        .where('run_id', '=', lease.runId)
        .execute(),
    ).toEqual([{ external_id: 'sub_3', reason: 'subscription.items: missing' }]);
  });

  it('moves the cursor with the rows, and tells what is wanted', async () => {
    const lease = await newLease();
    const first = await commitPage(db, page(lease, at(1), [subscription('sub_1', {})]));
    expect(first).toMatchObject({ done: false, desired: 'run', windowFrom: null });
    await setAccountDesired(db, lease.accountId, 'pause');
    expect(await commitPage(db, page(lease, at(2), []))).toMatchObject({ desired: 'pause' });
    expect(
      await db.selectFrom('task').selectAll().where('id', '=', lease.taskId).executeTakeFirst(),
    ).toMatchObject({ cursor: 'more', pages: 2, objects: 1, requests: 2, read_as_of: at(1) });
  });

  it('remembers the window as covered, as of its first page, when it is read to its end', async () => {
    const lease = await newLease();
    const { accountId } = lease;
    await inTransaction(db, (trx) =>
      openFeed(trx, { accountId, until: UNTIL, horizonMs: 1, resources: [] }),
    );
    await commitPage(db, page(lease, at(1), [subscription('sub_1', {})]));
    const last = await commitPage(db, {
      ...page(lease, at(2), []),
      nextCursor: null,
      oldestCreatedAt: null,
    });
    expect(last.done).toBe(true);
    expect(
      await db
        .selectFrom('coverage')
        .selectAll()
        .where('account_id', '=', lease.accountId)
        .execute(),
    ).toMatchObject([{ resource: 'subscription' }]);
  });

  it('is refused to a worker whose task another one has claimed, and leaves nothing behind', async () => {
    const zombie = await newLease();
    await expire(zombie.taskId);
    const heir = await claim(zombie.accountId, zombie.runId);
    expect(heir.fence).toBeGreaterThan(zombie.fence);
    await expect(
      commitPage(db, page(zombie, at(9), [subscription('sub_1', {})])),
    ).rejects.toMatchObject({ code: 'lease_lost' });
    expect(await statusOf(zombie.accountId, 'sub_1')).toBeNull();
    expect(
      await db
        .selectFrom('raw_object')
        .selectAll()
        .where('account_id', '=', zombie.accountId)
        .execute(),
    ).toEqual([]);
    await expect(
      commitPage(db, page(heir, at(1), [subscription('sub_1', {})])),
    ).resolves.toMatchObject({ changedRows: 1 });
  });

  it('is refused when the resource has been parked meanwhile', async () => {
    const lease = await newLease();
    await parkResource(db, {
      runId: lease.runId,
      resource: lease.resource,
      error: new RecoupError('permission_missing', 'The key may not read subscriptions.'),
    });
    await expect(commitPage(db, page(lease, at(1), []))).rejects.toMatchObject({
      code: 'lease_lost',
    });
  });

  it('ends the task when its older part was split off and the page reaches beyond', async () => {
    const { lease, split } = await newSplittable();
    const taken = await splitTask(db, split);
    expect(taken).toMatchObject({ windowFrom: null, resource: 'subscription' });
    const older = new Date('2025-02-01T00:00:00Z');
    const beyond = { ...subscription('sub_beyond', {}), createdAt: older };
    const next = await commitPage(db, { ...page(lease, at(2), [beyond]), oldestCreatedAt: older });
    // The object beyond is written, but the other lane will read it too and counts it.
    expect(next).toMatchObject({
      done: true,
      windowFrom: taken?.windowTo,
      objects: 0,
      changedRows: 1,
    });
  });

  it('loses nothing to a cut that comes too late', async () => {
    const { lease, split } = await newSplittable();
    const first = await splitTask(db, split);
    expect(first).toMatchObject({ windowTo: split.at });
    // Another one has cut it, or the walk has come as far.
    expect(await splitTask(db, split)).toBeNull();
    await commitPage(db, { ...page(lease, at(2), []), oldestCreatedAt: split.at });
    const [walked] = await listOpenTasks(db, lease.runId);
    if (!walked) throw new Error('no task');
    expect(await splitTask(db, { ...split, task: walked })).toBeNull();
  });

  it('survives many lanes that write the same rows in opposite orders', async () => {
    const leases = await Promise.all(Array.from({ length: 1 }, newLease));
    const lease = leases[0];
    if (!lease) throw new Error('no lease');
    const ids = Array.from({ length: 60 }, (_, i) => `sub_${i}`);
    const writers = Array.from({ length: 6 }, (_, writer) => {
      const order = writer % 2 ? [...ids].reverse() : ids;
      const objects = order.map((id) =>
        subscription(id, { status: `w${writer}`, items: [`si_${id}`], customerId: `cus_${id}` }),
      );
      return commitPage(db, page(lease, at(writer + 1), objects));
    });
    await Promise.all(writers);
    for (const id of ids) {
      expect(await statusOf(lease.accountId, id)).toEqual({ status: 'w5', version: at(6) });
    }
  });
});

describe('pages of several tasks', () => {
  /** Leases on the halves of one run's window. */
  const newHalves = async () => {
    const accountId = await newAccountOn(db);
    const halves = [
      { resource: 'subscription', from: null, to: MIDDLE, position: 0 },
      { resource: 'subscription', from: MIDDLE, to: UNTIL, position: 0 },
    ];
    const runId = await newRunOn(db, { accountId, tasks: halves });
    return [await claim(accountId, runId), await claim(accountId, runId)] as const;
  };

  it('are written together, and each moves its own cursor', async () => {
    const [older, newer] = await newHalves();
    const committed = await commitPages(db, [
      page(newer, at(2), [subscription('sub_1', {}), subscription('sub_2', {})]),
      { ...page(older, at(1), [subscription('sub_3', {})]), nextCursor: null },
    ]);
    expect(committed).toMatchObject([
      { objects: 2, done: false, windowFrom: MIDDLE, desired: 'run' },
      { objects: 1, done: true, windowFrom: null, desired: 'run' },
    ]);
    expect(committed.reduce((sum, { changedRows }) => sum + changedRows, 0)).toBe(3);
    expect(await statusOf(older.accountId, 'sub_3')).toEqual({ status: 'active', version: at(1) });
    expect(await statusOf(older.accountId, 'sub_1')).toEqual({ status: 'active', version: at(2) });
  });

  it('are not written at all when one of the leases is lost', async () => {
    const [older, newer] = await newHalves();
    await expire(newer.taskId);
    await claim(newer.accountId, newer.runId);
    await expect(
      commitPages(db, [
        page(older, at(1), [subscription('sub_1', {})]),
        page(newer, at(1), [subscription('sub_2', {})]),
      ]),
    ).rejects.toMatchObject({ code: 'lease_lost' });
    expect(await statusOf(older.accountId, 'sub_1')).toBeNull();
  });

  it('that show one object differently leave its newest read', async () => {
    const [older, newer] = await newHalves();
    await commitPages(db, [
      page(newer, at(2), [subscription('sub_1', { status: 'late' })]),
      page(older, at(1), [subscription('sub_1', { status: 'early' })]),
    ]);
    expect(await statusOf(older.accountId, 'sub_1')).toEqual({ status: 'late', version: at(2) });
  });
});

describe('a claim', () => {
  it('leaves a held task alone and gives it away again once its lease has expired', async () => {
    const lease = await newLease();
    const again = () => claimNext(db, lease);
    expect(await again()).toBeNull();
    await commitPage(db, page(lease, at(1), []));
    await expire(lease.taskId);
    expect(await again()).toMatchObject({ taskId: lease.taskId, cursor: 'more' });
  });

  it('goes to one of many who ask at once', async () => {
    const lease = await newLease();
    await expire(lease.taskId);
    const [task] = await listOpenTasks(db, lease.runId);
    if (!task) throw new Error('no task');
    const { accountId } = lease;
    const claims = await Promise.all(
      Array.from({ length: 8 }, (_, i) => claimTask(db, { accountId, owner: `w${i}`, task })),
    );
    expect(claims.filter((one) => one !== null)).toHaveLength(1);
  });
});

describe('a database that is not there', () => {
  it('is told from a defect', async () => {
    const { translateDatabaseError } = await import('../../db/errors');
    const nowhere = openDatabase({ url: url.replace(/:\d+\//, ':1/'), poolSize: 1 });
    const thrown: unknown = await sql`select 1`.execute(nowhere).catch((error: unknown) => error);
    await nowhere.destroy();
    expect(translateDatabaseError(thrown)).toMatchObject({ code: 'database_unavailable' });
    const defect: unknown = await sql`select nonsense`.execute(db).catch((error: unknown) => error);
    expect(translateDatabaseError(defect)).toBe(defect);
  });
});
