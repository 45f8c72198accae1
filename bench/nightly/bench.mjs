/** The measuring: one night in which every account reads for the first time, then the night that counts, in which nothing is new. */
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { StackError, describeEnd, readyLine } from '../../dev/children.mjs';
import { ROOT } from '../../dev/paths.mjs';
import { WORKER_COMMAND } from '../../dev/worker.mjs';
import { addCounts, countActions, totalOf } from './actions.mjs';
import { keyOf } from './stub.mjs';

const require = createRequire(import.meta.url);
const READY_LIMIT_MS = 120_000;
const POLL_MS = 1_000;
const TASK_QUEUE = 'recoup-bench';
/** How long a night may go without another account coming to its end. */
const STALL_LIMIT_MS = 300_000;

/**
 * @param {{ children: import('../../dev/children.mjs').Children, say: import('../../dev/say.mjs').Say, folder: string, accounts: number,
 *   servers: { databaseUrl: string, temporalAddress: string }, stub: { url: string, requests: () => number } }} options
 */
export async function runBench({ children, say, folder, accounts, servers, stub }) {
  const secretKey = randomBytes(32).toString('hex');
  const env = {
    ...process.env,
    DATABASE_URL: servers.databaseUrl,
    TEMPORAL_ADDRESS: servers.temporalAddress,
    TEMPORAL_NAMESPACE: 'default',
    RECOUP_SYNC_TASK_QUEUE: TASK_QUEUE,
    RECOUP_WAREHOUSE_PATH: join(folder, 'warehouse.duckdb'),
    RECOUP_SECRET_KEY: secretKey,
  };
  const worker = await startWorker(children, env);
  const connection = await Connection.connect({ address: servers.temporalAddress });
  const client = new Client({ connection });
  const database = new pg.Pool({ connectionString: servers.databaseUrl, max: 2 });
  try {
    const ids = Array.from({ length: accounts }, (_, n) => `acct_${String(n).padStart(6, '0')}`);
    await addAccounts(database, ids, { secretKey, apiBase: stub.url });
    const night = (name) => runNight({ client, database, worker, say, name, accounts });
    await night('first');
    const before = stub.requests();
    const { sinceMs, seconds } = await night('idle');
    const requests = stub.requests() - before;
    const result = await count(client, { sinceMs, accounts });
    return { accounts, ...result, seconds, requestsPerAccount: requests / accounts };
  } finally {
    await database.end();
    await connection.close();
    await children.stop(worker);
  }
}

async function startWorker(children, env) {
  const [command, ...args] = WORKER_COMMAND;
  const child = children.spawn({ name: 'worker', command, args, cwd: ROOT, env });
  await children.waitUntil(child, { probe: () => readyLine(child), limitMs: READY_LIMIT_MS });
  return child;
}

async function addAccounts(database, ids, { secretKey, apiBase }) {
  const { createSecretBox } = require('../../dist/db/secret-box');
  const box = createSecretBox({ key: secretKey, keyFile: '' });
  await database.query(
    `insert into account (id, provider, api_base, secret)
     select id, 'stripe', $2, secret from unnest($1::text[], $3::bytea[]) as given (id, secret)`,
    [ids, apiBase, ids.map((id) => box.seal(keyOf(id), id))],
  );
}

async function runNight({ client, database, worker, say, name, accounts }) {
  const step = say.step('Night', `${name} of ${accounts} accounts`);
  const sinceMs = Date.now();
  try {
    const night = client.workflow.execute('nightlySync', {
      workflowId: `nightly/${name}`,
      taskQueue: TASK_QUEUE,
      args: [{}],
    });
    const [{ woken }] = await Promise.all([
      night,
      settled({ database, worker, step, sinceMs, accounts }),
    ]);
    if (woken !== accounts) throw new StackError(`${woken} of ${accounts} accounts were woken.`);
  } finally {
    step.failed();
  }
  const seconds = Math.round((Date.now() - sinceMs) / 1_000);
  say.ready('Night', `${name}: ${accounts} accounts in ${seconds} s`);
  return { sinceMs, seconds };
}

/** Waits until every account is idle again after a sync that began in this night. */
async function settled({ database, worker, step, sinceMs, accounts }) {
  let last = { done: 0, atMs: Date.now() };
  step.watch(() => `${last.done} done`);
  while (last.done < accounts) {
    if (worker.ended) throw new StackError(describeEnd(worker));
    const { rows } = await database.query(
      `select count(*)::integer as done from account
       where state = 'idle' and exists (select from account_transition moved
         where moved.account_id = account.id and moved.to_state = 'idle' and moved.at >= $1)`,
      [new Date(sinceMs)],
    );
    const [{ done }] = rows;
    if (done > last.done) last = { done, atMs: Date.now() };
    if (Date.now() - last.atMs > STALL_LIMIT_MS) {
      throw new StackError(`Only ${done} of ${accounts} accounts came to the end of their night.`);
    }
    await sleep(POLL_MS);
  }
  // The run that continues an account's life as new begins after its last transition.
  await sleep(POLL_MS);
}

async function count(client, { sinceMs, accounts }) {
  const ofAccounts = await countWorkflows(client, { type: 'account', sinceMs });
  const ofNight = addCounts(
    (await countWorkflows(client, { type: 'nightlySync', sinceMs })).values(),
  );
  const perAccount = [...ofAccounts.values()].map(totalOf);
  const byKind = addCounts([...ofAccounts.values(), ofNight]);
  const round = (number) => Number(number.toFixed(2));
  return {
    actionsPerAccount: round(totalOf(byKind) / accounts),
    ofItsOwn: round(perAccount.reduce((a, b) => a + b, 0) / accounts),
    ofNightlySync: round(totalOf(ofNight) / accounts),
    mostOfOneAccount: Math.max(...perAccount),
    byKind: Object.fromEntries(
      Object.entries(byKind).map(([kind, number]) => [kind, round(number / accounts)]),
    ),
  };
}

/** By workflow id, over all runs that were alive since. */
async function countWorkflows(client, { type, sinceMs }) {
  const since = new Date(sinceMs).toISOString();
  const query = `WorkflowType = "${type}" AND (CloseTime >= "${since}" OR ExecutionStatus = "Running")`;
  const byWorkflow = new Map();
  for await (const { workflowId, runId } of client.workflow.list({ query })) {
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    const counts = countActions(events, { sinceMs });
    byWorkflow.set(workflowId, addCounts([byWorkflow.get(workflowId) ?? {}, counts]));
  }
  return byWorkflow;
}
