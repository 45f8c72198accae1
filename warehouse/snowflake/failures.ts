/**
 * What Snowflake or its driver answers, as an error of the taxonomy. Snowflake's own words may quote data, and are kept in the
 * cause; its code is in the message.
 */
import { RecoupError } from '../../domain/errors';
import type { SnowflakeSettings } from '../settings';

interface DriverError {
  readonly code: string;
  readonly message: string;
  readonly status: number | null;
  readonly network: string | null;
}

function driverError(thrown: unknown): DriverError {
  const error = (thrown ?? {}) as {
    code?: unknown;
    message?: unknown;
    cause?: { code?: unknown };
    response?: { status?: unknown; statusCode?: unknown };
  };
  const status = error.response?.statusCode ?? error.response?.status;
  return {
    code: String(error.code ?? ''),
    message: String(error.message ?? thrown),
    status: typeof status === 'number' ? status : null,
    network: typeof error.cause?.code === 'string' ? error.cause.code : null,
  };
}

/** Another transaction holds the rows, for longer than LOCK_TIMEOUT or with too many waiting. */
export const isLocked = (thrown: unknown): boolean => codeIn(thrown) === '000625';

/** The role may not, or what it names is not there: Snowflake does not tell which. */
export const isForbidden = (thrown: unknown): boolean =>
  ['003001', '002003', '002043', '090106'].includes(codeIn(thrown));

/** No warehouse runs the statement: none in use, or one that is suspended. */
export const hasNoWarehouse = (thrown: unknown): boolean =>
  ['000606', '000609'].includes(codeIn(thrown)) || /resource monitor/i.test(messageIn(thrown));

const causeOf = (thrown: unknown): unknown =>
  thrown instanceof RecoupError ? thrown.cause : thrown;
const codeIn = (thrown: unknown): string => driverError(causeOf(thrown)).code;
const messageIn = (thrown: unknown): string => driverError(causeOf(thrown)).message;

export const hostOf = ({ account, url }: SnowflakeSettings): string =>
  url === null ? `${account.toLowerCase()}.snowflakecomputing.com` : new URL(url).host;

/** Logins that a person must mend, by Snowflake's code. */
const LOGINS: Readonly<Record<string, (settings: SnowflakeSettings) => string>> = {
  '390100': ({ user }) => `Snowflake refuses user ${user}: wrong name or password`,
  '390101': ({ user }) => `Snowflake's user ${user} is disabled`,
  '390102': ({ user }) => `Snowflake's user ${user} is locked after too many wrong logins`,
  '390144': ({ user }) =>
    `Snowflake refuses the key of user ${user}: it has another public key, or none`,
  '390186': ({ user, role }) => `Snowflake's user ${user} may not use the role ${String(role)}`,
  '390189': ({ role }) =>
    `Snowflake's role ${String(role)} is not there, or the user may not use it`,
  '390201': ({ warehouse, database, schema }) =>
    `Snowflake has no warehouse ${warehouse} or no ${database}.${schema}, or the role may not use it`,
  '390422': () => 'Snowflake lets nobody in from this network address: a network policy forbids it',
};

/** JWTs have a code for each way of being wrong, all of which mean the key, the user or this machine's clock. */
const loginCode = (code: string): string => (/^39430\d$/.test(code) ? '390144' : code);

/** The code of a login that was refused, one for all that is wrong with a key. */
export const loginCodeOf = (thrown: unknown): string => loginCode(codeIn(thrown));

export function loginFailure(thrown: unknown, settings: SnowflakeSettings): RecoupError {
  const { code, status, network } = driverError(thrown);
  const refused = LOGINS[loginCode(code)];
  if (refused !== undefined) {
    return new RecoupError('warehouse_refused', `${refused(settings)} (${code}).`, {
      cause: thrown,
    });
  }
  const host = hostOf(settings);
  if (status === 403 || status === 404 || network === 'ENOTFOUND') {
    return new RecoupError(
      'warehouse_refused',
      `No Snowflake account answers at ${host}: check RECOUP_SNOWFLAKE_ACCOUNT.`,
      { cause: thrown },
    );
  }
  return new RecoupError(
    'warehouse_unavailable',
    `Snowflake does not answer at ${host} (${network ?? code}).`,
    { cause: thrown },
  );
}

export function statementFailure(thrown: unknown, settings: SnowflakeSettings): RecoupError {
  const { code } = driverError(thrown);
  const { warehouse, database, schema } = settings;
  if (hasNoWarehouse(thrown)) {
    return new RecoupError(
      'warehouse_refused',
      `Snowflake's warehouse ${warehouse} does not run: it is suspended, used up, or may not be used (${code}).`,
      { cause: thrown },
    );
  }
  if (isForbidden(thrown)) {
    return new RecoupError(
      'warehouse_refused',
      `Snowflake forbids a statement in ${database}.${schema}, or lacks what it names (${code}).`,
      { cause: thrown },
    );
  }
  return new RecoupError('warehouse_unavailable', `A statement failed in Snowflake (${code}).`, {
    cause: thrown,
  });
}
