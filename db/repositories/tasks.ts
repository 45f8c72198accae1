/** Tasks: one resource over one window. A lease says who walks it, a fencing token keeps everybody else's late commits out. */
import { sql, type Kysely, type SelectQueryBuilder, type Transaction } from 'kysely';
import type { RecoupError } from '../../domain/errors';
import type { TaskFacts } from '../../domain/sync/progress';
import { REREAD } from '../../domain/sync/run';
import type { OpenTask } from '../../domain/sync/work';
import { storable } from '../array';
import type { Database, RunTable, TaskTable } from '../schema';
import type { Selectable } from 'kysely';

/** A worker that was killed gives its tasks back after this long; commits and heartbeats prolong it. */
export const LEASE_SECONDS = 20;

/** The right to walk a task until somebody else claims it. */
export interface Lease {
  readonly accountId: string;
  readonly runId: string;
  readonly taskId: bigint;
  readonly fence: bigint;
  readonly resource: string;
  readonly windowFrom: Date | null;
  readonly windowTo: Date;
  readonly cursor: string | null;
  readonly lastSeen: Date | null;
}

export interface Claim {
  readonly accountId: string;
  /** Names the walk: unique per execution. */
  readonly owner: string;
  /** As it was listed. */
  readonly task: StoredOpenTask;
}

export interface StoredOpenTask extends OpenTask {
  readonly id: bigint;
  readonly fence: bigint;
}

const leaseUntil = sql<Date>`clock_timestamp() + make_interval(secs => ${sql.lit(LEASE_SECONDS)})`;

/** The open tasks of a run, in plan order. */
export async function listOpenTasks(
  db: Kysely<Database>,
  runId: string,
): Promise<StoredOpenTask[]> {
  const rows = await db
    .selectFrom('task')
    .select(['id', 'fence', 'resource', 'window_from', 'window_to', 'last_seen', 'objects'])
    .select(isLeased)
    .where('run_id', '=', runId)
    .where('state', '=', 'open')
    .orderBy('position')
    .orderBy('id')
    .execute();
  return rows.map(({ id, fence, resource, leased, ...row }) => ({
    id,
    fence,
    resource,
    leased,
    ...windowOf(row),
  }));
}

/** Takes a task that is open and that nobody holds; null when somebody else was faster. */
export async function claimTask(db: Kysely<Database>, claim: Claim): Promise<Lease | null> {
  const { accountId, owner, task } = claim;
  const row = await db
    .updateTable('task')
    .set((set) => ({
      fence: set('fence', '+', 1n),
      lease_owner: owner,
      lease_until: leaseUntil,
    }))
    .where('id', '=', task.id)
    .where('fence', '=', task.fence)
    .where('state', '=', 'open')
    .where((free) =>
      free.or([
        free('lease_until', 'is', null),
        free('lease_until', '<', sql<Date>`clock_timestamp()`),
      ]),
    )
    .returningAll()
    .executeTakeFirst();
  return row ? leaseOf(row, accountId) : null;
}

/**
 * Cuts the window of a task that is being walked and takes its older part, up to `at`, as a new task. Null when the walk has come
 * so far meanwhile, or is committing right now: the next look will find it.
 */
export async function splitTask(
  db: Kysely<Database>,
  { accountId, owner, task, at }: Claim & { readonly at: Date },
): Promise<Lease | null> {
  const { rows } = await sql<Selectable<TaskTable>>`
    with walked as (
      select id, window_from from task
      where id = ${task.id} and fence = ${task.fence} and state = 'open' and last_seen > ${at}::timestamptz
        and window_from is not distinct from ${task.from}::timestamptz
      for update skip locked
    ), cut as (
      update task set window_from = ${at}::timestamptz from walked where task.id = walked.id
      returning task.run_id, task.resource, task.position, walked.window_from
    )
    insert into task (run_id, resource, position, window_from, window_to, fence, lease_owner, lease_until)
    select run_id, resource, position, window_from, ${at}::timestamptz, 1, ${owner}::text, ${leaseUntil} from cut
    returning *`.execute(db);
  const [row] = rows;
  return row ? leaseOf(row, accountId) : null;
}

/** Several tasks are locked in the order of their ids by all, or a commit of pages of several could wait for one who waits for it. */
const inOrder = (tasks: SelectQueryBuilder<Database, 'task', object>) =>
  tasks.select('id').orderBy('id').forUpdate();

/** Prolongs the leases of a walk that is alive. */
export async function renewLeases(
  db: Kysely<Database>,
  { runId, owner }: { readonly runId: string; readonly owner: string },
): Promise<void> {
  await db
    .updateTable('task')
    .set({ lease_until: leaseUntil })
    .where('id', 'in', (task) =>
      inOrder(
        task
          .selectFrom('task')
          .where('run_id', '=', runId)
          .where('state', '=', 'open')
          .where('lease_owner', '=', owner),
      ),
    )
    .execute();
}

/** Gives all tasks of a walk back, so that the next one need not wait for the leases to expire; those of every walk without an owner. */
export async function releaseTasks(
  db: Kysely<Database>,
  { runId, owner }: { readonly runId: string; readonly owner?: string },
): Promise<void> {
  await db
    .updateTable('task')
    .set({ lease_owner: null, lease_until: null })
    .where('id', 'in', (task) => {
      const held = task.selectFrom('task').where('run_id', '=', runId);
      return inOrder(owner === undefined ? held : held.where('lease_owner', '=', owner));
    })
    .execute();
}

/** Gives one task back, unless it has been claimed since: by another lane of the same walk, perhaps. */
export async function releaseTask(
  db: Kysely<Database>,
  { taskId, fence }: Pick<Lease, 'taskId' | 'fence'>,
): Promise<void> {
  await db
    .updateTable('task')
    .set({ lease_owner: null, lease_until: null })
    .where('id', '=', taskId)
    .where('fence', '=', fence)
    .execute();
}

/** Sets one resource of a run aside with its reason. Lanes that walk other windows of it find their lease lost. */
export async function parkResource(
  db: Kysely<Database>,
  options: { readonly runId: string; readonly resource: string; readonly error: RecoupError },
): Promise<void> {
  await db
    .updateTable('task')
    .set({
      state: 'parked',
      parked_code: options.error.code,
      parked_reason: storable(options.error.message),
      lease_owner: null,
      lease_until: null,
    })
    .where('id', 'in', (task) =>
      inOrder(
        task
          .selectFrom('task')
          .where('run_id', '=', options.runId)
          .where('resource', '=', options.resource)
          .where('state', '=', 'open'),
      ),
    )
    .execute();
}

/** Opens parked and skipped tasks again, of one resource or of all, and returns their resources. */
export async function openTasksAgain(
  trx: Transaction<Database>,
  options: { readonly runId: string; readonly resource: string | null },
): Promise<string[]> {
  let query = trx
    .updateTable('task')
    .set((task) => ({
      state: 'open',
      fence: task('fence', '+', 1n),
      parked_code: null,
      parked_reason: null,
    }))
    .where('run_id', '=', options.runId)
    .where('state', 'in', ['parked', 'skipped']);
  if (options.resource !== null) query = query.where('resource', '=', options.resource);
  const rows = await query.returning('resource').execute();
  if (rows.length > 0) await reopenLast(trx, options.runId);
  return [...new Set(rows.map(({ resource }) => resource))];
}

/** What is read again tells what to read by id: the last task has work again too. */
async function reopenLast(trx: Transaction<Database>, runId: string): Promise<void> {
  await trx
    .updateTable('task')
    .set({ state: 'open' })
    .where('run_id', '=', runId)
    .where('resource', '=', REREAD)
    .where('state', '=', 'done')
    .execute();
}

/** Leaves a resource out of a run, parked or not. Lanes that walk it find their lease lost. Returns how many tasks that were. */
export async function skipTasks(
  trx: Transaction<Database>,
  options: { readonly runId: string; readonly resource: string },
): Promise<bigint> {
  const { numUpdatedRows } = await trx
    .updateTable('task')
    .set((task) => ({
      state: 'skipped',
      fence: task('fence', '+', 1n),
      lease_owner: null,
      lease_until: null,
    }))
    .where('id', 'in', (task) =>
      inOrder(
        task
          .selectFrom('task')
          .where('run_id', '=', options.runId)
          .where('resource', '=', options.resource)
          .where('state', 'in', ['open', 'parked']),
      ),
    )
    .executeTakeFirst();
  return numUpdatedRows;
}

/** Ends a task that has no window to be read to its end. False when its lease was lost. */
export async function finishTask(
  db: Kysely<Database>,
  { taskId, fence }: Pick<Lease, 'taskId' | 'fence'>,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('task')
    .set({ state: 'done', lease_owner: null, lease_until: null })
    .where('id', '=', taskId)
    .where('fence', '=', fence)
    .where('state', '=', 'open')
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Whether the run has set the resource aside. */
export async function isParked(
  db: Kysely<Database>,
  { runId, resource }: { readonly runId: string; readonly resource: string },
): Promise<boolean> {
  const row = await db
    .selectFrom('task')
    .select('id')
    .where('run_id', '=', runId)
    .where('resource', '=', resource)
    .where('state', '=', 'parked')
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Notes as a parked task of its own that objects of a resource could not be read outside of the windows of the run. */
export async function noteParked(
  db: Kysely<Database>,
  options: {
    readonly run: Pick<Selectable<RunTable>, 'id' | 'window_from' | 'until'>;
    readonly resource: string;
    readonly error: RecoupError;
  },
): Promise<void> {
  const { run, resource, error } = options;
  if (await isParked(db, { runId: run.id, resource })) return;
  await db
    .insertInto('task')
    .values({
      run_id: run.id,
      resource,
      position: (task) =>
        task
          .selectFrom('task')
          .select(sql<number>`coalesce(max(position), 0)`.as('last'))
          .where('run_id', '=', run.id),
      window_from: run.window_from,
      window_to: run.until,
      state: 'parked',
      parked_code: error.code,
      parked_reason: storable(error.message),
    })
    .execute();
}

/** Resources of a run that have open tasks. */
export async function listOpenResources(db: Kysely<Database>, runId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('task')
    .select('resource')
    .distinct()
    .where('run_id', '=', runId)
    .where('state', '=', 'open')
    .execute();
  return rows.map(({ resource }) => resource);
}

export interface StoredTask extends TaskFacts {
  readonly changedRows: number;
  readonly pages: number;
  readonly newestReadAt: Date | null;
}

/** All tasks of a run in plan order, as far as progress and the end of the run ask. */
export async function readTaskFacts(db: Kysely<Database>, runId: string): Promise<StoredTask[]> {
  const rows = await db
    .selectFrom('task')
    .selectAll()
    .select(isLeased)
    .where('run_id', '=', runId)
    .orderBy('position')
    .orderBy('id')
    .execute();
  return rows.map((row) => ({
    ...windowOf(row),
    resource: row.resource,
    state: row.state,
    leased: row.leased,
    parkedReason: row.parked_reason,
    changedRows: row.changed_rows,
    pages: row.pages,
    newestReadAt: row.newest_read_at,
  }));
}

const isLeased = sql<boolean>`coalesce(lease_until > clock_timestamp(), false)`.as('leased');

const windowOf = (
  row: Pick<Selectable<TaskTable>, 'window_from' | 'window_to' | 'last_seen' | 'objects'>,
) => ({
  from: row.window_from,
  to: row.window_to,
  lastSeen: row.last_seen,
  objects: row.objects,
});

const leaseOf = (row: Selectable<TaskTable>, accountId: string): Lease => ({
  accountId,
  runId: row.run_id,
  taskId: row.id,
  fence: row.fence,
  resource: row.resource,
  windowFrom: row.window_from,
  windowTo: row.window_to,
  cursor: row.cursor,
  lastSeen: row.last_seen,
});
