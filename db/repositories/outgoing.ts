/** What somebody outside is to be told, one row for each telling. */
import { sql, type Kysely, type Selectable } from 'kysely';
import { RecoupError } from '../../domain/errors';
import { storable } from '../array';
import type { OutgoingWebhookTable } from '../recovery-schema';
import type { Database } from '../schema';

export type OutgoingWebhook = Selectable<OutgoingWebhookTable>;

/** Said twice, it is one telling. Returns its id. */
export async function noteOutgoing(
  db: Kysely<Database>,
  telling: {
    readonly account: string;
    readonly type: string;
    readonly dedupKey: string;
    readonly body: Readonly<Record<string, unknown>>;
  },
): Promise<string> {
  const { account, type, dedupKey, body } = telling;
  const { id } = await db
    .insertInto('outgoing_webhook')
    .values({ account_id: account, type, dedup_key: dedupKey, body: JSON.stringify(body) })
    // Nothing is changed: without this, Postgres would not return the row that is there.
    .onConflict((conflict) =>
      conflict.columns(['account_id', 'dedup_key']).doUpdateSet({ dedup_key: dedupKey }),
    )
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

/** Errors: invalid_input for a message that is not the account's. */
export async function readOutgoing(
  db: Kysely<Database>,
  { account, message }: { readonly account: string; readonly message: string },
): Promise<OutgoingWebhook> {
  const row = await db
    .selectFrom('outgoing_webhook')
    .selectAll()
    .where('account_id', '=', account)
    .where('id', '=', message)
    .executeTakeFirst();
  if (row) return row;
  throw new RecoupError('invalid_input', `${account} has no message ${message}.`);
}

/** Counts one delivery that was tried; `error` is why it was not taken, null when it was. */
export async function noteDelivery(
  db: Kysely<Database>,
  {
    message,
    error,
    givenUp,
  }: { readonly message: string; readonly error: string | null; readonly givenUp: boolean },
): Promise<void> {
  await db
    .updateTable('outgoing_webhook')
    .set(({ eb }) => ({
      attempts: eb('attempts', '+', 1),
      last_error: error === null ? null : storable(error),
      ...(error === null && { state: 'sent' as const, sent_at: sql<Date>`clock_timestamp()` }),
      ...(givenUp && { state: 'given_up' as const }),
    }))
    .where('id', '=', message)
    .execute();
}

export const MESSAGE_STATES = ['waiting', 'sent', 'given_up'] as const;

/** Newest first. */
export function listOutgoing(
  db: Kysely<Database>,
  options: {
    readonly accountId: string | undefined;
    readonly state: (typeof MESSAGE_STATES)[number] | undefined;
    readonly limit: number;
  },
): Promise<OutgoingWebhook[]> {
  const { accountId, state, limit } = options;
  return db
    .selectFrom('outgoing_webhook')
    .selectAll()
    .$if(accountId !== undefined, (query) => query.where('account_id', '=', accountId ?? ''))
    .$if(state !== undefined, (query) => query.where('state', '=', state ?? 'waiting'))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
}

/** Lets a message wait to be told once more, whatever became of it. Returns its account. Errors: invalid_input for none. */
export async function replayOutgoing(db: Kysely<Database>, message: string): Promise<string> {
  const row = await db
    .updateTable('outgoing_webhook')
    .set({ state: 'waiting', attempts: 0 })
    .where('id', '=', message)
    .returning('account_id')
    .executeTakeFirst();
  if (row) return row.account_id;
  throw new RecoupError('invalid_input', `No message is called "${message}".`);
}
