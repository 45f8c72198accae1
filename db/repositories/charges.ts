/** Charges that syncs and looks have stored, as the rules of recovery count them. */
import { sql, type Kysely, type Selectable } from 'kysely';
import type { CaseRef } from '../../domain/recovery/attempt';
import type { Charge } from '../../domain/recovery/charge';
import type { Credential } from '../../domain/recovery/payment';
import type { ReadDecline } from '../../domain/recovery/settlement';
import type { CanonicalTable, Database } from '../schema';
import { chargesOf } from './candidates';

/** Of one credential, the newest: a card that was tried more often is beyond every ceiling. */
const MAX_CHARGES = 1_000;
/** More say nothing new about when a customer is paid. */
const MAX_LATE_PAYMENTS = 50;

/** Every charge of a card or bank account, whoever made it. */
export async function listCharges(
  db: Kysely<Database>,
  of: {
    readonly account: string;
    readonly credential: Pick<Credential, 'id' | 'key'>;
    readonly readDecline: ReadDecline;
  },
): Promise<Charge[]> {
  const { id, key } = of.credential;
  const rows = await db
    .selectFrom('payment_attempt')
    .selectAll()
    .where('account_id', '=', of.account)
    .where((attempt) =>
      attempt.or([
        attempt('card_fingerprint', '=', key),
        attempt('payment_method_id', 'in', [id, key]),
      ]),
    )
    .orderBy('created_at', 'desc')
    .limit(MAX_CHARGES)
    .execute();
  return rows.map((row) => toCharge(row, of.readDecline));
}

export interface InvoiceHistory {
  /** Charges of the invoice with the credential. */
  readonly withCredential: readonly Charge[];
  /** Of all its charges, with whatever credential: the first that failed, and the newest. */
  readonly firstFailedAt: Date | null;
  readonly newestAt: Date | null;
}

/** What was tried of the invoice of a case, by whomever. */
export async function readInvoiceHistory(
  db: Kysely<Database>,
  of: CaseRef & {
    readonly credential: Pick<Credential, 'id' | 'key'> | null;
    readonly readDecline: ReadDecline;
  },
): Promise<InvoiceHistory> {
  const { rows } = await sql<ChargeRow>`
    select charge.* from recovery_case
    cross join lateral (${chargesOf('recovery_case')}) as charge
    where recovery_case.account_id = ${of.account} and recovery_case.invoice_id = ${of.invoice}
    order by charge.created_at, charge.external_id`.execute(db);
  const { credential } = of;
  return {
    withCredential: rows
      .filter((row) => credential && isWith(row, credential))
      .map((row) => toCharge(row, of.readDecline)),
    firstFailedAt: rows.find(({ status }) => status === 'failed')?.created_at ?? null,
    newestAt: rows.at(-1)?.created_at ?? null,
  };
}

const isWith = (row: ChargeRow, { id, key }: Pick<Credential, 'id' | 'key'>): boolean =>
  row.card_fingerprint === key || row.payment_method_id === id || row.payment_method_id === key;

/** Where a customer lives, and when payments got through that had failed before, oldest first: those tell of paydays. */
export async function readPayer(
  db: Kysely<Database>,
  of: { readonly account: string; readonly customerId: string },
): Promise<{ readonly country: string | null; readonly paidAt: readonly Date[] }> {
  const customer = await db
    .selectFrom('customer')
    .select('country')
    .where('account_id', '=', of.account)
    .where('external_id', '=', of.customerId)
    .executeTakeFirst();
  const rows = await db
    .selectFrom('payment_attempt as paid')
    .select('paid.created_at')
    .where('paid.account_id', '=', of.account)
    .where('paid.customer_id', '=', of.customerId)
    .where('paid.status', '=', 'succeeded')
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('payment_attempt as failed')
          .select('failed.external_id')
          .whereRef('failed.account_id', '=', 'paid.account_id')
          .whereRef('failed.payment_id', '=', 'paid.payment_id')
          .where('failed.status', '=', 'failed'),
      ),
    )
    .orderBy('paid.created_at', 'desc')
    .limit(MAX_LATE_PAYMENTS)
    .execute();
  return {
    country: customer?.country ?? null,
    paidAt: rows.map((row) => row.created_at).reverse(),
  };
}

type ChargeRow = Selectable<CanonicalTable<'payment_attempt'>>;

const STATUSES: Readonly<Record<string, Charge['status']>> = {
  succeeded: 'succeeded',
  failed: 'failed',
  pending: 'pending',
};

const toCharge = (row: ChargeRow, readDecline: ReadDecline): Charge => ({
  id: row.external_id,
  atMs: row.created_at.getTime(),
  network: row.card_brand,
  country: row.card_country,
  amountMinor: row.amount_minor,
  currency: row.currency,
  // A word that this edition does not know may mean anything.
  status: STATUSES[row.status] ?? 'open',
  decline:
    row.status === 'failed'
      ? readDecline({
          cardBrand: row.card_brand,
          cardCountry: row.card_country,
          methodType: row.method_type,
          networkAdviceCode: row.network_advice_code,
          networkDeclineCode: row.network_decline_code,
          adviceCode: row.advice_code,
          declineCode: row.decline_code,
          failureCode: row.failure_code,
          outcomeType: row.outcome_type,
        })
      : null,
});
