/** What commands work with: opened when first asked for, closed when the command ends. */
import type { Kysely } from 'kysely';
import { loadConfig, type Config } from '../config/config';
import { openDatabase } from '../db/database';
import type { Database } from '../db/schema';
import { createDuckDbWarehouse } from '../warehouse/duckdb';
import type { Warehouse } from '../warehouse/port';
import { Temporal } from './temporal';

/** A command asks a few things at a time. */
const POOL_SIZE = 4;

export interface Context {
  readonly config: Config;
  readonly db: Kysely<Database>;
  /** Opens its file for each use only. */
  readonly warehouse: Warehouse;
  temporal(): Promise<Temporal>;
}

export async function withContext<T>(work: (context: Context) => Promise<T>): Promise<T> {
  const config = loadConfig();
  const db = openDatabase({
    url: config.DATABASE_URL,
    poolSize: Math.min(POOL_SIZE, config.RECOUP_DATABASE_POOL),
    applicationName: 'recoup-cli',
  });
  let temporal: Promise<Temporal> | undefined;
  try {
    return await work({
      config,
      db,
      warehouse: createDuckDbWarehouse({ path: config.RECOUP_WAREHOUSE_PATH }),
      temporal: () => (temporal ??= Temporal.connect(config)),
    });
  } finally {
    await Promise.allSettled([db.destroy(), temporal?.then((open) => open.close())]);
  }
}
