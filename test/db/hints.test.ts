import type { Kysely } from 'kysely';
import {
  deleteHints,
  dropAnsweredHints,
  type Companioned,
  listDueHints,
  noteHints,
  readHintQueue,
  type HintSource,
  type NewHint,
} from '../../db/repositories/hints';
import { commitObjects } from '../../db/repositories/pages';
import { finishTask, readTaskFacts } from '../../db/repositories/tasks';
import type { Database } from '../../db/schema';
import { inTransaction } from '../../db/transaction';
import { openTestDatabase } from '../support/database';
import { at, commitPage, newAccountOn, newLeaseOn, page, subscription } from './reading';

let db: Kysely<Database>;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});
afterAll(() => close());

const ALL = ['feed', 'webhook', 'overlap', 'reference'] as const;
const hint = (id: string, changedAt: Date | null = at(0), resource = 'subscription'): NewHint => ({
  resource,
  id,
  changedAt,
});
const note = (accountId: string, source: HintSource, hints: NewHint[], delayMs = 0) =>
  inTransaction(db, (trx) => noteHints(trx, { accountId, source, hints, delayMs }));
const due = (
  accountId: string,
  sources: readonly HintSource[] = ALL,
  exceptResources: string[] = [],
) => listDueHints(db, { accountId, sources, exceptResources, limit: 10 });
const drop = (
  accountId: string,
  companioned: Companioned = { resources: [], readSince: at(0), followedUntil: null },
) =>
  dropAnsweredHints(db, { accountId, sources: ALL, exceptResources: [], companioned, limit: 10 });
const dueIds = async (...args: Parameters<typeof due>) => (await due(...args)).map(({ id }) => id);

describe('hints', () => {
  it('are one for each object, the longest untold first', async () => {
    const accountId = await newAccountOn(db);
    await note(accountId, 'feed', [hint('a'), hint('b'), hint('a', at(5))]);
    await note(accountId, 'webhook', [hint('a', at(3))]);
    expect(await dueIds(accountId)).toEqual(['b', 'a']);
    const [row] = await db
      .selectFrom('hint')
      .select(['source', 'changed_at'])
      .where('account_id', '=', accountId)
      .where('external_id', '=', 'a')
      .execute();
    expect(row).toEqual({ source: 'webhook', changed_at: at(5) });
  });

  it('of an object with companions are answered by this run’s lists, or where an earlier run followed them up', async () => {
    const lease = await newLeaseOn(db);
    const { accountId } = lease;
    await commitPage(db, page(lease, at(20), [subscription('a', {})]));
    await note(accountId, 'feed', [hint('a', at(10))]);
    const resources = ['subscription'];
    expect(await drop(accountId, { resources, readSince: at(30), followedUntil: null })).toBe(0);
    expect(await drop(accountId, { resources, readSince: at(30), followedUntil: at(10) })).toBe(0);
    expect(await drop(accountId, { resources, readSince: at(30), followedUntil: at(11) })).toBe(1);
    await note(accountId, 'feed', [hint('a', at(10))]);
    expect(await drop(accountId, { resources, readSince: at(20), followedUntil: null })).toBe(1);
  });

  it('are for whom they are meant, and wait until their time', async () => {
    const accountId = await newAccountOn(db);
    await note(accountId, 'feed', [hint('a')]);
    await note(accountId, 'overlap', [hint('b')], 3_600_000);
    await note(accountId, 'webhook', [hint('c', at(0), 'invoice')]);
    expect(await dueIds(accountId, ALL)).toEqual(['a', 'c']);
    expect(await dueIds(accountId, ['feed'])).toEqual(['a']);
    expect(await dueIds(accountId, ALL, ['subscription'])).toEqual(['c']);
    const scope = { accountId, exceptResources: [] };
    expect(await readHintQueue(db, { ...scope, sources: ALL })).toEqual({
      waiting: 3,
      nextInMs: 0,
    });
    const overlaps = await readHintQueue(db, { ...scope, sources: ['overlap'] });
    expect(overlaps.waiting).toBe(1);
    expect(overlaps.nextInMs).toBeGreaterThan(3_000_000);
    // What every run reads stays so when the feed tells of it as well, and waits all the same.
    await note(accountId, 'feed', [hint('b')]);
    expect(await readHintQueue(db, { ...scope, sources: ['overlap'] })).toMatchObject({
      waiting: 1,
    });
    expect(await dueIds(accountId, ALL)).toEqual(['a', 'c']);
  });

  it('outlive an answer to what was said before', async () => {
    const accountId = await newAccountOn(db);
    await note(accountId, 'feed', [hint('a'), hint('b')]);
    const seen = await due(accountId);
    await note(accountId, 'webhook', [hint('a')]);
    await inTransaction(db, (trx) => deleteHints(trx, { accountId, answered: seen }));
    expect(await dueIds(accountId)).toEqual(['a']);
  });

  it('are answered by a read that began later by enough', async () => {
    const lease = await newLeaseOn(db);
    const { accountId } = lease;
    const ids = ['sub_1', 'sub_2', 'sub_3'];
    await note(
      accountId,
      'feed',
      ids.map((id) => hint(id, at(2))),
    );
    const shows = (id: string, readAt: Date) =>
      commitPage(db, page(lease, readAt, [subscription(id, {})]));
    await shows('sub_1', at(3));
    await shows('sub_2', at(2));
    expect(await drop(accountId)).toBe(1);
    expect(await dueIds(accountId)).toEqual(['sub_2', 'sub_3']);
    const gone = [{ resource: 'subscription', id: 'sub_3' }];
    await commitObjects(db, { lease, objects: [], gone, answered: [], requests: 1 });
    expect(await drop(accountId)).toBe(1);
  });

  it('of a reference are left only while nothing is known of the object', async () => {
    const lease = await newLeaseOn(db);
    const { accountId } = lease;
    const names = ['price_read', 'price_mentioned', 'price_gone', 'price_new'];
    const references = names.map((id) => hint(id, null, 'price'));
    await note(accountId, 'reference', references);
    const price = (id: string) => ({
      ...subscription(id, {}),
      resource: 'price',
      records: [],
    });
    await commitPage(
      db,
      page(lease, at(1), [
        price('price_read'),
        {
          ...subscription('sub_1', {}),
          mentions: [{ kind: 'price', id: 'price_mentioned', fields: PRICE }],
        },
      ]),
    );
    const gone = [{ resource: 'price', id: 'price_gone' }];
    await commitObjects(db, { lease, objects: [], gone, answered: [], requests: 1 });
    expect(await drop(accountId)).toBe(3);
    await note(accountId, 'reference', references);
    expect(await dueIds(accountId)).toEqual(['price_new']);
  });
});

const PRICE = {
  productId: null,
  active: true,
  currency: 'eur',
  exponent: 2,
  scheme: 'per_unit',
  unitAmount: '100',
  tiers: null,
  transformQuantity: null,
  interval: null,
  intervalCount: null,
  usage: null,
  createdAt: at(0),
};

describe('a commit of objects that were read by id', () => {
  it('counts into its task, and is refused once the task is finished', async () => {
    const lease = await newLeaseOn(db);
    const commit = {
      lease,
      objects: [{ ...subscription('sub_1', {}), readAt: at(7) }],
      gone: [],
      answered: [],
      requests: 3,
    };
    expect(await commitObjects(db, commit)).toEqual({ objects: 1, changedRows: 1, desired: 'run' });
    expect(await readTaskFacts(db, lease.runId)).toMatchObject([
      { state: 'open', objects: 1, pages: 1, changedRows: 1, newestReadAt: at(7) },
    ]);
    expect(await finishTask(db, lease)).toBe(true);
    expect(await finishTask(db, lease)).toBe(false);
    await expect(commitObjects(db, commit)).rejects.toMatchObject({ code: 'lease_lost' });
  });
});
