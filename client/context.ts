/** What commands work with: opened when first asked for, closed when the command ends. */
import type { Kysely } from 'kysely';
import { loadConfig, type Config } from '../config/config';
import { warehouseSettings } from '../config/warehouse';
import { openDatabase } from '../db/database';
import type { Database } from '../db/schema';
import { openWarehouse } from '../warehouse/open';
import type { Warehouse } from '../warehouse/port';
import { Temporal } from './temporal';

/** A command asks a few things at a time. */
const POOL_SIZE = 4;

export interface Context {
  readonly config: Config;
  readonly db: Kysely<Database>;
  /** Opened for each use only. */
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
      warehouse: openWarehouse(warehouseSettings(config)),
      temporal: () => (temporal ??= Temporal.connect(config)),
    });
  } finally {
    await Promise.allSettled([db.destroy(), temporal?.then((open) => open.close())]);
  }
}
