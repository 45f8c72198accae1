import { sql, type RawBuilder, type Transaction } from 'kysely';
import type { Database } from './schema';

/** A statement that others of its kind may name in a `from`. */
export interface Part {
  readonly name: string;
  readonly statement: RawBuilder<unknown>;
}

/**
 * Runs statements that write different tables as one: each of its own would wait for its turn in a process that is busy with pages,
 * while Postgres waits for it.
 */
export async function executeParts(
  trx: Transaction<Database>,
  parts: readonly Part[],
): Promise<void> {
  if (parts.length === 0) return;
  const named = parts.map(({ name, statement }) => sql`${sql.ref(name)} as (${statement})`);
  await sql`with ${sql.join(named)} select 1`.execute(trx);
}
