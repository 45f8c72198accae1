/** How well an account is kept up with, for whoever looks at it: its change feed, what waits to be read, what is covered. */
import { sql, type Kysely } from 'kysely';
import type { Database } from '../schema';

export interface Freshness {
  /** Null before the first sync has begun. */
  readonly feed: { readonly asOf: Date; readonly unbrokenSince: Date } | null;
  /** Objects that wait to be read again by their id. */
  readonly waiting: number;
  readonly coverage: readonly {
    readonly resource: string;
    /** Null means since ever. */
    readonly from: Date | null;
    readonly to: Date;
    /** Whether nothing between them is missing. */
    readonly whole: boolean;
  }[];
}

export async function readFreshness(db: Kysely<Database>, accountId: string): Promise<Freshness> {
  const [feed, { waiting }, { rows: coverage }] = await Promise.all([
    db
      .selectFrom('change_feed')
      .select(['as_of as asOf', 'unbroken_since as unbrokenSince'])
      .where('account_id', '=', accountId)
      .executeTakeFirst(),
    db
      .selectFrom('hint')
      .select(({ fn }) => fn.countAll<bigint>().as('waiting'))
      .where('account_id', '=', accountId)
      .executeTakeFirstOrThrow(),
    sql<Freshness['coverage'][number]>`
      select resource, lower(ranges) as "from", upper(ranges) as "to",
        ranges = tstzmultirange(range_merge(ranges)) as whole
      from coverage where account_id = ${accountId} and not isempty(ranges)
      order by resource`.execute(db),
  ]);
  return { feed: feed ?? null, waiting: Number(waiting), coverage };
}

export interface WaitingHints {
  readonly accountId: string;
  readonly count: number;
  readonly oldestAt: Date;
}

/** Accounts with objects that wait to be read again for longer than `olderThanMs`, the longest first. */
export async function listWaitingHints(
  db: Kysely<Database>,
  { olderThanMs, limit }: { readonly olderThanMs: number; readonly limit: number },
): Promise<WaitingHints[]> {
  const { rows } = await sql<WaitingHints>`
    select account_id as "accountId", count(*)::int as count, min(not_before) as "oldestAt"
    from hint where not_before < now() - make_interval(secs => ${olderThanMs / 1000})
    group by account_id order by min(not_before) limit ${limit}`.execute(db);
  return rows;
}

export interface FeedAge {
  readonly accountId: string;
  readonly provider: string;
  readonly ageMs: number;
}

/**
 * How far behind the provider's clock each connected account's change feed is, the farthest first. That clock is known from the
 * newest sync: it stood at the end of the run's window when the run was opened.
 */
export async function listFeedAges(
  db: Kysely<Database>,
  { limit }: { readonly limit: number },
): Promise<FeedAge[]> {
  const { rows } = await sql<FeedAge>`
    select account.id as "accountId", account.provider,
      (1000 * extract(epoch from now() - newest.started_at + newest.until - change_feed.as_of))::float8 as "ageMs"
    from change_feed join account on account.id = change_feed.account_id
    cross join lateral (
      select started_at, until from run
      where account_id = account.id and kind = 'sync' order by until desc limit 1
    ) as newest
    where account.state <> 'disconnected'
    order by 3 desc limit ${limit}`.execute(db);
  return rows;
}
