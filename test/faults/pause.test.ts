/** What is still asked of the service after a pause has returned, and what a resume makes of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startSimulator, type Simulator } from '../../simulator/server';
import { SIMULATOR_KEY, someAccountId, startRecoup, type Recoup } from '../support/recoup';
import { until } from '../support/until';

const LANES = 8;
/** Slow enough that a pause falls into the middle. */
const LATENCY_MS = 60;
/** Many times as long as a request takes: what would still come has come by then. */
const SETTLED_MS = 1_500;
const LIMIT_MS = 120_000;

interface System {
  readonly simulator: Simulator;
  readonly recoup: Recoup;
}

const systems: System[] = [];
let clean: System;

/** A Recoup with an account of its own in the same world. */
async function startSystem(): Promise<System> {
  const simulator = await startSimulator({
    seed: 8,
    customers: 250,
    asOf: new Date('2026-11-01T00:00:00Z'),
    accountId: someAccountId(),
    keys: { [SIMULATOR_KEY]: { permissions: 'all' } },
    latencyMs: LATENCY_MS,
  });
  const system = { simulator, recoup: await startRecoup() };
  systems.push(system);
  await system.recoup.startWorker();
  await system.recoup.connect({ account: simulator.accountId, apiBase: simulator.url });
  return system;
}

beforeAll(async () => {
  clean = await startSystem();
  await clean.recoup.json(['sync', clean.simulator.accountId, '--json']);
}, LIMIT_MS);

afterAll(async () => {
  for (const { recoup, simulator } of systems) {
    await recoup.close();
    await simulator.close();
  }
});

test.each([
  {
    what: 'sync',
    start: (account: string) => ['sync', account, '--no-wait'],
    pause: (account: string) => ['accounts', 'pause', account],
    resume: (account: string) => ['accounts', 'resume', account],
  },
  {
    what: 'backfill',
    start: (account: string) => ['backfill', account, '--no-wait'],
    pause: (_account: string, run: string) => ['runs', 'pause', run],
    resume: (_account: string, run: string) => ['runs', 'resume', run],
  },
])(
  'after the pause of a $what has returned each lane asks once more at most, and a resume ends with the rows of an undisturbed sync',
  async ({ start, pause, resume }) => {
    const { simulator, recoup } = await startSystem();
    const account = simulator.accountId;
    expect(await recoup.cli(start(account))).toMatchObject({ code: 0 });
    await until(async () => (await run(recoup)).pages >= 20, { limitMs: LIMIT_MS });
    const { id } = await run(recoup);

    expect(await recoup.cli(pause(account, id))).toMatchObject({ code: 0 });
    const atPause = simulator.requests.counts().total;
    await sleep(SETTLED_MS);
    const afterPause = simulator.requests.counts().total - atPause;
    expect(afterPause).toBeLessThanOrEqual(LANES);
    const paused = await run(recoup);
    expect(paused).toMatchObject({ id, state: 'paused' });

    expect(await recoup.cli(resume(account, id))).toMatchObject({ code: 0 });
    await until(async () => (await run(recoup)).state === 'complete', { limitMs: LIMIT_MS });
    expect(await recoup.contentDigests()).toEqual(await clean.recoup.contentDigests());
  },
  LIMIT_MS,
);

async function run({ pool }: Recoup): Promise<{ id: string; state: string; pages: number }> {
  const { rows } = await pool.query<{ id: string; state: string; pages: number }>(
    `select run.id, run.state, sum(pages)::int as pages
     from run join task on task.run_id = run.id group by run.id`,
  );
  return rows[0] ?? { id: '', state: 'none', pages: 0 };
}
