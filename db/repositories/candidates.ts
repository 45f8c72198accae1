/** Unpaid invoices as campaigns choose from them. */
import { sql, type Kysely } from 'kysely';
import type { DeclineCodes } from '../../domain/recovery/decline';
import type { Candidate } from '../../domain/recovery/selection';
import type { Database } from '../schema';

type Row = Omit<Candidate, 'codes'> & DeclineCodes & { readonly hasFailed: boolean };

/**
 * The account's open invoices in order of their ids, each with what its payments say. An invoice is tied to charges by way of its
 * payments, or directly where the provider has it so.
 */
export async function listCandidates(
  db: Kysely<Database>,
  options: { readonly accountId: string; readonly after: string | null; readonly limit: number },
): Promise<Candidate[]> {
  const { accountId, after, limit } = options;
  const { rows } = await sql<Row>`
    select invoice.external_id as "invoiceId", invoice.customer_id as "customerId", invoice.status,
      invoice.collection_method as "collectionMethod", invoice.currency, invoice.exponent,
      invoice.amount_remaining_minor as "remainingMinor",
      exists (select from object_head where account_id = invoice.account_id and resource = 'customer'
        and external_id = invoice.customer_id and deleted) as "customerDeleted",
      exists (select from subscription where account_id = invoice.account_id
        and external_id = invoice.subscription_id and status = 'canceled'
        and end_reason = 'cancellation_requested') as "isCanceled",
      coalesce(tried.is_settling, false) as "isSettling", coalesce(tried.is_disputed, false) as "isDisputed",
      coalesce(tried.is_refunded, false) as "isRefunded", tried.first_failed_at as "firstFailedAt",
      failed.external_id is not null as "hasFailed",
      failed.card_brand as "cardBrand", failed.card_country as "cardCountry", failed.method_type as "methodType",
      failed.network_advice_code as "networkAdviceCode", failed.network_decline_code as "networkDeclineCode",
      failed.advice_code as "adviceCode", failed.decline_code as "declineCode",
      failed.failure_code as "failureCode", failed.outcome_type as "outcomeType",
      (select campaign_id from recovery_case
        where account_id = invoice.account_id and invoice_id = invoice.external_id) as "campaignId",
      exists (select from holdout_customer
        where account_id = invoice.account_id and customer_id = invoice.customer_id) as "isHeldOut",
      sha256(convert_to(account.holdout_salt || E'\n' || coalesce(invoice.customer_id, invoice.external_id), 'UTF8')) as draw
    from invoice
    join account on account.id = invoice.account_id
    left join lateral (
      select bool_or(status = 'pending') as is_settling, bool_or(disputed) as is_disputed,
        bool_or(amount_refunded_minor > 0) as is_refunded,
        min(created_at) filter (where status = 'failed') as first_failed_at
      from (${chargesOf('invoice')}) as charge
    ) as tried on true
    left join lateral (
      select * from (${chargesOf('invoice')}) as charge
      where status = 'failed' order by created_at desc, external_id desc limit 1
    ) as failed on true
    where invoice.account_id = ${accountId} and invoice.status = 'open'
      and invoice.external_id > ${after ?? ''}
    order by invoice.external_id limit ${limit}`.execute(db);
  return rows.map(candidateOf);
}

/** Decimals of a currency as the account's invoices have it; null where none is in it. */
export async function readExponent(
  db: Kysely<Database>,
  { accountId, currency }: { readonly accountId: string; readonly currency: string },
): Promise<number | null> {
  const row = await db
    .selectFrom('invoice')
    .select('exponent')
    .where('account_id', '=', accountId)
    .where('status', '=', 'open')
    .where('currency', '=', currency)
    .limit(1)
    .executeTakeFirst();
  return row?.exponent ?? null;
}

/** The charges of the invoice that the row `of` of a surrounding query is, as a query. */
export const chargesOf = (of: 'invoice' | 'recovery_case') => {
  const invoice = of === 'invoice' ? sql.ref('invoice.external_id') : sql.ref(`${of}.invoice_id`);
  const account = sql.ref(`${of}.account_id`);
  return sql`
    select charge.* from invoice_payment as link
    join payment_attempt as charge
      on charge.account_id = link.account_id and charge.payment_id = link.payment_id
    where link.account_id = ${account} and link.invoice_id = ${invoice}
    union
    select charge.* from invoice_payment as link
    join payment_attempt as charge
      on charge.account_id = link.account_id and charge.external_id = link.attempt_id
    where link.account_id = ${account} and link.invoice_id = ${invoice}`;
};

function candidateOf({ hasFailed, ...row }: Row): Candidate {
  const { cardBrand, cardCountry, methodType, networkAdviceCode, networkDeclineCode } = row;
  const { adviceCode, declineCode, failureCode, outcomeType, ...facts } = row;
  const codes = { cardBrand, cardCountry, methodType, networkAdviceCode, networkDeclineCode };
  return {
    ...facts,
    codes: hasFailed ? { ...codes, adviceCode, declineCode, failureCode, outcomeType } : null,
  };
}
