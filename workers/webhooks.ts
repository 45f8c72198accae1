/**
 * The webhook receiver: one process that takes what billing services send, until it is told to stop. It says on stdout, in one
 * JSON line, when it is ready, and logs JSON on stderr. It exits 0 after a drain, 1 when it failed, 2 when it is configured
 * wrongly. Any number can run behind one address.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import type { Kysely } from 'kysely';
import type { Logger } from 'pino';
import { ConfigError, loadConfig, type Config } from '../config/config';
import { openDatabase } from '../db/database';
import { migrate } from '../db/migrate';
import { pruneInbox } from '../db/repositories/webhooks';
import type { Database } from '../db/schema';
import { createSecretBox } from '../db/secret-box';
import { RecoupError } from '../domain/errors';
import { sentences } from '../domain/words';
import { findProvider } from '../providers/registry';
import { createLogger } from './log';
import { drainOnSignal } from './shutdown';
import { createReceiver } from './webhooks/receiver';
import { Waker } from './webhooks/waker';

/** Deliveries are sent again for some days at most. */
const INBOX_RETENTION_MS = 30 * 86_400_000;
const PRUNE_EVERY_MS = 3_600_000;
const PRUNED_AT_ONCE = 10_000;
/** What takes longer is cut off: it was not answered, and is sent again. */
const DRAIN_LIMIT_MS = 20_000;

async function main(): Promise<void> {
  const config = loadConfig();
  const logger = createLogger(config.RECOUP_LOG_LEVEL);
  const db = openDatabase({
    url: config.DATABASE_URL,
    poolSize: config.RECOUP_DATABASE_POOL,
    applicationName: 'recoup-webhooks',
  });
  for (const name of await migrate(db)) logger.info({ migration: name }, 'migrated');
  // Temporal may be away: deliveries are stored all the same.
  const connection = Connection.lazy({ address: config.TEMPORAL_ADDRESS });
  const client = new Client({ connection, namespace: config.TEMPORAL_NAMESPACE });
  const waker = new Waker({ db, client, taskQueue: config.RECOUP_SYNC_TASK_QUEUE, logger });
  const { server, drain } = createReceiver({
    db,
    secretBox: createSecretBox({
      key: config.RECOUP_SECRET_KEY,
      keyFile: config.RECOUP_SECRET_KEY_FILE,
    }),
    findProvider,
    onHints: (account) => waker.tell(account),
    logger,
  });
  const stopped = new Promise<void>((resolve) => drainOnSignal(resolve));
  const url = await listen(server, config);
  process.stdout.write(`${JSON.stringify({ ready: true, url, pid: process.pid })}\n`);
  void waker.sweep();
  const pruning = pruneRegularly(db, logger);

  await stopped;
  clearInterval(pruning);
  const cutOff = setTimeout(() => server.closeAllConnections(), DRAIN_LIMIT_MS);
  await drain();
  clearTimeout(cutOff);
  waker.close();
  await connection.close();
  await db.destroy();
}

async function listen(
  server: ReturnType<typeof createReceiver>['server'],
  { RECOUP_WEBHOOK_HOST: host, RECOUP_WEBHOOK_PORT: port }: Config,
): Promise<string> {
  try {
    server.listen({ host, port });
    await once(server, 'listening');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `It cannot listen: ${why}. Check RECOUP_WEBHOOK_HOST and RECOUP_WEBHOOK_PORT.`,
      { cause },
    );
  }
  const bound = (server.address() as AddressInfo).port;
  return `http://${host.includes(':') ? `[${host}]` : host}:${bound}`;
}

/** Now and every hour, a bounded number of rows: what is left goes the next time. */
function pruneRegularly(db: Kysely<Database>, logger: Logger): NodeJS.Timeout {
  const prune = (): void => {
    pruneInbox(db, { olderThanMs: INBOX_RETENTION_MS, limit: PRUNED_AT_ONCE }).catch(
      (error: unknown) => logger.warn({ err: error }, 'Old deliveries could not be deleted'),
    );
  };
  prune();
  return setInterval(prune, PRUNE_EVERY_MS);
}

function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (error instanceof RecoupError) return sentences(error.message, error.remedy);
  return error instanceof Error ? error.message : String(error);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`recoup webhooks: ${explain(error)}\n`);
    process.exit(error instanceof ConfigError ? 2 : 1);
  },
);
