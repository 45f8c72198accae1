import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Kysely } from 'kysely';
import { openDatabase } from '../../db/database';
import { migrate } from '../../db/migrate';
import type { Database } from '../../db/schema';
import { createDatabase, type TestDatabase } from './stack';

const POOL_SIZE = 12;

const MIGRATIONS = join(__dirname, '../../db/migrations');

/** What the migrations say names their template: a server may serve several working copies. */
const editionOf = (folder: string): string =>
  readdirSync(folder)
    .sort()
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join();

/** A migrated database of its own for a test file. */
export const createMigratedDatabase = (): Promise<TestDatabase> =>
  createDatabase({
    template: `migrated ${editionOf(MIGRATIONS)}`,
    fill: async (url) => {
      const db = openDatabase({ url, poolSize: 1 });
      await migrate(db);
      await db.destroy();
    },
  });

/** The same, opened; end with `close()`. */
export async function openTestDatabase(): Promise<{
  readonly db: Kysely<Database>;
  readonly url: string;
  close(): Promise<void>;
}> {
  const { url, drop } = await createMigratedDatabase();
  const db = openDatabase({ url, poolSize: POOL_SIZE });
  return {
    db,
    url,
    close: async () => {
      await db.destroy();
      await drop();
    },
  };
}
