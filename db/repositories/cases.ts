/** Recovery cases: what they have become, as their runners tell it, and what is wanted of them. */
import { sql, type Kysely, type Selectable, type Transaction } from 'kysely';
import { RecoupError } from '../../domain/errors';
import { isOpen, type CaseRef } from '../../domain/recovery/attempt';
import type {
  CaseDesired,
  CaseRecord,
  CaseRecorded,
  CaseTransition,
} from '../../domain/recovery/record';
import type { PlannedFor } from '../../domain/recovery/sighting';
import { isTerminal } from '../../domain/recovery/states';
import { arrayOf, storable } from '../array';
import type { RecoveryCaseTable } from '../recovery-schema';
import type { Database } from '../schema';
import { inTransaction } from '../transaction';
import { listAttempts } from './attempts';

export type RecoveryCase = Selectable<RecoveryCaseTable>;

/** Errors: invalid_input for a case that nobody has opened. */
export async function readCase(db: Kysely<Database>, ref: CaseRef): Promise<RecoveryCase> {
  return (await selectCase(db, ref).executeTakeFirst()) ?? throwUnknown(ref);
}

/**
 * Appends to a case's story and shows where it stands. What was told before changes nothing; nor does another story of a case that
 * has ended: a runner that was reset may not know of the end. Nor may it know of an attempt whose outcome is open: a case does not
 * end before that is known, nor where its story went on since, and whoever would end it is refused. Errors: those of readCase.
 */
export function recordCase(
  db: Kysely<Database>,
  ref: CaseRef,
  record: CaseRecord,
): Promise<CaseRecorded> {
  return inTransaction(db, (trx) => append(trx, ref, record));
}

const RECORDED: CaseRecorded = { isRefused: false };

async function append(
  trx: Transaction<Database>,
  ref: CaseRef,
  record: CaseRecord,
): Promise<CaseRecorded> {
  const row = (await selectCase(trx, ref).forUpdate().executeTakeFirst()) ?? throwUnknown(ref);
  const told = record.transitions.filter(({ sequence }) => sequence > row.transitions);
  const [first] = told;
  const last = told.at(-1);
  const { state, recovery } = record;
  const ends = row.ended_at === null && isTerminal(state);
  // An end that the story is past already is that of a runner which was reset: nothing would be written, and nobody would go on.
  if (ends && (!last || (await hasOpenAttempt(trx, ref)))) return { isRefused: true };
  if (!first || !last) return RECORDED;
  if (row.ended_at !== null && first.from !== row.state) return RECORDED;
  await insertTransitions(trx, ref, told);
  const at = new Date(last.atMs);
  await trx
    .updateTable('recovery_case')
    .set({
      state,
      because: storable(record.because),
      attention: sql<boolean>`${record.attention} or exists (
          select from recovery_attempt as attempt
          where attempt.account_id = ${ref.account} and attempt.invoice_id = ${ref.invoice} and conflict is not null)`,
      transitions: last.sequence,
      next_action_at: record.nextActionAtMs === null ? null : new Date(record.nextActionAtMs),
      ended_at: isTerminal(state) ? (row.ended_at ?? at) : null,
      ...(recovery && {
        recovered_by: recovery.by,
        recovered_minor: BigInt(recovery.recoveredMinor),
        reversed_minor: BigInt(recovery.reversedMinor),
        recovered_charge_id: recovery.chargeId,
        recovered_at: row.recovered_at ?? at,
      }),
    })
    .where('account_id', '=', ref.account)
    .where('invoice_id', '=', ref.invoice)
    .execute();
  return RECORDED;
}

async function hasOpenAttempt(trx: Transaction<Database>, ref: CaseRef): Promise<boolean> {
  const attempts = await listAttempts(trx, ref);
  return attempts.some(({ state }) => isOpen(state));
}

/**
 * What the ledger reads when an attempt is claimed, and what the wish has come to: both or neither. A cancel is for good, though a
 * workflow that was reset has forgotten it. Errors: those of readCase.
 */
export async function setCaseDesired(
  db: Kysely<Database>,
  ref: CaseRef,
  { desired, record }: { readonly desired: CaseDesired; readonly record: CaseRecord | null },
): Promise<CaseRecorded> {
  return inTransaction(db, async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('recovery_case')
      .set({ desired: sql`case when desired = 'cancel' then desired else ${desired} end` })
      .where('account_id', '=', ref.account)
      .where('invoice_id', '=', ref.invoice)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) throwUnknown(ref);
    return record ? append(trx, ref, record) : RECORDED;
  });
}

/**
 * Takes an exhausted case up again, with as much time and as many tries of its campaign as at first. Errors: those of readCase;
 * invalid_input where it is not exhausted any more.
 */
export async function reopenCase(
  db: Kysely<Database>,
  ref: CaseRef,
  { record, windowEndsAt }: { readonly record: CaseRecord; readonly windowEndsAt: Date },
): Promise<void> {
  await inTransaction(db, async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('recovery_case')
      .set({
        desired: 'run',
        paused_by_campaign: false,
        window_ends_at: windowEndsAt,
        tries_before: sql<number>`(select count(*) from recovery_attempt as attempt
          where attempt.account_id = ${ref.account} and attempt.invoice_id = ${ref.invoice} and attempt.state <> 'absent')`,
      })
      .where('account_id', '=', ref.account)
      .where('invoice_id', '=', ref.invoice)
      .where('state', '=', 'exhausted')
      .where('held_out', '=', false)
      .executeTakeFirst();
    if (numUpdatedRows === 0n)
      throw new RecoupError('invalid_input', `${ref.invoice} is not exhausted any more.`);
    await append(trx, ref, record);
  });
}

/** Where the customer can pay by herself, as last seen. */
export async function notePaymentPage(
  db: Kysely<Database>,
  ref: CaseRef,
  url: string | null,
): Promise<void> {
  await db
    .updateTable('recovery_case')
    .set({ payment_page_url: url })
    .where('account_id', '=', ref.account)
    .where('invoice_id', '=', ref.invoice)
    .where('payment_page_url', 'is distinct from', url)
    .execute();
}

export interface WaitingCase {
  readonly invoiceId: string;
  readonly heldOut: boolean;
  readonly transitions: number;
  /** By the account's clock: its next action, or of those held out, who do nothing, the end of the window; null while it is at work. */
  readonly until: Date | null;
}

/** Open cases that go on by themselves, in order of their invoices' ids: all but those that need a person. */
export function listWaiting(db: Kysely<Database>, accountId: string): Promise<WaitingCase[]> {
  return db
    .selectFrom('recovery_case')
    .select((row) => [
      'invoice_id as invoiceId',
      'held_out as heldOut',
      'transitions',
      row
        .case()
        .when('held_out', '=', true)
        .then(row.ref('window_ends_at'))
        .else(row.ref('next_action_at'))
        .end()
        .as('until'),
    ])
    .where('account_id', '=', accountId)
    .where('ended_at', 'is', null)
    .where('state', '<>', 'needs_human')
    .orderBy('invoice_id')
    .execute();
}

export interface StoredPlan {
  readonly plannedFor: PlannedFor;
  /** All that the decision was made by, and why. */
  readonly decision: Readonly<Record<string, unknown>>;
}

/** The newest plan of a case; null when none was made yet. */
export async function readPlan(db: Kysely<Database>, ref: CaseRef): Promise<StoredPlan | null> {
  const row = await db
    .selectFrom('recovery_transition')
    .select(['because', 'facts'])
    .where('account_id', '=', ref.account)
    .where('invoice_id', '=', ref.invoice)
    .where(sql<boolean>`facts ? 'plan'`)
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (!row?.facts) return null;
  // Only plans of ours are stored under this name.
  const plan = row.facts.plan as PlannedFor;
  return { plannedFor: plan, decision: { ...row.facts, because: row.because } };
}

/** Retries that the provider has announced since then, by the account's clock, and that were waited for. */
export async function countProviderRetries(
  db: Kysely<Database>,
  ref: CaseRef,
  since: Date | null,
): Promise<number> {
  const { rows } = await sql<{ retries: number }>`
    select count(distinct facts #>> '{plan,providerRetryAtMs}')::int as retries from recovery_transition
    where account_id = ${ref.account} and invoice_id = ${ref.invoice}
      and event = 'provider_retry_pending' and to_state = 'monitoring'
      and at > coalesce(${since?.toISOString() ?? null}::timestamptz, '-infinity')`.execute(db);
  return rows[0]?.retries ?? 0;
}

const selectCase = (db: Kysely<Database>, { account, invoice }: CaseRef) =>
  db
    .selectFrom('recovery_case')
    .selectAll()
    .where('account_id', '=', account)
    .where('invoice_id', '=', invoice);

const insertTransitions = (
  trx: Transaction<Database>,
  { account, invoice }: CaseRef,
  told: readonly CaseTransition[],
) =>
  sql`
    insert into recovery_transition (account_id, invoice_id, sequence, from_state, event, to_state, because, facts, at)
    select ${account}, ${invoice}, t.* from unnest(
      ${arrayOf('integer', told, ({ sequence }) => sequence)},
      ${arrayOf('text', told, ({ from }) => from)},
      ${arrayOf('text', told, ({ event }) => event)},
      ${arrayOf('text', told, ({ to }) => to)},
      ${arrayOf('text', told, ({ because }) => because)},
      ${arrayOf('jsonb', told, ({ facts }) => (facts === null ? null : JSON.stringify(facts)))},
      ${arrayOf('timestamptz', told, ({ atMs }) => new Date(atMs))}
    ) as t
    on conflict do nothing`.execute(trx);

function throwUnknown({ account, invoice }: CaseRef): never {
  throw new RecoupError('invalid_input', `${invoice} of ${account} is no case.`);
}
