/**
 * The sync worker: one process that runs the workflows and steps of syncs and backfills until it is told to stop. It says on
 * stdout, in one JSON line, when it is ready, and logs JSON on stderr. It exits 0 after a drain, 1 when it failed, 2 when it is
 * configured wrongly.
 */
import { makeTelemetryFilterString, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createActivities } from '../activities';
import { ConfigError, loadConfig } from '../config/config';
import { openDatabase } from '../db/database';
import { migrate } from '../db/migrate';
import { createSecretBox } from '../db/secret-box';
import { RecoupError } from '../domain/errors';
import { sentences } from '../domain/words';
import { findProvider } from '../providers/registry';
import { createDuckDbWarehouse } from '../warehouse/duckdb';
import { workflowBundle } from './bundle';
import { heartbeat } from './heartbeat';
import { createLogger, temporalLogger } from './log';
import { payloadGuard } from './payload-guard';
import { drainOnSignal } from './shutdown';

/** Lanes end after the request at hand. What takes longer is given up: its uncommitted pages are read again. */
const DRAIN_LIMIT = '20 seconds';

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

  const db = openDatabase({
    url: config.DATABASE_URL,
    poolSize: config.RECOUP_DATABASE_POOL,
    applicationName: 'recoup-worker',
  });
  for (const name of await migrate(db)) logger.info({ migration: name }, 'migrated');
  const connection = await connect(config.TEMPORAL_ADDRESS);
  const worker = await Worker.create({
    connection,
    namespace: config.TEMPORAL_NAMESPACE,
    taskQueue: config.RECOUP_SYNC_TASK_QUEUE,
    workflowBundle: await workflowBundle(temporalLogger(logger)),
    activities: createActivities({
      db,
      warehouse: createDuckDbWarehouse({ path: config.RECOUP_WAREHOUSE_PATH }),
      secretBox: createSecretBox({
        key: config.RECOUP_SECRET_KEY,
        keyFile: config.RECOUP_SECRET_KEY_FILE,
      }),
      findProvider,
      config,
      logger,
    }),
    interceptors: { activity: [heartbeat] },
    dataConverter: { payloadCodecs: [payloadGuard] },
    shutdownForceTime: DRAIN_LIMIT,
  });
  stop = () => worker.shutdown();
  const running = worker.run();
  process.stdout.write(
    `${JSON.stringify({ ready: true, taskQueue: worker.options.taskQueue, pid: process.pid })}\n`,
  );
  await running;
  await connection.close();
  await db.destroy();
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
