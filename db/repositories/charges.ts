/** Charges that syncs and looks have stored, as the rules of recovery count them. */
import type { Kysely, Selectable } from 'kysely';
import type { Charge } from '../../domain/recovery/charge';
import type { Credential } from '../../domain/recovery/payment';
import type { ReadDecline } from '../../domain/recovery/settlement';
import type { CanonicalTable, Database } from '../schema';

/** Of one credential, the newest: a card that was tried more often is beyond every ceiling. */
const MAX_CHARGES = 1_000;

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

const STATUSES: Readonly<Record<string, Charge['status']>> = {
  succeeded: 'succeeded',
  failed: 'failed',
  pending: 'pending',
};

const toCharge = (
  row: Selectable<CanonicalTable<'payment_attempt'>>,
  readDecline: ReadDecline,
): Charge => ({
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
