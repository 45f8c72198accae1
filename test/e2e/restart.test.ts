/** What a second sync does, and what a killed worker costs. */
import { startSimulator, type Simulator } from '../../simulator/server';
import { SIMULATOR_KEY, someAccountId, startRecoup, type Recoup } from '../support/recoup';
import { until } from '../support/until';

const LANES = 8;
/** Slow enough that a worker can be killed in the middle. */
const LATENCY_MS = 40;
const LEASE_LIMIT_MS = 180_000;
const MAX_REQUESTS = 10_000;
/** Where the worker is killed follows from it; set RECOUP_TEST_SEED to kill at the same page again. */
const SEED = Number(process.env['RECOUP_TEST_SEED'] ?? Date.now() % 1_000);

interface System {
  readonly simulator: Simulator;
  readonly recoup: Recoup;
}

const systems: System[] = [];
let clean: System;

/** A Recoup with an account of its own in the same world. */
async function startSystem(): Promise<System> {
  const simulator = await startSimulator({
    seed: 5,
    customers: 300,
    asOf: new Date('2026-11-01T00:00:00Z'),
    accountId: someAccountId(),
    keys: { [SIMULATOR_KEY]: { permissions: 'all' } },
    latencyMs: LATENCY_MS,
  });
  const system = { simulator, recoup: await startRecoup() };
  systems.push(system);
  await system.recoup.connect({ account: simulator.accountId, apiBase: simulator.url });
  return system;
}

const sync = ({ recoup, simulator }: System) =>
  recoup.json(['sync', simulator.accountId, '--json']);

beforeAll(async () => {
  clean = await startSystem();
  await clean.recoup.startWorker();
  await sync(clean);
}, 180_000);

afterAll(async () => {
  for (const { recoup, simulator } of systems) {
    await recoup.close();
    await simulator.close();
  }
});

/** Requests for pages so far: path with query, in order. */
const pagesAsked = ({ simulator }: System): string[] =>
  simulator.requests
    .last(MAX_REQUESTS)
    .filter(({ path }) => path !== '/v1/account' && /^\/v1\/\w+$/.test(path))
    .map(({ path, query }) => `${path}?${query}`);

test('a second sync changes no row', async () => {
  const before = await clean.recoup.rowDigests();
  expect(await sync(clean)).toMatchObject({ state: 'complete', changedRows: 0 });
  expect(await clean.recoup.rowDigests()).toEqual(before);
}, 120_000);

test(
  `a sync whose worker is killed (seed ${SEED}) ends with the same rows, and only uncommitted pages are read again`,
  async () => {
    const system = await startSystem();
    const { recoup } = system;
    const worker = await recoup.startWorker();
    const ended = sync(system);

    const killAfterPages = 20 + (SEED % 40);
    await until(async () => (await committedPages(recoup)) >= killAfterPages, {
      limitMs: LEASE_LIMIT_MS,
    });
    await worker.kill();
    const uncommitted = pagesAsked(system).length - (await committedPages(recoup));
    // At most a page at hand and one ahead for each lane.
    expect(uncommitted).toBeLessThanOrEqual(2 * LANES);

    await recoup.startWorker();
    expect(await ended).toMatchObject({ state: 'complete' });
    expect(await recoup.contentDigests()).toEqual(await clean.recoup.contentDigests());

    const pages = pagesAsked(system);
    expect(pages.length - new Set(pages).size).toBeLessThanOrEqual(uncommitted);
  },
  LEASE_LIMIT_MS + 120_000,
);

async function committedPages(recoup: Recoup): Promise<number> {
  const { rows } = await recoup.pool.query<{ pages: number }>(
    'select coalesce(sum(pages), 0)::int as pages from task',
  );
  return rows[0]?.pages ?? 0;
}
