/** Cases through the real server, database, workers and wire, in a storm, judged by the ledger of the simulated service. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { StackError } from '../../dev/children.mjs';
import { ROOT } from '../../dev/paths.mjs';
import { judgeLive } from './live-judge.mjs';
import { ACCOUNT, startLiveStack } from '../live/stack.mjs';
import { Storm } from './live-storm.mjs';
import { LiveTime } from '../live/time.mjs';

const require = createRequire(import.meta.url);

/** Webhooks that are lost, come twice, or before their elders. */
const MISHAPS = { drop: 0.05, double: 0.2, reorder: 0.2 };
const WINDOW_DAYS = 4;
const DAY_MS = 86_400_000;
/** Of servers, which `TURNS` does. */
const RESTARTS = 2;
/** What happens once, after such a share of the cases' time. */
const TURNS = [
  { after: 0.2, turn: ({ stack }) => stack.restartPostgres() },
  { after: 0.4, turn: ({ stack }) => stack.restartTemporal() },
  { after: 0.65, turn: ({ storm }) => storm.letOthersPay() },
];
/** However fast the cases are: before time goes on, there were so many for each time that it has. */
const STROKES_PER_LEAP = 2;
const RETRY_MS = 1_000;
const SELECT_LIMIT_MS = 300_000;
/** Looks that may fail in a row, as they do while a server is restarted. */
const MAX_FAILED_LOOKS = 60;
const TELL_EVERY_MS = 10_000;
/** Starting, syncing and judging; and what a case takes at most, beside others. */
const LIMIT_MS = 240_000;
const LIMIT_PER_CASE_MS = 4_000;

/**
 * @param {{ children: import('../../dev/children.mjs').Children, say: import('../../dev/say.mjs').Say, folder: string, cases: number,
 *   seed: number }} options
 * @returns {Promise<{ liveCases: number, doubleCharges: number, forbiddenCharges: number, ceilingBreaches: number,
 *   wrongOutcomes: number, unresolved: number,
 *   needsHuman: number, kills: number, faultsInjected: number, findings: string[] }>} the same seed gives the same world and the
 *   same strokes, though not at the same instants
 */
export async function runLive({ children, say, folder, cases, seed }) {
  const { Random } = require(join(ROOT, 'dist', 'simulator', 'world', 'random.js'));
  const random = new Random(`${seed}/storm`);
  const stack = await startLiveStack({ children, say, folder, invoices: cases, seed });
  const pool = new pg.Pool({ connectionString: stack.postgres.url, max: 3 });
  pool.on('error', () => {}); // Whoever asks next is told.
  const connection = await Connection.connect({ address: stack.temporal.address });
  const client = new Client({ connection });
  try {
    const campaigns = await begin({ stack, pool, seed });
    const time = new LiveTime({ stack, pool, workflows: client.workflow });
    const storm = new Storm({ stack, time, pool, client, random, campaigns });
    await weather({ stack, pool, time, storm, say, cases });
    const { verdict, findings } = await judgeLive({ stack, pool, canceled: storm.canceled });
    for (const finding of findings) say.error(`seed ${seed}: ${finding}`);
    const { struck } = await stack.control('/_simulator/faults');
    return {
      ...verdict,
      kills: storm.kills + RESTARTS,
      faultsInjected: struck + storm.changes,
      findings,
    };
  } finally {
    await pool.end();
    await connection.close();
  }
}

/** An account, all that its service knows, and two campaigns after the same invoices. @returns {Promise<string[]>} their ids */
async function begin({ stack, pool, seed }) {
  await stack.control('/_simulator/guards', { guard: false });
  await stack.receiveWebhooks({ seed: String(seed), ...MISHAPS });
  await stack.connectAccount();
  const terms = ['--account', ACCOUNT, '--window-days', String(WINDOW_DAYS), '--yes'];
  await stack.recoup('campaigns', 'start', ...terms, '--max-amount', '20000', '--currency', 'eur');
  await stack.recoup('campaigns', 'start', ...terms);
  for (const deadline = Date.now() + SELECT_LIMIT_MS; ;) {
    const { rows } = await pool.query('select id, selected_at from campaign order by id');
    if (rows.every(({ selected_at }) => selected_at !== null)) return rows.map(({ id }) => id);
    if (Date.now() > deadline) throw new StackError('The campaigns do not select their invoices.');
    await sleep(RETRY_MS);
  }
}

async function weather({ stack, pool, time, storm, say, cases }) {
  const deadline = Date.now() + LIMIT_MS + cases * LIMIT_PER_CASE_MS;
  const step = say.step('Storm', `${cases} invoices`);
  let progress = '';
  step.watch(() => progress);
  let broken = null;
  storm.rage().catch((error) => {
    broken = error;
  });
  const turns = [...TURNS];
  let failed = 0;
  let toldAtMs = 0;
  try {
    for (;;) {
      if (broken) throw broken;
      if (Date.now() > deadline) throw new StackError(`The storm does not end: ${progress}`);
      try {
        const mayLeap = storm.strokes >= time.leaps * STROKES_PER_LEAP;
        const moving = await time.pass({ mayLeap });
        const [next] = turns;
        if (next && (!moving || time.passedMs >= next.after * WINDOW_DAYS * DAY_MS)) {
          turns.shift();
          await next.turn({ stack, storm });
        } else if (!moving) break;
        if (Date.now() - toldAtMs > TELL_EVERY_MS) {
          toldAtMs = Date.now();
          const seen = await count(pool);
          progress = `day ${time.passedDays}: ${seen.ended} of ${seen.cases} cases have ended, ${storm.kills} kills`;
        }
        failed = 0;
      } catch (error) {
        failed += 1;
        if (error instanceof StackError || failed > MAX_FAILED_LOOKS) throw error;
        await sleep(RETRY_MS);
      }
    }
  } catch (error) {
    step.failed();
    throw error;
  } finally {
    await storm.stop();
  }
  step.done(progress);
}

async function count(pool) {
  const { rows } = await pool.query(
    `select count(*)::int as cases, count(*) filter (where ended_at is not null or held_out or state = 'needs_human')::int as ended
     from recovery_case where account_id = $1`,
    [ACCOUNT],
  );
  return rows[0];
}
