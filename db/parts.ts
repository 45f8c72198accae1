import { sql, type RawBuilder, type Transaction } from 'kysely';
import type { Database } from './schema';

/** A statement that others of its kind may name in a `from`. */
export interface Part {
  readonly name: string;
  readonly statement: RawBuilder<unknown>;
}

/**
 * Runs statements that write different tables as one: each of its own would wait for its turn in a process that is busy with pages,
 * while Postgres waits for it. Returns the rows of the last one, which may name the others too.
 */
export async function executeWithParts<Row>(
  trx: Transaction<Database>,
  parts: readonly Part[],
  last: RawBuilder<Row>,
): Promise<Row[]> {
  const named = parts.map(({ name, statement }) => sql`${sql.ref(name)} as (${statement})`);
  const { rows } = await sql<Row>`with ${sql.join(named)} ${last}`.execute(trx);
  return rows;
}

/** The same for parts alone. */
export async function executeParts(
  trx: Transaction<Database>,
  parts: readonly Part[],
): Promise<void> {
  if (parts.length > 0) await executeWithParts(trx, parts, sql`select 1`);
}
