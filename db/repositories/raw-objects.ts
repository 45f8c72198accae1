/** Objects as the provider gave them: read back in the batches that they were stored in, or found again by the rows made from them. */
import { sql, type Kysely, type Transaction } from 'kysely';
import { arrayOf } from '../array';
import { unpackBatch } from '../raw-object';
import type { Database } from '../schema';
import { keyOf, type ObjectKey } from './heads';

export interface StoredObject {
  readonly type: string;
  readonly id: string;
  readonly hash: Buffer;
  /** When it was first read as it is. */
  readonly readAt: Date;
  readonly value: unknown;
}

interface StoredPage {
  readonly objects: readonly StoredObject[];
  /** Hand this on as `after`; null when nothing is left. */
  readonly next: bigint | null;
}

/** Everything ever read, in the order of storing; `batches` of it at a time. */
export async function readStoredObjects(
  db: Kysely<Database>,
  options: { readonly accountId: string; readonly after: bigint; readonly batches: number },
): Promise<StoredPage> {
  const { accountId, after } = options;
  const batches = await db
    .selectFrom('raw_batch')
    .select(['id', 'payload'])
    .where('account_id', '=', accountId)
    .where('id', '>', after)
    .orderBy('id')
    .limit(options.batches)
    .execute();
  const { rows } = await sql<
    Omit<StoredObject, 'value'> & { batch: bigint; at: number; size: number | null }
  >`
    select type, external_id as id, hash, read_at as "readAt", batch, at, size
    from raw_object
    where account_id = ${accountId} and batch = any(${batches.map(({ id }) => id)}::bigint[])
    order by batch, at`.execute(db);
  const texts = new Map(batches.map(({ id, payload }) => [id, unpackBatch(payload)]));
  const objects = rows.flatMap(({ batch, at, size, ...object }) => {
    const read = texts.get(batch);
    return read ? [{ ...object, value: read({ at, size }) }] : [];
  });
  return { objects, next: batches.at(-1)?.id ?? null };
}

/** Those of which this very content was never stored. */
export async function notStored<
  T extends { readonly type: string; readonly id: string; readonly hash: Buffer },
>(
  trx: Transaction<Database>,
  { accountId, objects }: { readonly accountId: string; readonly objects: readonly T[] },
): Promise<T[]> {
  const { rows } = await sql<{ type: string; id: string; hash: Buffer }>`
    select raw.type, raw.external_id as id, raw.hash
    from unnest(
      ${arrayOf('text', objects, ({ type }) => type)},
      ${arrayOf('text', objects, ({ id }) => id)},
      ${arrayOf('bytea', objects, ({ hash }) => hash)}
    ) as given (type, external_id, hash)
    join raw_object as raw using (type, external_id, hash)
    where raw.account_id = ${accountId}`.execute(trx);
  const contentOf = ({ type, id, hash }: (typeof rows)[number]) =>
    `${type} ${id} ${hash.toString('hex')}`;
  const stored = new Set(rows.map(contentOf));
  return objects.filter((object) => !stored.has(contentOf(object)));
}

/** Which of these objects have this very content as their newest read; nobody else writes them until the transaction ends. */
export async function holdCurrent(
  trx: Transaction<Database>,
  options: {
    readonly accountId: string;
    readonly objects: readonly (ObjectKey & { readonly hash: Buffer })[];
  },
): Promise<ReadonlySet<string>> {
  const { accountId, objects } = options;
  const { rows } = await sql<ObjectKey>`
    select head.resource, head.external_id as id
    from unnest(
      ${arrayOf('text', objects, ({ resource }) => resource)},
      ${arrayOf('text', objects, ({ id }) => id)},
      ${arrayOf('bytea', objects, ({ hash }) => hash)}
    ) as given (resource, external_id, hash)
    join object_head as head on head.account_id = ${accountId}
      and head.resource = given.resource and head.external_id = given.external_id
      and head.hash = given.hash and not head.deleted
    order by head.resource, head.external_id
    for share of head`.execute(trx);
  return new Set(rows.map(keyOf));
}

/** Objects of the page that a run could only keep raw, as `type id`. */
export async function listNotNormalised(
  db: Kysely<Database>,
  options: { readonly accountId: string; readonly objects: readonly StoredObject[] },
): Promise<ReadonlySet<string>> {
  const { accountId, objects } = options;
  const rows = await db
    .selectFrom('not_normalised')
    .innerJoin('run', 'run.id', 'not_normalised.run_id')
    .select(['type', 'external_id', 'hash'])
    .where('run.account_id', '=', accountId)
    .where('external_id', '=', sql<string>`any(${objects.map(({ id }) => id)})`)
    .execute();
  const named = new Map(rows.map((row) => [`${row.type} ${row.external_id}`, row.hash]));
  return new Set(
    objects.map(({ type, id, hash }) => {
      const key = `${type} ${id}`;
      return named.get(key)?.equals(hash) ? key : '';
    }),
  );
}
