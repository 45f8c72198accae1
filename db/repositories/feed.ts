/** How far the change feed of an account was turned into hints. */
import { sql, type Transaction } from 'kysely';
import type { Database } from '../schema';
import { overlap } from './heads';

const DAY_MS = 24 * 60 * 60 * 1000;

/** A feed is given up this long before it forgets: its pages are yet to be read. */
const HORIZON_MARGIN_MS = DAY_MS;

/** What the provider says of its feed. */
export interface FeedTerms {
  /** How far back it reaches. */
  readonly horizonMs: number;
  /** The resources whose changes it tells, deletions included. */
  readonly resources: readonly string[];
}

export interface OpenedFeed {
  /** Changes up to here are noted; null when the feed begins with this run, so that it has nothing to tell yet. */
  readonly asOf: Date | null;
  /** Whether it begins anew, because it was left alone for longer than it reaches back: nothing counts as covered any more. */
  readonly broken: boolean;
}

/** Locks the feed of an account for the transaction, and begins it at `until` where there is none, or where it broke. */
export async function openFeed(
  trx: Transaction<Database>,
  options: FeedTerms & { readonly accountId: string; readonly until: Date },
): Promise<OpenedFeed> {
  const { accountId, until, horizonMs, resources } = options;
  const begun = await trx
    .insertInto('change_feed')
    .values({ account_id: accountId, as_of: until, unbroken_since: until })
    .onConflict((conflict) => conflict.doNothing())
    .returning('account_id')
    .executeTakeFirst();
  if (begun) return { asOf: null, broken: false };
  const { as_of: asOf } = await trx
    .selectFrom('change_feed')
    .select('as_of')
    .where('account_id', '=', accountId)
    .forUpdate()
    .executeTakeFirstOrThrow();
  if (until.getTime() - asOf.getTime() <= horizonMs - HORIZON_MARGIN_MS) {
    return { asOf, broken: false };
  }
  await restartFeed(trx, { accountId, resources, at: until });
  return { asOf: null, broken: true };
}

/**
 * The changes of a window are noted, as far as the feed still told of them when it was read. One that leaves a gap after what was
 * noted before moves nothing.
 */
export async function advanceFeed(
  trx: Transaction<Database>,
  options: Pick<FeedTerms, 'horizonMs'> & {
    readonly accountId: string;
    readonly from: Date;
    readonly to: Date;
    /** The provider's clock at its last page. */
    readonly readAt: Date;
  },
): Promise<void> {
  const { accountId, from, to, readAt, horizonMs } = options;
  // It has forgotten some of them meanwhile: the next sync finds it left alone for too long.
  if (from.getTime() < readAt.getTime() - horizonMs) return;
  await trx
    .updateTable('change_feed')
    .set({ as_of: sql<Date>`greatest(as_of, ${to.toISOString()}::timestamptz)` })
    .where('account_id', '=', accountId)
    .where('as_of', '>=', from)
    .execute();
}

/**
 * What was read before cannot be kept true any more, and must be read again: all windows, and by its id whatever those do not show
 * any more, since nobody told that it was deleted.
 */
async function restartFeed(
  trx: Transaction<Database>,
  {
    accountId,
    resources,
    at,
  }: Pick<FeedTerms, 'resources'> & { readonly accountId: string; readonly at: Date },
): Promise<void> {
  await trx
    .updateTable('change_feed')
    .set({ as_of: at, unbroken_since: at })
    .where('account_id', '=', accountId)
    .execute();
  await trx.deleteFrom('coverage').where('account_id', '=', accountId).execute();
  // Dated so that any read from now on is an answer.
  await sql`
    insert into hint (account_id, resource, external_id, source, changed_at)
    select account_id, resource, external_id, 'feed', ${at.toISOString()}::timestamptz - ${overlap}
    from object_head
    where account_id = ${accountId} and resource = any(${resources}::text[])
      and not deleted and hash is not null
    on conflict (account_id, resource, external_id) do nothing`.execute(trx);
}
