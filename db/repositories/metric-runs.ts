/** Metric runs side by side: what each was computed with, and which rows of the ledger one holds and the other does not. */
import { sql, type Kysely } from 'kysely';
import type { DifferentRow } from '../../domain/metrics/difference';
import { FACT_KINDS } from '../../domain/metrics/facts';
import type { Database } from '../schema';
import type { MetricRun } from './metrics';

/** Finished runs, newest first. */
export const listMetricRuns = (
  db: Kysely<Database>,
  { accountId, limit }: { readonly accountId: string; readonly limit: number },
): Promise<MetricRun[]> =>
  db
    .selectFrom('metric_run')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('finished_at', 'is not', null)
    .orderBy('run', 'desc')
    .limit(limit)
    .execute();

/** One finished run; undefined where there is none of that number. */
export const findMetricRun = (
  db: Kysely<Database>,
  { accountId, run }: { readonly accountId: string; readonly run: bigint },
): Promise<MetricRun | undefined> =>
  db
    .selectFrom('metric_run')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('run', '=', run)
    .where('finished_at', 'is not', null)
    .executeTakeFirst();

/** By customer, currency and time. `limit` is for rows, of which a changed movement has two. */
export async function diffLedger(
  db: Kysely<Database>,
  options: {
    readonly accountId: string;
    readonly older: bigint;
    readonly newer: bigint;
    readonly limit: number;
  },
): Promise<DifferentRow[]> {
  const { accountId, older, newer, limit } = options;
  const { rows } = await sql<DifferentRow>`
    with written as (
      select * from mrr_movement where account_id = ${accountId} and run > ${older} and run <= ${newer}
    ), gone as (
      select movement.*, 'before' as side from mrr_movement as movement
      where movement.account_id = ${accountId} and movement.run <= ${older}
        and movement.id in (select reverses from written)
    ), come as (
      select written.*, 'after' as side from written
      where reverses is null
        and id not in (select reverses from written where reverses is not null)
    )
    select id, side, customer_id as customer, currency, exponent, at,
      to_char(at at time zone account.time_zone, 'YYYY-MM') as month, type,
      delta_minor as "deltaMinor", after_minor as "afterMinor", inputs
    from (select * from gone union all select * from come) as different
    join (select time_zone from account where id = ${accountId}) as account on true
    order by customer_id, currency, at, side desc, id limit ${limit}`.execute(db);
  return rows;
}

/** Those of the records that were read anew, with other content, after an instant by the provider's clock. */
export async function recordsReadSince(
  db: Kysely<Database>,
  options: {
    readonly accountId: string;
    readonly records: readonly string[];
    readonly since: Date;
  },
): Promise<ReadonlySet<string>> {
  const { accountId, records, since } = options;
  const tables = FACT_KINDS.map(
    (kind) => sql`select external_id from ${sql.table(kind)}
      where account_id = ${accountId} and external_id = any(${[...records]}) and version > ${since}`,
  );
  const { rows } = await sql<{ external_id: string }>`
    ${sql.join(tables, sql` union all `)}`.execute(db);
  return new Set(rows.map((row) => row.external_id));
}
