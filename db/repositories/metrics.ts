/**
 * The metrics of an account: runs, what was derived for each customer, and the ledger.
 *
 * A metric run has a number, 1, 2, 3 … by account, that is load id and watermark of what is loaded from it. A run is made
 * whenever something changed that the warehouse shows: a customer was recomputed, or invoices, payments, customers or rates of
 * exchange differ from what the last run saw, or a month has begun. When nothing did, the last run stands.
 */
import { sql, type Kysely, type Selectable, type Transaction } from 'kysely';
import { RecoupError } from '../../domain/errors';
import type { CustomerMetrics } from '../../domain/metrics/customer-metrics';
import { ENGINE_VERSION } from '../../domain/metrics/policy';
import { insertMetricRows, type MetricRow } from '../metric-writer';
import type { MetricRunTable, MetricTables } from '../metrics-schema';
import type { Database } from '../schema';
import type { StoredPolicy } from './metric-policies';

export type MetricRun = Selectable<MetricRunTable>;

/** SQLSTATE of a statement that was cancelled because it took too long. */
const STATEMENT_CANCELED = '57014';

/** Runs `work` while nobody else computes the metrics of this account. Errors: lease_lost when another one takes too long. */
export async function withMetricsLock<T>(
  db: Kysely<Database>,
  accountId: string,
  work: (connection: Kysely<Database>) => Promise<T>,
): Promise<T> {
  return db.connection().execute(async (connection) => {
    const key = sql`hashtextextended(${`metrics/${accountId}`}, 0)`;
    try {
      await sql`select pg_advisory_lock(${key})`.execute(connection);
    } catch (error) {
      if ((error as { code?: unknown }).code !== STATEMENT_CANCELED) throw error;
      throw new RecoupError('lease_lost', `The metrics of ${accountId} are being computed.`);
    }
    try {
      return await work(connection);
    } finally {
      await sql`select pg_advisory_unlock(${key})`.execute(connection);
    }
  });
}

/** The newest run that was finished; null before the first. */
export async function lastMetricRun(
  db: Kysely<Database>,
  accountId: string,
): Promise<MetricRun | null> {
  const run = await db
    .selectFrom('metric_run')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('finished_at', 'is not', null)
    .orderBy('run', 'desc')
    .limit(1)
    .executeTakeFirst();
  return run ?? null;
}

/**
 * Whether the same facts would give the same figures today. The newest run tells, finished or not: one that was cut short under
 * another policy has left customers of that policy behind.
 */
export async function isOfThisEdition(
  db: Kysely<Database>,
  { accountId, policy }: { readonly accountId: string; readonly policy: StoredPolicy },
): Promise<boolean> {
  const newest = await db
    .selectFrom('metric_run')
    .select(['policy_hash', 'engine_version'])
    .where('account_id', '=', accountId)
    .orderBy('run', 'desc')
    .limit(1)
    .executeTakeFirst();
  return newest?.policy_hash === policy.hash && newest.engine_version === ENGINE_VERSION;
}

/** What the metrics of an account depend on beside the customers marked dirty. */
export interface MetricInputs {
  /** Up to when the account is known, by the provider's clock. */
  readonly asOf: Date;
  readonly timeZone: string;
  /** Changes with every change of what the warehouse shows beside the ledger. */
  readonly digest: string;
}

/** Costs the same however much the account holds. Errors: unknown_account. */
export async function readMetricInputs(
  db: Kysely<Database>,
  accountId: string,
): Promise<MetricInputs> {
  const { rows } = await sql<MetricInputs>`
    select as_of as "asOf", time_zone as "timeZone",
      concat_ws(' ', changes, time_zone, to_char(as_of at time zone time_zone, 'YYYY-MM'), rates) as digest
    from (
      select time_zone, (
          select max(edition) from fx_rate where reporting_currency = (
            select document ->> 'reportingCurrency' from metric_policy
            where account_id = account.id order by version desc limit 1)) as rates,
        changes + coalesce(sum(task.changed_rows), 0) - coalesce((
          select sum(counted_changes) from run where account_id = account.id and ended_at is null), 0) as changes,
        greatest('epoch', account.read_as_of, max(task.newest_read_at),
          (select max(until) from run where account_id = account.id)) as as_of
      from account
      left join run on run.account_id = account.id and run.ended_at is null
      left join task on task.run_id = run.id
      where account.id = ${accountId}
      group by account.id
    ) as known`.execute(db);
  const inputs = rows[0];
  if (!inputs) throw new RecoupError('unknown_account', `Account ${accountId} is not known.`);
  return inputs;
}

/** Begins a run with the next number. */
export async function openMetricRun(
  db: Kysely<Database>,
  options: { readonly accountId: string; readonly policy: StoredPolicy; readonly asOf: Date },
): Promise<bigint> {
  const { accountId, policy, asOf } = options;
  const { run } = await db
    .insertInto('metric_run')
    .values((values) => ({
      account_id: accountId,
      run: values
        .selectFrom('metric_run')
        .select(({ fn, lit }) =>
          sql<bigint>`${fn.coalesce(fn.max('run'), sql<bigint>`${lit(0)}`)} + 1`.as('next'),
        )
        .where('account_id', '=', accountId),
      policy_version: policy.version,
      policy_hash: policy.hash,
      engine_version: ENGINE_VERSION,
      as_of: asOf,
    }))
    .returning('run')
    .executeTakeFirstOrThrow();
  return run;
}

/** Ends a run: from now on it may be loaded. */
export async function finishMetricRun(
  db: Kysely<Database>,
  options: {
    readonly accountId: string;
    readonly run: bigint;
    readonly digest: string;
    readonly customers: number;
    readonly movements: number;
    readonly inferred: number;
    readonly unpriced: number;
  },
): Promise<void> {
  const { accountId, run, digest, ...counts } = options;
  await db
    .updateTable('metric_run')
    .set({ ...counts, inputs: digest, finished_at: sql<Date>`clock_timestamp()` })
    .where('account_id', '=', accountId)
    .where('run', '=', run)
    .execute();
}

/**
 * Marks every customer that was ever computed, for a new engine or policy; with `dueAt` only those whose time has come by then, or
 * whose missing price has come.
 */
export async function markDirty(
  db: Kysely<Database>,
  { accountId, dueAt }: { readonly accountId: string; readonly dueAt: Date | null },
): Promise<void> {
  const known = sql`select account_id, customer_id from metric_customer where account_id = ${accountId}`;
  const marked =
    dueAt === null
      ? known
      : sql`${known} and next_change_at <= ${dueAt}
          union ${known} and missing_prices <> '{}' and exists (
            select from price
            where account_id = ${accountId} and external_id = any(metric_customer.missing_prices))`;
  await sql`
    insert into dirty_customer (account_id, customer_id) ${marked} order by 2
    on conflict (account_id, customer_id) do update set marked_at = now()`.execute(db);
}

/**
 * Takes customers that are dirty and clears their marks with the transaction. One that a sync is marking at this moment, or that
 * another transaction has taken, is left; one that is marked again after this keeps the new mark.
 */
export async function takeDirtyCustomers(
  trx: Transaction<Database>,
  { accountId, limit }: { readonly accountId: string; readonly limit: number },
): Promise<string[]> {
  const { rows } = await sql<{ customer_id: string }>`
    with dirty as (
      delete from dirty_customer where (account_id, customer_id) in (
        select account_id, customer_id from dirty_customer where account_id = ${accountId}
        order by customer_id limit ${limit} for update skip locked)
      returning customer_id
    )
    select customer_id from dirty order by customer_id`.execute(trx);
  return rows.map((row) => row.customer_id);
}

/** Whether customers are to be computed again though no row has changed: still marked, or their time has come. */
export async function hasDueCustomers(
  db: Kysely<Database>,
  { accountId, asOf }: { readonly accountId: string; readonly asOf: Date },
): Promise<boolean> {
  const { rows } = await sql<{ due: boolean }>`
    select exists (select from dirty_customer where account_id = ${accountId})
      or exists (select from metric_customer
        where account_id = ${accountId} and next_change_at <= ${asOf}) as due`.execute(db);
  return rows[0]?.due === true;
}

export interface Written {
  /** Rows added to the ledger, reversals included. */
  readonly movements: number;
  readonly inferred: number;
  readonly unpriced: number;
}

/**
 * Stores the metrics of some customers, touching only rows that differ: the ledger gets a reversal for each row that no longer
 * holds and a new row for each that it lacks; versions and segments are replaced by customer.
 */
export async function writeCustomerMetrics(
  trx: Transaction<Database>,
  options: {
    readonly accountId: string;
    readonly run: bigint;
    readonly metrics: ReadonlyMap<string, CustomerMetrics>;
  },
): Promise<Written> {
  const { accountId, run, metrics } = options;
  const customers = [...metrics.keys()];
  const key = (customer_id: string) => ({ account_id: accountId, customer_id, run });
  const rowsOf = <T>(make: (customer: string, of: CustomerMetrics) => T[]) =>
    [...metrics].flatMap(([customer, of]) => make(customer, of));

  const scope = { accountId, customers };
  await replaceWhereDifferent(trx, scope, {
    table: 'subscription_item_version',
    rows: rowsOf((customer, { versions }) =>
      versions.map((version) => ({
        ...key(customer),
        subscription_id: version.subscription,
        item_id: version.item,
        price_id: version.price,
        quantity: version.quantity,
        from_at: version.from,
        to_at: version.to,
        basis: version.basis,
        source: [...version.source],
      })),
    ),
  });
  await replaceWhereDifferent(trx, scope, {
    table: 'mrr_segment',
    rows: rowsOf((customer, { segments }) =>
      segments.map((segment) => ({
        ...key(customer),
        subscription_id: segment.subscription,
        item_id: segment.item,
        currency: segment.currency,
        exponent: segment.exponent,
        from_at: segment.from,
        to_at: segment.to,
        value_num: segment.value.n.toString(),
        value_den: segment.value.d.toString(),
        basis: segment.basis,
        inputs: [...segment.inputs],
      })),
    ),
  });
  await replaceWhereDifferent(trx, scope, {
    table: 'metric_customer',
    rows: rowsOf((customer, { nextChangeAt, missingPrices }) => [
      { ...key(customer), next_change_at: nextChangeAt, missing_prices: [...missingPrices] },
    ]),
  });
  const ledger = rowsOf((customer, { movements }) =>
    movements.map((movement) => ({
      ...key(customer),
      currency: movement.currency,
      exponent: movement.exponent,
      at: movement.at,
      type: movement.type,
      delta_minor: movement.deltaMinor,
      after_minor: movement.afterMinor,
      after_num: movement.afterExact.n.toString(),
      after_den: movement.afterExact.d.toString(),
      basis: movement.basis,
      causes: [...movement.causes],
      inputs: [...movement.inputs],
      reverses: null as bigint | null,
    })),
  );
  return {
    movements: await restate(trx, { ...scope, run, ledger }),
    inferred: ledger.filter(({ basis }) => basis === 'inferred').length,
    unpriced: rowsOf((_, { unpriced }) => [...unpriced]).length,
  };
}

type DerivedTable = 'subscription_item_version' | 'mrr_segment' | 'metric_customer';

async function replaceWhereDifferent<T extends DerivedTable>(
  trx: Transaction<Database>,
  scope: { readonly accountId: string; readonly customers: readonly string[] },
  derived: { readonly table: T; readonly rows: readonly MetricRow<T>[] },
): Promise<void> {
  const { table, rows } = derived;
  const stored = await sql<MetricTables[T]>`
    select * from ${sql.table(table)}
    where account_id = ${scope.accountId} and customer_id = any(${[...scope.customers]})`.execute(
    trx,
  );
  const known = byCustomer(stored.rows);
  const wanted = byCustomer(rows);
  const changed = scope.customers.filter((customer) => {
    const held = known.get(customer);
    return !held || contentOf(held) !== contentOf(wanted.get(customer));
  });
  const replaced = changed.filter((customer) => known.has(customer));
  if (replaced.length > 0) {
    await sql`
      delete from ${sql.table(table)}
      where account_id = ${scope.accountId} and customer_id = any(${replaced})`.execute(trx);
  }
  await insertMetricRows(
    trx,
    table,
    changed.flatMap((customer) => wanted.get(customer) ?? []),
  );
}

function byCustomer<R extends { customer_id: string }>(rows: readonly R[]): Map<string, R[]> {
  const groups = new Map<string, R[]>();
  for (const row of rows) {
    const group = groups.get(row.customer_id) ?? [];
    group.push(row);
    groups.set(row.customer_id, group);
  }
  return groups;
}

/** The rows without the run that wrote them, whatever their order and that of their columns. */
const contentOf = (rows: readonly object[] = []): string =>
  rows
    .map((row) =>
      JSON.stringify(
        Object.entries(row)
          .filter(([column]) => column !== 'run')
          .sort(([a], [b]) => (a < b ? -1 : 1)),
      ),
    )
    .sort()
    .join('\n');

type LedgerRow = MetricRow<'mrr_movement'>;

/** What of a movement is a figure: rows that differ in their proofs only are not restated. */
const figuresOf = (row: LedgerRow): string =>
  [
    row.customer_id,
    row.currency,
    row.at.toISOString(),
    row.type,
    row.delta_minor,
    row.after_minor,
    row.after_num,
    row.after_den,
    row.basis,
  ].join('|');

async function restate(
  trx: Transaction<Database>,
  options: {
    readonly accountId: string;
    readonly customers: readonly string[];
    readonly run: bigint;
    readonly ledger: readonly LedgerRow[];
  },
): Promise<number> {
  const { accountId, customers, run, ledger } = options;
  const standing = await standingMovements(trx, accountId)
    .where('customer_id', '=', sql<string>`any(${[...customers]})`)
    .execute();
  const wanted = new Map(ledger.map((row) => [figuresOf(row), row]));
  const reversals: LedgerRow[] = [];
  for (const { id, ...row } of standing) {
    // What stands and is still wanted needs nothing.
    if (wanted.delete(figuresOf(row))) continue;
    reversals.push({ ...row, delta_minor: -row.delta_minor, run, reverses: id });
  }
  const rows = [...reversals, ...wanted.values()];
  await insertMetricRows(trx, 'mrr_movement', rows);
  return rows.length;
}

/** Rows of the ledger that are neither reversals nor reversed. */
export const standingMovements = (db: Kysely<Database>, accountId: string) =>
  db
    .selectFrom('mrr_movement as movement')
    .selectAll('movement')
    .where('account_id', '=', accountId)
    .where('reverses', 'is', null)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('mrr_movement as reversal')
            .select('reversal.id')
            .whereRef('reversal.reverses', '=', 'movement.id'),
        ),
      ),
    );
