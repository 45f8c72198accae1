import { RecoupError } from '../domain/errors';

/** SQLSTATE of a deadlock and of a serialisation failure: the transaction did nothing and may simply be run again. */
const RETRYABLE_SQLSTATES = new Set(['40P01', '40001']);

/** Classes and codes by which Postgres says that it is not there now: connection exceptions, shutting down, too many clients. */
const UNAVAILABLE_SQLSTATE = /^(08...|57P0[1-5]|53300)$/;
const UNAVAILABLE_ERRNO = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
]);
/** node-postgres gives these no code. */
const UNAVAILABLE_MESSAGE =
  /Connection terminated|connection timeout|timeout exceeded when trying to connect|Client has encountered a connection error/i;

export const isRetryable = (thrown: unknown): boolean =>
  RETRYABLE_SQLSTATES.has(codeOf(thrown) ?? '');

/** What the database throws, in terms of the taxonomy: unreachable becomes `database_unavailable`, all else stays as it is. */
export function translateDatabaseError(thrown: unknown): unknown {
  if (thrown instanceof RecoupError) return thrown;
  const code = codeOf(thrown) ?? '';
  const unavailable =
    UNAVAILABLE_SQLSTATE.test(code) ||
    UNAVAILABLE_ERRNO.has(code) ||
    (thrown instanceof Error && UNAVAILABLE_MESSAGE.test(thrown.message));
  return unavailable
    ? new RecoupError('database_unavailable', 'Postgres does not answer.', { cause: thrown })
    : thrown;
}

/** The code that Node and Postgres give their errors. */
export function codeOf(thrown: unknown): string | undefined {
  const code: unknown =
    typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
