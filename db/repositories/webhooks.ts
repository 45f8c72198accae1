/** Webhooks as they are taken: whom they are for, what was taken already, and what waits because of them. */
import { sql, type Kysely } from 'kysely';
import { RecoupError } from '../../domain/errors';
import { storable } from '../array';
import type { Database } from '../schema';
import { inTransaction } from '../transaction';
import { noteHints, type NewHint } from './hints';

export interface WebhookAccount {
  readonly provider: string;
  /** As `SecretBox.seal` gave them. */
  readonly sealedSecrets: readonly Buffer[];
}

/** Null for an account that is not known, or no longer connected. */
export async function findWebhookAccount(
  db: Kysely<Database>,
  accountId: string,
): Promise<WebhookAccount | null> {
  const row = await db
    .selectFrom('account')
    .select(['provider', 'webhook_secrets as sealedSecrets'])
    .where('id', '=', accountId)
    .where('state', '<>', 'disconnected')
    .executeTakeFirst();
  return row ?? null;
}

/** These and no others sign its webhooks from now on. Errors: unknown_account. */
export async function setWebhookSecrets(
  db: Kysely<Database>,
  options: { readonly accountId: string; readonly sealedSecrets: readonly Buffer[] },
): Promise<void> {
  const { accountId, sealedSecrets } = options;
  const { numUpdatedRows } = await db
    .updateTable('account')
    .set({ webhook_secrets: [...sealedSecrets] })
    .where('id', '=', accountId)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) {
    throw new RecoupError('unknown_account', `No account is called "${accountId}".`);
  }
}

/** Takes one delivery with what it tells to read again. False when its event was taken before: then nothing is written. */
export function takeWebhook(
  db: Kysely<Database>,
  delivery: {
    readonly accountId: string;
    readonly eventId: string;
    readonly eventType: string;
    readonly hints: readonly NewHint[];
  },
): Promise<boolean> {
  const { accountId, eventId, eventType, hints } = delivery;
  return inTransaction(db, async (trx) => {
    const { numInsertedOrUpdatedRows } = await trx
      .insertInto('webhook_inbox')
      .values({ account_id: accountId, event_id: storable(eventId), type: storable(eventType) })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if (numInsertedOrUpdatedRows === 0n) return false;
    await noteHints(trx, { accountId, source: 'webhook', hints });
    return true;
  });
}

/** The state of an account for which something that may be read now waits; null where nothing does. */
export async function readWaitingState(
  db: Kysely<Database>,
  accountId: string,
): Promise<string | null> {
  const row = await db
    .selectFrom('account')
    .select('state')
    .where('id', '=', accountId)
    .where(hasDueHint)
    .executeTakeFirst();
  return row?.state ?? null;
}

/** Ids of idle accounts for which something that may be read now waits, at most `limit`. */
export async function listWaitingAccounts(
  db: Kysely<Database>,
  { limit }: { readonly limit: number },
): Promise<string[]> {
  const rows = await db
    .selectFrom('account')
    .select('id')
    .where('state', '=', 'idle')
    .where(hasDueHint)
    .orderBy('id')
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}

/** Forgets deliveries that nobody sends again; at most `limit`. Returns how many. */
export async function pruneInbox(
  db: Kysely<Database>,
  options: { readonly olderThanMs: number; readonly limit: number },
): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from webhook_inbox where ctid = any(array(
      select ctid from webhook_inbox
      where received_at < clock_timestamp() - ${options.olderThanMs} * interval '1 millisecond'
      limit ${options.limit}))`.execute(db);
  return Number(numAffectedRows ?? 0n);
}

/** What the feed told of as well stays: its run reads it, or has left it to the next one. */
const hasDueHint = sql<boolean>`exists (select from hint
  where hint.account_id = account.id and hint.source in ('webhook', 'feed')
    and hint.resource <> all(account.skipped_resources) and hint.not_before <= clock_timestamp())`;
