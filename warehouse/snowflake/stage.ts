/**
 * The way of a table's rows into the session: a temporary table of texts, filled by bound values while they are few, else by a
 * file. What the texts mean is said once, when they are copied from there.
 */
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { TableLoad } from '../port';
import { columnsOf, type ColumnOf, type ColumnType, type TableName } from '../tables';
import { MAX_BINDS, literal, type Session } from './session';

export interface StageLimits {
  /** A table of more rows goes as a file. */
  readonly boundRows: number;
  /** Values of one statement. */
  readonly binds: number;
}

export const STAGE_LIMITS: StageLimits = { boundRows: 10_000, binds: MAX_BINDS };

const stageOf = (table: TableName): string => `recoup_stage_${table}`;

/** SQL types of what the texts mean. */
const TYPES: Readonly<Record<ColumnType, string>> = {
  text: 'varchar',
  minor: 'decimal(38,0)',
  number: 'bigint',
  count: 'integer',
  date: 'date',
  instant: 'timestamp_ntz',
};

/** A select of the staged rows in the types of the table. */
export const stagedRows = (table: TableName): string =>
  `select ${columnsOf(table)
    .map(({ name, type }) => `cast(${name} as ${TYPES[type]}) as ${name}`)
    .join(', ')} from ${stageOf(table)}`;

/** Outside of a transaction, since it makes a table, which commits. */
export async function stageRows(
  session: Session,
  { table, rows, control }: TableLoad,
  limits: StageLimits,
): Promise<void> {
  const columns = columnsOf(table);
  const definition = columns.map(({ name }) => `${name} varchar`).join(', ');
  await session.run(`create or replace temporary table ${stageOf(table)} (${definition})`);
  const texts = textRows(columns, rows);
  if (control.rows > limits.boundRows) await copyFile(session, table, texts);
  else await bind(session, table, columns.length, texts, limits.binds);
}

type Texts = (string | null)[];

function* textRows(columns: readonly ColumnOf[], rows: Iterable<object>): Generator<Texts> {
  for (const row of rows) {
    yield columns.map(({ name, type }) => textOf(type, Reflect.get(row, name)));
  }
}

function textOf(type: ColumnType, value: unknown): string | null {
  if (value === null) return null;
  if ((type === 'text' || type === 'date') && typeof value === 'string') return value;
  if ((type === 'minor' || type === 'number') && typeof value === 'bigint') return String(value);
  if (type === 'count' && Number.isInteger(value)) return String(value);
  if (type === 'instant' && value instanceof Date) return value.toISOString();
  throw new TypeError(`A ${typeof value} cannot be loaded into a column of ${type}.`);
}

async function bind(
  session: Session,
  table: TableName,
  width: number,
  rows: Iterable<Texts>,
  maxBinds: number,
): Promise<void> {
  const places = Array.from({ length: width }, () => '?').join(', ');
  const statement = `insert into ${stageOf(table)} values (${places})`;
  const rowsAtOnce = Math.max(1, Math.floor(maxBinds / width));
  let batch: Texts[] = [];
  const send = async (): Promise<void> => {
    if (batch.length > 0) await session.run(statement, batch);
    batch = [];
  };
  for (const row of rows) {
    batch.push(row);
    if (batch.length === rowsAtOnce) await send();
  }
  await send();
}

/** Null is \N without quotes; whatever has quotes is text. */
const FILE_FORMAT = `(type = csv compression = gzip field_optionally_enclosed_by = '"' escape_unenclosed_field = none empty_field_as_null = false null_if = ('\\\\N'))`;
const fieldOf = (text: string | null): string =>
  text === null ? '\\N' : `"${text.replaceAll('"', '""')}"`;

async function copyFile(session: Session, table: TableName, rows: Iterable<Texts>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'recoup-load-'));
  try {
    const file = join(folder, `${table}.csv.gz`);
    await pipeline(Readable.from(linesOf(rows)), createGzip(), createWriteStream(file));
    // The temporary table's own stage, which no other session sees, and for which the role needs no grant.
    const stage = `@%${stageOf(table)}`;
    await session.run(
      `put ${literal(`file://${file}`)} ${stage} auto_compress = false source_compression = gzip overwrite = true`,
    );
    await session.run(
      `copy into ${stageOf(table)} from ${stage} file_format = ${FILE_FORMAT} on_error = abort_statement`,
    );
    await session.run(`remove ${stage}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function* linesOf(rows: Iterable<Texts>): Generator<string> {
  for (const row of rows) yield `${row.map(fieldOf).join(',')}\n`;
}
