import type { Kysely } from 'kysely';
import { Committer } from '../../activities/committer';
import type { Database } from '../../db/schema';
import { at, claimOn, newAccountOn, newRunOn, page, subscription, UNTIL } from '../db/reading';
import { openTestDatabase } from '../support/database';

const LANES = 8;

let db: Kysely<Database>;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});
afterAll(() => close());

/** Leases of one run, a lane each, on tasks of these resources. */
async function newLeases(resources: readonly string[]) {
  const accountId = await newAccountOn(db);
  const tasks = resources.map((resource) => ({ resource, from: null, to: UNTIL, position: 0 }));
  const runId = await newRunOn(db, { accountId, tasks });
  const leases = [];
  while (leases.length < tasks.length) leases.push(await claimOn(db, { accountId, runId }));
  return leases;
}

const nameOf = (lane: number) => `sub_${lane}`;

/** What stands in one batch was written together. */
async function batchSizes(accountId: string): Promise<number[]> {
  const rows = await db
    .selectFrom('raw_object')
    .select((row) => row.fn.countAll<bigint>().as('objects'))
    .where('account_id', '=', accountId)
    .groupBy('batch')
    .execute();
  return rows.map(({ objects }) => Number(objects)).sort();
}

it('writes pages together that come while others are being written, and answers each', async () => {
  const leases = await newLeases(Array<string>(LANES).fill('subscription'));
  const committer = new Committer(db);
  const committed = await Promise.all(
    leases.map((lease, lane) =>
      committer.commit(page(lease, at(1), [subscription(nameOf(lane), {})])),
    ),
  );
  expect(committed.map(({ objects }) => objects)).toEqual(leases.map(() => 1));
  expect(await batchSizes(leases[0]?.accountId ?? '')).toEqual([1, 1, 2, 4]);
});

it('lets a page that cannot be written concern nobody but its lane', async () => {
  const leases = await newLeases(Array<string>(LANES).fill('subscription'));
  const committer = new Committer(db);
  const lost = leases.at(-1);
  await db
    .updateTable('task')
    .set((task) => ({ fence: task('fence', '+', 1n) }))
    .where('id', '=', lost?.taskId ?? 0n)
    .execute();
  const settled = await Promise.allSettled(
    leases.map((lease, lane) =>
      committer.commit(page(lease, at(1), [subscription(nameOf(lane), {})])),
    ),
  );
  expect(settled.map(({ status }) => status)).toEqual(
    leases.map((lease) => (lease === lost ? 'rejected' : 'fulfilled')),
  );
  expect(settled.at(-1)).toMatchObject({ reason: { code: 'lease_lost' } });
});

it('writes what one resource has, and then what another has', async () => {
  const leases = await newLeases(['product', 'product', 'subscription', 'product', 'subscription']);
  const committer = new Committer(db);
  await Promise.all(
    leases.map((lease, lane) =>
      committer.commit(page(lease, at(1), [subscription(nameOf(lane), {})])),
    ),
  );
  expect(await batchSizes(leases[0]?.accountId ?? '')).toEqual([1, 1, 1, 2]);
});
