/**
 * The commit of pages: raw objects, canonical rows, dirty customers and the tasks' cursors in one transaction, so that
 * whatever happens a cursor never says more than what is stored. Objects that were read by id take the same way.
 */
import { sql, type Kysely, type Transaction } from 'kysely';
import { PARTS, RECORD_KINDS, type CanonicalRecord, type RecordKind } from '../../domain/records';
import { OVERLAP_MS } from '../../domain/sync/versions';
import { arrayOf, storable } from '../array';
import {
  deletePartsExcept,
  deleteRecords,
  insertMentions,
  upsertRecords,
  type SourcedRecord,
  type WrittenRow,
} from '../record-writer';
import { executeParts, type Part } from '../parts';
import { packBatch, type Batch } from '../raw-object';
import type { Database } from '../schema';
import { inTransaction } from '../transaction';
import { advanceTasks, leaseLost, type Advance, type Advanced } from './advance';
import { coverTask } from './coverage';
import { advanceFeed, type FeedTerms } from './feed';
import { buryHeads, keyOf, passHeads, type ObjectKey } from './heads';
import {
  deleteHints,
  noteHints,
  notingOf,
  OVERLAP_DELAY_MS,
  type DueHint,
  type NewHint,
  type ToldHints,
} from './hints';
import { notStored } from './raw-objects';
import type { Lease } from './tasks';

/** Longer words of a provider are cut before they are counted. */
const MAX_UNKNOWN_LENGTH = 200;

/** One object as it was read, packed, with what it was normalised to. */
export interface PageObject {
  readonly resource: string;
  readonly type: string;
  readonly id: string;
  readonly createdAt: Date | null;
  /** The provider's clock at the start of the request: the version of the object. */
  readonly readAt: Date;
  readonly hash: Buffer;
  /** Its JSON text. */
  readonly text: Buffer;
  readonly records: readonly CanonicalRecord[];
  readonly mentions: readonly CanonicalRecord[];
  readonly customerIds: readonly string[];
  readonly hints: readonly NewHint[];
  readonly unknowns: readonly string[];
  /** Why it is kept raw only; null for a normalised one. */
  readonly notNormalised: string | null;
}

export interface PageCommit {
  readonly lease: Lease;
  readonly objects: readonly PageObject[];
  /** The provider's clock at the start of the request that read the page. */
  readonly readAt: Date;
  /** Null when the window is exhausted. */
  readonly nextCursor: string | null;
  readonly oldestCreatedAt: Date | null;
  readonly requests: number;
  /** For a page of the change feed, how far back that reaches; only those of its objects are kept that give records. */
  readonly feed?: Pick<FeedTerms, 'horizonMs'>;
}

/** Objects that were read by their ids, under the lease of a task that has no window to walk. */
export interface ObjectsCommit {
  readonly lease: Lease;
  readonly objects: readonly PageObject[];
  /** Those that the provider does not have, or no longer. */
  readonly gone: readonly ObjectKey[];
  /** The hints that were read, as they were before their requests. */
  readonly answered: readonly DueHint[];
  readonly requests: number;
}

export interface PageCommitted extends Advanced {
  /** Canonical rows inserted, updated or deleted; those of all its pages with the first of a commit. */
  readonly changedRows: number;
}

export type Committed = Pick<PageCommitted, 'objects' | 'changedRows' | 'desired'>;

/**
 * Commits pages of different tasks of one run and resource: the larger the batches, the less each object costs. Errors: lease_lost,
 * when one of the tasks has been claimed again or ended since the lease was given; nothing at all is written then.
 */
export function commitPages(
  db: Kysely<Database>,
  commits: readonly PageCommit[],
): Promise<PageCommitted[]> {
  return inTransaction(db, async (trx) => {
    const [first] = commits;
    if (!first) return [];
    const { lease } = first;
    const isKept = ({ feed }: PageCommit, { records, notNormalised }: PageObject) =>
      !feed || records.length > 0 || notNormalised !== null;
    const kept = commits.flatMap((page) => page.objects.filter((object) => isKept(page, object)));
    const { changedRows, parts } = await storeObjects(trx, lease, kept);
    const passing = commits.flatMap((page) => page.objects.filter((one) => !isKept(page, one)));
    await noteHints(trx, changesOf(lease.accountId, passing));
    await noteHints(trx, referencesOf(lease.accountId, passing));
    const advances = commits.map(advanceOf);
    const advanced = await advanceTasks(trx, { advances, changedRows, parts });
    for (const [index, each] of advanced.entries()) {
      const page = commits[index];
      if (page && each.done) await noteEnd(trx, page, each);
    }
    return advanced.map((each, index) => ({ ...each, changedRows: index === 0 ? changedRows : 0 }));
  });
}

const advanceOf = (page: PageCommit): Advance => ({
  ...page,
  createdAt: page.objects.map(({ createdAt }) => createdAt),
  position: page,
});

/** Errors: lease_lost, as above. */
export function commitObjects(db: Kysely<Database>, commit: ObjectsCommit): Promise<Committed> {
  return inTransaction(db, async (trx) => {
    const { lease, answered, gone } = commit;
    const { accountId } = lease;
    await deleteHints(trx, { accountId, answered });
    const stored = await storeObjects(trx, lease, commit.objects);
    const removedRows = await removeObjects(trx, { accountId, gone });
    const { parts } = stored;
    const changedRows = stored.changedRows + removedRows;
    const newest = Math.max(...commit.objects.map(({ readAt }) => readAt.getTime()));
    const advance: Advance = {
      lease,
      requests: commit.requests,
      // They stand in no window, and count all.
      createdAt: commit.objects.map(() => null),
      readAt: commit.objects.length > 0 ? new Date(newest) : null,
      position: null,
    };
    const [counted] = await advanceTasks(trx, { advances: [advance], changedRows, parts });
    if (!counted) throw leaseLost(lease);
    return { changedRows, objects: counted.objects, desired: counted.desired };
  });
}

/** Stores objects that were read outside of any run; what they change counts as what runs change. */
export function commitSeen(
  db: Kysely<Database>,
  { accountId, objects }: { readonly accountId: string; readonly objects: readonly PageObject[] },
): Promise<void> {
  return inTransaction(db, async (trx) => {
    const { changedRows, parts } = await storeObjects(trx, { accountId, runId: null }, objects);
    await executeParts(trx, parts);
    await countChanges(trx, { accountId, changedRows });
  });
}

/** Notes rows that changed outside of any run: what the warehouse shows may be another now. */
export async function countChanges(
  trx: Transaction<Database>,
  { accountId, changedRows }: { readonly accountId: string; readonly changedRows: number },
): Promise<void> {
  if (changedRows === 0) return;
  await trx
    .updateTable('account')
    .set(({ eb }) => ({ changes: eb('changes', '+', BigInt(changedRows)) }))
    .where('id', '=', accountId)
    .execute();
}

interface Stored {
  /** Canonical rows inserted, updated or deleted. */
  readonly changedRows: number;
  /** What is left to be written, with the last statement of the commit. */
  readonly parts: readonly Part[];
}

/** Passes the objects to their heads and writes what is new. */
async function storeObjects(
  trx: Transaction<Database>,
  { accountId, runId }: { readonly accountId: string; readonly runId: string | null },
  objects: readonly PageObject[],
): Promise<Stored> {
  const { reads, overlapping } = newestOfEach(objects);
  // What could not be normalised gets no head: once it can be, the same content is news.
  const unread = reads.filter(({ notNormalised }) => notNormalised !== null);
  const passed = await passHeads(trx, {
    accountId,
    reads: reads.filter(({ notNormalised }) => notNormalised === null),
  });
  const changed = passed.flatMap(({ read, comparison }) => (comparison === 'changed' ? read : []));
  const raw = [...changed, ...unread];
  // A run reads what is new; what was seen outside of any is often stored already.
  const stored = runId === null ? await notStored(trx, { accountId, objects: raw }) : raw;
  // Other threads compress while Postgres writes the rows. It is awaited after those, or not at all when they fail: nothing may go on
  // in a transaction that is being rolled back.
  const packing = stored.length === 0 ? null : packBatch(stored.map(({ text }) => text));
  packing?.catch(() => undefined);
  const { changedRows, dirtyCustomers } = await writeRecords(trx, accountId, changed);
  await noteHints(trx, changesOf(accountId, raw));
  await noteHints(trx, {
    accountId,
    source: 'overlap',
    hints: [
      ...overlapping.map((object) => ({ ...object, changedAt: object.readAt })),
      ...passed.flatMap(({ read, comparison, version }) =>
        comparison === 'overlap' ? { ...read, changedAt: version } : [],
      ),
    ],
    delayMs: OVERLAP_DELAY_MS,
  });
  // Without a run there is nobody to tell: the next one that reads them does.
  if (runId !== null) {
    await nameNotNormalised(trx, runId, unread);
    await countUnknowns(trx, runId, reads);
  }
  // Last, since pages share customers: other lanes wait for these locks until the commit.
  const parts = [
    ...(packing ? keepingOf(accountId, stored, await packing) : []),
    ...notingOf(referencesOf(accountId, raw)),
    ...markingOf(accountId, dirtyCustomers),
  ];
  return { changedRows, parts };
}

/**
 * The newest read of each object of one commit. Those of which another read, not older by enough to tell, showed something else
 * are named apart.
 */
function newestOfEach(objects: readonly PageObject[]): {
  readonly reads: readonly PageObject[];
  readonly overlapping: readonly PageObject[];
} {
  const newest = new Map<string, PageObject>();
  for (const object of objects) {
    const known = newest.get(keyOf(object));
    if (!known || known.readAt <= object.readAt) newest.set(keyOf(object), object);
  }
  const overlapping = objects.flatMap((object) => {
    const stands = newest.get(keyOf(object));
    if (!stands || stands.hash.equals(object.hash)) return [];
    return stands.readAt.getTime() - object.readAt.getTime() < OVERLAP_MS ? [stands] : [];
  });
  return { reads: [...newest.values()], overlapping };
}

const hintsOf = (objects: readonly PageObject[]) => objects.flatMap(({ hints }) => hints);

const changesOf = (accountId: string, objects: readonly PageObject[]): ToldHints => ({
  accountId,
  source: 'feed',
  hints: hintsOf(objects).filter(({ changedAt }) => changedAt !== null),
});

const referencesOf = (accountId: string, objects: readonly PageObject[]): ToldHints => ({
  accountId,
  source: 'reference',
  hints: hintsOf(objects).filter(({ changedAt }) => changedAt === null),
});

/** What keeps objects raw. */
function keepingOf(
  accountId: string,
  objects: readonly PageObject[],
  { payload, places }: Batch,
): Part[] {
  const batch = sql`
    insert into raw_batch (account_id, payload, encoding)
    values (${accountId}::text, ${payload}::bytea, 'br') returning id`;
  const kept = sql`
    insert into raw_object (account_id, type, external_id, hash, batch, at, size, read_at)
    select ${accountId}::text, t.type, t.id, t.hash, batch.id, t.at, t.size, t.read_at
    from batch, unnest(
      ${arrayOf('text', objects, ({ type }) => type)},
      ${arrayOf('text', objects, ({ id }) => id)},
      ${arrayOf('bytea', objects, ({ hash }) => hash)},
      ${arrayOf('timestamptz', objects, ({ readAt }) => readAt)},
      ${arrayOf('integer', places, (place) => place.at)},
      ${arrayOf('integer', places, (place) => place.size)}
    ) as t (type, id, hash, read_at, at, size)
    on conflict do nothing`;
  return [
    { name: 'batch', statement: batch },
    { name: 'kept', statement: kept },
  ];
}

/** Buries the objects and deletes their rows and those of their parts. Returns how many those were. */
async function removeObjects(
  trx: Transaction<Database>,
  { accountId, gone }: { readonly accountId: string; readonly gone: readonly ObjectKey[] },
): Promise<number> {
  const buried = await buryHeads(trx, { accountId, gone });
  const dirty = new Set<string>();
  let changedRows = 0;
  for (const kind of RECORD_KINDS) {
    // The main kind of a resource's objects has the resource's name.
    const owner = PARTS[kind]?.owner ?? kind;
    const ids = buried.flatMap(({ resource, id }) => (resource === owner ? [id] : []));
    const removed = await deleteRecords(trx, { accountId, kind, owners: ids });
    changedRows += removed.rows;
    for (const customer of removed.customerIds) dirty.add(customer);
  }
  await markDirty(trx, accountId, dirty);
  return changedRows;
}

const recordKey = (record: { readonly kind: RecordKind; readonly id: string }): string =>
  `${record.kind} ${record.id}`;

async function writeRecords(
  trx: Transaction<Database>,
  accountId: string,
  objects: readonly PageObject[],
): Promise<{ changedRows: number; dirtyCustomers: Set<string> }> {
  const records = byKind(objects, ({ records: own }) => own);
  const known = new Set(objects.flatMap((object) => object.records.map(recordKey)));
  const mentions = byKind(objects, (object) =>
    object.mentions.filter((mention) => !known.has(recordKey(mention))),
  );
  /** By record, whether its row is new. */
  const changed = new Map<string, boolean>();
  const note = (kind: RecordKind, rows: readonly WrittenRow[]) => {
    for (const { id, added } of rows) changed.set(recordKey({ kind, id }), added);
  };
  let deletedParts = 0;

  // RECORDS names owners before their parts; all transactions write the kinds in this one order.
  for (const kind of RECORD_KINDS) {
    const ofKind = records.get(kind) ?? [];
    const part = PARTS[kind];
    if (!part) {
      note(kind, await upsertRecords(trx, { accountId, kind, records: ofKind }));
      continue;
    }
    // Parts follow their owner: with an owner that did not change, or that was read later elsewhere, they have nothing to say.
    const ownerOf = (record: CanonicalRecord) =>
      String((record.fields as Readonly<Record<string, unknown>>)[part.ownerField]);
    const current = ofKind.filter(({ record }) => {
      const owner = recordKey({ kind: part.owner, id: ownerOf(record) });
      return !known.has(owner) || changed.has(owner);
    });
    note(kind, await upsertRecords(trx, { accountId, kind, records: current }));
    // A new row has no parts that could be too many.
    const owners = (records.get(part.owner) ?? [])
      .map(({ record }) => record)
      .filter((record) => changed.get(recordKey(record)) === false)
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
        [...object.records, ...object.mentions].some((r) => changed.has(recordKey(r))),
      )
      .flatMap(({ customerIds }) => customerIds),
  );
  return { changedRows: changed.size + deletedParts, dirtyCustomers };
}

/** Records by kind, each with the object that it came from. */
export function byKind(
  objects: readonly PageObject[],
  recordsOf: (object: PageObject) => readonly CanonicalRecord[],
): Map<RecordKind, SourcedRecord[]> {
  const kinds = new Map<RecordKind, SourcedRecord[]>();
  for (const object of objects) {
    for (const record of recordsOf(object)) {
      const sourced = { record, hash: object.hash, version: object.readAt };
      const known = kinds.get(record.kind);
      if (known) known.push(sourced);
      else kinds.set(record.kind, [sourced]);
    }
  }
  return kinds;
}

/** Marks customers whose metrics are to be computed again. */
export const markDirty = (
  trx: Transaction<Database>,
  accountId: string,
  customerIds: ReadonlySet<string>,
): Promise<void> => executeParts(trx, markingOf(accountId, customerIds));

function markingOf(accountId: string, customerIds: ReadonlySet<string>): Part[] {
  if (customerIds.size === 0) return [];
  const statement = sql`
    insert into dirty_customer (account_id, customer_id)
    select ${accountId}::text, t.id from unnest(${arrayOf('text', [...customerIds].sort(), (id) => id)}) as t (id)
    on conflict (account_id, customer_id) do update set marked_at = excluded.marked_at`;
  return [{ name: 'marked', statement }];
}

async function nameNotNormalised(
  trx: Transaction<Database>,
  runId: string,
  objects: readonly PageObject[],
): Promise<void> {
  const named = new Map(
    objects.flatMap(({ type, id, hash, notNormalised: reason }) => {
      if (reason === null) return [];
      const key = { type: storable(type), external_id: storable(id) };
      return [[`${key.type} ${key.external_id}`, { ...key, hash, reason: storable(reason) }]];
    }),
  );
  if (named.size === 0) return;
  const rows = [...named.values()].map((row) => ({ run_id: runId, ...row }));
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

async function countUnknowns(
  trx: Transaction<Database>,
  runId: string,
  objects: readonly PageObject[],
): Promise<void> {
  const counts = new Map<string, { type: string; value: string; count: number }>();
  for (const { type: word, unknowns } of objects) {
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
    .values(sorted.map((row) => ({ run_id: runId, ...row })))
    .onConflict((conflict) =>
      conflict.columns(['run_id', 'type', 'value']).doUpdateSet((row) => ({
        count: sql`${row.ref('unknown_value.count')} + ${row.ref('excluded.count')}`,
      })),
    )
    .execute();
}

/** A window that is read to its end is covered, or the change feed followed so far. */
async function noteEnd(
  trx: Transaction<Database>,
  { lease, readAt, feed }: PageCommit,
  { windowFrom }: Advanced,
): Promise<void> {
  if (!feed) return coverTask(trx, lease.taskId);
  if (!windowFrom) return;
  const window = { from: windowFrom, to: lease.windowTo };
  await advanceFeed(trx, { accountId: lease.accountId, ...window, readAt, ...feed });
}
