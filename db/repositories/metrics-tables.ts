/**
 * What the warehouse shows of an account, as rows with the totals that they must add up to. All of it is read in one snapshot;
 * the totals are counted by Postgres over the rows behind the figures, not over the figures.
 */
import { sql, type Kysely, type RawBuilder, type Transaction } from 'kysely';
import type { MonthlyFigures } from '../../domain/metrics/months';
import type { MovementType } from '../../domain/metrics/movements';
import type { Database } from '../schema';
import { lastMetricRun, monthlyMrr } from './metrics';

export interface Rows<Row> {
  readonly rows: readonly Row[];
  readonly control: { readonly rows: number; readonly minor: bigint };
}

interface MovementRow {
  readonly movement_id: bigint;
  readonly customer_id: string;
  readonly moved_at: Date;
  /** First day of the month in the account's zone. */
  readonly month: string;
  readonly currency: string;
  readonly exponent: number;
  readonly type: MovementType;
  readonly delta_minor: bigint;
  readonly after_minor: bigint;
  readonly basis: string;
  readonly causes: string;
  readonly metric_run: bigint;
  readonly reverses: bigint | null;
}

interface CustomerRow {
  readonly customer_id: string;
  readonly created_at: Date;
  readonly country: string | null;
  readonly currency: string | null;
}

interface InvoicesRow {
  readonly month: string;
  readonly currency: string;
  readonly exponent: number;
  readonly status: string;
  readonly invoices: number;
  readonly subtotal_minor: bigint;
  readonly discount_minor: bigint;
  readonly tax_minor: bigint;
  readonly total_minor: bigint;
  readonly paid_minor: bigint;
  readonly remaining_minor: bigint;
}

interface PaymentsRow {
  readonly month: string;
  readonly currency: string;
  readonly exponent: number;
  readonly invoices: number;
  readonly attempted_minor: bigint;
  readonly failed_invoices: number;
  readonly failed_minor: bigint;
  readonly recovered_invoices: number;
  readonly recovered_minor: bigint;
}

export interface MetricTableRows {
  readonly metricRun: bigint;
  readonly timeZone: string;
  readonly months: Rows<MonthlyFigures>;
  readonly movements: Rows<MovementRow>;
  readonly customers: Rows<CustomerRow>;
  readonly invoices: Rows<InvoicesRow>;
  readonly payments: Rows<PaymentsRow>;
}

/** Null before the first metric run. Errors: unknown_account. */
export function readMetricTables(
  db: Kysely<Database>,
  accountId: string,
): Promise<MetricTableRows | null> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (trx) => {
      const run = await lastMetricRun(trx, accountId);
      if (!run) return null;
      const { time_zone: timeZone } = await trx
        .selectFrom('account')
        .select('time_zone')
        .where('id', '=', accountId)
        .executeTakeFirstOrThrow();
      const of = { trx, accountId, timeZone };
      const months = await monthlyMrr(trx, { accountId, from: null, to: null });
      const moved = await total(
        trx,
        sql`select count(*) as rows, sum(delta_minor) as minor from mrr_movement where account_id = ${accountId}`,
      );
      return {
        metricRun: run.run,
        timeZone,
        months: { rows: months, control: { rows: months.length, minor: moved.minor } },
        movements: { rows: await movementsOf(of), control: moved },
        customers: await customersOf(of),
        invoices: await invoicesOf(of),
        payments: await paymentsOf(of),
      };
    });
}

interface Scope {
  readonly trx: Transaction<Database>;
  readonly accountId: string;
  readonly timeZone: string;
}

async function total(
  trx: Transaction<Database>,
  query: RawBuilder<unknown>,
): Promise<{ rows: number; minor: bigint }> {
  const { rows } = await (query as RawBuilder<{ rows: bigint; minor: string | null }>).execute(trx);
  return { rows: Number(rows[0]?.rows ?? 0n), minor: BigInt(rows[0]?.minor ?? 0) };
}

const monthOf = (instant: RawBuilder<unknown>, timeZone: string) =>
  sql`to_char(${instant} at time zone ${timeZone}::text, 'YYYY-MM-01')`;

async function movementsOf({ trx, accountId, timeZone }: Scope): Promise<MovementRow[]> {
  const { rows } = await sql<MovementRow>`
    select id as movement_id, customer_id, at as moved_at, ${monthOf(sql`at`, timeZone)} as month,
      currency, exponent, type, delta_minor, after_minor, basis,
      array_to_string(causes, ' ') as causes, run as metric_run, reverses
    from mrr_movement where account_id = ${accountId} order by id`.execute(trx);
  return rows;
}

async function customersOf({ trx, accountId }: Scope): Promise<Rows<CustomerRow>> {
  const { rows } = await sql<CustomerRow>`
    select external_id as customer_id, created_at, country, currency
    from customer where account_id = ${accountId} order by external_id`.execute(trx);
  const control = await total(
    trx,
    sql`select count(*) as rows, 0 as minor from customer where account_id = ${accountId}`,
  );
  return { rows, control };
}

/** Sums of bigint are numeric in Postgres, which come as text. */
type AsText<Row> = { readonly [C in keyof Row]: Row[C] extends bigint ? string : Row[C] };

async function invoicesOf({ trx, accountId, timeZone }: Scope): Promise<Rows<InvoicesRow>> {
  const month = monthOf(sql`created_at`, timeZone);
  const grouped = await sql<AsText<InvoicesRow>>`
    select ${month} as month, currency, exponent, status, count(*)::integer as invoices,
      sum(subtotal_minor) as subtotal_minor, sum(discount_minor) as discount_minor,
      sum(tax_minor) as tax_minor, sum(total_minor) as total_minor,
      sum(amount_paid_minor) as paid_minor, sum(amount_remaining_minor) as remaining_minor
    from invoice where account_id = ${accountId}
    group by 1, currency, exponent, status order by 1, 2, 3, 4`.execute(trx);
  const control = await total(
    trx,
    sql`select count(distinct (${month}, currency, exponent, status)) as rows,
        sum(total_minor + amount_paid_minor) as minor
      from invoice where account_id = ${accountId}`,
  );
  const rows = grouped.rows.map((row) => ({
    ...row,
    subtotal_minor: BigInt(row.subtotal_minor),
    discount_minor: BigInt(row.discount_minor),
    tax_minor: BigInt(row.tax_minor),
    total_minor: BigInt(row.total_minor),
    paid_minor: BigInt(row.paid_minor),
    remaining_minor: BigInt(row.remaining_minor),
  }));
  return { rows, control };
}

/**
 * The first attempt of each invoice. An invoice has recovered when that failed and it was paid afterwards, by whatever means;
 * what came in for it is its recovered money.
 */
const firstAttempts = (accountId: string) => sql`
  select distinct on (invoice.external_id) attempt.created_at, attempt.status,
    attempt.amount_minor, invoice.currency, invoice.exponent,
    attempt.status = 'failed' as failed,
    attempt.status = 'failed' and invoice.status = 'paid' and invoice.amount_paid_minor > 0 as recovered,
    invoice.amount_paid_minor
  from invoice
  join invoice_payment link
    on link.account_id = invoice.account_id and link.invoice_id = invoice.external_id
  cross join lateral (
    select * from payment_attempt
    where account_id = link.account_id and payment_id = link.payment_id
    union all
    select * from payment_attempt
    where account_id = link.account_id and external_id = link.attempt_id
  ) attempt
  where invoice.account_id = ${accountId}
  order by invoice.external_id, attempt.created_at, attempt.external_id`;

async function paymentsOf({ trx, accountId, timeZone }: Scope): Promise<Rows<PaymentsRow>> {
  const month = monthOf(sql`created_at`, timeZone);
  const grouped = await sql<AsText<PaymentsRow>>`
    with first as materialized (${firstAttempts(accountId)})
    select ${month} as month, currency, exponent, count(*)::integer as invoices,
      sum(amount_minor) as attempted_minor,
      count(*) filter (where failed)::integer as failed_invoices,
      coalesce(sum(amount_minor) filter (where failed), 0) as failed_minor,
      count(*) filter (where recovered)::integer as recovered_invoices,
      coalesce(sum(amount_paid_minor) filter (where recovered), 0) as recovered_minor
    from first group by 1, currency, exponent order by 1, 2, 3`.execute(trx);
  const control = await total(
    trx,
    sql`with first as materialized (${firstAttempts(accountId)})
      select count(distinct (${month}, currency, exponent)) as rows,
        sum(case when failed then amount_minor else 0 end
          + case when recovered then amount_paid_minor else 0 end) as minor
      from first`,
  );
  const rows = grouped.rows.map((row) => ({
    ...row,
    attempted_minor: BigInt(row.attempted_minor),
    failed_minor: BigInt(row.failed_minor),
    recovered_minor: BigInt(row.recovered_minor),
  }));
  return { rows, control };
}
