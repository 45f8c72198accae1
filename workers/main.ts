/**
 * The sync worker: one process that runs the workflows and steps of syncs and backfills until it is told to stop. It says on
 * stdout, in one JSON line, when it is ready, and logs JSON on stderr. It exits 0 after a drain, 1 when it failed, 2 when it is
 * configured wrongly.
 */
import { Client } from '@temporalio/client';
import {
  makeTelemetryFilterString,
  NativeConnection,
  Runtime,
  Worker,
  type WorkerOptions,
} from '@temporalio/worker';
import { createActivities } from '../activities';
import { ConfigError, loadConfig } from '../config/config';
import { warehouseSettings } from '../config/warehouse';
import { openDatabase } from '../db/database';
import { migrate } from '../db/migrate';
import { createSecretBox } from '../db/secret-box';
import { RecoupError } from '../domain/errors';
import { sentences } from '../domain/words';
import { findProvider } from '../providers/registry';
import { openWarehouse } from '../warehouse/open';
import { walkTaskQueue } from '../workflows/contract';
import { workflowBundle } from './bundle';
import { createCaseRunners } from './case-runners';
import { heartbeat } from './heartbeat';
import { createLogger, temporalLogger } from './log';
import { payloadGuard } from './payload-guard';
import { drainOnSignal } from './shutdown';
import { wakeAccount } from './wake';

/** Lanes end after the request at hand. What takes longer is given up: its uncommitted pages are read again. */
const DRAIN_LIMIT = '20 seconds';

/** Quick steps have connections of their own, a quarter as many. */
const STEPS_POOL_SHARE = 4;

/** Beats reach Temporal at least this far apart. */
const HEARTBEAT_INTERVAL = '2 seconds';

async function main(): Promise<void> {
  const config = loadConfig();
  const logger = createLogger(config.RECOUP_LOG_LEVEL);
  Runtime.install({
    logger: temporalLogger(logger),
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: 'WARN' }), forward: {} },
    },
    // Signals are handled here, so that a second one ends the process.
    shutdownSignals: [],
  });
  // Until there is a worker, nothing has to be drained.
  let stop = (): void => process.exit(0);
  drainOnSignal(() => stop());

  const pool = (poolSize: number) =>
    openDatabase({ url: config.DATABASE_URL, poolSize, applicationName: 'recoup-worker' });
  const db = pool(config.RECOUP_DATABASE_POOL);
  const stepsDb = pool(Math.ceil(config.RECOUP_DATABASE_POOL / STEPS_POOL_SHARE));
  for (const name of await migrate(db)) logger.info({ migration: name }, 'migrated');
  const connection = await connect(config.TEMPORAL_ADDRESS);
  const taskQueue = config.RECOUP_SYNC_TASK_QUEUE;
  const client = new Client({ connection, namespace: config.TEMPORAL_NAMESPACE });
  const deps = {
    warehouse: openWarehouse(warehouseSettings(config)),
    secretBox: createSecretBox({
      key: config.RECOUP_SECRET_KEY,
      keyFile: config.RECOUP_SECRET_KEY_FILE,
    }),
    findProvider,
    config,
    wakeAccount: (account: string, { to }: { readonly to: string }) =>
      wakeAccount({ client, taskQueue }, account, { what: 'sync', to }),
    cases: createCaseRunners({ client, taskQueue }),
    logger,
  };
  const common = {
    connection,
    namespace: config.TEMPORAL_NAMESPACE,
    interceptors: { activity: [heartbeat] },
    dataConverter: { payloadCodecs: [payloadGuard] },
    shutdownForceTime: DRAIN_LIMIT,
    // Left alone, the SDK holds beats back for most of the timeout, so that one late beat would look like a dead worker.
    maxHeartbeatThrottleInterval: HEARTBEAT_INTERVAL,
  } satisfies Partial<WorkerOptions>;
  const workers = [
    await Worker.create({
      ...common,
      taskQueue,
      workflowBundle: await workflowBundle(temporalLogger(logger)),
      maxCachedWorkflows: config.RECOUP_CACHED_WORKFLOWS,
      maxConcurrentActivityTaskExecutions: config.RECOUP_STEPS,
      activities: createActivities({ ...deps, db: stepsDb }),
    }),
    await Worker.create({
      ...common,
      taskQueue: walkTaskQueue(taskQueue),
      maxConcurrentActivityTaskExecutions: config.RECOUP_WALKS,
      activities: createActivities({ ...deps, db }),
    }),
  ];
  stop = () => workers.forEach((worker) => worker.shutdown());
  const running = Promise.all(workers.map((worker) => worker.run()));
  process.stdout.write(`${JSON.stringify({ ready: true, taskQueue, pid: process.pid })}\n`);
  await running;
  await connection.close();
  await Promise.all([db.destroy(), stepsDb.destroy()]);
}

async function connect(address: string): Promise<NativeConnection> {
  try {
    return await NativeConnection.connect({ address });
  } catch (cause) {
    throw new StartError(`Temporal does not answer at ${address}. Check TEMPORAL_ADDRESS.`, cause);
  }
}

/** Something outside is missing; the message says what. */
class StartError extends Error {
  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'StartError';
  }
}

function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof StartError) return error.message;
  if (error instanceof RecoupError) return sentences(error.message, error.remedy);
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`recoup worker: ${explain(error)}\n`);
    process.exit(error instanceof ConfigError ? 2 : 1);
  },
);
