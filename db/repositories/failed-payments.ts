/** Invoices whose first attempt failed, and what became of them. */
import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { FailedPayment } from '../../domain/metrics/payment-volume';
import type { Database } from '../schema';

/** All attempts of an account's invoices: an attempt is an invoice's by way of its payment, or directly. */
const attemptsOf = (accountId: string): RawBuilder<unknown> => sql`
  select invoice.external_id as invoice_id, attempt.external_id, attempt.created_at, attempt.status,
    attempt.amount_minor, invoice.currency, invoice.exponent
  from invoice
  join invoice_payment link
    on link.account_id = invoice.account_id and link.invoice_id = invoice.external_id
  join payment_attempt attempt
    on attempt.account_id = link.account_id and attempt.payment_id = link.payment_id
  where invoice.account_id = ${accountId}
  union
  select invoice.external_id, attempt.external_id, attempt.created_at, attempt.status,
    attempt.amount_minor, invoice.currency, invoice.exponent
  from invoice
  join invoice_payment link
    on link.account_id = invoice.account_id and link.invoice_id = invoice.external_id
  join payment_attempt attempt
    on attempt.account_id = link.account_id and attempt.external_id = link.attempt_id
  where invoice.account_id = ${accountId}`;

/** The first attempt of each invoice. */
export const firstAttempts = (accountId: string): RawBuilder<unknown> =>
  firstOf(sql`(${attemptsOf(accountId)})`);

const firstOf = (attempts: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  select distinct on (invoice_id) * from ${attempts} as attempt
  order by invoice_id, created_at, external_id`;

interface Row extends Omit<FailedPayment, 'collected'> {
  readonly collected: readonly { readonly at: string; readonly minor: string }[];
}

/**
 * Money that came in are attempts that succeeded, and what was paid otherwise, dated when the invoice was paid; what was taken back are
 * refunds, and disputes that were lost.
 */
export async function readFailedPayments(
  db: Kysely<Database>,
  accountId: string,
): Promise<FailedPayment[]> {
  const { rows } = await sql<Row>`
    with attempt as materialized (${attemptsOf(accountId)}),
    failed as (
      select * from (${firstOf(sql`attempt`)}) as first where status = 'failed'
    ), succeeded as (
      select attempt.* from attempt join failed using (invoice_id) where attempt.status = 'succeeded'
    ), charged as (
      select invoice_id, sum(amount_minor) as minor from succeeded group by invoice_id
    ), collected as (
      select invoice_id, created_at as at, amount_minor as minor from succeeded
      union all
      select invoice_id, refund.created_at, -refund.amount_minor from succeeded
      join refund on refund.account_id = ${accountId} and refund.attempt_id = succeeded.external_id
      where refund.status not in ('failed', 'canceled')
      union all
      select invoice_id, dispute.created_at, -dispute.amount_minor from succeeded
      join dispute on dispute.account_id = ${accountId} and dispute.attempt_id = succeeded.external_id
      where dispute.status = 'lost'
      union all
      select failed.invoice_id, paid_at, amount_paid_minor - coalesce(charged.minor, 0) from failed
      join invoice on invoice.account_id = ${accountId} and invoice.external_id = failed.invoice_id
      left join charged on charged.invoice_id = failed.invoice_id
      where paid_at is not null and amount_paid_minor > coalesce(charged.minor, 0)
    )
    select failed.invoice_id as id, failed.currency, failed.exponent, failed.created_at as "failedAt",
      failed.amount_minor as "amountMinor", invoice.voided_at as "voidedAt",
      coalesce((
        select jsonb_agg(jsonb_build_object('at', at, 'minor', minor::text)) from collected
        where collected.invoice_id = failed.invoice_id), '[]') as collected
    from failed
    join invoice on invoice.account_id = ${accountId} and invoice.external_id = failed.invoice_id
    order by failed.invoice_id`.execute(db);
  return rows.map(({ collected, ...row }) => ({
    ...row,
    collected: collected.map(({ at, minor }) => ({ at: new Date(at), amountMinor: BigInt(minor) })),
  }));
}
