/**
 * The one place where the environment is read. Order: the process environment, then the local stack's `.recoup/stack.json`
 * (so that `npx recoup` finds what `npm start` started), then the default. docs/configuration.md lists the same variables; a
 * test holds it against this table.
 */
import { readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { snowflakeProblems } from './warehouse';

/** The clone, from `config/` as well as from the compiled `dist/config/`: the command line works in any folder. */
const PARENT = dirname(__dirname);
export const ROOT = basename(PARENT) === 'dist' ? dirname(PARENT) : PARENT;

const count = (max: number) => z.coerce.number().int().min(1).max(max);

/** A relative path starts at the clone, so that the worker and a command typed in any folder mean the same file. */
const file = (byDefault: string) =>
  z
    .string()
    .min(1)
    .default(byDefault)
    .transform((path) => resolve(ROOT, path));

const secret = () => z.string().min(1).optional();

/** A name as Snowflake takes it without quotes: it stands in statements as it is. */
const identifier = () =>
  z
    .string()
    .regex(/^[A-Za-z_][\w$]*$/, 'expected a name of letters, digits, _ and $')
    .optional();

/** Every variable: its schema with default, and what it means with its unit. */
export const VARIABLES = {
  DATABASE_URL: {
    schema: z.url({ protocol: /^postgres(ql)?$/ }),
    about: 'Postgres, the record of truth, as postgres://user:password@host:port/database.',
  },
  TEMPORAL_ADDRESS: {
    schema: z.string().regex(/^[^:\s]+:\d+$/, 'expected host:port'),
    about: 'Temporal frontend as host:port.',
  },
  TEMPORAL_NAMESPACE: {
    schema: z.string().min(1).default('default'),
    about: 'Temporal namespace.',
  },
  RECOUP_TEMPORAL_UI_URL: {
    schema: z.url().default('http://127.0.0.1:8233'),
    about: 'Base URL of the Temporal UI, for the links that are printed.',
  },
  RECOUP_SYNC_TASK_QUEUE: {
    schema: z.string().min(1).default('recoup-sync'),
    about:
      'Task queue of the sync workflows and their quick steps; the long ones (walks, metrics, loads) wait in a second one, its name with -walks.',
  },
  RECOUP_SCHEDULES_FILE: {
    schema: file('schedules.json'),
    about:
      'File with the nightly schedules for `recoup schedules apply`; a relative path starts at the clone.',
  },
  RECOUP_WAREHOUSE_PATH: {
    schema: file('.recoup/warehouse.duckdb'),
    about:
      'File of the embedded DuckDB warehouse, used where no Snowflake is configured; a relative path starts at the clone.',
  },
  RECOUP_SNOWFLAKE_ACCOUNT: {
    schema: z
      .string()
      .regex(/^[A-Za-z0-9][\w.-]*$/, 'expected an account identifier such as myorg-account1')
      .optional(),
    about:
      'Snowflake account identifier, such as myorg-account1: metrics are loaded there instead of into DuckDB. See docs/snowflake.md.',
  },
  RECOUP_SNOWFLAKE_URL: {
    schema: z.url({ protocol: /^https?$/ }).optional(),
    about: 'Address of Snowflake where it is not https://<account>.snowflakecomputing.com.',
  },
  RECOUP_SNOWFLAKE_USER: {
    schema: identifier(),
    about: 'Snowflake user of the worker.',
  },
  RECOUP_SNOWFLAKE_PRIVATE_KEY_FILE: {
    schema: z
      .string()
      .min(1)
      .transform((path) => resolve(ROOT, path))
      .optional(),
    about:
      'File with the private key of that user as PEM, read at each login. A relative path starts at the clone.',
  },
  RECOUP_SNOWFLAKE_PRIVATE_KEY: {
    schema: secret(),
    about: 'The key itself as PEM, in place of a file; line ends may be written as \\n.',
  },
  RECOUP_SNOWFLAKE_PRIVATE_KEY_PASSPHRASE: {
    schema: secret(),
    about: 'Passphrase of the key, where it has one.',
  },
  RECOUP_SNOWFLAKE_PASSWORD: {
    schema: secret(),
    about: 'Password of that user, in place of a key.',
  },
  RECOUP_SNOWFLAKE_ROLE: {
    schema: identifier(),
    about: "Role in Snowflake; unset: the user's default role.",
  },
  RECOUP_SNOWFLAKE_WAREHOUSE: {
    schema: identifier(),
    about: 'Warehouse in Snowflake that runs the loads.',
  },
  RECOUP_SNOWFLAKE_DATABASE: {
    schema: identifier(),
    about: 'Database in Snowflake that holds the schema.',
  },
  RECOUP_SNOWFLAKE_SCHEMA: {
    schema: identifier(),
    about: 'Schema in Snowflake that the tables are laid in; unset: RECOUP.',
  },
  RECOUP_SECRET_KEY_FILE: {
    schema: file('.recoup/secret.key'),
    about:
      'File with the key that encrypts stored secrets; made on first use, mode 0600. A relative path starts at the clone.',
  },
  RECOUP_SECRET_KEY: {
    schema: z
      .string()
      .regex(/^[0-9a-f]{64}$/i, 'expected 64 hexadecimal digits')
      .optional(),
    about: 'The key itself as 64 hexadecimal digits; wins over the file.',
  },
  RECOUP_LANES: {
    schema: count(64).default(8),
    about: 'Lanes of one walk: tasks of a run that one activity walks side by side (count).',
  },
  RECOUP_WALK_MINUTES: {
    schema: count(60).default(5),
    about: 'Longest time that one walk activity works before it reports (minutes).',
  },
  RECOUP_WALKS: {
    schema: count(100).default(4),
    about: 'Long steps (walks, metrics, loads) that one worker works on at a time (count).',
  },
  RECOUP_STEPS: {
    schema: count(1_000).default(40),
    about: 'Quick steps that one worker works on at a time (count).',
  },
  RECOUP_CACHED_WORKFLOWS: {
    schema: count(10_000).default(500),
    about: 'Workflows that one worker keeps in memory between their tasks (count).',
  },
  RECOUP_RATE_LIMIT_PER_SECOND: {
    schema: count(10_000).optional(),
    about:
      'Requests per second that an account may make, by all processes together (count). Unset: what the billing service publishes; none until it answers 429 where the account has an address of its own.',
  },
  RECOUP_ENDPOINT_RATE_LIMIT_PER_SECOND: {
    schema: count(10_000).optional(),
    about: 'The same for each endpoint, such as the list of invoices (count).',
  },
  RECOUP_DATABASE_POOL: {
    schema: count(200).default(16),
    about:
      'Postgres connections of one process for long steps and webhooks (count); a worker has a quarter more for quick steps.',
  },
  RECOUP_ENVIRONMENT: {
    schema: z
      .string()
      .regex(/^[a-z0-9-]{1,20}$/, 'expected up to 20 of a-z, 0-9 and -')
      .default('live'),
    about:
      'Names this installation in the idempotency keys of payments: no two that try payments of one billing account may share it.',
  },
  RECOUP_WEBHOOK_HOST: {
    schema: z.string().min(1).default('127.0.0.1'),
    about: 'Address that the webhook receiver listens on; put a proxy that speaks TLS before it.',
  },
  RECOUP_WEBHOOK_PORT: {
    schema: z.coerce.number().int().min(0).max(65_535).default(12901),
    about: 'Port that the webhook receiver listens on; 0 picks a free one.',
  },
  RECOUP_LOG_LEVEL: {
    schema: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
    about: 'Least level that is logged.',
  },
} as const satisfies Record<string, { schema: z.ZodType; about: string }>;

type Variables = typeof VARIABLES;
export type Config = { readonly [K in keyof Variables]: z.output<Variables[K]['schema']> };

/** A wrong or missing value; the message names the variable, what was expected, and where it was read. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}

export interface LoadConfigOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The file that the local stack writes; its `env` object is read beneath the environment. */
  readonly stackFile?: string;
}

/** The whole configuration, or a ConfigError: one sentence for all that is not set, and a line for each wrong value. */
export function loadConfig(options: LoadConfigOptions = {}): Config {
  const env = options.env ?? process.env;
  const stackFile = options.stackFile ?? join(ROOT, '.recoup', 'stack.json');
  const stack = readStack(stackFile);
  const missing: string[] = [];
  const wrong: string[] = [];
  const entries = Object.entries(VARIABLES).map(([name, { schema }]) => {
    // An empty variable counts as unset: shells and Compose files make such.
    const given = env[name] || undefined;
    const value = given ?? stack[name];
    const result = schema.safeParse(value);
    if (result.success) return [name, result.data];
    const expected = result.error.issues.map((issue) => issue.message).join('; ');
    if (value === undefined) missing.push(name);
    else wrong.push(`${name} is wrong: ${expected}${given ? '' : ` (from ${stackFile})`}.`);
    return [name, undefined];
  });
  const config = Object.fromEntries(entries) as Config;
  const problems = [
    ...(missing.length > 0 ? [notSet(missing)] : []),
    ...wrong,
    // What is set, but wrong, is named already.
    ...(wrong.length > 0 ? [] : snowflakeProblems(config)),
  ];
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return config;
}

const notSet = (names: readonly string[]): string =>
  names.length === 1
    ? `No local stack is running and ${names.join()} is not set. Start one with \`npm start\`, or set it.`
    : `No local stack is running and ${names.join(', ')} are not set. Start one with \`npm start\`, or set them.`;

function readStack(file: string): Readonly<Record<string, string | undefined>> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return {};
  }
  try {
    return z.object({ env: z.record(z.string(), z.string()).default({}) }).parse(JSON.parse(text))
      .env;
  } catch {
    throw new ConfigError(`${file} cannot be read as JSON. Delete it and run \`npm start\` again.`);
  }
}
