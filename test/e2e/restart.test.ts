/** What a second sync does, and what a killed worker costs. */
import { startSimulator, type Simulator } from '../../simulator/server';
import { SIMULATOR_KEY, someAccountId, startRecoup, type Recoup } from '../support/recoup';

const LANES = 8;
/** Slow enough that a worker can be killed in the middle. */
const LATENCY_MS = 40;
const LEASE_LIMIT_MS = 180_000;
const MAX_REQUESTS = 10_000;
/** Where the worker is killed follows from it; set RECOUP_TEST_SEED to kill at the same page again. */
const SEED = Number(process.env['RECOUP_TEST_SEED'] ?? Date.now() % 1_000);

let simulator: Simulator;
let clean: Recoup;
const systems: Recoup[] = [];

beforeAll(async () => {
  simulator = await startSimulator({
    seed: 5,
    customers: 300,
    asOf: new Date('2026-11-01T00:00:00Z'),
    accountId: someAccountId(),
    keys: { [SIMULATOR_KEY]: { permissions: 'all' } },
    latencyMs: LATENCY_MS,
  });
  clean = await connected();
  await clean.startWorker();
  await clean.json(['sync', simulator.accountId, '--json']);
}, 180_000);

afterAll(async () => {
  for (const system of systems) await system.close();
  await simulator.close();
});

async function connected(): Promise<Recoup> {
  const recoup = await startRecoup();
  systems.push(recoup);
  await recoup.connect({ account: simulator.accountId, apiBase: simulator.url });
  return recoup;
}

/** Requests for pages so far: path with query, in order. */
const pagesAsked = (): string[] =>
  simulator.requests
    .last(MAX_REQUESTS)
    .filter(({ path }) => path !== '/v1/account')
    .map(({ path, query }) => `${path}?${query}`);

test('a second sync changes no row', async () => {
  const before = await clean.rowDigests();
  expect(await clean.json(['sync', simulator.accountId, '--json'])).toMatchObject({
    state: 'complete',
    changedRows: 0,
  });
  expect(await clean.rowDigests()).toEqual(before);
}, 120_000);

test(
  `a sync whose worker is killed (seed ${SEED}) ends with the same rows, and only uncommitted pages are read again`,
  async () => {
    const recoup = await connected();
    const worker = await recoup.startWorker();
    simulator.requests.reset();
    const sync = recoup.json(['sync', simulator.accountId, '--json']);

    const killAfterPages = 20 + (SEED % 40);
    await until(async () => (await committedPages(recoup)) >= killAfterPages);
    await worker.kill();
    const committed = await committedPages(recoup);
    const asked = pagesAsked().length;
    // What was asked for and not committed when the worker died: at most a page at hand and one ahead for each lane.
    expect(asked - committed).toBeLessThanOrEqual(2 * LANES);

    await recoup.startWorker();
    expect(await sync).toMatchObject({ state: 'complete' });
    expect(await recoup.contentDigests()).toEqual(await clean.contentDigests());

    const pages = pagesAsked();
    const again = pages.length - new Set(pages).size;
    expect(again).toBeLessThanOrEqual(2 * LANES);
  },
  LEASE_LIMIT_MS + 120_000,
);

async function committedPages(recoup: Recoup): Promise<number> {
  const { rows } = await recoup.pool.query<{ pages: number }>(
    'select coalesce(sum(pages), 0)::int as pages from task',
  );
  return rows[0]?.pages ?? 0;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const limit = Date.now() + LEASE_LIMIT_MS;
  while (!(await condition())) {
    if (Date.now() > limit) throw new Error('What was waited for did not come.');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
