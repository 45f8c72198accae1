import { sql, type Kysely, type Selectable } from 'kysely';
import { RecoupError } from '../../domain/errors';
import type { Desired } from '../../domain/sync/run';
import { storable } from '../array';
import type { AccountTable, AccountTransitionTable, Database } from '../schema';

/** An account without its secrets. */
export type Account = Omit<
  Selectable<AccountTable>,
  'secret' | 'webhook_secrets' | 'outgoing_secret'
>;

const PUBLIC_COLUMNS = [
  'id',
  'provider',
  'display_name',
  'api_base',
  'state',
  'state_reason',
  'attention',
  'desired',
  'created_at',
  'time_zone',
  'skipped_resources',
  'changes',
  'read_as_of',
  'clock',
  'provider_retries',
  'holdout_salt',
  'outgoing_url',
  'normaliser_version',
] as const satisfies (keyof Account)[];

export interface NewAccount {
  readonly id: string;
  readonly provider: string;
  readonly displayName: string | null;
  readonly apiBase: string | null;
  /** As `SecretBox.seal` gave it. */
  readonly sealedSecret: Buffer;
  /** Of the provider's normaliser, by which its rows are going to be made. A known account's rows are there already. */
  readonly normaliserVersion: number;
}

/** Adds an account, or gives a known one its new name, address and secret; its state, data and history stay. */
export async function saveAccount(db: Kysely<Database>, account: NewAccount): Promise<Account> {
  const changes = {
    display_name: account.displayName,
    api_base: account.apiBase,
    secret: account.sealedSecret,
  };
  return db
    .insertInto('account')
    .values({
      id: account.id,
      provider: account.provider,
      normaliser_version: account.normaliserVersion,
      ...changes,
    })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(changes))
    .returning(PUBLIC_COLUMNS)
    .executeTakeFirstOrThrow();
}

export function listAccounts(db: Kysely<Database>): Promise<Account[]> {
  return db.selectFrom('account').select(PUBLIC_COLUMNS).orderBy('id').execute();
}

/** Errors: unknown_account. */
export async function readAccount(db: Kysely<Database>, id: string): Promise<Account> {
  const account = await db
    .selectFrom('account')
    .select(PUBLIC_COLUMNS)
    .where('id', '=', id)
    .executeTakeFirst();
  return account ?? throwUnknown(id);
}

/** Errors: unknown_account. */
export async function readSealedSecret(db: Kysely<Database>, id: string): Promise<Buffer> {
  const row = await db
    .selectFrom('account')
    .select('secret')
    .where('id', '=', id)
    .executeTakeFirst();
  return row?.secret ?? throwUnknown(id);
}

/** What messages to whoever the account wants told are signed with; null where nobody is. */
export async function readSealedOutgoingSecret(
  db: Kysely<Database>,
  id: string,
): Promise<Buffer | null> {
  const row = await db
    .selectFrom('account')
    .select('outgoing_secret')
    .where('id', '=', id)
    .executeTakeFirst();
  return row?.outgoing_secret ?? null;
}

/** Errors: unknown_account. */
export async function setAccountDesired(
  db: Kysely<Database>,
  id: string,
  desired: Desired,
): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('account')
    .set({ desired })
    .where('id', '=', id)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throwUnknown(id);
}

/**
 * The months of its metrics are those of this zone, and so is its night. Counts as a change, so that the next sync brings its
 * numbers up to date. Errors: unknown_account.
 */
export async function setTimeZone(
  db: Kysely<Database>,
  id: string,
  timeZone: string,
): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('account')
    .set(({ eb }) => ({ time_zone: timeZone, changes: eb('changes', '+', 1n) }))
    .where('id', '=', id)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throwUnknown(id);
}

/** How its failed payments are recovered, and who is told. */
export type RecoverySettings = Partial<
  Pick<Selectable<AccountTable>, 'clock' | 'provider_retries' | 'outgoing_url' | 'outgoing_secret'>
>;

/** Never empty. Errors: unknown_account. */
export async function setRecovery(
  db: Kysely<Database>,
  id: string,
  settings: RecoverySettings,
): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('account')
    .set(settings)
    .where('id', '=', id)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throwUnknown(id);
}

export type Transition = Selectable<AccountTransitionTable>;

/** Appends one transition and shows its outcome on the account. The same sequence again changes nothing. Errors: unknown_account. */
export async function recordTransition(db: Kysely<Database>, given: Transition): Promise<void> {
  // A reason is what somebody typed: one that Postgres refuses would be tried for ever, and hold up the account.
  const transition = { ...given, because: storable(given.because) };
  await db.transaction().execute(async (trx) => {
    await readAccount(trx, transition.account_id);
    const { numInsertedOrUpdatedRows } = await trx
      .insertInto('account_transition')
      .values(transition)
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if (numInsertedOrUpdatedRows === 0n) return;
    await trx
      .updateTable('account')
      .set({
        state: transition.to_state,
        // What changed nothing (a sync of a blocked account, say) is history; why the account is in its state stays.
        ...(transition.from_state !== transition.to_state && { state_reason: transition.because }),
        attention: transition.attention,
      })
      .where('id', '=', transition.account_id)
      .where(
        sql<boolean>`not exists (select 1 from account_transition
        where account_id = ${transition.account_id} and sequence > ${transition.sequence})`,
      )
      .execute();
  });
}

/** Newest first. */
export function listTransitions(
  db: Kysely<Database>,
  options: { readonly accountId: string; readonly limit: number },
): Promise<Transition[]> {
  return db
    .selectFrom('account_transition')
    .selectAll()
    .where('account_id', '=', options.accountId)
    .orderBy('sequence', 'desc')
    .limit(options.limit)
    .execute();
}

/** 0 for an account that has had none. */
export async function readLastSequence(db: Kysely<Database>, accountId: string): Promise<number> {
  return (await listTransitions(db, { accountId, limit: 1 }))[0]?.sequence ?? 0;
}

function throwUnknown(id: string): never {
  throw new RecoupError('unknown_account', `No account is called "${id}".`);
}

export async function setNormaliserVersion(
  db: Kysely<Database>,
  accountId: string,
  version: number,
): Promise<void> {
  await db
    .updateTable('account')
    .set({ normaliser_version: version })
    .where('id', '=', accountId)
    .execute();
}
