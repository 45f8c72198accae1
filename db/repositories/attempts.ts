/** The ledger of attempts in Postgres. */
import { createHash } from 'node:crypto';
import { sql, type Kysely, type Selectable, type Transaction } from 'kysely';
import { RecoupError } from '../../domain/errors';
import {
  countEach,
  isOpen,
  type Attempt,
  type AttemptRef,
  type CaseRef,
} from '../../domain/recovery/attempt';
import type { Charge } from '../../domain/recovery/charge';
import { judgeClaim, type ClaimFacts, type ClaimRequest } from '../../domain/recovery/claim';
import { idempotencyKey, requestText, type AttemptLedger } from '../../domain/recovery/ledger';
import type { Credential } from '../../domain/recovery/payment';
import { settle, type ReadDecline } from '../../domain/recovery/settlement';
import { storable } from '../array';
import type { RecoveryAttemptTable } from '../recovery-schema';
import type { Database } from '../schema';
import { inTransaction } from '../transaction';
import { listCharges } from './charges';

/** Of one credential; a card that was tried more often is beyond every ceiling. */
const MAX_ATTEMPTS_COUNTED = 1_000;

export function createAttemptLedger(options: {
  readonly db: Kysely<Database>;
  readonly readDecline: ReadDecline;
}): AttemptLedger {
  const { db, readDecline } = options;
  return {
    claim: (request) =>
      inTransaction(db, async (trx) => {
        const credential = request.sighting?.credential ?? null;
        if (credential) await lockCredential(trx, request.account, credential);
        const { campaignId, customerId, ...facts } = await readFacts(trx, request);
        const charges = credential
          ? await listChargesOf(trx, { account: request.account, credential, readDecline })
          : [];
        const verdict = judgeClaim(request, { ...facts, charges });
        if (verdict.kind !== 'go') return verdict;
        const attempt = await insertIntent(trx, request, {
          campaignId,
          customerId,
          credential: verdict.credential,
          rules: verdict.rules,
        });
        await countAttempt(trx, campaignId, 1);
        return { kind: 'claimed', attempt };
      }),
    settle: (ref, said) =>
      inTransaction(db, async (trx) => {
        await lockCase(trx, ref);
        const row = await selectAttempts(trx, ref)
          .where('number', '=', ref.number)
          .executeTakeFirst();
        if (!row)
          throw new RecoupError('invalid_input', `${ref.invoice} has no attempt ${ref.number}.`);
        const attempt = toAttempt(row);
        const settlement = settle(attempt, said);
        const { write, conflict } = settlement;
        if (!write && conflict === null) return attempt;
        const settled = await trx
          .updateTable('recovery_attempt')
          .set({
            ...(conflict !== null && { conflict }),
            ...(write && {
              state: settlement.state,
              charge_id: said.chargeId ?? attempt.chargeId,
              request_id: said.requestId ?? attempt.requestId,
              paid_minor: said.paidMinor,
              note: settlement.note === null ? null : storable(settlement.note),
              decline: said.decline === null ? null : JSON.stringify(said.decline),
              ...(!isOpen(settlement.state) && {
                settled_by: said.by,
                settled_at: sql<Date>`clock_timestamp()`,
              }),
            }),
          })
          .where('account_id', '=', ref.account)
          .where('invoice_id', '=', ref.invoice)
          .where('number', '=', ref.number)
          .returningAll()
          .executeTakeFirstOrThrow();
        await showOnCase(trx, toAttempt(settled));
        const change = Number(settled.state !== 'absent') - Number(attempt.state !== 'absent');
        if (change !== 0) await countAttempt(trx, settled.campaign_id, change);
        return toAttempt(settled);
      }),
    async read(ref) {
      const { now } = await sql<{ now: Date }>`select clock_timestamp() as now`
        .execute(db)
        .then(({ rows: [row] }) => row as { now: Date });
      const row = await selectAttempts(db, ref).where('number', '=', ref.number).executeTakeFirst();
      return { attempt: row ? toAttempt(row) : null, now };
    },
    fence: (ref, { keySpace }) =>
      inTransaction(db, async (trx) => {
        const { campaign_id: campaignId } = await lockCase(trx, ref);
        await insertFence(trx, ref, { campaignId, key: idempotencyKey(keySpace, ref) });
        await showNumber(trx, ref);
        const row = await selectAttempts(trx, ref)
          .where('number', '=', ref.number)
          .executeTakeFirstOrThrow();
        return toAttempt(row);
      }),
  };
}

/** In the order of their numbers. */
export async function listAttempts(db: Kysely<Database>, ref: CaseRef): Promise<Attempt[]> {
  return (await selectAttempts(db, ref).orderBy('number').execute()).map(toAttempt);
}

/** Every charge that is known of a credential, ours and others', each once. */
export async function listChargesOf(
  db: Kysely<Database>,
  of: {
    readonly account: string;
    readonly credential: Pick<Credential, 'id' | 'key'>;
    readonly readDecline: ReadDecline;
  },
): Promise<Charge[]> {
  const { account, credential, readDecline } = of;
  const rows = await db
    .selectFrom('recovery_attempt')
    .selectAll()
    .where('account_id', '=', account)
    .where('credential_key', '=', credential.key)
    .where('state', '<>', 'absent')
    .orderBy('intended_at', 'desc')
    .limit(MAX_ATTEMPTS_COUNTED)
    .execute();
  const synced = await listCharges(db, { account, credential, readDecline });
  return countEach(synced, rows.map(toAttempt));
}

/** Claims on one card wait for each other, whatever their invoices: each counts those before it. */
const lockCredential = (trx: Transaction<Database>, account: string, { key }: Credential) =>
  sql`select pg_advisory_xact_lock(hashtextextended(${`${account} ${key}`}, 0))`.execute(trx);

async function lockCase(trx: Transaction<Database>, { account, invoice }: CaseRef) {
  const row = await trx
    .selectFrom('recovery_case')
    .select(['campaign_id', 'customer_id', 'state', 'desired', 'window_ends_at', 'tries_before'])
    .where('account_id', '=', account)
    .where('invoice_id', '=', invoice)
    .forUpdate()
    .executeTakeFirst();
  if (row) return row;
  throw new RecoupError('invalid_input', `${invoice} of ${account} is no case.`);
}

async function readFacts(
  trx: Transaction<Database>,
  ref: CaseRef,
): Promise<
  Omit<ClaimFacts, 'charges'> & { readonly campaignId: string; readonly customerId: string | null }
> {
  const it = await lockCase(trx, ref);
  // Whoever pauses the account is answered after the claims that did not meet the pause.
  const account = await trx
    .selectFrom('account')
    .select('desired')
    .where('id', '=', ref.account)
    .forShare()
    .executeTakeFirstOrThrow();
  const campaign = await trx
    .selectFrom('campaign')
    .select(['desired', 'terms', 'attempts_made'])
    .where('id', '=', it.campaign_id)
    .forUpdate()
    .executeTakeFirstOrThrow();
  return {
    campaignId: it.campaign_id,
    customerId: it.customer_id,
    account,
    case: { state: it.state, desired: it.desired, windowEndsAt: it.window_ends_at },
    campaign: {
      desired: campaign.desired,
      maxAttempts: it.tries_before + campaign.terms.maxAttempts,
      budgetAttempts: campaign.terms.budgetAttempts,
      attemptsMade: campaign.attempts_made,
    },
    attempts: await listAttempts(trx, ref),
  };
}

async function insertIntent(
  trx: Transaction<Database>,
  request: ClaimRequest,
  of: {
    readonly campaignId: string;
    readonly customerId: string | null;
    readonly credential: Credential;
    readonly rules: readonly string[];
  },
): Promise<Attempt> {
  const { account, invoice, sighting, terms, decision } = request;
  if (sighting === null) throw new Error('An invoice that is not there cannot be paid.');
  const { credential } = of;
  const ref = { account, invoice, number: request.after + 1 };
  const { currency, amountRemainingMinor: amountMinor } = sighting;
  const sent = { invoice, credentialId: credential.id, currency, amountMinor };
  const row = await trx
    .insertInto('recovery_attempt')
    .values({
      account_id: account,
      invoice_id: invoice,
      number: ref.number,
      campaign_id: of.campaignId,
      customer_id: of.customerId,
      credential_id: credential.id,
      credential_key: credential.key,
      network: credential.network,
      country: credential.country,
      currency,
      amount_minor: amountMinor,
      idempotency_key: idempotencyKey(terms.keySpace, ref),
      request_hash: createHash('sha256').update(requestText(sent)).digest(),
      intended_at: sighting.readAt,
      charge_before: sighting.latestChargeId,
      send_before: fromNow(terms.sendWithinMs),
      absent_after: fromNow(terms.sendWithinMs + terms.appearWithinMs),
      decision: JSON.stringify({ ...decision, ceilings: of.rules }),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await showNumber(trx, ref);
  return toAttempt(row);
}

const showNumber = (trx: Transaction<Database>, { account, invoice, number }: AttemptRef) =>
  trx
    .updateTable('recovery_case')
    .set({ attempts: number })
    .where('account_id', '=', account)
    .where('invoice_id', '=', invoice)
    .where('attempts', '<', number)
    .execute();

const fromNow = (ms: number) => sql<Date>`clock_timestamp() + ${ms} * interval '1 millisecond'`;

/** A number that is taken, and never was an attempt. */
const insertFence = (
  trx: Transaction<Database>,
  ref: AttemptRef,
  { campaignId, key }: { readonly campaignId: string; readonly key: string },
) =>
  sql`
    insert into recovery_attempt (account_id, invoice_id, number, campaign_id, customer_id, credential_id, credential_key,
      currency, amount_minor, state, idempotency_key, request_hash, intended_at, send_before, absent_after, settled_by,
      settled_at, note, decision)
    select account_id, invoice_id, ${ref.number}, ${campaignId}, customer_id, '', '', currency, 0, 'absent', ${key}, '', now, now, now,
      'fence', now, 'Nobody had claimed it when it was looked up, and nobody can any more.', '{}'
    from recovery_case, clock_timestamp() as now
    where account_id = ${ref.account} and invoice_id = ${ref.invoice}
    on conflict (account_id, invoice_id, number) do nothing`.execute(trx);

const countAttempt = (trx: Transaction<Database>, campaignId: string, by: number) =>
  trx
    .updateTable('campaign')
    .set(({ eb }) => ({ attempts_made: eb('attempts_made', '+', by) }))
    .where('id', '=', campaignId)
    .execute();

/** What people see of a case without looking at its attempts. */
async function showOnCase(trx: Transaction<Database>, attempt: Attempt): Promise<void> {
  const { account, invoice, decline, conflict } = attempt;
  if (decline === null && conflict === null) return;
  await trx
    .updateTable('recovery_case')
    .set({
      ...(decline && { decline_class: decline.class, decline_reason: decline.reason }),
      ...(conflict !== null && { attention: true }),
    })
    .where('account_id', '=', account)
    .where('invoice_id', '=', invoice)
    .execute();
}

const selectAttempts = (db: Kysely<Database>, { account, invoice }: CaseRef) =>
  db
    .selectFrom('recovery_attempt')
    .selectAll()
    .where('account_id', '=', account)
    .where('invoice_id', '=', invoice);

const toAttempt = (row: Selectable<RecoveryAttemptTable>): Attempt => ({
  account: row.account_id,
  invoice: row.invoice_id,
  number: row.number,
  customerId: row.customer_id,
  credentialId: row.credential_id,
  credentialKey: row.credential_key,
  network: row.network,
  country: row.country,
  currency: row.currency,
  amountMinor: row.amount_minor,
  state: row.state,
  idempotencyKey: row.idempotency_key,
  intendedAt: row.intended_at,
  chargeBefore: row.charge_before,
  sendBefore: row.send_before,
  absentAfter: row.absent_after,
  chargeId: row.charge_id,
  requestId: row.request_id,
  paidMinor: row.paid_minor,
  settledBy: row.settled_by,
  note: row.note,
  decline: row.decline,
  conflict: row.conflict,
});
