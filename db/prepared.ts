/**
 * Statements over a batch are long, few, and always the same: prepared once on each connection, they spare Postgres a fifth of the
 * work of a commit. All others differ too much, or run too seldom.
 */
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import type { Pool, PoolClient } from 'pg';
import { copyOut, isCopy } from './copy-out';

const OVER_A_BATCH = /\bunnest\(/;

/** Far more than there are: a text that is made anew each time must not fill the memory of the server. */
const MAX_PREPARED = 200;

const names = new Map<string, string>();

function nameOf(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined || names.size >= MAX_PREPARED || !OVER_A_BATCH.test(text)) return known;
  const name = `batch_${names.size + 1}`;
  names.set(text, name);
  return name;
}

/** The pool as kysely sees it. */
export const preparing = (pool: Pool): PostgresPool => ({
  connect: async () => clientOf(await pool.connect()),
  end: () => pool.end(),
});

function clientOf(client: PoolClient): PostgresPoolClient {
  const query = (text: string, parameters: readonly unknown[]) => {
    if (isCopy(text)) return copyOut(client, text);
    const name = nameOf(text);
    return client.query({ text, values: [...parameters], ...(name !== undefined && { name }) });
  };
  // Cursors, the other thing that it takes, are not used here.
  return { query: query as never, release: () => client.release() };
}
