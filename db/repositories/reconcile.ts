/** What is compared with the provider's own figures, and what is known of each object that differs. */
import { sql, type Kysely } from 'kysely';
import {
  FIGURES,
  type Figure,
  type FigureKind,
  type MrrFigure,
} from '../../domain/reconcile/figures';
import type { ListState } from '../../domain/reconcile/causes';
import { RECORDS } from '../../domain/records';
import { unpackBatch } from '../raw-object';
import { snakeCase, type Database } from '../schema';

/** Objects of one kind that were created in `[from, to)`. */
export async function readFigures(
  db: Kysely<Database>,
  options: {
    readonly accountId: string;
    readonly kind: FigureKind;
    readonly from: Date;
    readonly to: Date;
  },
): Promise<Figure[]> {
  const { accountId, kind, from, to } = options;
  const names = FIGURES[kind];
  const customer = 'customerId' in RECORDS[kind] ? sql`customer_id` : sql`null`;
  const { rows } = await sql<Omit<Figure, 'amounts'> & Record<string, bigint>>`
    select external_id as id, ${customer} as "customerId", created_at as "createdAt", status, currency, exponent,
      ${sql.join(names.map((name) => sql`${sql.ref(snakeCase(name))} as ${sql.ref(name)}`))}
    from ${sql.table(kind)}
    where account_id = ${accountId} and created_at >= ${from} and created_at < ${to}`.execute(db);
  return rows.map(({ id, customerId, createdAt, status, currency, exponent, ...amounts }) => ({
    ...{ id, customerId, createdAt, status, currency, exponent },
    amounts,
  }));
}

/** Of every customer and currency just before an instant, from the ledger. */
export async function readMrrBefore(
  db: Kysely<Database>,
  { accountId, instant }: { readonly accountId: string; readonly instant: Date },
): Promise<MrrFigure[]> {
  const { rows } = await sql<MrrFigure>`
    select customer_id as customer, currency, exponent, sum(delta_minor)::bigint as minor
    from mrr_movement where account_id = ${accountId} and at < ${instant}
    group by customer_id, currency, exponent having sum(delta_minor) <> 0`.execute(db);
  return rows;
}

/** What syncs have read of the account's lists. */
export interface ListsRead {
  /** Up to when: the provider's clock at the start of the newest run; null before the first. */
  readonly until: Date | null;
  /** Changes are known up to here; null where no feed was read. */
  readonly feedAsOf: Date | null;
  /** Lists that their newest run has not read to their end. */
  readonly unread: readonly ListState[];
}

export async function readLists(db: Kysely<Database>, accountId: string): Promise<ListsRead> {
  const [runs, feed, { rows: unread }] = await Promise.all([
    db
      .selectFrom('run')
      .select(({ fn }) => fn.max('until').as('until'))
      .where('account_id', '=', accountId)
      .executeTakeFirst(),
    db
      .selectFrom('change_feed')
      .select('as_of')
      .where('account_id', '=', accountId)
      .executeTakeFirst(),
    sql<ListState>`
      select resource, run_id as run, state, parked_reason as reason from (
        select distinct on (resource) resource, run_id, task.state, parked_reason
        from task join run on run.id = task.run_id
        where account_id = ${accountId}
        order by resource, run.until desc, run.started_at desc, task.state in ('parked', 'skipped') desc
      ) as newest
      where state in ('parked', 'skipped')`.execute(db),
  ]);
  return { until: runs?.until ?? null, feedAsOf: feed?.as_of ?? null, unread };
}

/** Of each creation time of a resource: whether it was read to its end, or comes after all that was. */
export async function readCoverage(
  db: Kysely<Database>,
  options: {
    readonly accountId: string;
    readonly resource: string;
    readonly instants: readonly Date[];
  },
): Promise<('covered' | 'later' | 'outside')[]> {
  const { accountId, resource, instants } = options;
  const { rows } = await sql<{ stands: 'covered' | 'later' | 'outside' }>`
    select case when t.at <@ coverage.ranges then 'covered'
      when t.at >= upper(coverage.ranges) then 'later' else 'outside' end as stands
    from unnest(${instants.map((at) => at.toISOString())}::timestamptz[]) with ordinality as t (at, n)
    left join coverage on account_id = ${accountId} and resource = ${resource}
    order by n`.execute(db);
  return rows.map(({ stands }) => stands);
}

export interface ObjectState {
  readonly buried: boolean;
  readonly waiting: boolean;
}

/** By id; objects that nothing is known of are left out. */
export async function readObjectStates(
  db: Kysely<Database>,
  options: { readonly accountId: string; readonly ids: readonly string[] },
): Promise<Map<string, ObjectState>> {
  const { accountId } = options;
  const which = sql`account_id = ${accountId} and external_id = any(${[...options.ids]}::text[])`;
  const { rows } = await sql<ObjectState & { id: string }>`
    select external_id as id, bool_or(buried) as buried, bool_or(waiting) as waiting from (
      select external_id, deleted as buried, false as waiting from object_head where ${which}
      union all select external_id, false, true from hint where ${which}
    ) as known group by external_id`.execute(db);
  return new Map(rows.map(({ id, ...state }) => [id, state]));
}

/** The object that the row was made from; undefined where it is not kept. */
export async function readRowSource(
  db: Kysely<Database>,
  options: { readonly accountId: string; readonly kind: FigureKind; readonly id: string },
): Promise<{ type: string; id: string; value: Record<string, unknown> } | undefined> {
  const { accountId, kind, id } = options;
  const { rows } = await sql<{ type: string; payload: Buffer; at: number; size: number | null }>`
    select raw.type, payload, at, size
    from ${sql.table(kind)} as record
    join raw_object as raw on raw.account_id = ${accountId}
      and raw.external_id = ${id} and raw.hash = record.raw_hash
    join raw_batch as batch on batch.account_id = ${accountId} and batch.id = raw.batch
    where record.account_id = ${accountId} and record.external_id = ${id}`.execute(db);
  const [row] = rows;
  if (row === undefined) return undefined;
  return { type: row.type, id, value: unpackBatch(row.payload)(row) as Record<string, unknown> };
}

/** What of customers waits for the next computation. */
export async function readCustomerStates(
  db: Kysely<Database>,
  options: { readonly accountId: string; readonly customers: readonly string[] },
): Promise<Map<string, { readonly dirty: boolean; readonly missingPrices: readonly string[] }>> {
  const { accountId, customers } = options;
  const { rows } = await sql<{ customer: string; dirty: boolean; missing: string[] | null }>`
    select customer, missing_prices as missing, exists (
      select from dirty_customer where account_id = ${accountId} and customer_id = customer) as dirty
    from unnest(${[...customers]}::text[]) as t (customer)
    left join metric_customer on account_id = ${accountId} and customer_id = customer`.execute(db);
  return new Map(
    rows.map(({ customer, dirty, missing }) => [customer, { dirty, missingPrices: missing ?? [] }]),
  );
}

export interface UnreadObject {
  readonly type: string;
  readonly id: string;
  readonly reason: string;
  /** Its JSON. */
  readonly text: string;
}

/** Objects whose newest read could only be kept raw: the first ones. */
export async function listUnread(
  db: Kysely<Database>,
  options: { readonly accountId: string; readonly limit: number },
): Promise<UnreadObject[]> {
  const { accountId, limit } = options;
  const { rows } = await sql<
    Omit<UnreadObject, 'text'> & { payload: Buffer; at: number; size: number | null }
  >`
    select distinct on (named.type, named.external_id)
      named.type, named.external_id as id, named.reason, batch.payload, raw.at, raw.size
    from not_normalised as named join run on run.id = named.run_id
    join raw_object as raw on raw.account_id = ${accountId} and raw.type = named.type
      and raw.external_id = named.external_id and raw.hash = named.hash
    join raw_batch as batch on batch.account_id = ${accountId} and batch.id = raw.batch
    where run.account_id = ${accountId} and not exists (
      select from object_head as head
      where head.account_id = ${accountId} and head.external_id = raw.external_id
        and (head.deleted or head.version >= raw.read_at))
    order by named.type, named.external_id, run.started_at desc
    limit ${limit}`.execute(db);
  return rows.map(({ type, id, reason, payload, ...place }) => ({
    ...{ type, id, reason },
    text: JSON.stringify(unpackBatch(payload)(place)),
  }));
}
