/** Recoup as a contender: one worker process, and a backfill started as an operator starts it. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { StackError, describeEnd, readyLine } from '../../dev/children.mjs';
import { ROOT } from '../../dev/paths.mjs';
import { onFreePorts } from '../../dev/ports.mjs';
import { ensureBinary, startTemporal } from '../../dev/temporal.mjs';
import { ACCOUNT_ID, WARM_UP_ACCOUNT_ID } from './invoices.mjs';
import { WORKER_COMMAND } from '../../dev/worker.mjs';

const READY_LIMIT_MS = 120_000;
/** What watches must not take part: the end is told by the row, not by the look. */
const RUN_POLL_MS = 200;
const TASK_QUEUE = 'recoup-bench';

/** Starts a worker and, on it, the backfill of all invoices; before that, the one of the account to warm up with. */
export async function startRecoup(bench, { databaseUrl }) {
  const { children, say, folder, stub, warmUp } = bench;
  const { path: binary } = await ensureBinary(children, say);
  const temporal = await onFreePorts([0, 0, 0], ([port, httpPort, metricsPort]) => {
    const databaseFile = join(folder, 'temporal.db');
    return startTemporal(children, {
      binary,
      port,
      httpPort,
      metricsPort,
      databaseFile,
      uiPort: null,
    });
  });
  const env = {
    ...process.env,
    DATABASE_URL: databaseUrl,
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: 'default',
    RECOUP_SYNC_TASK_QUEUE: TASK_QUEUE,
    RECOUP_WAREHOUSE_PATH: join(folder, 'warehouse.duckdb'),
    RECOUP_SECRET_KEY: randomBytes(32).toString('hex'),
  };
  // The first start after a change bundles the workflows, whose memory is not that of a sync: another one serves.
  await children.stop(await startWorker(children, env));
  const worker = await startWorker(children, env);
  await addAccount(children, env, { id: ACCOUNT_ID, apiBase: stub.url });

  const connection = await Connection.connect({ address: temporal.address });
  const client = new Client({ connection });
  const startBackfill = (account) =>
    client.workflow.start('backfill', {
      workflowId: `backfill/${account}/bench`,
      taskQueue: TASK_QUEUE,
      args: [{ account, resources: ['invoice'] }],
    });
  if (warmUp) {
    await addAccount(children, env, { id: WARM_UP_ACCOUNT_ID, apiBase: warmUp.url });
    await (await startBackfill(WARM_UP_ACCOUNT_ID)).result();
  }
  const beganMs = Date.now();
  const handle = await startBackfill(ACCOUNT_ID);
  return {
    pid: worker.pid,
    measured: runEnd(databaseUrl, worker).then((endedAt) => ({
      beganMs,
      endedMs: endedAt.getTime(),
    })),
    finish: async () => {
      const runEndedMs = Date.now();
      const { summary } = await handle.result();
      const { events } = await handle.fetchHistory();
      say.note('Recoup', summary);
      const afterMs = Date.now() - runEndedMs;
      say.note(
        'Recoup',
        `metrics and warehouse took ${afterMs} ms more, which no peer does and is not counted`,
      );
      await connection.close();
      await children.stop(worker);
      await children.stop(temporal.child);
      return {
        activities: events.filter((event) => event.activityTaskScheduledEventAttributes).length,
      };
    },
  };
}

async function startWorker(children, env) {
  const [command, ...args] = WORKER_COMMAND;
  const child = children.spawn({
    name: 'worker',
    command,
    args,
    cwd: ROOT,
    env,
  });
  await children.waitUntil(child, { probe: () => readyLine(child), limitMs: READY_LIMIT_MS });
  return child;
}

async function addAccount(children, env, { id, apiBase }) {
  const code = await children.run({
    name: 'accounts-add',
    command: process.execPath,
    args: [
      join(ROOT, 'client', 'bin.cjs'),
      ...['accounts', 'add', 'stripe', '--id', id],
      ...['--secret-env', 'BENCH_KEY', '--api-base', apiBase],
    ],
    env: { ...env, BENCH_KEY: 'sk_test_bench' },
  });
  if (code !== 0) throw new StackError(`recoup accounts add ended with exit code ${code}.`);
}

/** Waits until the run's row says that it ended, and refuses any end but a complete one. */
async function runEnd(databaseUrl, worker) {
  const database = new pg.Client({ connectionString: databaseUrl });
  await database.connect();
  try {
    for (;;) {
      const { rows } = await database.query(
        'select state, summary, ended_at from run where account_id = $1',
        [ACCOUNT_ID],
      );
      const [run] = rows;
      if (run?.ended_at) {
        if (run.state === 'complete') return run.ended_at;
        throw new StackError(`Recoup's run ended ${run.state}: ${run.summary}`);
      }
      if (worker.ended) throw new StackError(describeEnd(worker));
      await sleep(RUN_POLL_MS);
    }
  } finally {
    await database.end();
  }
}
