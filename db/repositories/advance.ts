/** What a commit changes in its tasks. The fence keeps out whoever has lost the lease. */
import { sql, type Transaction } from 'kysely';
import { RecoupError } from '../../domain/errors';
import type { Desired } from '../../domain/sync/run';
import { arrayOf } from '../array';
import { executeWithParts, type Part } from '../parts';
import type { Database } from '../schema';
import { LEASE_SECONDS, type Lease } from './tasks';

export interface Advance {
  readonly lease: Lease;
  /** Creation times of the objects; those that have none always count. */
  readonly createdAt: readonly (Date | null)[];
  readonly requests: number;
  /** The newest read of the commit; null where nothing was read. */
  readonly readAt: Date | null;
  /** Null for a task that has no window to walk. */
  readonly position: {
    /** Null when the window is exhausted. */
    readonly nextCursor: string | null;
    readonly oldestCreatedAt: Date | null;
  } | null;
}

export interface Advanced {
  /** Objects of the task's window: those before it are another task's to count. */
  readonly objects: number;
  /** Whether the task's window is read to its end. */
  readonly done: boolean;
  /** Where the task's window starts now: another lane may have taken its older part. */
  readonly windowFrom: Date | null;
  /** What is wanted of the run, by its own word and the account's. */
  readonly desired: Desired;
}

interface AdvancedRow {
  readonly id: bigint;
  readonly objects: bigint;
  readonly window_from: Date | null;
  readonly done: boolean;
  readonly run_desired: Desired;
  readonly account_desired: Desired;
}

/**
 * Advances tasks of one run, each named once; the answers are in the same order. Rows are counted by resource: the first task says so
 * for all. Errors: lease_lost.
 */
export async function advanceTasks(
  trx: Transaction<Database>,
  options: {
    readonly advances: readonly Advance[];
    readonly changedRows: number;
    /** What is to be written with it. */
    readonly parts: readonly Part[];
  },
): Promise<Advanced[]> {
  const { advances, changedRows, parts } = options;
  const created = advances.flatMap(({ lease, createdAt }) =>
    createdAt.map((at) => ({ at, taskId: lease.taskId })),
  );
  const inWindow = sql`(
    select count(*) from created where created.task_id = task.id
      and (at is null or task.window_from is null or at >= task.window_from))`;
  // Several tasks are locked in the order of their ids by all.
  const given = sql`
    select given.* from unnest(
      ${arrayOf('bigint', advances, ({ lease }) => lease.taskId)},
      ${arrayOf('bigint', advances, ({ lease }) => lease.fence)},
      ${arrayOf('integer', advances, ({ requests }) => requests)},
      ${arrayOf('timestamptz', advances, ({ readAt }) => readAt)},
      ${arrayOf('bigint', advances, (one) => (one === advances[0] ? BigInt(changedRows) : 0n))},
      ${arrayOf('boolean', advances, ({ position }) => position !== null)},
      ${arrayOf('text', advances, ({ position }) => position?.nextCursor)},
      ${arrayOf('timestamptz', advances, ({ position }) => position?.oldestCreatedAt)}
    ) as given (id, fence, requests, read_at, changed_rows, walked, cursor, oldest)
    join task on task.id = given.id and task.fence = given.fence and task.state = 'open'
    order by task.id for update of task`;
  const times = sql`
    select * from unnest(
      ${arrayOf('bigint', created, ({ taskId }) => taskId)},
      ${arrayOf('timestamptz', created, ({ at }) => at)}
    ) as created (task_id, at)`;
  const advance = sql<AdvancedRow>`
    update task set
      cursor = given.cursor,
      last_seen = coalesce(given.oldest, last_seen),
      read_as_of = coalesce(read_as_of, given.read_at),
      newest_read_at = greatest(newest_read_at, given.read_at),
      state = case when given.walked and (given.cursor is null or given.oldest < window_from)
        then 'done' else 'open' end,
      objects = objects + ${inWindow},
      pages = pages + 1,
      requests = task.requests + given.requests,
      changed_rows = task.changed_rows + given.changed_rows,
      lease_until = clock_timestamp() + make_interval(secs => ${sql.lit(LEASE_SECONDS)})
    from given where task.id = given.id and task.fence = given.fence and task.state = 'open'
    returning task.id, window_from, state = 'done' as done, ${inWindow} as objects,
      (select desired from run where id = task.run_id) as run_desired,
      (select account.desired from account join run on run.account_id = account.id
        where run.id = task.run_id) as account_desired`;
  const known = [
    { name: 'given', statement: given },
    { name: 'created', statement: times },
  ];
  const rows = await executeWithParts(trx, [...parts, ...known], advance);
  const byTask = new Map(rows.map((row) => [row.id, row]));
  return advances.map(({ lease }) => {
    const row = byTask.get(lease.taskId);
    if (!row) throw leaseLost(lease);
    return {
      objects: Number(row.objects),
      done: row.done,
      windowFrom: row.window_from,
      desired: row.run_desired === 'run' ? row.account_desired : row.run_desired,
    };
  });
}

export const leaseLost = ({ taskId, resource }: Lease): RecoupError =>
  new RecoupError(
    'lease_lost',
    `Task ${taskId} (${resource}) is no longer held: nothing of the commit was written.`,
  );
