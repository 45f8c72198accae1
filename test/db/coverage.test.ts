import type { Kysely } from 'kysely';
import { listUncovered } from '../../db/repositories/coverage';
import { openFeed } from '../../db/repositories/feed';
import type { Database } from '../../db/schema';
import { inTransaction } from '../../db/transaction';
import { openTestDatabase } from '../support/database';
import { at, claimOn, commitPage, newAccountOn, newRunOn, page } from './reading';

let db: Kysely<Database>;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});
afterAll(() => close());

const DAY_MS = 24 * 3_600_000;
const day = (n: number): Date => new Date(at(0).getTime() + n * DAY_MS);
const HORIZON = { horizonMs: 30 * DAY_MS };

const open = (accountId: string, until: Date) =>
  inTransaction(db, (trx) =>
    openFeed(trx, { accountId, until, resources: ['invoice'], ...HORIZON }),
  );
const uncovered = (accountId: string, from: Date | null, until: Date) =>
  inTransaction(db, (trx) =>
    listUncovered(trx, { accountId, resources: ['price', 'invoice'], from, until }),
  );
const feedOf = (accountId: string) =>
  db
    .selectFrom('change_feed')
    .select(['as_of', 'unbroken_since'])
    .where('account_id', '=', accountId)
    .executeTakeFirst();

let runs = 0;
/** Reads one window to its end with one page. */
async function read(
  accountId: string,
  window: { from: Date | null; to: Date; readAt: Date; feed?: { horizonMs: number } },
): Promise<void> {
  const { from, to, readAt, feed } = window;
  const resource = feed ? 'change' : 'invoice';
  const tasks = [{ resource, from, to, position: 0 }];
  const runId = await newRunOn(db, { accountId, key: `run ${(runs += 1)}`, tasks });
  const lease = await claimOn(db, { accountId, runId });
  await commitPage(db, { ...page(lease, readAt, []), nextCursor: null, ...(feed && { feed }) });
}

describe('coverage', () => {
  it('leaves of a window what is not covered, for each resource the newest first', async () => {
    const accountId = await newAccountOn(db);
    await open(accountId, day(0));
    await read(accountId, { from: day(10), to: day(20), readAt: day(40) });
    const price = (from: Date | null) => ({ resource: 'price', from, to: day(50) });
    expect(await uncovered(accountId, null, day(50))).toEqual([
      price(null),
      { resource: 'invoice', from: day(20), to: day(50) },
      { resource: 'invoice', from: null, to: day(10) },
    ]);
    await read(accountId, { from: null, to: day(10), readAt: day(40) });
    expect(await uncovered(accountId, day(5), day(50))).toEqual([
      price(day(5)),
      { resource: 'invoice', from: day(20), to: day(50) },
    ]);
    await read(accountId, { from: day(20), to: day(50), readAt: day(60) });
    expect(await uncovered(accountId, day(5), day(50))).toEqual([price(day(5))]);
  });

  it('ends a minute before the read, and adds nothing to a window that is younger', async () => {
    const accountId = await newAccountOn(db);
    await open(accountId, at(0));
    const until = at(10);
    await read(accountId, { from: at(8), to: until, readAt: new Date(until.getTime() + 500) });
    const gap = { resource: 'invoice', from: at(9), to: until };
    expect((await uncovered(accountId, at(8), until)).slice(1)).toEqual([gap]);
    await read(accountId, { from: at(9), to: until, readAt: until });
    expect((await uncovered(accountId, at(8), until)).slice(1)).toEqual([gap]);
  });

  it('takes no window that was read before the feed began, nor one without a feed', async () => {
    const accountId = await newAccountOn(db);
    await read(accountId, { from: day(0), to: day(1), readAt: day(2) });
    await open(accountId, day(3));
    await read(accountId, { from: day(0), to: day(1), readAt: day(2) });
    expect(await uncovered(accountId, day(0), day(1))).toHaveLength(2);
    await read(accountId, { from: day(0), to: day(1), readAt: day(3) });
    expect(await uncovered(accountId, day(0), day(1))).toHaveLength(1);
  });
});

describe('the change feed', () => {
  it('begins with the first run, and moves on when a window of it is read', async () => {
    const accountId = await newAccountOn(db);
    expect(await open(accountId, day(0))).toEqual({ asOf: null, broken: false });
    expect(await open(accountId, day(5))).toEqual({ asOf: day(0), broken: false });
    await read(accountId, { from: day(-1), to: day(5), readAt: day(5), feed: HORIZON });
    expect(await feedOf(accountId)).toEqual({ as_of: day(5), unbroken_since: day(0) });
    await read(accountId, { from: day(-1), to: day(3), readAt: day(6), feed: HORIZON });
    expect(await feedOf(accountId)).toMatchObject({ as_of: day(5) });
    await read(accountId, { from: day(7), to: day(9), readAt: day(9), feed: HORIZON });
    expect(await feedOf(accountId)).toMatchObject({ as_of: day(5) });
  });

  it('begins anew, and forgets what was covered, when it was left alone for too long', async () => {
    const accountId = await newAccountOn(db);
    await open(accountId, day(0));
    await read(accountId, { from: null, to: day(1), readAt: day(2) });
    expect(await open(accountId, day(29))).toMatchObject({ broken: false });
    expect(await open(accountId, day(30))).toEqual({ asOf: null, broken: true });
    expect(await feedOf(accountId)).toEqual({ as_of: day(30), unbroken_since: day(30) });
    expect(await uncovered(accountId, null, day(1))).toHaveLength(2);
  });

  it('stays where it was when a window of it was read so late that it had forgotten part of it, and so begins anew', async () => {
    const accountId = await newAccountOn(db);
    await open(accountId, day(0));
    await read(accountId, { from: null, to: day(1), readAt: day(2) });
    await read(accountId, { from: day(0), to: day(28), readAt: day(31), feed: HORIZON });
    expect(await feedOf(accountId)).toEqual({ as_of: day(0), unbroken_since: day(0) });
    expect(await open(accountId, day(31))).toMatchObject({ broken: true });
    expect(await uncovered(accountId, null, day(1))).toHaveLength(2);
  });
});
