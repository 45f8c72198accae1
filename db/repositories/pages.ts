/**
 * The commit of one page: raw objects, canonical rows, dirty customers and the task's cursor in one transaction, so that
 * whatever happens a cursor never says more than what is stored. Objects that were read by id take the same way.
 */
import { sql, type Kysely, type Transaction } from 'kysely';
import { RecoupError } from '../../domain/errors';
import { PARTS, RECORD_KINDS, type CanonicalRecord, type RecordKind } from '../../domain/records';
import type { Desired } from '../../domain/sync/run';
import { deletePartsExcept, insertMentions, storable, upsertRecords } from '../record-writer';
import type { SourcedRecord } from '../record-writer';
import type { Database } from '../schema';
import { inTransaction } from '../transaction';
import { readDesired } from './runs';
import { LEASE_SECONDS, type Lease } from './tasks';

/** Longer words of a provider are cut before they are counted. */
const MAX_UNKNOWN_LENGTH = 200;

/** One object of a page, packed, with what it was normalised to. */
export interface PageObject {
  readonly type: string;
  readonly id: string;
  readonly createdAt: Date | null;
  readonly hash: Buffer;
  readonly payload: Buffer;
  readonly records: readonly CanonicalRecord[];
  readonly mentions: readonly CanonicalRecord[];
  readonly customerIds: readonly string[];
  readonly unknowns: readonly string[];
  /** Why it is kept raw only; null for a normalised one. */
  readonly notNormalised: string | null;
}

export interface ObjectsCommit {
  readonly accountId: string;
  readonly runId: string;
  readonly objects: readonly PageObject[];
  /** The version of all of them. */
  readonly readAt: Date;
}

export interface PageCommit extends Omit<ObjectsCommit, 'accountId' | 'runId'> {
  readonly lease: Lease;
  /** Null when the window is exhausted. */
  readonly nextCursor: string | null;
  readonly oldestCreatedAt: Date | null;
  readonly requests: number;
}

export interface PageCommitted {
  /** Objects of the task's window: those before it are another task's to count. */
  readonly objects: number;
  /** Canonical rows inserted, updated or deleted. */
  readonly changedRows: number;
  /** Whether the task's window is read to its end. */
  readonly done: boolean;
  /** Where the task's window starts now: another lane may have taken its older part. */
  readonly windowFrom: Date | null;
  /** What is wanted of the run, by its own word and the account's. */
  readonly desired: Desired;
}

/** Errors: lease_lost, when the task has been claimed again or ended since the lease was given; nothing is written then. */
export function commitPage(db: Kysely<Database>, commit: PageCommit): Promise<PageCommitted> {
  const { accountId, runId } = commit.lease;
  return inTransaction(db, async (trx) => {
    const changedRows = await storeObjects(trx, { ...commit, accountId, runId });
    return { changedRows, ...(await advanceTask(trx, commit, changedRows)) };
  });
}

/** Commits objects that were read one by one, outside of any window, and so without a task. */
export function commitObjects(
  db: Kysely<Database>,
  commit: ObjectsCommit,
): Promise<Pick<PageCommitted, 'changedRows' | 'desired'>> {
  return inTransaction(db, async (trx) => ({
    changedRows: await storeObjects(trx, commit),
    desired: await readDesired(trx, commit.runId),
  }));
}

/** Returns how many canonical rows changed. */
async function storeObjects(trx: Transaction<Database>, commit: ObjectsCommit): Promise<number> {
  await insertRawObjects(trx, commit);
  const { changedRows, dirtyCustomers } = await writeRecords(trx, commit);
  await markDirty(trx, commit.accountId, dirtyCustomers);
  await nameNotNormalised(trx, commit);
  await countUnknowns(trx, commit);
  return changedRows;
}

async function insertRawObjects(trx: Transaction<Database>, commit: ObjectsCommit): Promise<void> {
  const { accountId, objects } = commit;
  if (objects.length === 0) return;
  // The payloads travel as one binary value that is cut in the database: an array of them would be sent as hexadecimal text.
  let at = 1;
  const cuts = objects.map(({ payload }) => {
    const cut = { at, size: payload.length };
    at += payload.length;
    return cut;
  });
  await sql`
    insert into raw_object (account_id, type, external_id, hash, payload, encoding, read_at)
    select ${accountId}::text, t.type, t.id, t.hash,
      substring(${Buffer.concat(objects.map(({ payload }) => payload))}::bytea from t.at for t.size),
      'br', ${commit.readAt.toISOString()}::timestamptz
    from unnest(
      ${objects.map(({ type }) => storable(type))}::text[],
      ${objects.map(({ id }) => storable(id))}::text[],
      ${objects.map(({ hash }) => hash)}::bytea[],
      ${cuts.map((cut) => cut.at)}::integer[],
      ${cuts.map((cut) => cut.size)}::integer[]
    ) as t (type, id, hash, at, size)
    on conflict do nothing`.execute(trx);
}

const keyOf = (record: { readonly kind: RecordKind; readonly id: string }): string =>
  `${record.kind} ${record.id}`;

async function writeRecords(
  trx: Transaction<Database>,
  { accountId, objects, readAt: version }: ObjectsCommit,
): Promise<{ changedRows: number; dirtyCustomers: Set<string> }> {
  const records = byKind(objects, ({ records: own }) => own);
  const known = new Set(objects.flatMap((object) => object.records.map(keyOf)));
  const mentions = byKind(objects, (object) =>
    object.mentions.filter((mention) => !known.has(keyOf(mention))),
  );
  const changed = new Set<string>();
  const note = (kind: RecordKind, ids: readonly string[]) => {
    for (const id of ids) changed.add(keyOf({ kind, id }));
  };
  let deletedParts = 0;

  // RECORDS names owners before their parts; all transactions write the kinds in this one order.
  for (const kind of RECORD_KINDS) {
    const ofKind = records.get(kind) ?? [];
    const part = PARTS[kind];
    if (!part) {
      note(kind, await upsertRecords(trx, { accountId, version, kind, records: ofKind }));
      continue;
    }
    // Parts follow their owner: with an owner that did not change, or that was read later elsewhere, they have nothing to say.
    const ownerOf = (record: CanonicalRecord) =>
      String((record.fields as Readonly<Record<string, unknown>>)[part.ownerField]);
    const current = ofKind.filter(({ record }) => {
      const owner = keyOf({ kind: part.owner, id: ownerOf(record) });
      return !known.has(owner) || changed.has(owner);
    });
    note(kind, await upsertRecords(trx, { accountId, version, kind, records: current }));
    const owners = (records.get(part.owner) ?? [])
      .map(({ record }) => record)
      .filter((record) => changed.has(keyOf(record)))
      .map(({ id }) => id);
    if (owners.length > 0) {
      const keep = current.map(({ record }) => record.id);
      deletedParts += await deletePartsExcept(trx, { accountId, kind, owners, keep });
    }
  }
  for (const kind of RECORD_KINDS) {
    const ofKind = mentions.get(kind) ?? [];
    note(kind, await insertMentions(trx, { accountId, kind, records: ofKind }));
  }

  const dirtyCustomers = new Set(
    objects
      .filter((object) =>
        [...object.records, ...object.mentions].some((r) => changed.has(keyOf(r))),
      )
      .flatMap(({ customerIds }) => customerIds),
  );
  return { changedRows: changed.size + deletedParts, dirtyCustomers };
}

function byKind(
  objects: readonly PageObject[],
  recordsOf: (object: PageObject) => readonly CanonicalRecord[],
): Map<RecordKind, SourcedRecord[]> {
  const kinds = new Map<RecordKind, SourcedRecord[]>();
  for (const object of objects) {
    for (const record of recordsOf(object)) {
      const sourced = { record, hash: object.hash };
      const known = kinds.get(record.kind);
      if (known) known.push(sourced);
      else kinds.set(record.kind, [sourced]);
    }
  }
  return kinds;
}

async function markDirty(
  trx: Transaction<Database>,
  accountId: string,
  customerIds: ReadonlySet<string>,
): Promise<void> {
  if (customerIds.size === 0) return;
  await sql`
    insert into dirty_customer (account_id, customer_id)
    select ${accountId}::text, t.id from unnest(${[...customerIds].map(storable).sort()}::text[]) as t (id)
    on conflict (account_id, customer_id) do update set marked_at = excluded.marked_at`.execute(
    trx,
  );
}

async function nameNotNormalised(trx: Transaction<Database>, commit: ObjectsCommit): Promise<void> {
  const named = new Map(
    commit.objects.flatMap(({ type, id, hash, notNormalised: reason }) => {
      if (reason === null) return [];
      const key = { type: storable(type), external_id: storable(id) };
      return [[`${key.type} ${key.external_id}`, { ...key, hash, reason: storable(reason) }]];
    }),
  );
  if (named.size === 0) return;
  const rows = [...named.values()].map((row) => ({ run_id: commit.runId, ...row }));
  await trx
    .insertInto('not_normalised')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['run_id', 'type', 'external_id']).doUpdateSet((row) => ({
        hash: row.ref('excluded.hash'),
        reason: row.ref('excluded.reason'),
      })),
    )
    .execute();
}

async function countUnknowns(trx: Transaction<Database>, commit: ObjectsCommit): Promise<void> {
  const counts = new Map<string, { type: string; value: string; count: number }>();
  for (const { type: word, unknowns } of commit.objects) {
    const type = storable(word);
    for (const unknown of unknowns) {
      const value = storable(unknown).slice(0, MAX_UNKNOWN_LENGTH);
      const known = counts.get(`${type} ${value}`);
      if (known) known.count += 1;
      else counts.set(`${type} ${value}`, { type, value, count: 1 });
    }
  }
  if (counts.size === 0) return;
  const sorted = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  await trx
    .insertInto('unknown_value')
    .values(sorted.map((row) => ({ run_id: commit.runId, ...row })))
    .onConflict((conflict) =>
      conflict.columns(['run_id', 'type', 'value']).doUpdateSet((row) => ({
        count: sql`${row.ref('unknown_value.count')} + ${row.ref('excluded.count')}`,
      })),
    )
    .execute();
}

async function advanceTask(
  trx: Transaction<Database>,
  commit: PageCommit,
  changedRows: number,
): Promise<Omit<PageCommitted, 'changedRows'>> {
  const { lease, nextCursor, oldestCreatedAt } = commit;
  const readAt = commit.readAt.toISOString();
  const oldest = oldestCreatedAt?.toISOString() ?? null;
  const inWindow = sql`(
    select count(*) from unnest(${commit.objects.map(({ createdAt }) => createdAt?.toISOString() ?? null)}::timestamptz[]) as t (at)
    where t.at is null or window_from is null or t.at >= window_from)`;
  const { rows } = await sql<{
    objects: bigint;
    window_from: Date | null;
    done: boolean;
    run_desired: Desired;
    account_desired: Desired;
  }>`
    update task set
      cursor = ${nextCursor}::text,
      last_seen = coalesce(${oldest}::timestamptz, last_seen),
      read_as_of = coalesce(read_as_of, ${readAt}::timestamptz),
      state = case when ${nextCursor}::text is null or ${oldest}::timestamptz < window_from
        then 'done' else 'open' end,
      lease_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS}),
      pages = pages + 1,
      objects = objects + ${inWindow},
      requests = requests + ${commit.requests},
      changed_rows = changed_rows + ${changedRows}
    where id = ${lease.taskId} and fence = ${lease.fence} and state = 'open'
    returning window_from, state = 'done' as done, ${inWindow} as objects,
      (select desired from run where id = ${lease.runId}) as run_desired,
      (select desired from account where id = ${lease.accountId}) as account_desired`.execute(trx);
  const row = rows[0];
  if (!row) {
    throw new RecoupError(
      'lease_lost',
      `Task ${lease.taskId} (${lease.resource}) is no longer held: nothing of the page was written.`,
    );
  }
  if (row.done) {
    await sql`
      insert into coverage (account_id, resource, ranges)
      select ${lease.accountId}, resource, tstzmultirange(tstzrange(window_from, window_to))
      from task where id = ${lease.taskId}
      on conflict (account_id, resource) do update set ranges = coverage.ranges + excluded.ranges`.execute(
      trx,
    );
  }
  return {
    objects: Number(row.objects),
    done: row.done,
    windowFrom: row.window_from,
    desired: row.run_desired === 'run' ? row.account_desired : row.run_desired,
  };
}
