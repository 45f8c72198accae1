/** The servers of a test run, started by global-setup.mjs before the first test. */
import { createHash, randomUUID } from 'node:crypto';
import { Client } from 'pg';

/** Admin url of the run's Postgres: it may create databases there. */
const testDatabaseUrl = (): string => fromEnvironment('RECOUP_TEST_DATABASE_URL');

/** `host:port` of the run's Temporal server; namespace `default`, with Recoup's search attributes. */
export const temporalAddress = (): string => fromEnvironment('RECOUP_TEST_TEMPORAL_ADDRESS');

function fromEnvironment(name: string): string {
  const value = process.env[name];
  if (value === undefined) {
    throw new Error(
      `${name} is not set: this test's folder is among those without servers in jest.config.cjs. Move the test, or the folder to the others.`,
    );
  }
  return value;
}

export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

interface CreateDatabaseOptions {
  /** Names the template: databases with the same name are copies of the same one. */
  readonly template: string;
  /** Fills the template, once per test run; all its connections must be closed when it returns. */
  readonly fill: (url: string) => Promise<void>;
}

/** A database of its own for a test file: a copy of a template that the first to ask fills. */
export async function createDatabase(options: CreateDatabaseOptions): Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await asAdmin(async (admin) => {
    const template = await ensureTemplate(admin, options);
    await admin.query(`create database ${name} template ${template}`);
  });
  return {
    url: urlOf(name),
    drop: () =>
      asAdmin(async (admin) => {
        await admin.query(`drop database if exists ${name} with (force)`);
      }),
  };
}

async function ensureTemplate(admin: Client, options: CreateDatabaseOptions): Promise<string> {
  const digest = createHash('sha256').update(options.template).digest();
  const name = `template_${digest.toString('hex').slice(0, 16)}`;
  const lock = digest.readInt32BE(0);
  // Test files run in several processes: one fills, the others wait.
  await admin.query('select pg_advisory_lock($1)', [lock]);
  try {
    const found = await admin.query('select 1 from pg_database where datname = $1', [name]);
    if (found.rowCount === 0) {
      // Filled under another name, so that a template that failed half-way is never copied.
      const unfinished = `${name}_new`;
      await admin.query(`drop database if exists ${unfinished} with (force)`);
      await admin.query(`create database ${unfinished}`);
      await options.fill(urlOf(unfinished));
      await admin.query(`alter database ${unfinished} rename to ${name}`);
    }
  } finally {
    await admin.query('select pg_advisory_unlock($1)', [lock]);
  }
  return name;
}

function urlOf(database: string): string {
  const url = new URL(testDatabaseUrl());
  url.pathname = `/${database}`;
  return url.href;
}

const asAdmin = <T>(work: (admin: Client) => Promise<T>): Promise<T> =>
  withClient(testDatabaseUrl(), work);

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The rows that one statement answers, on a connection of its own. */
export const query = (url: string, text: string): Promise<unknown[]> =>
  withClient(url, async (client) => (await client.query(text)).rows as unknown[]);
