import type { Kysely } from 'kysely';
import { openDatabase } from '../../db/database';
import { migrate } from '../../db/migrate';
import type { Database } from '../../db/schema';
import { createDatabase, type TestDatabase } from './stack';

const POOL_SIZE = 12;

/** A migrated database of its own for a test file. */
export const createMigratedDatabase = (): Promise<TestDatabase> =>
  createDatabase({
    template: 'migrated',
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
