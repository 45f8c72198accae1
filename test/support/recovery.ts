/** Cases, invoices and charges for tests of recovery: plain ones, of which a test says what is special. */
import type { Kysely } from 'kysely';
import type { CaseRef } from '../../domain/recovery/attempt';
import type { Charge } from '../../domain/recovery/charge';
import type { Decline } from '../../domain/recovery/decline';
import type { Credential, InvoiceSighting } from '../../domain/recovery/payment';
import type { CaseState } from '../../domain/recovery/states';
import { DEFAULT_TERMS, type CampaignTerms } from '../../domain/recovery/terms';
import { saveAccount } from '../../db/repositories/accounts';
import type { Database } from '../../db/schema';

export const NOW = new Date('2026-06-15T12:00:00Z');
export const daysFrom = (days: number, from = NOW): Date =>
  new Date(from.getTime() + days * 86_400_000);

export const VISA: Credential = {
  id: 'pm_visa',
  key: 'fingerprint_visa',
  methodType: 'card',
  network: 'visa',
  country: 'US',
  funding: 'debit',
};

/** An open invoice of 20.00 that can be charged. */
export const sightingOf = (over: Partial<InvoiceSighting> = {}): InvoiceSighting => ({
  status: 'open',
  customerId: 'cus_1',
  customerDeleted: false,
  currency: 'usd',
  amountDueMinor: 2_000n,
  amountPaidMinor: 0n,
  amountRemainingMinor: 2_000n,
  credential: VISA,
  providerRetryAt: null,
  paymentPageUrl: 'https://pay.example/in_1',
  isSettling: false,
  latestChargeId: null,
  isDisputed: false,
  isRefunded: false,
  isCanceled: false,
  readAt: NOW,
  ...over,
});

/** Not enough money, as Visa says it. */
export const FUNDS: Decline = {
  reason: 'insufficient_funds',
  class: 'funds',
  retryable: 'yes',
  delayMs: null,
  by: { vocabulary: 'visa', code: '51' },
  known: [{ vocabulary: 'visa', code: '51' }],
  unmapped: null,
};

export const declinedCharge = (id: string, at: Date, over: Partial<Charge> = {}): Charge => ({
  id,
  atMs: at.getTime(),
  network: 'visa',
  country: 'US',
  amountMinor: 2_000n,
  currency: 'usd',
  status: 'failed',
  decline: FUNDS,
  ...over,
});

export async function newRecoveryAccount(db: Kysely<Database>, id: string): Promise<void> {
  await saveAccount(db, {
    normaliserVersion: 1,
    id,
    provider: 'fake',
    displayName: null,
    apiBase: null,
    sealedSecret: Buffer.from('sealed'),
  });
}

export async function newCampaign(
  db: Kysely<Database>,
  account: string,
  terms: Partial<CampaignTerms> = {},
): Promise<string> {
  const { id } = await db
    .insertInto('campaign')
    .values({ account_id: account, terms: JSON.stringify({ ...DEFAULT_TERMS, ...terms }) })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

/** A case about to charge. */
export async function newCase(
  db: Kysely<Database>,
  { account, invoice }: CaseRef,
  options: { readonly campaign: string; readonly state?: CaseState; readonly windowEndsAt?: Date },
): Promise<void> {
  await db
    .insertInto('recovery_case')
    .values({
      account_id: account,
      invoice_id: invoice,
      campaign_id: options.campaign,
      customer_id: 'cus_1',
      currency: 'usd',
      exponent: 2,
      amount_minor: 2_000n,
      state: options.state ?? 'charging',
      because: 'It is a test.',
      window_ends_at: options.windowEndsAt ?? daysFrom(28),
      opened_at: NOW,
    })
    .execute();
}

/** A charge as a sync would have stored it. */
export async function storeCharge(
  db: Kysely<Database>,
  account: string,
  charge: Charge,
  { id, key, methodType }: Credential = VISA,
): Promise<void> {
  const { decline } = charge;
  await db
    .insertInto('payment_attempt')
    .values({
      account_id: account,
      external_id: charge.id,
      version: NOW,
      raw_hash: Buffer.alloc(32),
      payment_id: null,
      customer_id: 'cus_1',
      status: charge.status,
      currency: charge.currency,
      exponent: 2,
      amount_minor: charge.amountMinor,
      amount_refunded_minor: 0n,
      created_at: new Date(charge.atMs),
      failure_code: null,
      decline_code: null,
      advice_code: null,
      network_decline_code: decline?.by?.code ?? null,
      network_advice_code: null,
      outcome_type: null,
      payment_method_id: id,
      method_type: methodType,
      card_brand: charge.network,
      card_funding: null,
      card_country: charge.country,
      card_fingerprint: key,
      disputed: false,
    })
    .execute();
}
