/**
 * A load: rows are staged, then one transaction replaces the account's rows. Whoever loads an account updates its row of load_lock
 * first, and so waits for everybody else who does.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { RecoupError } from '../../domain/errors';
import { checkControl, controlQuery } from '../control';
import type { Load, LoadOutcome } from '../port';
import { columnsOf, keyOf, type TableName } from '../tables';
import { isLocked } from './failures';
import type { Session } from './session';
import { stagedRows, stageRows, type StageLimits } from './stage';

/** How long others may hold the account's lock, and how often it is asked for; each time waits for LOCK_TIMEOUT itself. */
const LOCK_LIMIT_MS = 10 * 60_000;
const LOCK_RETRY_MS = 250;

export interface LoadOptions {
  readonly limits: StageLimits;
  /** A session of its own, for when the load's may be lost. */
  anew<T>(work: (session: Session) => Promise<T>): Promise<T>;
}

export async function loadAccount(
  session: Session,
  load: Load,
  { limits, anew }: LoadOptions,
): Promise<LoadOutcome> {
  await stage(session, load, limits);
  const outcome = await underLock(session, load, () => replace(session, load));
  if (!outcome.loaded) return outcome;
  const lost = await session.run('commit').then(
    () => null,
    (error: unknown) => ({ error }),
  );
  // What COMMIT answers is not enough: the answer may be lost, or the transaction have ended before it.
  const held = lost
    ? await anew((other) => underLock(other, load, () => isHeld(other, load)))
    : await isHeld(session, load);
  if (held) return outcome;
  throw (
    lost?.error ??
    new RecoupError('warehouse_unavailable', 'Snowflake has ended the transaction of a load.')
  );
}

/** The same as a load, but for its end: it leaves nothing behind. */
export async function tryLoad(session: Session, load: Load, limits: StageLimits): Promise<void> {
  await stage(session, load, limits);
  await underLock(session, load, () => replace(session, load));
  await session.run('rollback');
  await session.run('delete from load_lock where account = ?', [load.account]);
  await session.run('commit');
}

async function stage(session: Session, load: Load, limits: StageLimits): Promise<void> {
  await session.run(
    'insert into load_lock select ?, 0 where not exists (select 1 from load_lock where account = ?)',
    [load.account, load.account],
  );
  await session.run('commit');
  for (const table of load.tables) await stageRows(session, table, limits);
  await session.run('commit');
}

/** Opens a transaction that holds the account's lock, and leaves it open when `work` is done. */
async function underLock<T>(session: Session, load: Load, work: () => Promise<T>): Promise<T> {
  const endMs = Date.now() + LOCK_LIMIT_MS;
  for (;;) {
    try {
      await session.run('begin transaction');
      await session.run('update load_lock set metric_run = ? where account = ?', [
        String(load.metricRun),
        load.account,
      ]);
      return await work();
    } catch (error) {
      await session.run('rollback').catch(() => undefined);
      if (!isLocked(error) || Date.now() >= endMs) throw error;
    }
    await sleep(LOCK_RETRY_MS);
  }
}

async function replace(session: Session, load: Load): Promise<LoadOutcome> {
  const { account, metricRun, tables } = load;
  const [newest] = await session.run(
    'select max(metric_run) as metric_run from load_ledger where account = ?',
    [account],
  );
  const newestRun = newest?.['metric_run'];
  if (typeof newestRun === 'bigint' && newestRun >= metricRun) {
    await session.run('rollback');
    return { loaded: false, held: newestRun };
  }
  for (const { table } of tables) {
    const key = keyOf(table);
    if (key !== null) await merge(session, account, table, key);
    else {
      await session.run(`delete from ${table} where account = ?`, [account]);
      await session.run(`insert into ${table} ${stagedRows(table)}`);
    }
  }
  const loadedAt = new Date().toISOString();
  await session.run(
    'insert into load_ledger values (?, ?, ?, ?, ?, ?)',
    tables.map(({ table, control }) =>
      [account, metricRun, table, control.rows, control.minor, loadedAt].map(String),
    ),
  );
  // Last of all, so that rows of a transaction that was ended in between are missed here.
  const held = await session.run(
    tables.map(({ table }) => controlQuery(table)).join(' union all '),
    tables.map(() => account),
  );
  let rows = 0;
  for (const each of tables) {
    checkControl(
      account,
      each,
      held.find((row) => row['table_name'] === each.table),
    );
    rows += each.control.rows;
  }
  return { loaded: true, rows };
}

/** A dimension changes little from load to load: only what differs is written, and what is gone is deleted. */
async function merge(
  session: Session,
  account: string,
  table: TableName,
  key: readonly string[],
): Promise<void> {
  const names = columnsOf(table).map(({ name }) => name);
  const keys = ['account', ...key];
  const rest = names.filter((name) => !keys.includes(name));
  const same = keys.map((name) => `${table}.${name} = staged.${name}`).join(' and ');
  const differs = rest
    .map((name) => `${table}.${name} is distinct from staged.${name}`)
    .join(' or ');
  const sets = rest.map((name) => `${name} = staged.${name}`).join(', ');
  const values = names.map((name) => `staged.${name}`).join(', ');
  await session.run(
    `merge into ${table} using (${stagedRows(table)}) as staged on ${same}
     when matched and (${differs}) then update set ${sets}
     when not matched then insert (${names.join(', ')}) values (${values})`,
  );
  await session.run(
    `delete from ${table} where account = ? and not exists (select 1 from (${stagedRows(table)}) as staged where ${same})`,
    [account],
  );
}

async function isHeld(session: Session, { account, metricRun }: Load): Promise<boolean> {
  const rows = await session.run(
    'select 1 as held from load_ledger where account = ? and metric_run = ? limit 1',
    [account, String(metricRun)],
  );
  await session.run('rollback');
  return rows.length > 0;
}
