/**
 * What the warehouse shows of an account, as rows with the totals that they must add up to. All of it is read in one snapshot;
 * the totals are counted by Postgres over the rows behind the figures, not over the figures.
 */
import { setImmediate } from 'node:timers/promises';
import { sql, type Kysely, type RawBuilder, type Transaction } from 'kysely';
import { cohortFigures, type CohortFigures } from '../../domain/metrics/cohorts';
import type { MovementType } from '../../domain/metrics/movements';
import { paymentVolumes, type PaymentVolume } from '../../domain/metrics/payment-volume';
import { PERIODS, type Period } from '../../domain/metrics/periods';
import { periodReport, type PeriodReport } from '../../domain/metrics/report';
import type { Database } from '../schema';
import { firstAttempts, readFailedPayments } from './failed-payments';
import { readFigures, type AccountFigures } from './metric-figures';

/** Of all days the newest: more than a year, so that each can be compared with the one a year before. Months are all there. */
const MAX_DAYS = 400;

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

interface AttemptsRow {
  readonly month: string;
  readonly currency: string;
  readonly exponent: number;
  readonly invoices: number;
  readonly attempted_minor: bigint;
}

/** First attempts of a month; those that failed are null where there was none. */
export interface PaymentsRow extends AttemptsRow {
  readonly failed: PaymentVolume | null;
}

export interface MetricTableRows {
  readonly metricRun: bigint;
  readonly timeZone: string;
  readonly months: Rows<PeriodReport>;
  readonly periods: Rows<PeriodReport & { readonly period: Period }>;
  readonly cohorts: Rows<CohortFigures>;
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
      const figures = await readFigures(trx, accountId);
      if (!figures) return null;
      const { run, timeZone, asOf } = figures;
      const of = { trx, accountId, timeZone };
      const moved = await total(
        trx,
        sql`select count(*) as rows, sum(delta_minor) as minor from mrr_movement where account_id = ${accountId}`,
      );
      return {
        metricRun: run.run,
        timeZone,
        ...(await periodsOf(figures, moved.minor)),
        movements: { rows: await movementsOf(of), control: moved },
        customers: await customersOf(of),
        invoices: await invoicesOf(of),
        payments: await paymentsOf({ ...of, asOf }),
      };
    });
}

/**
 * `movedMinor` is the sum of the ledger, which each grain that is there whole must have moved by; of the others, and of totals, only
 * what was counted can be checked.
 */
async function periodsOf(
  { timeZone, asOf, recurring, reporting }: AccountFigures,
  movedMinor: bigint,
): Promise<Pick<MetricTableRows, 'months' | 'periods' | 'cohorts'>> {
  const calendar = { timeZone, asOf };
  const rows: (PeriodReport & { readonly period: Period })[] = [];
  for (const period of PERIODS) {
    // A large account takes seconds for each: whoever shares the process has a turn in between.
    await setImmediate();
    const report = periodReport(recurring, { ...calendar, period, reporting });
    const days = [...new Set(report.map(({ span }) => span.from.getTime()))].sort((a, b) => b - a);
    const first = period === 'day' ? (days[MAX_DAYS - 1] ?? -Infinity) : -Infinity;
    const newest = report.filter(({ span }) => span.from.getTime() >= first);
    rows.push(...newest.map((row) => ({ ...row, period })));
  }
  const isWhole = (row: (typeof rows)[number]) => row.scope === 'currency' && row.period !== 'day';
  const counted = rows.filter((row) => !isWhole(row)).map((row) => row.endMinor - row.startMinor);
  const months = rows.filter((row) => isWhole(row) && row.period === 'month');
  const cohorts = cohortFigures(recurring.entries, { ...calendar, period: 'month' });
  return {
    months: { rows: months, control: { rows: months.length, minor: movedMinor } },
    periods: {
      rows,
      control: {
        rows: rows.length,
        minor: WHOLE_GRAINS * movedMinor + counted.reduce((sum, minor) => sum + minor, 0n),
      },
    },
    // Everybody belongs to one cohort: together they are worth in each month what the month ends with.
    cohorts: {
      rows: cohorts,
      control: {
        rows: cohorts.length,
        minor: months.reduce((sum, { endMinor }) => sum + endMinor, 0n),
      },
    },
  };
}

/** All but days. */
const WHOLE_GRAINS = BigInt(PERIODS.length - 1);

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

async function paymentsOf({
  trx,
  accountId,
  timeZone,
  asOf,
}: Scope & { readonly asOf: Date }): Promise<Rows<PaymentsRow>> {
  const month = monthOf(sql`created_at`, timeZone);
  const grouped = await sql<AsText<AttemptsRow>>`
    select ${month} as month, currency, exponent, count(*)::integer as invoices,
      sum(amount_minor) as attempted_minor
    from (${firstAttempts(accountId)}) as first where created_at <= ${asOf}
    group by 1, currency, exponent order by 1, 2, 3`.execute(trx);
  const control = await total(
    trx,
    sql`select count(distinct (${month}, currency, exponent)) as rows,
        sum(amount_minor) + coalesce(sum(amount_minor) filter (where status = 'failed'), 0) as minor
      from (${firstAttempts(accountId)}) as first where created_at <= ${asOf}`,
  );
  const failed = await readFailedPayments(trx, accountId);
  const volumes = new Map(
    paymentVolumes(failed, { period: 'month', timeZone, asOf }).map((volume) => [
      `${volume.span.label}-01 ${volume.currency}`,
      volume,
    ]),
  );
  const rows = grouped.rows.map((row) => ({
    ...row,
    attempted_minor: BigInt(row.attempted_minor),
    failed: volumes.get(`${row.month} ${row.currency}`) ?? null,
  }));
  return { rows, control };
}
