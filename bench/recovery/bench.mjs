/** The measuring: one campaign, all of its cases open at once, some of them run to their end, and then their histories. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { StackError } from '../../dev/children.mjs';
import { ROOT } from '../../dev/paths.mjs';
import { ACCOUNT, startLiveStack } from '../live/stack.mjs';
import { LiveTime } from '../live/time.mjs';
import { peakRssMb } from '../sync/usage.mjs';
import { readHistories } from './histories.mjs';

const require = createRequire(import.meta.url);
const { WORK } = require(join(ROOT, 'dist', 'domain', 'recovery', 'work.js'));

/** Some of the failed invoices end as soon as they are looked at: nothing may be tried for them any more. */
const SPARE_SHARE = 0.06;
const SPARE_AT_LEAST = 10;
const WINDOW_DAYS = 14;
const POLL_MS = 1_000;
/** So long nothing may move while cases are opened. */
const STALL_LIMIT_MS = 240_000;
const AT_WORK = Object.keys(WORK).filter((state) => WORK[state].kind === 'step');

/**
 * @param {{ children: import('../../dev/children.mjs').Children, say: import('../../dev/say.mjs').Say, folder: string, cases: number,
 *   ended: number, seed: number }} options
 */
export async function runBench({ children, say, folder, cases, ended, seed }) {
  const startedMs = performance.now();
  const invoices = cases + Math.max(SPARE_AT_LEAST, Math.ceil(cases * SPARE_SHARE));
  const stack = await startLiveStack({ children, say, folder, invoices, seed });
  const pool = new pg.Pool({ connectionString: stack.postgres.url, max: 2 });
  const connection = await Connection.connect({ address: stack.temporal.address });
  const client = new Client({ connection });
  try {
    await stack.connectAccount();
    const opened = await openCases({ stack, pool, say, cases, invoices });
    const run = await runToTheirEnd({ stack, pool, say, client, ended });
    const pids = stack.workers.map(({ pid }) => pid);
    const memory = {
      workerPeakRssMb: Math.max(...pids.map(peakRssMb)),
      serverRssMb: peakRssMb(stack.temporal.child.pid),
    };
    const histories = await readHistories({ client, say });
    return { ...opened, ...run, ...histories, ...memory, seconds: secondsSince(startedMs) };
  } finally {
    await pool.end();
    await connection.close();
  }
}

/** Until every case waits, or has ended already. */
async function openCases({ stack, pool, say, cases: wanted, invoices }) {
  const startedMs = performance.now();
  const terms = ['--holdout', '0%', '--window-days', String(WINDOW_DAYS)];
  await stack.recoup('campaigns', 'start', '--account', ACCOUNT, ...terms, '--yes');
  const step = say.step('Open', `${invoices} invoices`);
  let seen = { open: 0, atWork: 0, settled: 0 };
  let movedAtMs = performance.now();
  step.watch(() => `${seen.open} cases are open, ${seen.atWork} of them at work`);
  try {
    for (;;) {
      const { rows } = await pool.query(
        `select count(*) filter (where ended_at is null)::int as open, coalesce(sum(transitions), 0)::int as transitions,
           count(*) filter (where ended_at is null and state = any ($2))::int as "atWork",
           (select bool_and(selected_at is not null) from campaign) as selected
         from recovery_case where account_id = $1`,
        [ACCOUNT, AT_WORK],
      );
      const [now] = rows;
      if (now.selected && now.atWork === 0) break;
      if (now.transitions !== seen.transitions || now.open !== seen.open) {
        movedAtMs = performance.now();
      }
      seen = now;
      if (performance.now() - movedAtMs > STALL_LIMIT_MS) {
        throw new StackError(`${seen.atWork} of ${seen.open} cases do not get on.`);
      }
      await sleep(POLL_MS);
    }
  } catch (error) {
    step.failed();
    throw error;
  }
  const openSeconds = secondsSince(startedMs);
  const { rows } = await pool.query(
    'select count(*)::int as open from recovery_case where account_id = $1 and ended_at is null',
    [ACCOUNT],
  );
  const [{ open: cases }] = rows;
  step.done(`${cases} cases wait`);
  if (cases < wanted) throw new StackError(`Only ${cases} cases wait, and not ${wanted}.`);
  return { cases, openSeconds };
}

/** Time passes for these alone: the others wait on. */
async function runToTheirEnd({ stack, pool, say, client, ended: wanted }) {
  const startedMs = performance.now();
  const { rows } = await pool.query(
    `select invoice_id as invoice from recovery_case where account_id = $1 and ended_at is null
     order by md5(invoice_id) limit $2`,
    [ACCOUNT, wanted],
  );
  const invoices = rows.map(({ invoice }) => invoice);
  const time = new LiveTime({ stack, pool, workflows: client.workflow, invoices });
  const step = say.step('Live', `${invoices.length} cases to their end`);
  step.watch(() => `day ${time.passedDays}`);
  try {
    while (await time.pass({ mayLeap: true }));
  } catch (error) {
    step.failed();
    throw error;
  }
  const { rows: sums } = await pool.query(
    `select count(*)::int as ended, coalesce(sum(attempts), 0)::int as attempts from recovery_case
     where account_id = $1 and invoice_id = any ($2) and ended_at is not null`,
    [ACCOUNT, invoices],
  );
  const [{ ended, attempts }] = sums;
  step.done(`${ended} have ended after ${attempts} attempts`);
  if (ended < wanted) throw new StackError(`Only ${ended} of ${wanted} cases came to their end.`);
  return { ended, endedAttempts: attempts, endSeconds: secondsSince(startedMs) };
}

const secondsSince = (startedMs) => Math.round((performance.now() - startedMs) / 100) / 10;
