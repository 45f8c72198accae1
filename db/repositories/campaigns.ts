/** Campaigns and what has come of them: all progress is counted from cases and the ledger, never kept beside them. */
import { sql, type Kysely, type Selectable } from 'kysely';
import { RecoupError } from '../../domain/errors';
import type { CampaignTerms } from '../../domain/recovery/terms';
import type { CaseState } from '../../domain/recovery/states';
import { storable } from '../array';
import type { CampaignTable } from '../recovery-schema';
import type { Database } from '../schema';

export type Campaign = Selectable<CampaignTable>;

/** Errors: those of the database for an account that is not there. */
export function createCampaign(
  db: Kysely<Database>,
  { accountId, terms }: { readonly accountId: string; readonly terms: CampaignTerms },
): Promise<Campaign> {
  return db
    .insertInto('campaign')
    .values({ account_id: accountId, terms: JSON.stringify(terms) })
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Errors: invalid_input for a campaign that does not exist. */
export async function readCampaign(db: Kysely<Database>, id: string): Promise<Campaign> {
  const row = await db.selectFrom('campaign').selectAll().where('id', '=', id).executeTakeFirst();
  return row ?? throwUnknown(id);
}

/** Once stopped, it stays so. Errors: invalid_input for a campaign that does not exist. */
export async function setCampaign(
  db: Kysely<Database>,
  id: string,
  change: Pick<Campaign, 'desired' | 'state' | 'because'>,
): Promise<void> {
  const { desired, state, because } = change;
  const { numUpdatedRows } = await db
    .updateTable('campaign')
    .set({
      desired: sql`case when desired = 'stop' then desired else ${desired} end`,
      state,
      because: storable(because),
      ...(state === 'running' && { selected_at: sql`coalesce(selected_at, now())` }),
      ...((state === 'done' || state === 'stopped') && {
        ended_at: sql`coalesce(ended_at, now())`,
      }),
    })
    .where('id', '=', id)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throwUnknown(id);
}

export interface CaseCounts {
  readonly cases: number;
  /** Cases that have not ended. */
  readonly open: number;
  readonly heldOut: number;
  readonly attention: number;
}

const COUNTS = sql<CaseCounts>`count(*)::int as cases, count(*) filter (where ended_at is null)::int as open,
  count(*) filter (where held_out)::int as "heldOut", count(*) filter (where attention)::int as attention`;

export async function countCases(db: Kysely<Database>, campaignId: string): Promise<CaseCounts> {
  const { rows } = await sql<CaseCounts>`
    select ${COUNTS} from recovery_case where campaign_id = ${campaignId}`.execute(db);
  return rows[0] ?? { cases: 0, open: 0, heldOut: 0, attention: 0 };
}

/** Newest first, each with the counts of its cases. */
export async function listCampaigns(
  db: Kysely<Database>,
  { accountId, limit }: { readonly accountId: string | null; readonly limit: number },
): Promise<(Campaign & CaseCounts)[]> {
  const { rows } = await sql<Campaign & CaseCounts>`
    select campaign.*, counts.* from campaign
    cross join lateral (
      select ${COUNTS} from recovery_case where campaign_id = campaign.id
    ) as counts
    where ${accountId}::text is null or campaign.account_id = ${accountId}
    order by campaign.started_at desc, length(campaign.id) desc, campaign.id desc
    limit ${limit}`.execute(db);
  return rows;
}

/** Whether a campaign of the account has not looked at all invoices yet, and is going to. */
export async function isSelecting(db: Kysely<Database>, accountId: string): Promise<boolean> {
  const row = await db
    .selectFrom('campaign')
    .select('id')
    .where('account_id', '=', accountId)
    .where('selected_at', 'is', null)
    .where('ended_at', 'is', null)
    .where('desired', '=', 'run')
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

export async function countByState(
  db: Kysely<Database>,
  campaignId: string,
): Promise<{ readonly state: CaseState; readonly cases: number }[]> {
  return db
    .selectFrom('recovery_case')
    .select(['state', sql<number>`count(*)::int`.as('cases')])
    .where('campaign_id', '=', campaignId)
    .groupBy('state')
    .orderBy('cases', 'desc')
    .orderBy('state')
    .execute();
}

export interface NextAction {
  readonly invoiceId: string;
  readonly state: CaseState;
  readonly at: Date;
}

/** What its cases do next, the soonest first. */
export async function listNextActions(
  db: Kysely<Database>,
  { campaignId, limit }: { readonly campaignId: string; readonly limit: number },
): Promise<NextAction[]> {
  const rows = await db
    .selectFrom('recovery_case')
    .select(['invoice_id as invoiceId', 'state', 'next_action_at as at'])
    .where('campaign_id', '=', campaignId)
    .where('ended_at', 'is', null)
    .where('next_action_at', 'is not', null)
    .orderBy('next_action_at')
    .orderBy('invoice_id')
    .limit(limit)
    .$narrowType<{ at: Date }>()
    .execute();
  return rows;
}

/** Cases of one currency, one class of decline, and either side of the control group. */
export interface ReportGroup {
  readonly currency: string;
  readonly exponent: number;
  readonly declineClass: string;
  readonly heldOut: boolean;
  readonly cases: number;
  readonly open: number;
  /** Of ours, those that were or may have been sent. */
  readonly attempts: number;
  /** What remained to be paid when they were opened. */
  readonly amountMinor: bigint;
  /** Cases with money that came in and stayed, wholly or in part. */
  readonly recoveredCases: number;
  /** By anyone. */
  readonly grossMinor: bigint;
  readonly reversedMinor: bigint;
  /** Gross, and what of it was taken back, by whom it came. */
  readonly usMinor: bigint;
  readonly usReversedMinor: bigint;
  readonly elsewhereMinor: bigint;
  readonly elsewhereReversedMinor: bigint;
  readonly providerMinor: bigint;
  readonly providerReversedMinor: bigint;
}

/** Counted from the rows as they are now. */
export async function reportCampaign(
  db: Kysely<Database>,
  campaignId: string,
): Promise<ReportGroup[]> {
  const sumOf = (column: string, by: string) =>
    sql`coalesce(sum(${sql.ref(column)}) filter (where recovered_by = ${by}), 0)::int8`;
  const { rows } = await sql<ReportGroup>`
    select currency, exponent, coalesce(decline_class, 'unknown') as "declineClass", held_out as "heldOut",
      count(*)::int as cases, count(*) filter (where ended_at is null)::int as open,
      coalesce(sum((select count(*) from recovery_attempt as attempt
        where attempt.account_id = recovery_case.account_id and attempt.invoice_id = recovery_case.invoice_id
          and attempt.state <> 'absent')), 0)::int as attempts,
      sum(amount_minor)::int8 as "amountMinor",
      count(*) filter (where recovered_minor > reversed_minor)::int as "recoveredCases",
      sum(recovered_minor)::int8 as "grossMinor", sum(reversed_minor)::int8 as "reversedMinor",
      ${sumOf('recovered_minor', 'us')} as "usMinor", ${sumOf('reversed_minor', 'us')} as "usReversedMinor",
      ${sumOf('recovered_minor', 'elsewhere')} as "elsewhereMinor",
      ${sumOf('reversed_minor', 'elsewhere')} as "elsewhereReversedMinor",
      ${sumOf('recovered_minor', 'provider')} as "providerMinor",
      ${sumOf('reversed_minor', 'provider')} as "providerReversedMinor"
    from recovery_case where campaign_id = ${campaignId}
    group by 1, 2, 3, 4 order by 1, 3, 4`.execute(db);
  return rows;
}

/** Codes that no vocabulary holds, of the declines that opened its cases and of its own attempts: how often each was met. */
export async function countUnmapped(
  db: Kysely<Database>,
  campaignId: string,
): Promise<{ readonly code: string; readonly times: number }[]> {
  const { rows } = await sql<{ code: string; times: number }>`
    select code, count(*)::int as times from (
      select facts #>> '{decline,unmapped}' as code
      from recovery_transition join recovery_case using (account_id, invoice_id)
      where campaign_id = ${campaignId} and sequence = 1
      union all
      select decline ->> 'unmapped' from recovery_attempt where campaign_id = ${campaignId}
    ) as met
    where code is not null group by code order by times desc, code`.execute(db);
  return rows;
}

function throwUnknown(id: string): never {
  throw new RecoupError('invalid_input', `No campaign is called "${id}".`);
}
