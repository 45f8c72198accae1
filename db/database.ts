import { Kysely, PostgresDialect } from 'kysely';
import { Pool, types, type PoolConfig } from 'pg';
import { preparing } from './prepared';
import type { Database } from './schema';

/** A statement that takes longer is a defect: the largest is one page's rows. */
const STATEMENT_TIMEOUT_MS = 60_000;
/** A transaction that waits for our own code this long has lost its owner. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 60_000;
/** How long to wait for a free or new connection before the caller is told. */
const CONNECT_TIMEOUT_MS = 15_000;

const { INT8, TIMESTAMPTZ } = types.builtins;

/** Local to our pools, other users of pg are left alone. */
const PARSERS = new Map<number, (text: string) => unknown>([
  // Money must not pass through floating point.
  [INT8, BigInt],
  [TIMESTAMPTZ, parseInstant],
]);

const typeParsers: NonNullable<PoolConfig['types']> = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    (format === 'binary' ? undefined : PARSERS.get(oid)) ??
    types.getTypeParser(oid, format)) as never,
};

/** `2026-01-31 23:59:59+00` */
const WHOLE_SECOND_UTC_LENGTH = 22;

/** Metrics read tens of millions of instants, nearly all of whole seconds in UTC: these take a fifth of the driver's time. */
function parseInstant(text: string): Date {
  if (text.length !== WHOLE_SECOND_UTC_LENGTH || !text.endsWith('+00')) {
    return types.getTypeParser(TIMESTAMPTZ)(text) as unknown as Date;
  }
  const digits = (at: number) => text.charCodeAt(at) * 10 + text.charCodeAt(at + 1) - 528;
  const year = digits(0) * 100 + digits(2);
  return new Date(Date.UTC(year, digits(5) - 1, digits(8), digits(11), digits(14), digits(17)));
}

export interface DatabaseOptions {
  /** postgres://user:password@host:port/database */
  readonly url: string;
  /** Connections at most. */
  readonly poolSize: number;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName?: string;
}

/** Opens lazily: the first query connects. End with `db.destroy()`. */
export function openDatabase(options: DatabaseOptions): Kysely<Database> {
  const pool = new Pool({
    connectionString: options.url,
    max: options.poolSize,
    application_name: options.applicationName ?? 'recoup',
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    types: typeParsers,
  });
  // A connection that breaks is replaced by the pool, and whoever waits for its answer is told. Without listeners, for those that
  // are idle and for those in use, it would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return new Kysely<Database>({ dialect: new PostgresDialect({ pool: preparing(pool) }) });
}
