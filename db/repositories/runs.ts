import { sql, type Kysely, type Selectable, type Transaction } from 'kysely';
import { RecoupError } from '../../domain/errors';
import { progressOf, type ResourceProgress } from '../../domain/sync/progress';
import {
  decideRunEnd,
  MAX_NAMED_PRICES,
  type Desired,
  type RunFacts,
  type RunKind,
} from '../../domain/sync/run';
import type { Database, RunTable } from '../schema';
import { listNeverRead } from './heads';
import { openTasksAgain, readTaskFacts, skipTasks } from './tasks';

export type Run = Selectable<RunTable>;

export interface NewRun {
  readonly accountId: string;
  readonly key: string;
  readonly kind: RunKind;
  readonly windowFrom: Date | null;
  readonly until: Date;
  readonly floor: Date;
  /** Why it reads as much as it does, where that is not what one expects; a sentence. */
  readonly note: string | null;
  readonly tasks: readonly NewTask[];
}

export interface NewTask {
  readonly resource: string;
  /** Inclusive; null means since ever. */
  readonly from: Date | null;
  /** Exclusive. */
  readonly to: Date;
  /** Order of the resource in the plan, from 0. */
  readonly position: number;
  /** Whether a person has told syncs to leave it out. */
  readonly skipped?: boolean;
}

export async function findRunByKey(
  db: Kysely<Database>,
  options: { readonly accountId: string; readonly key: string },
): Promise<Run | undefined> {
  return db
    .selectFrom('run')
    .selectAll()
    .where('account_id', '=', options.accountId)
    .where('key', '=', options.key)
    .executeTakeFirst();
}

/** Makes the run with its tasks, or finds the one that has the key: then it stays as it was opened. */
export async function createRun(trx: Transaction<Database>, run: NewRun): Promise<Run> {
  const created = await trx
    .insertInto('run')
    .values({
      account_id: run.accountId,
      key: run.key,
      kind: run.kind,
      window_from: run.windowFrom,
      until: run.until,
      floor: run.floor,
      note: run.note,
    })
    .onConflict((conflict) => conflict.columns(['account_id', 'key']).doNothing())
    .returningAll()
    .executeTakeFirst();
  if (!created) {
    const known = await findRunByKey(trx, run);
    if (!known) throw new Error(`Run ${run.key} of ${run.accountId} is neither new nor known.`);
    return known;
  }
  if (run.tasks.length > 0) {
    await trx
      .insertInto('task')
      .values(
        run.tasks.map(({ resource, from, to, position, skipped }) => ({
          run_id: created.id,
          resource,
          position,
          window_from: from,
          window_to: to,
          state: skipped ? ('skipped' as const) : ('open' as const),
        })),
      )
      .execute();
  }
  return created;
}

/** Errors: invalid_input for a run that does not exist. */
export async function readRun(db: Kysely<Database>, id: string): Promise<Run> {
  const run = await db.selectFrom('run').selectAll().where('id', '=', id).executeTakeFirst();
  return run ?? throwUnknown(id);
}

/** Newest first. */
export function listRuns(
  db: Kysely<Database>,
  options: {
    readonly accountId: string | null;
    /** Left out means every kind. */
    readonly kind?: RunKind | undefined;
    readonly limit: number;
  },
): Promise<Run[]> {
  let query = db.selectFrom('run').selectAll();
  if (options.kind !== undefined) query = query.where('kind', '=', options.kind);
  if (options.accountId !== null) query = query.where('account_id', '=', options.accountId);
  return query.orderBy('started_at', 'desc').orderBy('id').limit(options.limit).execute();
}

/** The newest sync of the account that has not ended. */
export async function findOpenSync(
  db: Kysely<Database>,
  accountId: string,
): Promise<Run | undefined> {
  return db
    .selectFrom('run')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('kind', '=', 'sync')
    .where('ended_at', 'is', null)
    .orderBy('started_at', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** The newest sync of the account that has ended, as far as its tasks say today. */
export async function readLastSync(
  db: Kysely<Database>,
  accountId: string,
): Promise<EndedRun | undefined> {
  const run = await db
    .selectFrom('run')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('kind', '=', 'sync')
    .where('ended_at', 'is not', null)
    .orderBy('until', 'desc')
    .orderBy('ended_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (!run) return undefined;
  const { facts } = await readRunFacts(db, run, { ended: 'drained', because: '' });
  return { run, facts };
}

/** What is wanted of the run: by the run's own word, else by the account's. */
export async function readDesired(db: Kysely<Database>, runId: string): Promise<Desired> {
  const row = await db
    .selectFrom('run')
    .innerJoin('account', 'account.id', 'run.account_id')
    .select(['run.desired as ofRun', 'account.desired as ofAccount'])
    .where('run.id', '=', runId)
    .executeTakeFirstOrThrow();
  return row.ofRun === 'run' ? row.ofAccount : row.ofRun;
}

/** Errors: invalid_input for a run that the account does not have. */
export async function setRunDesired(
  db: Kysely<Database>,
  options: { readonly accountId: string; readonly runId: string; readonly desired: Desired },
): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('run')
    .set({ desired: options.desired })
    .where('id', '=', options.runId)
    .where('account_id', '=', options.accountId)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throwUnknown(options.runId);
}

/** Shows whether a run that has not ended is being walked. */
export async function setRunState(
  db: Kysely<Database>,
  options: { readonly runId: string; readonly state: 'running' | 'paused' },
): Promise<void> {
  await db
    .updateTable('run')
    .set({ state: options.state })
    .where('id', '=', options.runId)
    .where('ended_at', 'is', null)
    .execute();
}

/** Shows a run of the account as paused, or all that have not ended. */
export async function showPaused(
  db: Kysely<Database>,
  { accountId, runId }: { readonly accountId: string; readonly runId: string | null },
): Promise<void> {
  const ofAccount = db
    .updateTable('run')
    .set({ state: 'paused' })
    .where('account_id', '=', accountId)
    .where('ended_at', 'is', null);
  await (runId === null ? ofAccount : ofAccount.where('id', '=', runId)).execute();
}

export async function readProgress(
  db: Kysely<Database>,
  run: Pick<Run, 'id' | 'floor'>,
): Promise<ResourceProgress[]> {
  return progressOf(await readTaskFacts(db, run.id), run.floor);
}

export interface EndedRun {
  readonly run: Run;
  readonly facts: RunFacts;
}

/**
 * Ends the run with the state and the sentence that its tasks deserve, and adds what it changed to the account. A run that has
 * ended stays as it is.
 */
export async function endRun(
  db: Kysely<Database>,
  options: { readonly runId: string } & Pick<RunFacts, 'ended' | 'because'>,
): Promise<EndedRun> {
  return db.transaction().execute(async (trx) => {
    const run = await lockRun(trx, options.runId);
    const { facts, newestReadAt } = await readRunFacts(trx, run, options);
    if (run.ended_at) return { run, facts };
    const changes = BigInt(facts.changedRows);
    await trx
      .updateTable('account')
      .set((account) => ({
        changes: account('changes', '+', changes - run.counted_changes),
        read_as_of: sql<Date>`greatest(read_as_of, ${newestReadAt?.toISOString() ?? null}::timestamptz)`,
      }))
      .where('id', '=', run.account_id)
      .execute();
    const ended = await trx
      .updateTable('run')
      .set({ ...decideRunEnd(facts), ended_at: sql<Date>`now()`, counted_changes: changes })
      .where('id', '=', run.id)
      .returningAll()
      .executeTakeFirstOrThrow();
    return { run: ended, facts };
  });
}

/**
 * Takes parked and skipped resources of a run up again, one or all of them; a run that has ended `partial` is open again then, and
 * later syncs of the account read them too. Returns the resources. Errors: invalid_input for a run that the account does not
 * have.
 */
export async function retryResource(
  db: Kysely<Database>,
  options: {
    readonly accountId: string;
    readonly runId: string;
    readonly resource: string | null;
  },
): Promise<string[]> {
  const { accountId, runId, resource } = options;
  return db.transaction().execute(async (trx) => {
    const run = await lockRun(trx, runId);
    if (run.account_id !== accountId) return throwUnknown(runId);
    if (run.ended_at && run.state !== 'partial') return [];
    const resources = await openTasksAgain(trx, { runId, resource });
    if (resources.length === 0) return [];
    await trx
      .updateTable('run')
      .set({ state: 'running', desired: 'run', summary: null, ended_at: null })
      .where('id', '=', runId)
      .where('ended_at', 'is not', null)
      .execute();
    await trx
      .updateTable('account')
      .set({
        skipped_resources: sql<string[]>`array(
          select name from unnest(skipped_resources) as name where name <> all(${resources}::text[]))`,
      })
      .where('id', '=', accountId)
      .execute();
    return resources;
  });
}

/**
 * Leaves a resource out of a run that has not ended, or marks it in one that has ended `partial`; with `always` out of later
 * syncs of the account too. Tells whether that changed anything. Errors: invalid_input for a run that the account does not have.
 */
export async function skipResource(
  db: Kysely<Database>,
  options: {
    readonly accountId: string;
    readonly runId: string | null;
    readonly resource: string;
    readonly always: boolean;
  },
): Promise<boolean> {
  const { accountId, runId, resource, always } = options;
  return db.transaction().execute(async (trx) => {
    let changed = 0n;
    if (runId !== null) {
      const run = await lockRun(trx, runId);
      if (run.account_id !== accountId) return throwUnknown(runId);
      if (!run.ended_at || run.state === 'partial')
        changed += await skipTasks(trx, { runId, resource });
    }
    if (always) {
      const { numUpdatedRows } = await trx
        .updateTable('account')
        .set({ skipped_resources: sql<string[]>`array_append(skipped_resources, ${resource})` })
        .where('id', '=', accountId)
        .where(sql<boolean>`${resource} <> all(skipped_resources)`)
        .executeTakeFirst();
      changed += numUpdatedRows;
    }
    return changed > 0n;
  });
}

async function lockRun(trx: Transaction<Database>, runId: string): Promise<Run> {
  const run = await trx
    .selectFrom('run')
    .selectAll()
    .where('id', '=', runId)
    .forUpdate()
    .executeTakeFirst();
  return run ?? throwUnknown(runId);
}

async function readRunFacts(
  db: Kysely<Database>,
  { id: runId, account_id: accountId, note }: Run,
  { ended, because }: Pick<RunFacts, 'ended' | 'because'>,
): Promise<{ readonly facts: RunFacts; readonly newestReadAt: Date | null }> {
  const tasks = await readTaskFacts(db, runId);
  const parked = new Map(
    tasks.flatMap(({ resource, state, parkedReason }) =>
      state === 'parked' ? [[resource, parkedReason ?? 'no reason was kept'] as const] : [],
    ),
  );
  const skipped = tasks.flatMap(({ resource, state }) => (state === 'skipped' ? resource : []));
  const reads = tasks.flatMap(({ newestReadAt }) => newestReadAt?.getTime() ?? []);
  const facts = {
    ended,
    because,
    note,
    objects: tasks.reduce((sum, { objects }) => sum + objects, 0),
    changedRows: tasks.reduce((sum, { changedRows }) => sum + changedRows, 0),
    parked: [...parked].map(([resource, reason]) => ({ resource, reason })),
    skipped: [...new Set(skipped)],
    notNormalised: await countNotNormalised(db, runId),
    unreadWindows: tasks.filter(({ state }) => state === 'open').length,
    unknownPrices:
      ended === 'drained'
        ? await listNeverRead(db, { accountId, resource: 'price', limit: MAX_NAMED_PRICES + 1 })
        : [],
  };
  return { facts, newestReadAt: reads.length > 0 ? new Date(Math.max(...reads)) : null };
}

/** Objects of the run that were kept raw only. */
export async function countNotNormalised(db: Kysely<Database>, runId: string): Promise<number> {
  const { count } = await db
    .selectFrom('not_normalised')
    .select((row) => row.fn.countAll<bigint>().as('count'))
    .where('run_id', '=', runId)
    .executeTakeFirstOrThrow();
  return Number(count);
}

export interface NotNormalised {
  readonly type: string;
  readonly id: string;
  readonly reason: string;
}

/** By type and id. */
export function listNotNormalised(
  db: Kysely<Database>,
  options: { readonly runId: string; readonly limit: number },
): Promise<NotNormalised[]> {
  return db
    .selectFrom('not_normalised')
    .select(['type', 'external_id as id', 'reason'])
    .where('run_id', '=', options.runId)
    .orderBy('type')
    .orderBy('external_id')
    .limit(options.limit)
    .execute();
}

function throwUnknown(id: string): never {
  throw new RecoupError('invalid_input', `No run is called "${id}".`);
}
