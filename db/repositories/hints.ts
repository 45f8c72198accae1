/**
 * Hints: objects that must be read again by their ids, whoever said so. An object has one row however often it was said; each
 * telling raises its note, and a read answers only what was told before its request.
 */
import { sql, type Kysely, type RawBuilder, type Selectable, type Transaction } from 'kysely';
import { OVERLAP_MS } from '../../domain/sync/versions';
import type { RecordKind } from '../../domain/records';
import { arrayOf } from '../array';
import { executeParts, type Part } from '../parts';
import type { Database, HintTable } from '../schema';
import { keyOf, overlap, sortedByKey, type ObjectKey } from './heads';

export type HintSource = Selectable<HintTable>['source'];

export interface NewHint extends ObjectKey {
  /** The provider's time of the change; null for an object that is only to be read when it never was. */
  readonly changedAt: Date | null;
}

export interface DueHint extends ObjectKey {
  readonly note: bigint;
}

export interface HintScope {
  readonly accountId: string;
  readonly sources: readonly HintSource[];
  /** Resources to leave alone. */
  readonly exceptResources: readonly string[];
}

/** Resources of which a list does not show all that changes with an object. */
export interface Companioned {
  readonly resources: readonly string[];
  /** All lists have been read since this run began to read at this instant of the provider's clock … */
  readonly readSince: Date;
  /** … and all changes before this one were followed up by an earlier run; null where none was. */
  readonly followedUntil: Date | null;
}

/** How long two reads that overlapped are left alone: then the next one is newer than both. */
export const OVERLAP_DELAY_MS = OVERLAP_MS;

/** What others name by id and no list holds: a row that was seen in passing inside another object will do. */
const NAMED_KINDS: readonly RecordKind[] = ['price'];

/** Looked up row by row: of an `exists`, Postgres may make a hash of all that the account has. */
const found = (table: RawBuilder<unknown>, where: RawBuilder<unknown>) =>
  sql<boolean>`coalesce((select true from ${table} as found where ${where} limit 1), false)`;

const isKnown = (hint: string) => {
  const of = (column: string) => sql.ref(`${hint}.${column}`);
  const key = sql`found.account_id = ${of('account_id')} and found.external_id = ${of('external_id')}`;
  const named = NAMED_KINDS.map(
    (kind) => sql`or (${of('resource')} = ${sql.lit(kind)} and ${found(sql.table(kind), key)})`,
  );
  const head = found(sql.table('object_head'), sql`${key} and found.resource = ${of('resource')}`);
  return sql<boolean>`(${head} ${sql.join(named, sql` `)})`;
};

export interface ToldHints {
  readonly accountId: string;
  readonly source: HintSource;
  readonly hints: readonly NewHint[];
  /** Not to be read sooner. */
  readonly delayMs?: number;
}

/** Notes that objects are to be read again. References to objects that are known already say nothing new. */
export const noteHints = (trx: Transaction<Database>, told: ToldHints): Promise<void> =>
  executeParts(trx, notingOf(told));

/** What notes them, as a part of a statement; none for no hints. */
export function notingOf(told: ToldHints): Part[] {
  const { accountId, source, delayMs = 0 } = told;
  const hints = sortedByKey(newestOfEach(told.hints));
  if (hints.length === 0) return [];
  const given = sql`
    select ${accountId}::text as account_id, t.resource, t.external_id, t.changed_at
    from unnest(
      ${arrayOf('text', hints, ({ resource }) => resource)},
      ${arrayOf('text', hints, ({ id }) => id)},
      ${arrayOf('timestamptz', hints, ({ changedAt }) => changedAt)}
    ) as t (resource, external_id, changed_at)`;
  // Hundreds of pages name the same prices: a reference takes no lock on a row that is there.
  const onConflict =
    source === 'reference'
      ? sql`do nothing`
      : sql`(account_id, resource, external_id) do update set
          note = excluded.note,
          -- What any run reads stays so, whoever else tells of it.
          source = case when hint.source in ('overlap', 'reference') then hint.source else excluded.source end,
          changed_at = greatest(hint.changed_at, excluded.changed_at),
          not_before = greatest(hint.not_before, excluded.not_before)`;
  const statement = sql`
    insert into hint (account_id, resource, external_id, changed_at, source, not_before)
    select given.*, ${source}, clock_timestamp() + ${delayMs} * interval '1 millisecond'
    from (${given}) as given
    where ${source !== 'reference'} or not ${isKnown('given')}
    on conflict ${onConflict}`;
  return [{ name: 'noted', statement }];
}

/** Hints that may be read now, the longest untold first. */
export async function listDueHints(
  db: Kysely<Database>,
  options: HintScope & { readonly limit: number },
): Promise<DueHint[]> {
  return oldestDue(db, options).select(['resource', 'external_id as id', 'note']).execute();
}

export interface HintQueue {
  readonly waiting: number;
  /** Until the first of them may be read, 0 when it may be now; null when none waits. */
  readonly nextInMs: number | null;
}

export async function readHintQueue(db: Kysely<Database>, scope: HintScope): Promise<HintQueue> {
  const row = await inScope(db, scope)
    .select((hint) => [
      hint.fn.countAll<bigint>().as('waiting'),
      sql<number | null>`
        ceil(greatest(0, extract(epoch from min(not_before) - clock_timestamp()) * 1000))::float8`.as(
        'nextInMs',
      ),
    ])
    .executeTakeFirstOrThrow();
  const waiting = Number(row.waiting);
  return { waiting, nextInMs: waiting === 0 ? null : row.nextInMs };
}

/**
 * Deletes hints whose object was read since, as its head shows, of as many as are due first. Returns how many those were: where
 * there are some, those that come after them are to be looked at as well.
 */
export async function dropAnsweredHints(
  db: Kysely<Database>,
  options: HintScope & { readonly limit: number; readonly companioned: Companioned },
): Promise<number> {
  const { resources, readSince, followedUntil } = options.companioned;
  const { numAffectedRows } = await sql`
    delete from hint using (${oldestDue(db, options).select(['resource', 'external_id'])}) as due
    where hint.account_id = ${options.accountId} and hint.resource = due.resource
      and hint.external_id = due.external_id and case
      when changed_at is null then ${isKnown('hint')}
      else ${found(
        sql.table('object_head'),
        sql`found.account_id = hint.account_id and found.resource = hint.resource
          and found.external_id = hint.external_id
          and (found.deleted or (found.version >= hint.changed_at + ${overlap} and (
            hint.resource <> all(${resources}::text[])
            or found.version >= ${readSince.toISOString()}::timestamptz
            or hint.changed_at < ${followedUntil?.toISOString() ?? null}::timestamptz)))`,
      )} end`.execute(db);
  return Number(numAffectedRows ?? 0n);
}

/** Deletes hints as far as they were told before the read that answers them. */
export async function deleteHints(
  trx: Transaction<Database>,
  options: { readonly accountId: string; readonly answered: readonly DueHint[] },
): Promise<void> {
  if (options.answered.length === 0) return;
  const answered = sortedByKey(options.answered);
  await sql`
    delete from hint using unnest(
      ${arrayOf('text', answered, ({ resource }) => resource)},
      ${arrayOf('text', answered, ({ id }) => id)},
      ${arrayOf('bigint', answered, ({ note }) => note)}
    ) as t (resource, external_id, note)
    where hint.account_id = ${options.accountId} and hint.resource = t.resource
      and hint.external_id = t.external_id and hint.note <= t.note`.execute(trx);
}

const inScope = (db: Kysely<Database>, { accountId, sources, exceptResources }: HintScope) =>
  db
    .selectFrom('hint')
    .where('account_id', '=', accountId)
    .where('source', '=', sql<HintSource>`any(${sources}::text[])`)
    .where('resource', '<>', sql<string>`all(${exceptResources}::text[])`);

const oldestDue = (db: Kysely<Database>, options: HintScope & { readonly limit: number }) =>
  inScope(db, options)
    .where('not_before', '<=', sql<Date>`clock_timestamp()`)
    .orderBy('note')
    .limit(options.limit);

function newestOfEach(hints: readonly NewHint[]): NewHint[] {
  const newest = new Map<string, NewHint>();
  for (const hint of hints) {
    const known = newest.get(keyOf(hint))?.changedAt;
    if (!known || (hint.changedAt && hint.changedAt > known)) newest.set(keyOf(hint), hint);
  }
  return [...newest.values()];
}
