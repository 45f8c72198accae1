/** How invoices become cases: one for each, whatever campaigns ask for it. */
import { sql, type Kysely } from 'kysely';
import type { CaseState } from '../../domain/recovery/states';
import { arrayOf, storable } from '../array';
import type { Database } from '../schema';
import { inTransaction } from '../transaction';

export interface NewCase {
  readonly invoiceId: string;
  readonly customerId: string | null;
  readonly currency: string;
  readonly exponent: number;
  readonly amountMinor: bigint;
  readonly heldOut: boolean;
  readonly declineClass: string | null;
  readonly declineReason: string | null;
  /** Its first transitions, from `discovered` on, in order; never empty. */
  readonly story: readonly {
    readonly from: CaseState;
    readonly event: string;
    readonly to: CaseState;
    readonly because: string;
    readonly facts: Readonly<Record<string, unknown>> | null;
  }[];
}

/**
 * Opens a case for each invoice that is not one already, and keeps the customers of those that are held out in the control group
 * for good. Calling it again opens nothing more.
 */
export async function openCases(
  db: Kysely<Database>,
  options: {
    readonly accountId: string;
    readonly campaignId: string;
    readonly openedAt: Date;
    readonly windowEndsAt: Date;
    readonly cases: readonly NewCase[];
  },
): Promise<void> {
  const { accountId, campaignId, openedAt, windowEndsAt } = options;
  const cases = [...options.cases].sort((a, b) => (a.invoiceId < b.invoiceId ? -1 : 1));
  const last = (each: NewCase) => each.story.at(-1);
  const told = cases.flatMap(({ invoiceId, story }) =>
    story.map((transition, index) => ({ ...transition, invoiceId, sequence: index + 1 })),
  );
  await inTransaction(db, async (trx) => {
    await sql`
      insert into recovery_case (account_id, invoice_id, campaign_id, customer_id, currency, exponent, amount_minor,
        held_out, decline_class, decline_reason, state, because, transitions, told_version, opened_at, window_ends_at)
      select ${accountId}, invoice_id, ${campaignId}, customer_id, currency, exponent, amount_minor,
        held_out, decline_class, decline_reason, state, because, transitions,
        (select read_as_of from account where id = ${accountId}),
        ${openedAt}::timestamptz, ${windowEndsAt}::timestamptz
      from unnest(
        ${arrayOf('text', cases, (each) => each.invoiceId)},
        ${arrayOf('text', cases, (each) => each.customerId)},
        ${arrayOf('text', cases, (each) => each.currency)},
        ${arrayOf('integer', cases, (each) => each.exponent)},
        ${arrayOf('bigint', cases, (each) => each.amountMinor)},
        ${arrayOf('boolean', cases, (each) => each.heldOut)},
        ${arrayOf('text', cases, (each) => each.declineClass)},
        ${arrayOf('text', cases, (each) => each.declineReason)},
        ${arrayOf('text', cases, (each) => last(each)?.to)},
        ${arrayOf('text', cases, (each) => last(each)?.because)},
        ${arrayOf('integer', cases, (each) => each.story.length)}
      ) as given (invoice_id, customer_id, currency, exponent, amount_minor, held_out, decline_class, decline_reason,
        state, because, transitions)
      on conflict do nothing`.execute(trx);
    // Whoever was there first keeps its own story: what conflicts is written already, by this campaign.
    await sql`
      insert into recovery_transition (account_id, invoice_id, sequence, from_state, event, to_state, because, facts, at)
      select ${accountId}, invoice_id, sequence, from_state, event, to_state, given.because, facts::jsonb, opened_at
      from unnest(
        ${arrayOf('text', told, (each) => each.invoiceId)},
        ${arrayOf('integer', told, (each) => each.sequence)},
        ${arrayOf('text', told, (each) => each.from)},
        ${arrayOf('text', told, (each) => each.event)},
        ${arrayOf('text', told, (each) => each.to)},
        ${arrayOf('text', told, (each) => storable(each.because))},
        ${arrayOf('text', told, ({ facts }) => (facts === null ? null : JSON.stringify(facts)))}
      ) as given (invoice_id, sequence, from_state, event, to_state, because, facts)
      join recovery_case using (invoice_id)
      where account_id = ${accountId} and campaign_id = ${campaignId}
      on conflict do nothing`.execute(trx);
    await sql`
      insert into holdout_customer (account_id, customer_id)
      select distinct account_id, customer_id from recovery_case
      where account_id = ${accountId} and campaign_id = ${campaignId} and held_out and customer_id is not null
        and invoice_id = any(${arrayOf('text', cases, (each) => each.invoiceId)})
      order by customer_id on conflict do nothing`.execute(trx);
  });
}

export interface OpenedCase {
  readonly invoiceId: string;
  readonly heldOut: boolean;
  readonly hasEnded: boolean;
}

/** The campaign's cases from after one invoice id up to another: also those that an earlier call has opened. */
export async function listOpened(
  db: Kysely<Database>,
  options: { readonly campaignId: string; readonly after: string | null; readonly upTo: string },
): Promise<OpenedCase[]> {
  return db
    .selectFrom('recovery_case')
    .select([
      'invoice_id as invoiceId',
      'held_out as heldOut',
      sql<boolean>`ended_at is not null`.as('hasEnded'),
    ])
    .where('campaign_id', '=', options.campaignId)
    .where('invoice_id', '>', options.after ?? '')
    .where('invoice_id', '<=', options.upTo)
    .orderBy('invoice_id')
    .execute();
}
