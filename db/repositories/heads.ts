/**
 * Heads: what the newest read of every object said, in one narrow row each. All writes of an object pass through its row and
 * hold its lock, so that older reads are dropped whatever the order of their commits, and nothing comes back after a tombstone.
 */
import { sql, type Kysely, type Transaction } from 'kysely';
import { OVERLAP_MS, type Comparison } from '../../domain/sync/versions';
import { arrayOf } from '../array';
import type { Database } from '../schema';

export interface ObjectKey {
  readonly resource: string;
  readonly id: string;
}

export interface ObjectRead extends ObjectKey {
  /** The provider's clock at the start of the request that read it. */
  readonly readAt: Date;
  readonly hash: Buffer;
}

export interface Passed<T extends ObjectRead> {
  readonly read: T;
  readonly comparison: Comparison;
  /** The newer of the two versions that were compared. */
  readonly version: Date;
}

export const overlap = sql.raw(`interval '${OVERLAP_MS} milliseconds'`);

/** A tombstone of an object that was never read has no version; one that is older than any stands for it. */
const NEVER_READ = sql.raw(`timestamptz 'epoch'`);

/**
 * Takes reads to their heads. At most one of each object. It is one upsert, since that alone sees rows that others are adding;
 * it cannot tell the old row, and so a head keeps which transaction gave it its content.
 */
export async function passHeads<T extends ObjectRead>(
  trx: Transaction<Database>,
  options: { readonly accountId: string; readonly reads: readonly T[] },
): Promise<Passed<T>[]> {
  if (options.reads.length === 0) return [];
  const reads = sortedByKey(options.reads);
  const { rows } = await sql<{ n: bigint; comparison: Comparison; version: Date }>`
    with given as materialized (
      select * from unnest(
        ${arrayOf('text', reads, ({ resource }) => resource)},
        ${arrayOf('text', reads, ({ id }) => id)},
        ${arrayOf('timestamptz', reads, ({ readAt }) => readAt)},
        ${arrayOf('bytea', reads, ({ hash }) => hash)}
      ) with ordinality as t (resource, external_id, version, hash, n)
    ), passed as (
      insert into object_head as head (account_id, resource, external_id, version, hash, changed_by)
      select ${options.accountId}::text, resource, external_id, version, hash, pg_current_xact_id()
      from given order by n
      on conflict (account_id, resource, external_id) do update set
        (version, hash, changed_by) = (select
          case when head.deleted then head.version
            when newer or head.hash = excluded.hash then greatest(head.version, excluded.version)
            else head.version end,
          case when newer then excluded.hash else head.hash end,
          case when newer and head.hash <> excluded.hash then excluded.changed_by else head.changed_by end
        from (values (not head.deleted and excluded.version >= head.version + ${overlap})) as t (newer))
      returning resource, external_id, version, hash, deleted, changed_by
    )
    select n, greatest(given.version, passed.version) as version, case
        when passed.deleted then 'deleted'
        when passed.hash = given.hash then 'unchanged'
        when given.version > passed.version - ${overlap} then 'overlap'
        else 'stale' end as comparison
    from given join passed using (resource, external_id)
    where passed.changed_by <> pg_current_xact_id()`.execute(trx);
  const others = new Map(rows.map(({ n, ...row }) => [Number(n) - 1, row]));
  return reads.map((read, index) => ({
    read,
    ...(others.get(index) ?? { comparison: 'changed', version: read.readAt }),
  }));
}

/** Writes tombstones. Returns those of objects that had none. */
export async function buryHeads(
  trx: Transaction<Database>,
  options: { readonly accountId: string; readonly gone: readonly ObjectKey[] },
): Promise<ObjectKey[]> {
  if (options.gone.length === 0) return [];
  const gone = sortedByKey(options.gone);
  const { rows } = await sql<ObjectKey>`
    insert into object_head as head (account_id, resource, external_id, version, deleted, changed_by)
    select ${options.accountId}::text, t.resource, t.id, ${NEVER_READ}, true, pg_current_xact_id()
    from unnest(
      ${arrayOf('text', gone, ({ resource }) => resource)},
      ${arrayOf('text', gone, ({ id }) => id)}
    ) with ordinality as t (resource, id, n)
    order by n
    on conflict (account_id, resource, external_id) do update
      set deleted = true, changed_by = excluded.changed_by
      where not head.deleted
    returning resource, external_id as id`.execute(trx);
  return rows;
}

/** Ids that rows of the account name, and that were gone before they could be read; in order. */
export async function listNeverRead(
  db: Kysely<Database>,
  options: { readonly accountId: string; readonly resource: string; readonly limit: number },
): Promise<string[]> {
  const rows = await db
    .selectFrom('object_head')
    .select('external_id')
    .where('account_id', '=', options.accountId)
    .where('resource', '=', options.resource)
    .where('hash', 'is', null)
    .orderBy('external_id')
    .limit(options.limit)
    .execute();
  return rows.map((row) => row.external_id);
}

/** One of each, in the order in which every transaction takes their locks. */
export function sortedByKey<T extends ObjectKey>(objects: readonly T[]): T[] {
  const byKey = new Map(objects.map((object) => [keyOf(object), object]));
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
}

export const keyOf = ({ resource, id }: ObjectKey): string => `${resource} ${id}`;
