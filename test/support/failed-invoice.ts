/** Stored invoices whose payment has failed, for tests of what recovery makes of them. */
import { createHash } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { CanonicalTables, Database } from '../../db/schema';

const RAW_HASH = createHash('sha256').update('raw').digest();
const FAILED_AT = new Date('2026-10-10T08:00:00Z');

export interface FailedInvoice {
  readonly id: string;
  readonly customerId?: string;
  readonly invoice?: Partial<CanonicalTables['invoice']>;
  /** Its charges; one that has failed for want of money when left out. */
  readonly charges?: readonly Partial<CanonicalTables['payment_attempt']>[];
}

const key = (accountId: string, id: string) => ({
  account_id: accountId,
  external_id: id,
  version: FAILED_AT,
  raw_hash: RAW_HASH,
});

/** An open invoice of 25.00 EUR, its payment `pi_<id>`, and charges `ch_<id>_1`, …; each may say otherwise. */
export async function storeFailedInvoice(
  db: Kysely<Database>,
  accountId: string,
  given: FailedInvoice,
): Promise<void> {
  const { id, customerId = `cus_${id}`, invoice = {}, charges = [{}] } = given;
  const money = { currency: 'EUR', exponent: 2 };
  await db
    .insertInto('invoice')
    .values({
      ...key(accountId, id),
      customer_id: customerId,
      subscription_id: null,
      number: null,
      status: 'open',
      billing_reason: 'subscription_cycle',
      collection_method: 'charge_automatically',
      ...money,
      subtotal_minor: 2_500n,
      discount_minor: 0n,
      tax_minor: 0n,
      total_minor: 2_500n,
      amount_due_minor: 2_500n,
      amount_paid_minor: 0n,
      amount_remaining_minor: 2_500n,
      attempt_count: charges.length,
      next_payment_attempt_at: null,
      created_at: FAILED_AT,
      finalized_at: FAILED_AT,
      due_at: null,
      paid_at: null,
      voided_at: null,
      marked_uncollectible_at: null,
      ...invoice,
    })
    .execute();
  await db
    .insertInto('invoice_payment')
    .values({
      ...key(accountId, `inpay_${id}`),
      invoice_id: id,
      payment_id: `pi_${id}`,
      attempt_id: null,
      status: 'open',
      ...money,
      amount_requested_minor: 2_500n,
      amount_paid_minor: null,
      is_default: true,
      created_at: FAILED_AT,
    })
    .execute();
  for (const [index, charge] of charges.entries()) {
    await storeCharge(db, accountId, {
      external_id: `ch_${id}_${index + 1}`,
      payment_id: `pi_${id}`,
      customer_id: customerId,
      created_at: new Date(FAILED_AT.getTime() + index * 86_400_000),
      ...charge,
    });
  }
}

/** A charge that has failed for want of money, where nothing else is given. */
export async function storeCharge(
  db: Kysely<Database>,
  accountId: string,
  charge: Partial<CanonicalTables['payment_attempt']> & { readonly external_id: string },
): Promise<void> {
  await db
    .insertInto('payment_attempt')
    .values({
      ...key(accountId, charge.external_id),
      payment_id: null,
      customer_id: null,
      status: 'failed',
      currency: 'EUR',
      exponent: 2,
      amount_minor: 2_500n,
      amount_refunded_minor: 0n,
      created_at: FAILED_AT,
      failure_code: 'card_declined',
      decline_code: 'insufficient_funds',
      advice_code: null,
      network_decline_code: '51',
      network_advice_code: null,
      outcome_type: 'issuer_declined',
      payment_method_id: 'pm_1',
      method_type: 'card',
      card_brand: 'visa',
      card_funding: 'debit',
      card_country: 'DE',
      card_fingerprint: 'fp_1',
      disputed: false,
      ...charge,
    })
    .execute();
}
