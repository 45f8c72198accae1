/** Two runs of one account in two worker processes: together they keep to the service's limits, and use them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RateLimits } from '../../simulator/stripe/rate-limit';
import { startSimulator, type Simulator } from '../../simulator/server';
import { SIMULATOR_KEY, someAccountId, startRecoup, type Recoup } from '../support/recoup';

/** Half of the invoices of several lines are older. */
const MIDDLE = '2026-05-18';
const SAMPLE_MS = 200;
/** How long the limit has to be used: a machine that is busy with other tests cannot do so all the time. */
const STRETCH_MS = 5_000;
const LIMIT_MS = 90_000;

interface Scene {
  readonly limits: RateLimits;
  readonly env: Record<string, string>;
  readonly customers: number;
  readonly perSecond: number;
  /** Requests that the limit is about. */
  readonly count: () => number;
}

interface Sample {
  readonly atMs: number;
  readonly count: number;
}

let simulator: Simulator;
let recoup: Recoup;
afterEach(async () => {
  await recoup.close();
  await simulator.close();
});

const requests = () => simulator.requests.counts();
const scenes: Record<string, Scene> = {
  'of the account': {
    limits: { allPerSecond: 100 },
    env: { RECOUP_RATE_LIMIT_PER_SECOND: '100' },
    customers: 520,
    perSecond: 100,
    count: () => requests().total,
  },
  'of each endpoint': {
    limits: { endpointPerSecond: 40 },
    env: { RECOUP_ENDPOINT_RATE_LIMIT_PER_SECOND: '40' },
    customers: 200,
    perSecond: 40,
    count: () => requests().byEndpoint['GET /v1/invoices/:id/lines'] ?? 0,
  },
};

test.each(Object.entries(scenes))(
  'the limit %s is kept to by two processes together, and nine tenths of it are used',
  async (_, { limits, env, customers, perSecond, count }) => {
    const account = someAccountId();
    simulator = await startSimulator({
      seed: 3,
      customers,
      asOf: new Date('2026-11-01T00:00:00Z'),
      accountId: account,
      keys: { [SIMULATOR_KEY]: { permissions: 'all' } },
      // Every invoice of two lines costs a request of its own, which is little work for a worker.
      embeddedPageSize: 1,
      rateLimits: limits,
    });
    recoup = await startRecoup();
    await recoup.connect({ account, apiBase: simulator.url });
    // Each process has a task queue of its own, and so one of the runs.
    const sides = Object.entries({ old: ['--to', MIDDLE], new: ['--from', MIDDLE] }).map(
      ([name, window]) => ({
        window,
        env: { ...env, RECOUP_SYNC_TASK_QUEUE: `${account}-${name}` },
      }),
    );
    await Promise.all(sides.map((side) => recoup.startWorker(side.env)));
    for (const side of sides) {
      await recoup.json(
        ['backfill', account, '--resources', 'invoice', ...side.window, '--no-wait', '--json'],
        side.env,
      );
      // Backfills are named by the second in which they start.
      await sleep(1_000);
    }

    /** While both were at work. */
    const samples: Sample[] = [];
    for (let runs = await readRuns(); !runs.some(({ ended }) => ended); runs = await readRuns()) {
      const sample = { atMs: performance.now(), count: count() };
      if (runs.length === 2 && runs.every(({ busy }) => busy)) samples.push(sample);
      await sleep(SAMPLE_MS);
    }
    const { total, answered429 } = requests();
    expect(answered429).toBeLessThanOrEqual(total / 100);
    expect(total).toBeGreaterThan(perSecond * 10);
    expect(bestRate(samples)).toBeGreaterThan(0.9 * perSecond);
  },
  LIMIT_MS,
);

/** Per second, in the best stretch of time. */
const bestRate = (samples: readonly Sample[]): number =>
  Math.max(
    ...samples.map((from) => {
      const to = samples.find(({ atMs }) => atMs >= from.atMs + STRETCH_MS);
      return to ? ((to.count - from.count) / (to.atMs - from.atMs)) * 1000 : 0;
    }),
  );

const readRuns = async () => {
  const { rows } = await recoup.pool.query<{ state: string; ended: boolean; busy: boolean }>(
    `select state, ended_at is not null as ended,
       exists (select from task where run_id = run.id and lease_until > now()) as busy
     from run order by id`,
  );
  return rows;
};
