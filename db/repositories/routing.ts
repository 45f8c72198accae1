/** Which cases concern rows that have changed since the case was told of something last. */
import { sql, type Kysely } from 'kysely';
import type { CaseSighting, RecoveredCharge } from '../../domain/recovery/news';
import type { Database } from '../schema';
import { chargesOf } from './candidates';

/** A dispute may come so long after the charge: the longest that a card network allows. */
const REVERSIBLE_DAYS = 540;

export interface ChangedCase extends CaseSighting {
  readonly invoiceId: string;
  readonly campaignId: string;
  readonly heldOut: boolean;
  readonly hasEnded: boolean;
  /** Its window was over when the account was last read: of those held out, who have no workflow to see it. */
  readonly windowEnded: boolean;
  /** The newest of the rows about it; null when there are none. */
  readonly version: Date | null;
  readonly recovery: RecoveredCharge & {
    readonly by: 'us' | 'elsewhere' | 'provider' | null;
    readonly chargeId: string | null;
    /** What the case knows already. */
    readonly reversedMinor: bigint;
  };
}

/** Whether the account has cases at all: cheap, asked after each run. */
export async function hasCases(db: Kysely<Database>, accountId: string): Promise<boolean> {
  const row = await db
    .selectFrom('recovery_case')
    .select('invoice_id')
    .where('account_id', '=', accountId)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

type Row = Omit<ChangedCase, 'recovery'> & ChangedCase['recovery'];

/**
 * Cases in order of their invoices' ids: those that have not ended, and those with money that could still be taken back, where
 * a row about the invoice is newer than what the case was told of, or a window is over that nobody else sees.
 */
export async function listChangedCases(
  db: Kysely<Database>,
  options: { readonly accountId: string; readonly after: string | null; readonly limit: number },
): Promise<ChangedCase[]> {
  const { accountId, after, limit } = options;
  const { rows } = await sql<Row>`
    select * from (
      select recovery_case.invoice_id as "invoiceId", campaign_id as "campaignId", recovery_case.state,
        held_out as "heldOut", ended_at is not null as "hasEnded", invoice.status as "invoiceStatus",
        coalesce(tried.is_disputed, false) as "isDisputed", coalesce(tried.is_refunded, false) as "isRefunded",
        coalesce(tried.has_failed, false) as "hasFailed",
        coalesce(customer.version > told_version, false) as "customerChanged",
        held_out and ended_at is null and window_ends_at <= account.read_as_of as "windowEnded",
        greatest(invoice.version, customer.version, tried.version, lost.version, told_version) as version,
        recovered_by as by, recovered_charge_id as "chargeId", recovered_minor as "recoveredMinor",
        reversed_minor as "reversedMinor", coalesce(brought.amount_refunded_minor, 0) as "refundedMinor",
        coalesce(brought.status = 'failed', false) as "isReturned", coalesce(lost.minor, 0)::int8 as "lostMinor",
        told_version
      from recovery_case
      join account on account.id = recovery_case.account_id
      left join invoice on invoice.account_id = recovery_case.account_id
        and invoice.external_id = recovery_case.invoice_id
      left join customer on customer.account_id = recovery_case.account_id
        and customer.external_id = recovery_case.customer_id
      left join payment_attempt as brought on brought.account_id = recovery_case.account_id
        and brought.external_id = recovery_case.recovered_charge_id
      left join lateral (
        select max(version) as version, bool_or(disputed) as is_disputed,
          bool_or(amount_refunded_minor > 0 and amount_refunded_minor >= amount_minor) as is_refunded,
          (array_agg(status order by created_at desc, external_id desc))[1] = 'failed' as has_failed
        from (${chargesOf('recovery_case')}) as charge
      ) as tried on true
      left join lateral (
        select max(version) as version, sum(amount_minor) filter (where status = 'lost') as minor
        from dispute where account_id = recovery_case.account_id and attempt_id = recovered_charge_id
      ) as lost on true
      where recovery_case.account_id = ${accountId} and recovery_case.invoice_id > ${after ?? ''}
        and (ended_at is null or recovered_minor > 0
          and recovered_at > account.read_as_of - make_interval(days => ${REVERSIBLE_DAYS}))
    ) as seen
    where version > coalesce(told_version, '-infinity') or "windowEnded"
    order by "invoiceId" limit ${limit}`.execute(db);
  return rows.map(
    ({
      by,
      chargeId,
      recoveredMinor,
      reversedMinor,
      refundedMinor,
      lostMinor,
      isReturned,
      ...rest
    }) => ({
      ...rest,
      recovery: {
        by,
        chargeId,
        recoveredMinor,
        reversedMinor,
        refundedMinor,
        lostMinor,
        isReturned,
      },
    }),
  );
}

/** It was told of all that is no newer than this. */
export async function markTold(
  db: Kysely<Database>,
  told: { readonly accountId: string; readonly invoiceId: string; readonly version: Date },
): Promise<void> {
  await db
    .updateTable('recovery_case')
    .set({ told_version: sql<Date>`greatest(told_version, ${told.version}::timestamptz)` })
    .where('account_id', '=', told.accountId)
    .where('invoice_id', '=', told.invoiceId)
    .execute();
}

/** What is due is begun within seconds, while there is a worker. */
const LATE_HOURS = 1;

export interface IdleCase {
  readonly invoiceId: string;
  /** What it waits for has come: its account was paused, and runs again. */
  readonly wasHeldUp: boolean;
}

/**
 * Cases that should be at work, in order of their invoices' ids: those that should have done something long before the account was
 * last read have lost their workflow, or never had one; others wait for an account that was resumed.
 */
export async function listIdleCases(
  db: Kysely<Database>,
  options: { readonly accountId: string; readonly after: string | null; readonly limit: number },
): Promise<IdleCase[]> {
  const { rows } = await sql<IdleCase>`
    select * from (
      select invoice_id as "invoiceId",
        recovery_case.state = 'paused' and recovery_case.desired = 'run' and account.desired = 'run' as "wasHeldUp",
        recovery_case.state <> 'needs_human'
          and coalesce(next_action_at, opened_at) < read_as_of - make_interval(hours => ${LATE_HOURS}) as "isLate"
      from recovery_case join account on account.id = account_id
      where account_id = ${options.accountId} and invoice_id > ${options.after ?? ''}
        and ended_at is null and not held_out
    ) as open where "wasHeldUp" or "isLate"
    order by "invoiceId" limit ${options.limit}`.execute(db);
  return rows.map(({ invoiceId, wasHeldUp }) => ({ invoiceId, wasHeldUp }));
}

export interface SteeredCase {
  readonly invoiceId: string;
  readonly heldOut: boolean;
}

/**
 * Open cases of a campaign in order of their invoices' ids. To `pause`: those that nobody has paused yet, which are marked;
 * to `resume`: those that were marked so.
 */
export async function listSteered(
  db: Kysely<Database>,
  options: {
    readonly campaignId: string;
    readonly after: string | null;
    readonly what: 'pause' | 'resume' | 'cancel';
    readonly limit: number;
  },
): Promise<SteeredCase[]> {
  const { campaignId, after, what, limit } = options;
  return (
    db
      .selectFrom('recovery_case')
      .select(['invoice_id as invoiceId', 'held_out as heldOut'])
      .where('campaign_id', '=', campaignId)
      .where('invoice_id', '>', after ?? '')
      .where('ended_at', 'is', null)
      // The control group is only watched: there is nothing to pause or resume.
      .$if(what !== 'cancel', (query) => query.where('held_out', '=', false))
      .$if(what === 'pause', (query) =>
        query.where((row) =>
          row.or([row('paused_by_campaign', '=', true), row('desired', '=', 'run')]),
        ),
      )
      .$if(what === 'resume', (query) => query.where('paused_by_campaign', '=', true))
      .orderBy('invoice_id')
      .limit(limit)
      .execute()
  );
}

/** Before a case is paused along with its campaign, and after it was resumed with it. */
export async function markPausedByCampaign(
  db: Kysely<Database>,
  mark: { readonly accountId: string; readonly invoiceId: string; readonly paused: boolean },
): Promise<void> {
  await db
    .updateTable('recovery_case')
    .set({ paused_by_campaign: mark.paused })
    .where('account_id', '=', mark.accountId)
    .where('invoice_id', '=', mark.invoiceId)
    .execute();
}
