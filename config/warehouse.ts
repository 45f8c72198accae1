/** Which warehouse is configured: Snowflake as soon as anything of it is set, else DuckDB. */

/** What config.ts has read of Snowflake. */
interface SnowflakeVariables {
  readonly RECOUP_SNOWFLAKE_ACCOUNT?: string | undefined;
  readonly RECOUP_SNOWFLAKE_URL?: string | undefined;
  readonly RECOUP_SNOWFLAKE_USER?: string | undefined;
  readonly RECOUP_SNOWFLAKE_PRIVATE_KEY_FILE?: string | undefined;
  readonly RECOUP_SNOWFLAKE_PRIVATE_KEY?: string | undefined;
  readonly RECOUP_SNOWFLAKE_PRIVATE_KEY_PASSPHRASE?: string | undefined;
  readonly RECOUP_SNOWFLAKE_PASSWORD?: string | undefined;
  readonly RECOUP_SNOWFLAKE_ROLE?: string | undefined;
  readonly RECOUP_SNOWFLAKE_WAREHOUSE?: string | undefined;
  readonly RECOUP_SNOWFLAKE_DATABASE?: string | undefined;
  readonly RECOUP_SNOWFLAKE_SCHEMA?: string | undefined;
}

const REQUIRED = [
  'RECOUP_SNOWFLAKE_ACCOUNT',
  'RECOUP_SNOWFLAKE_USER',
  'RECOUP_SNOWFLAKE_WAREHOUSE',
  'RECOUP_SNOWFLAKE_DATABASE',
] as const;

/** Each is a way to log in, and there must be one. */
const SECRETS = [
  'RECOUP_SNOWFLAKE_PRIVATE_KEY_FILE',
  'RECOUP_SNOWFLAKE_PRIVATE_KEY',
  'RECOUP_SNOWFLAKE_PASSWORD',
] as const;

const DEFAULT_SCHEMA = 'RECOUP';

/** What is missing of a Snowflake that is partly configured, as sentences; without any of its variables nothing is. */
export function snowflakeProblems(variables: SnowflakeVariables): string[] {
  const isSet = Object.entries(variables).some(
    ([name, value]) => name.startsWith('RECOUP_SNOWFLAKE_') && value !== undefined,
  );
  if (!isSet) return [];
  const missing = REQUIRED.filter((name) => variables[name] === undefined);
  const secrets = SECRETS.filter((name) => variables[name] !== undefined);
  return [
    ...(missing.length > 0
      ? [`Snowflake is configured by half: set ${missing.join(', ')} as well.`]
      : []),
    ...(secrets.length === 0
      ? [`Snowflake is configured without a way to log in: set one of ${SECRETS.join(', ')}.`]
      : []),
    ...(secrets.length > 1
      ? [`Snowflake is configured with several ways to log in, ${secrets.join(', ')}: leave one.`]
      : []),
  ];
}

/** As warehouse/ takes it, of variables that have no problems. */
export function warehouseSettings(
  variables: SnowflakeVariables & { readonly RECOUP_WAREHOUSE_PATH: string },
) {
  const {
    RECOUP_SNOWFLAKE_ACCOUNT: account,
    RECOUP_SNOWFLAKE_USER: user,
    RECOUP_SNOWFLAKE_WAREHOUSE: warehouse,
    RECOUP_SNOWFLAKE_DATABASE: database,
  } = variables;
  if (!account || !user || !warehouse || !database) {
    return { kind: 'duckdb', path: variables.RECOUP_WAREHOUSE_PATH } as const;
  }
  return {
    kind: 'snowflake',
    account,
    user,
    warehouse,
    database,
    schema: variables.RECOUP_SNOWFLAKE_SCHEMA ?? DEFAULT_SCHEMA,
    url: variables.RECOUP_SNOWFLAKE_URL ?? null,
    role: variables.RECOUP_SNOWFLAKE_ROLE ?? null,
    auth: login(variables),
  } as const;
}

function login(variables: SnowflakeVariables) {
  const password = variables.RECOUP_SNOWFLAKE_PASSWORD;
  if (password !== undefined) return { kind: 'password', password } as const;
  const file = variables.RECOUP_SNOWFLAKE_PRIVATE_KEY_FILE;
  return {
    kind: 'key',
    from: file === undefined ? { pem: variables.RECOUP_SNOWFLAKE_PRIVATE_KEY ?? '' } : { file },
    passphrase: variables.RECOUP_SNOWFLAKE_PRIVATE_KEY_PASSPHRASE ?? null,
  } as const;
}
