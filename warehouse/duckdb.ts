/**
 * The embedded warehouse. DuckDB lets one process at a time open a file, readers too (measured): each use opens it, and closes
 * it when nobody in this process uses it any more; who finds it taken by another process waits and tries again.
 */
import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBInstance,
  DuckDBTimestampValue,
  type DuckDBAppender,
  type DuckDBConnection,
} from '@duckdb/node-api';
import { RecoupError } from '../domain/errors';
import { DRY_LOAD, runSteps, schemaWords } from './check';
import { checkControl, controlQuery } from './control';
import { dryLoad } from './dry-load';
import type { Load, LoadOutcome, TableLoad, Warehouse, WarehouseValue } from './port';
import { laySchema } from './schema';
import { columnsOf, TABLE_NAMES, type ColumnType } from './tables';

/** How long to wait for another process to close the file. */
const OPEN_LIMIT_MS = 60_000;
const OPEN_RETRY_MS = 50;

interface DuckDbOptions {
  /** The file; it and its folder are made when missing. */
  readonly path: string;
  readonly openLimitMs?: number;
}

export function createDuckDbWarehouse(options: DuckDbOptions): Warehouse {
  const path = resolve(options.path);
  const file = fileAt(path, options.openLimitMs ?? OPEN_LIMIT_MS);
  return {
    migrate: () => file.exclusively(migrate),
    load: (load) => file.exclusively((connection) => replace(connection, load)),
    tableCounts: (account) =>
      file.use(async (connection) => {
        const counts = [];
        for (const table of TABLE_NAMES) {
          const [row] = await read(
            connection,
            `select count(*) as rows from ${table} where account = ?`,
            [account],
          );
          counts.push({ table, rows: Number(row?.['rows'] ?? 0n) });
        }
        return counts;
      }),
    query: (text, parameters = []) =>
      file.use((connection) => read(connection, text, [...parameters])),
    check: () =>
      runSteps([
        {
          name: 'File',
          run: async () => {
            await file.use((connection) => read(connection, 'select 1', []));
            return path;
          },
        },
        {
          name: 'Tables',
          run: async () => {
            await file.exclusively(migrate);
            return schemaWords();
          },
        },
        {
          name: 'Dry load',
          run: async () => {
            await file.exclusively(dryRun);
            return DRY_LOAD;
          },
        },
      ]),
  };
}

interface OpenFile {
  instance: Promise<DuckDBInstance>;
  users: number;
}

/** One instance per file and process: a second one would be refused or see another state. */
const OPEN_FILES = new Map<string, OpenFile>();
/** The end of the last exclusive use per file. */
const LAST_WRITES = new Map<string, Promise<unknown>>();

type Work<T> = (connection: DuckDBConnection) => Promise<T>;

function fileAt(path: string, openLimitMs: number) {
  const use = async <T>(work: Work<T>): Promise<T> => {
    const file = OPEN_FILES.get(path) ?? { instance: open(path, openLimitMs), users: 0 };
    OPEN_FILES.set(path, file);
    file.users += 1;
    let instance: DuckDBInstance | null = null;
    try {
      instance = await file.instance;
      const connection = await instance.connect();
      try {
        return await work(connection);
      } finally {
        connection.closeSync();
      }
    } finally {
      file.users -= 1;
      if (file.users === 0) {
        // In one go: an instance opened beside one that is still open would share its locks, and break the file.
        OPEN_FILES.delete(path);
        instance?.closeSync();
      }
    }
  };
  /** One writer at a time within the process, since DuckDB refuses the later of two that touch the same rows. */
  const exclusively = <T>(work: Work<T>): Promise<T> => {
    const before = LAST_WRITES.get(path) ?? Promise.resolve();
    const write = before.then(() => use(work));
    LAST_WRITES.set(
      path,
      write.catch(() => undefined),
    );
    return write;
  };
  return { use, exclusively };
}

async function open(path: string, limitMs: number): Promise<DuckDBInstance> {
  mkdirSync(dirname(path), { recursive: true });
  for (let waitedMs = 0; ; waitedMs += OPEN_RETRY_MS) {
    try {
      return await DuckDBInstance.create(path);
    } catch (error) {
      // By text, since the binding gives no code; not by class, since it may come from another realm.
      const isTaken = /set lock on file/i.test(String(error));
      if (!isTaken || waitedMs >= limitMs) {
        throw new RecoupError(
          'warehouse_unavailable',
          isTaken
            ? `The warehouse ${path} is held open by another process.`
            : `The warehouse ${path} cannot be opened.`,
          { cause: error },
        );
      }
    }
    await sleep(OPEN_RETRY_MS);
  }
}

/** Runs `work` in a transaction; whatever it throws, nothing of it stays. */
async function transaction<T>(connection: DuckDBConnection, work: () => Promise<T>): Promise<T> {
  await connection.run('begin');
  try {
    const result = await work();
    await connection.run('commit');
    return result;
  } catch (error) {
    // A failed commit has ended the transaction already.
    await connection.run('rollback').catch(() => undefined);
    throw error;
  }
}

async function migrate(connection: DuckDBConnection): Promise<void> {
  await transaction(connection, () =>
    laySchema((text, binds = []) => read(connection, text, binds)),
  );
}

/** Throws `Undo` into a transaction whose work was only a trial. */
class Undo extends Error {}

async function dryRun(connection: DuckDBConnection): Promise<void> {
  await transaction(connection, async () => {
    await replaceRows(connection, dryLoad());
    throw new Undo();
  }).catch((error: unknown) => {
    if (!(error instanceof Undo)) throw error;
  });
}

const replace = (connection: DuckDBConnection, load: Load): Promise<LoadOutcome> =>
  transaction(connection, () => replaceRows(connection, load));

async function replaceRows(connection: DuckDBConnection, load: Load): Promise<LoadOutcome> {
  const { account, metricRun, tables } = load;
  const [newest] = await read(
    connection,
    'select max(metric_run) as metric_run from load_ledger where account = ?',
    [account],
  );
  const held = newest?.['metric_run'];
  if (typeof held === 'bigint' && held >= metricRun) return { loaded: false, held };
  let rows = 0;
  for (const table of tables) {
    await connection.run(`delete from ${table.table} where account = ?`, [account]);
    append(await connection.createAppender(table.table), table);
    const [sums] = await read(connection, controlQuery(table.table), [account]);
    checkControl(account, table, sums);
    rows += table.control.rows;
    await connection.run(
      `insert into load_ledger values (?, ${metricRun}, ?, ${String(table.control.rows)}, ${table.control.minor}, now() at time zone 'UTC')`,
      [account, table.table],
    );
  }
  return { loaded: true, rows };
}

function append(appender: DuckDBAppender, { table, rows }: TableLoad): void {
  const columns = columnsOf(table);
  for (const row of rows) {
    for (const { name, type } of columns) {
      appendValue(appender, type, (row as Readonly<Record<string, unknown>>)[name]);
    }
    appender.endRow();
  }
  appender.closeSync();
}

const DAY_MS = 86_400_000;

function appendValue(appender: DuckDBAppender, type: ColumnType, value: unknown): void {
  if (value === null) appender.appendNull();
  else if (type === 'text' && typeof value === 'string') appender.appendVarchar(value);
  else if (type === 'minor' && typeof value === 'bigint') {
    appender.appendDecimal(new DuckDBDecimalValue(value, 38, 0));
  } else if (type === 'number' && typeof value === 'bigint') appender.appendBigInt(value);
  else if (type === 'count' && typeof value === 'number') appender.appendInteger(value);
  else if (type === 'date' && typeof value === 'string') {
    appender.appendDate(new DuckDBDateValue(Date.parse(value) / DAY_MS));
  } else if (type === 'instant' && value instanceof Date) {
    appender.appendTimestamp(new DuckDBTimestampValue(BigInt(value.getTime()) * 1000n));
  } else throw new TypeError(`A ${typeof value} cannot be loaded into a column of ${type}.`);
}

async function read(
  connection: DuckDBConnection,
  text: string,
  parameters: string[],
): Promise<Record<string, WarehouseValue>[]> {
  const reader = await connection.runAndReadAll(text, parameters);
  return reader
    .getRowObjects()
    .map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])),
    );
}

function plain(value: unknown): WarehouseValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'bigint' || typeof value === 'string' || typeof value === 'boolean') {
    return value;
  }
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  if (value instanceof DuckDBDecimalValue && value.scale === 0) return value.value;
  if (value instanceof DuckDBTimestampValue) {
    return new Date(Number(value.micros / 1000n)).toISOString();
  }
  return String(value);
}
