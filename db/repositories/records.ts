import { sql, type Kysely } from 'kysely';
import { RECORD_KINDS, type RecordKind } from '../../domain/records';
import type { Database } from '../schema';

/** Canonical rows of the account, of every kind. */
export async function countRecords(
  db: Kysely<Database>,
  accountId: string,
): Promise<Readonly<Record<RecordKind, number>>> {
  const counts = RECORD_KINDS.map(
    (kind) => sql`select ${kind} as kind, count(*)::int as count
      from ${sql.table(kind)} where account_id = ${accountId}`,
  );
  const { rows } = await sql<{ kind: RecordKind; count: number }>`
    ${sql.join(counts, sql` union all `)}`.execute(db);
  return Object.fromEntries(rows.map(({ kind, count }) => [kind, count])) as Record<
    RecordKind,
    number
  >;
}
