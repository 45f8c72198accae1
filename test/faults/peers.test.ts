/**
 * What other engines lose under faults, as tests with Stripe's dialect: changes told late, twice or in any order, deletions, lists
 * with holes, a service that is busy from the very first request.
 */
import { sql, type Kysely } from 'kysely';
import type { Database } from '../../db/schema';
import { RECORD_KINDS } from '../../domain/records';
import { stripe } from '../../providers/stripe/stripe';
import { DEFAULT_API_KEY, startSimulator, type Simulator } from '../../simulator/server';
import { connectHarness, type Harness } from '../activities/harness';
import { openTestDatabase } from '../support/database';

const AS_OF = new Date('2026-10-01T00:00:00Z');
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MAX_OPEN_ATTEMPTS = 4;
const ROUNDS = 5;
const CHANGES_A_ROUND = 25;

// What is tested is what follows from failures, not how long the pauses between the tries are.
jest.mock('../../domain/sync/backoff', () => ({
  ...jest.requireActual<object>('../../domain/sync/backoff'),
  backoffMs: () => 1,
}));

let simulator: Simulator;
const databases: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  simulator = await startSimulator({
    seed: 5,
    customers: 60,
    asOf: AS_OF,
    now: AS_OF,
    // Small, so that embedded lists come cut.
    embeddedPageSize: 1,
  });
}, 120_000);
afterAll(async () => {
  await simulator.close();
  for (const database of databases) await database.close();
});

const control = async (path: string, body: object): Promise<void> => {
  const response = await fetch(`${simulator.url}/_simulator/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(await response.text());
};

const passTime = (ms: number): Promise<void> =>
  control('clock', { now: new Date(simulator.clock.now().getTime() + ms).toISOString() });

async function connect(): Promise<Harness & { readonly db: Kysely<Database> }> {
  const database = await openTestDatabase();
  databases.push(database);
  const { db } = database;
  const harness = await connectHarness(db, {
    account: simulator.accountId,
    provider: stripe,
    lanes: 4,
    secret: DEFAULT_API_KEY,
    apiBase: simulator.url,
  });
  return { ...harness, db };
}

let runs = 0;

async function sync({ open, walk, finish }: Harness, kind: 'sync' | 'changes' = 'sync') {
  const run = await opened(open, { key: `run ${(runs += 1)}`, kind });
  expect(await walk(run)).toMatchObject({ outcome: 'drained', failure: null });
  const ended = await finish(run);
  expect(ended).toMatchObject({ state: 'complete', parked: [] });
  return ended;
}

/** Tried again as Temporal would. */
async function opened(open: Harness['open'], input: Parameters<Harness['open']>[0]) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await open(input);
    } catch (error) {
      if (attempt === MAX_OPEN_ATTEMPTS) throw error;
    }
  }
}

/** All canonical rows, without when and in which object each was read. */
async function contentOf(db: Kysely<Database>): Promise<Record<string, string[]>> {
  const content: Record<string, string[]> = {};
  for (const kind of RECORD_KINDS) {
    const { rows } = await sql<{ row: string }>`
      select (to_jsonb(t) - '{version,raw_hash}'::text[])::text as row
      from ${sql.table(kind)} t order by external_id`.execute(db);
    content[kind] = rows.map(({ row }) => row);
  }
  return content;
}

const count = async (db: Kysely<Database>, text: ReturnType<typeof sql>): Promise<number> => {
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from ${text}`.execute(
    db,
  );
  return rows[0]?.count ?? 0;
};

test('a service that is busy from the very first request loses nothing, and lists keep nothing back', async () => {
  // A run reads what was created before the second in which it begins.
  await passTime(60_000);
  simulator.faults.add([
    { times: MAX_OPEN_ATTEMPTS - 1, kind: '429' },
    { match: { path: '/v1/' }, after: MAX_OPEN_ATTEMPTS, times: 20, kind: '429' },
    { everyNth: 7, kind: '500', times: 200 },
  ]);
  const { db, ...harness } = await connect();
  await sync(harness);
  const { world } = simulator;
  const ofWorld = {
    canceled: world.subscriptions.all.filter(({ status }) => status === 'canceled').length,
    inactive: world.prices.all.filter(({ active }) => !active).length,
    lines: world.invoices.all.flatMap(({ lines }) => lines).length,
    items: world.subscriptions.all.flatMap(({ items }) => items).length,
  };
  expect(Math.min(...Object.values(ofWorld))).toBeGreaterThan(0);
  expect(ofWorld.lines).toBeGreaterThan(world.invoices.all.length);
  expect({
    canceled: await count(db, sql`subscription where status = 'canceled'`),
    inactive: await count(db, sql`price where not active`),
    lines: await count(db, sql`invoice_line`),
    items: await count(db, sql`subscription_item`),
  }).toEqual(ofWorld);
}, 120_000);

test('whatever changes, and however often syncs come in between, the rows are those of one full sync', async () => {
  const { db, ...harness } = await connect();
  await sync(harness);
  for (let round = 1; round <= ROUNDS; round += 1) {
    await passTime(7 * HOUR_MS);
    await control('change', { changes: Array.from({ length: CHANGES_A_ROUND }, () => ({})) });
    // In the very second of the changes, as often as not.
    await sync(harness, round % 2 === 0 ? 'sync' : 'changes');
  }
  // What happens in the second in which a sync begins is for the next one.
  await passTime(60_000);
  await sync(harness);
  const fresh = await connect();
  await sync(fresh);
  // Events are forgotten after thirty days: only who was there before then knows of them.
  const remembered = new Date(simulator.clock.now().getTime() - 30 * DAY_MS);
  await db.deleteFrom('subscription_change').where('at', '<', remembered).execute();
  const [kept, read] = [await contentOf(db), await contentOf(fresh.db)];
  for (const kind of RECORD_KINDS) expect([kind, kept[kind]]).toEqual([kind, read[kind]]);
}, 180_000);
