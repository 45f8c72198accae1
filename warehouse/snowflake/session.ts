/** A session of Snowflake's: its login, its parameters, and statements with plain values in and out. */
import type { Binds, Column, Connection, ConnectionOptions } from 'snowflake-sdk';
import type { WarehouseValue } from '../port';
import type { SnowflakeSettings } from '../settings';
import { loginFailure, statementFailure } from './failures';
import { pemOf, readKey } from './key';

/** Values of one statement; beyond that the driver would write files of its own, for which the role needs more rights. */
export const MAX_BINDS = 50_000;
/** The step of a load is tried again by itself, and a person who checks does not wait for minutes. */
const LOGIN_RETRIES = 1;
const STATEMENT_LIMIT_S = 15 * 60;
/** Longer than the five minutes after which Snowflake ends an idle transaction that others wait for: a dead loader's. */
const LOCK_LIMIT_S = 6 * 60;

export type Row = Readonly<Record<string, WarehouseValue>>;

export interface Session {
  /** Binds are texts; a list of lists is one statement over many rows. Errors: warehouse_unavailable, warehouse_refused. */
  run(text: string, binds?: Binds): Promise<Row[]>;
}

/** Opens a session for `work`, and closes it: temporary tables and an open transaction end with it. */
export async function withSession<T>(
  settings: SnowflakeSettings,
  tag: string,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const connection = await connect(settings);
  const session: Session = {
    run: (text, binds = []) => run(connection, settings, text, binds),
  };
  try {
    await session.run(`alter session set ${sessionParameters(tag)}`);
    // A transaction that Snowflake has ended while this process stood still must not go on statement by statement.
    await session.run('alter session set autocommit = false');
    return await work(session);
  } finally {
    await new Promise<void>((resolve) => connection.destroy(() => resolve()));
  }
}

const sessionParameters = (tag: string): string =>
  [
    `query_tag = ${literal(tag)}`,
    `timezone = 'UTC'`,
    `timestamp_type_mapping = 'TIMESTAMP_NTZ'`,
    `statement_timeout_in_seconds = ${String(STATEMENT_LIMIT_S)}`,
    `lock_timeout = ${String(LOCK_LIMIT_S)}`,
    'abort_detached_query = true',
  ].join(' ');

/** Text as it is written in a statement: Snowflake takes a backslash for an escape. */
export const literal = (text: string): string =>
  `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;

async function connect(settings: SnowflakeSettings): Promise<Connection> {
  const { account, url, user, auth, role, warehouse, database, schema } = settings;
  const login: ConnectionOptions =
    auth.kind === 'password'
      ? { password: auth.password }
      : { authenticator: 'SNOWFLAKE_JWT', privateKey: pemOf(readKey(auth)) };
  const snowflake = await loadDriver();
  try {
    const connection = snowflake.createConnection({
      account,
      ...(url !== null && { accessUrl: url }),
      username: user,
      ...login,
      ...(role !== null && { role }),
      warehouse,
      database,
      schema,
      application: 'Recoup',
      arrayBindingThreshold: MAX_BINDS,
      sfRetryMaxLoginRetries: LOGIN_RETRIES,
      // As text, since a number would lose the digits beyond 2^53.
      fetchAsString: ['Number'],
      representNullAsStringNull: false,
    });
    // Its promise resolves for a login that was refused, too.
    await new Promise<void>((resolve, reject) => {
      connection.connect((error) => {
        if (error) reject(error);
        else resolve();
      });
    });
    return connection;
  } catch (error) {
    throw loginFailure(error, settings);
  }
}

/** Loaded when Snowflake is first used: it costs a third of a second, and looks at the machine that it is on. */
async function loadDriver() {
  process.env['SNOWFLAKE_DISABLE_PLATFORM_DETECTION'] ??= 'true';
  const { default: snowflake } = await import('snowflake-sdk');
  snowflake.configure({ logLevel: 'OFF', additionalLogToConsole: false });
  return snowflake;
}

function run(
  connection: Connection,
  settings: SnowflakeSettings,
  sqlText: string,
  binds: Binds,
): Promise<Row[]> {
  return new Promise((resolve, reject) => {
    connection.execute({
      sqlText,
      binds,
      complete: (error, statement, rows) => {
        if (error) reject(statementFailure(error, settings));
        else {
          const columns = statement.getColumns() ?? [];
          resolve((rows ?? []).map((row) => plainRow(columns, row as Record<string, unknown>)));
        }
      },
    });
  });
}

const plainRow = (columns: readonly Column[], row: Readonly<Record<string, unknown>>): Row =>
  Object.fromEntries(
    columns.map((column) => [
      column.getName().toLowerCase(),
      plain(column, row[column.getName()] ?? null),
    ]),
  );

function plain(column: Column, value: unknown): WarehouseValue {
  if (value === null || typeof value === 'boolean') return value;
  if (value instanceof Date) {
    const text = value.toISOString();
    return column.getType() === 'date' ? text.slice(0, 10) : text;
  }
  const text = String(value);
  return column.getType() === 'fixed' && column.getScale() === 0 ? BigInt(text) : text;
}
