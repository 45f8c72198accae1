import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { sql, type Kysely } from 'kysely';
import { buryHeads, passHeads } from '../../db/repositories/heads';
import { dropAnsweredHints, listDueHints, readHintQueue } from '../../db/repositories/hints';
import { commitObjects, type PageCommit } from '../../db/repositories/pages';
import type { Lease } from '../../db/repositories/tasks';
import type { Database } from '../../db/schema';
import { inTransaction } from '../../db/transaction';
import { compareReads, OVERLAP_MS, type Head } from '../../domain/sync/versions';
import { openTestDatabase } from '../support/database';
import {
  at,
  claimOn,
  commitPage,
  newAccountOn,
  newLeaseOn,
  newRunOn,
  object,
  page,
  subscription,
} from './reading';

let db: Kysely<Database>;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});
afterAll(() => close());

const RUNS = { numRuns: 60 };
const hashOf = (content: string): Buffer => createHash('sha256').update(content).digest();
const second = (n: number): Date => new Date(at(0).getTime() + n * 1_000);

const scope = (accountId: string) => ({
  accountId,
  sources: ['overlap' as const],
  exceptResources: [],
});

async function rowOf({ accountId }: Lease, id = 'sub_1') {
  const found = await db
    .selectFrom('subscription')
    .select(['status', 'version'])
    .where('account_id', '=', accountId)
    .where('external_id', '=', id)
    .executeTakeFirst();
  return found ?? null;
}

const headsOf = async (accountId: string) =>
  db
    .selectFrom('object_head')
    .select(['external_id', 'version', 'hash', 'deleted'])
    .where('account_id', '=', accountId)
    .orderBy('external_id')
    .execute();

const removal = (lease: Lease, id: string) => ({
  lease,
  objects: [],
  gone: [{ resource: 'subscription', id }],
  answered: [],
  requests: 1,
});

describe('the heads of objects', () => {
  it('judge reads as compareReads does, whatever comes', async () => {
    const read = fc.record({
      id: fc.constantFrom('a', 'b'),
      content: fc.constantFrom('x', 'y', 'z'),
      // Both sides of the limit, and the limit itself.
      ms: fc.integer({ min: 0, max: 10 }).map((halves) => (halves * OVERLAP_MS) / 2),
    });
    const batch = fc.oneof(
      { weight: 8, arbitrary: fc.uniqueArray(read, { selector: ({ id }) => id, maxLength: 2 }) },
      { weight: 1, arbitrary: fc.record({ gone: fc.constantFrom('a', 'b') }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(batch, { maxLength: 12 }), async (batches) => {
        const accountId = await newAccountOn(db);
        const model = new Map<string, Head>();
        for (const given of batches) {
          if ('gone' in given) {
            const gone = [{ resource: 'thing', id: given.gone }];
            await inTransaction(db, (trx) => buryHeads(trx, { accountId, gone }));
            const known = model.get(given.gone) ?? { version: new Date(0), hash: null };
            model.set(given.gone, { ...known, deleted: true });
            continue;
          }
          const reads = given.map(({ id, content, ms }) => ({
            resource: 'thing',
            id,
            readAt: new Date(at(0).getTime() + ms),
            hash: hashOf(content),
          }));
          const passed = await inTransaction(db, (trx) => passHeads(trx, { accountId, reads }));
          for (const { read: one, comparison } of passed) {
            const expected = compareReads(model.get(one.id) ?? null, {
              version: one.readAt,
              hash: one.hash.toString('hex'),
            });
            expect({ id: one.id, comparison }).toEqual({
              id: one.id,
              comparison: expected.comparison,
            });
            model.set(one.id, expected.head);
          }
        }
        const heads = await headsOf(accountId);
        expect(
          heads.map(({ hash, ...head }) => ({ ...head, hash: hash?.toString('hex') ?? null })),
        ).toEqual(
          [...model]
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([external_id, head]) => ({ external_id, ...head })),
        );
      }),
      RUNS,
    );
  });

  it('keep what is true when an object goes back to what it was, and the page between comes late', async () => {
    const lease = await newLeaseOn(db);
    const shows = (minute: number, status: string) =>
      commitPage(db, page(lease, at(minute), [subscription('sub_1', { status })]));
    await shows(1, 'active');
    await shows(5, 'active');
    expect(await shows(3, 'paused')).toMatchObject({ changedRows: 0 });
    expect(await rowOf(lease)).toMatchObject({ status: 'active' });
    await shows(7, 'paused');
    expect(await shows(9, 'active')).toMatchObject({ changedRows: 1 });
    expect(await rowOf(lease)).toEqual({ status: 'active', version: at(9) });
  });

  it('let nothing back after a tombstone, and count and mark what goes with it', async () => {
    const lease = await newLeaseOn(db);
    const { accountId } = lease;
    const held = subscription('sub_1', { items: ['si_1', 'si_2'], customerId: 'cus_9' });
    await commitPage(db, page(lease, at(1), [held, subscription('sub_2', { items: ['si_3'] })]));
    await db.deleteFrom('dirty_customer').where('account_id', '=', accountId).execute();

    expect(await commitObjects(db, removal(lease, 'sub_1'))).toMatchObject({ changedRows: 3 });
    expect(await commitObjects(db, removal(lease, 'sub_1'))).toMatchObject({ changedRows: 0 });
    await commitPage(db, page(lease, at(9), [subscription('sub_1', { status: 'late' })]));
    expect(await rowOf(lease)).toBeNull();
    expect(await rowOf(lease, 'sub_2')).not.toBeNull();
    const dirty = await db
      .selectFrom('dirty_customer')
      .select('customer_id')
      .where('account_id', '=', accountId)
      .execute();
    expect(dirty).toEqual([{ customer_id: 'cus_9' }]);
    const items = await db
      .selectFrom('subscription_item')
      .select('external_id')
      .where('account_id', '=', accountId)
      .execute();
    expect(items).toEqual([{ external_id: 'si_3' }]);
  });

  it('have an object read again that changed within the second, and take what it says then', async () => {
    const lease = await newLeaseOn(db);
    const { accountId } = lease;
    const shows = (n: number, status: string) =>
      commitPage(db, page(lease, second(n), [subscription('sub_1', { status })]));
    await shows(10, 'active');
    expect(await shows(11, 'paused')).toMatchObject({ changedRows: 0 });
    expect(await shows(9, 'unpaid')).toMatchObject({ changedRows: 0 });
    expect(await rowOf(lease)).toMatchObject({ status: 'active' });
    // Not before the next read is sure to be newer than both.
    expect(await readHintQueue(db, scope(accountId))).toMatchObject({ waiting: 1 });
    expect(await listDueHints(db, { ...scope(accountId), limit: 9 })).toEqual([]);
    await sql`update hint set not_before = now() where account_id = ${accountId}`.execute(db);
    const answered = await listDueHints(db, { ...scope(accountId), limit: 9 });
    expect(answered).toMatchObject([{ resource: 'subscription', id: 'sub_1' }]);

    const objects = [{ ...subscription('sub_1', { status: 'paused' }), readAt: second(13) }];
    await commitObjects(db, { lease, objects, gone: [], answered, requests: 1 });
    expect(await rowOf(lease)).toEqual({ status: 'paused', version: second(13) });
    expect(await readHintQueue(db, scope(accountId))).toEqual({ waiting: 0, nextInMs: null });
  });

  it('answer an overlap by any read that is newer, whatever that says', async () => {
    const lease = await newLeaseOn(db);
    const shows = (n: number, status: string) =>
      commitPage(db, page(lease, second(n), [subscription('sub_1', { status })]));
    await shows(10, 'active');
    await shows(11, 'paused');
    await shows(12, 'active');
    await sql`update hint set not_before = now() where account_id = ${lease.accountId}`.execute(db);
    const companioned = { resources: [], readSince: second(0), followedUntil: null };
    const drop = () => dropAnsweredHints(db, { ...scope(lease.accountId), companioned, limit: 9 });
    expect(await drop()).toBe(0);
    await shows(13, 'active');
    expect(await drop()).toBe(1);
    expect(await rowOf(lease)).toEqual({ status: 'active', version: second(10) });
  });

  it('find nothing to do in reads of the same moment that show the same', async () => {
    const lease = await newLeaseOn(db);
    const same = page(lease, second(1), [subscription('sub_1', {})]);
    await Promise.all([commitPage(db, same), commitPage(db, same)]);
    await commitPage(db, page(lease, second(2), [subscription('sub_1', {})]));
    expect(await readHintQueue(db, scope(lease.accountId))).toMatchObject({ waiting: 0 });
    expect(await rowOf(lease)).toMatchObject({ version: second(1) });
  });

  it('take the same content as news once it can be normalised', async () => {
    const lease = await newLeaseOn(db);
    const one = subscription('sub_1', {});
    const unread = { ...one, records: [], notNormalised: 'subscription.items: missing' };
    await commitPage(db, page(lease, at(1), [unread]));
    expect(await rowOf(lease)).toBeNull();
    expect(await commitPage(db, page(lease, at(2), [one]))).toMatchObject({ changedRows: 1 });
  });

  it('have an object read again of which one commit shows two contents at once', async () => {
    const lease = await newLeaseOn(db);
    const twice = ['active', 'paused'].map((status) => subscription('sub_1', { status }));
    await commitPage(db, page(lease, at(1), twice));
    expect(await readHintQueue(db, scope(lease.accountId))).toMatchObject({ waiting: 1 });
  });
});

describe('two commits at once', () => {
  /** Lets the first commit write its rows and stop at its task; the second must then wait for it at the head. */
  async function race(
    first: (lease: Lease) => Promise<unknown>,
    then: (lease: Lease) => Promise<unknown>,
    before: (lease: Lease) => Promise<unknown> = () => Promise.resolve(),
  ): Promise<Lease> {
    const other = await newLeaseOn(db);
    const { accountId } = other;
    const runId = await newRunOn(db, { accountId, key: 'other' });
    const lease = await claimOn(db, { accountId, runId });
    await before(other);
    let both: Promise<unknown> = Promise.resolve();
    await db.transaction().execute(async (trx) => {
      await sql`select from task where id = ${lease.taskId} for update`.execute(trx);
      const held = first(lease);
      await waiting(1);
      both = Promise.all([held, then(other)]);
      await waiting(2);
    });
    await both;
    return lease;
  }

  async function waiting(sessions: number): Promise<void> {
    for (let tries = 0; tries < 500; tries += 1) {
      const { rows } = await sql<{ count: bigint }>`
        select count(*) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`.execute(db);
      if (Number(rows[0]?.count) >= sessions) return;
      await sql`select pg_sleep(0.01)`.execute(db);
    }
    throw new Error(`${sessions} sessions were to wait for a lock.`);
  }

  const shows = (minute: number, status: string) => (lease: Lease) =>
    commitPage(
      db,
      page(lease, at(minute), [subscription('sub_1', { status })]) satisfies PageCommit,
    );
  const removes = (lease: Lease) => commitObjects(db, removal(lease, 'sub_1'));

  it('of a new object end in the newer read, whichever is first', async () => {
    expect(await rowOf(await race(shows(1, 'old'), shows(2, 'new')))).toMatchObject({
      status: 'new',
    });
    expect(await rowOf(await race(shows(2, 'new'), shows(1, 'old')))).toMatchObject({
      status: 'new',
    });
  });

  it('of a known object end in the newer read, whichever is first', async () => {
    const known = shows(0, 'known');
    const orders = [
      [shows(1, 'old'), shows(2, 'new')],
      [shows(2, 'new'), shows(1, 'old')],
    ] as const;
    for (const [first, then] of orders) {
      expect(await rowOf(await race(first, then, known))).toMatchObject({ status: 'new' });
    }
  });

  it('end in the tombstone, whether the page or the tombstone is first', async () => {
    expect(await rowOf(await race(shows(1, 'old'), removes))).toBeNull();
    expect(await rowOf(await race(removes, shows(1, 'old')))).toBeNull();
    expect(await rowOf(await race(removes, shows(9, 'late'), shows(0, 'known')))).toBeNull();
  });
});

describe('a page of the change feed', () => {
  it('leaves hints, and keeps only what gives records', async () => {
    const lease = await newLeaseOn(db);
    const { accountId } = lease;
    const hint = { resource: 'invoice', id: 'in_1', changedAt: at(0) };
    const silent = {
      ...object({ type: 'dispute', id: 'evt_1', value: {} }),
      records: [],
      hints: [hint],
    };
    const telling = { ...subscription('sub_1', {}), hints: [{ ...hint, id: 'in_2' }] };
    const feed = { horizonMs: 30 * 24 * 3_600_000 };
    await commitPage(db, { ...page(lease, at(1), [silent, telling]), feed });
    expect((await headsOf(accountId)).map(({ external_id }) => external_id)).toEqual(['sub_1']);
    const due = await listDueHints(db, { ...scope(accountId), sources: ['feed'], limit: 9 });
    expect(due.map(({ id }) => id).sort()).toEqual(['in_1', 'in_2']);
    const raw = await db
      .selectFrom('raw_object')
      .select('external_id')
      .where('account_id', '=', accountId)
      .execute();
    expect(raw).toEqual([{ external_id: 'sub_1' }]);
  });
});
