/** Coverage: which creation times of a resource were read to their end, and are kept true by hints since. */
import { sql, type Transaction } from 'kysely';
import type { Database } from '../schema';

/**
 * Objects may show in lists a moment after they are created: what was created this shortly before a read may have been missed. The
 * feed's windows overlap by much more, so that a read this shortly before the feed began counts as well.
 */
const SETTLE = sql.raw(`interval '60 seconds'`);

export interface Uncovered {
  readonly resource: string;
  /** Null means since ever. */
  readonly from: Date | null;
  readonly to: Date;
}

/** What of a window is not covered: in the order of the resources, for each the newest first. */
export async function listUncovered(
  trx: Transaction<Database>,
  options: {
    readonly accountId: string;
    readonly resources: readonly string[];
    readonly from: Date | null;
    readonly until: Date;
  },
): Promise<Uncovered[]> {
  const { accountId, resources, from, until } = options;
  const { rows } = await sql<Uncovered>`
    select wanted.resource, lower(window_left) as "from", upper(window_left) as "to"
    from unnest(${resources}::text[]) with ordinality as wanted (resource, position)
    left join coverage on coverage.account_id = ${accountId} and coverage.resource = wanted.resource
    cross join unnest(
      tstzmultirange(tstzrange(${from?.toISOString() ?? null}::timestamptz, ${until.toISOString()}::timestamptz))
        - coalesce(coverage.ranges, '{}')) as window_left
    order by wanted.position, window_left desc`.execute(trx);
  return rows;
}

/** Adds the window of a task that was read to its end, unless the change feed was broken since it was read. */
export async function coverTask(trx: Transaction<Database>, taskId: bigint): Promise<void> {
  // The feed's row is locked, so that it cannot break and forget the coverage meanwhile. Windows meet on whole seconds.
  await sql`
    insert into coverage (account_id, resource, ranges)
    select account_id, resource, tstzmultirange(tstzrange(window_from, window_end))
    from (
      select change_feed.account_id, task.resource, task.window_from,
        least(task.window_to, date_trunc('second', task.read_as_of - ${SETTLE})) as window_end
      from task join run on run.id = task.run_id
      join change_feed on change_feed.account_id = run.account_id
      where task.id = ${taskId} and task.read_as_of >= change_feed.unbroken_since - ${SETTLE}
      for share of change_feed
    ) as read_window
    where window_from is null or window_end > window_from
    on conflict (account_id, resource) do update set ranges = coverage.ranges + excluded.ranges`.execute(
    trx,
  );
}
