/**
 * A whole Recoup for one test file: a database and a task queue of its own, a simulated billing service, worker processes that
 * can really be killed, and the built command line. Uses dist/, which `npm test` has built.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Pool } from 'pg';
import { RECORD_KINDS } from '../../domain/records';
import { createMigratedDatabase } from './database';
import { temporalAddress } from './stack';

const ROOT = join(__dirname, '..', '..');
const STOP_LIMIT_MS = 30_000;
/** What is kept of the workers' warnings and errors, for the message of a failing test. */
const MAX_LOG_LINES = 20;
const MAX_LOG_LINE = 2_000;
export const SIMULATOR_KEY = 'sk_test_recoup_e2e';

/** Account ids are workflow ids: tests that share a Temporal server must not share one. */
export const someAccountId = (): string => `acct_${randomUUID().replaceAll('-', '').slice(0, 16)}`;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface WorkerProcess {
  readonly pid: number;
  /** SIGKILL, at once. */
  kill(): Promise<void>;
  /** SIGTERM, and waits for its end. */
  stop(): Promise<void>;
}

export interface Recoup {
  readonly pool: Pool;
  readonly env: Readonly<Record<string, string>>;
  startWorker(env?: Record<string, string>): Promise<WorkerProcess>;
  /** Runs `recoup …` to its end. */
  cli(args: readonly string[], env?: Record<string, string>): Promise<Ended>;
  /** The same, and expects exit 0 and JSON on stdout. */
  json(args: readonly string[], env?: Record<string, string>): Promise<unknown>;
  /** `accounts add stripe`: the key goes through the environment. */
  connect(options: { account: string; apiBase: string; key?: string }): Promise<void>;
  /** A digest of every canonical table's rows, by table: equal digests mean equal rows. */
  rowDigests(): Promise<Record<string, string>>;
  /**
   * The same without the account and without when and in which object a row was read first: what two accounts of one world
   * must agree on.
   */
  contentDigests(): Promise<Record<string, string>>;
  close(): Promise<void>;
}

/** `own`: variables that differ from the usual ones, for example another Temporal server. */
export async function startRecoup(own: Record<string, string> = {}): Promise<Recoup> {
  const folder = mkdtempSync(join(tmpdir(), 'recoup-e2e-'));
  const database = await createMigratedDatabase();
  const pool = new Pool({ connectionString: database.url, max: 4 });
  const workers: WorkerProcess[] = [];
  const workerLog: string[] = [];
  const env = {
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: temporalAddress(),
    RECOUP_SYNC_TASK_QUEUE: `recoup-sync-${randomUUID()}`,
    RECOUP_WAREHOUSE_PATH: join(folder, 'warehouse.duckdb'),
    RECOUP_SECRET_KEY_FILE: join(folder, 'secret.key'),
    NO_COLOR: '1',
    ...own,
  };
  const recoup: Recoup = {
    pool,
    env,
    async startWorker(more = {}) {
      const child = spawn(process.execPath, [join(ROOT, 'dist', 'workers', 'main.js')], {
        env: { ...process.env, ...env, ...more },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const worker = await readyWorker(child, workerLog);
      workers.push(worker);
      return worker;
    },
    cli: (args, more = {}) =>
      ended(
        spawn(process.execPath, [join(ROOT, 'client', 'bin.cjs'), ...args], {
          env: { ...process.env, ...env, ...more },
          stdio: ['ignore', 'pipe', 'pipe'],
        }),
      ),
    async json(args, more = {}) {
      const { code, stdout, stderr } = await recoup.cli(args, more);
      if (code !== 0) {
        const command = `recoup ${args.join(' ')} ended with ${code}:\n${stderr}`;
        throw new Error([command, 'The workers said:', ...workerLog].join('\n'));
      }
      return JSON.parse(stdout) as unknown;
    },
    async connect({ account, apiBase, key = SIMULATOR_KEY }) {
      await recoup.json(
        [
          'accounts',
          'add',
          'stripe',
          '--id',
          account,
          '--secret-env',
          'KEY',
          '--api-base',
          apiBase,
          '--json',
        ],
        { KEY: key },
      );
    },
    rowDigests: () => digestsOf(pool, 't'),
    contentDigests: () => digestsOf(pool, `to_jsonb(t) - '{version,account_id,raw_hash}'::text[]`),
    async close() {
      await Promise.all(workers.map((worker) => worker.stop()));
      await pool.end();
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return recoup;
}

async function digestsOf(pool: Pool, row: string): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const kind of RECORD_KINDS) {
    const { rows } = await pool.query<{ digest: string }>(
      `select concat(count(*), ':', md5(string_agg((${row})::text, '|' order by account_id, external_id))) as digest
       from ${kind} t`,
    );
    digests[kind] = rows[0]?.digest ?? '';
  }
  return digests;
}

function readyWorker(child: ChildProcess, log: string[]): Promise<WorkerProcess> {
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  if (child.stderr !== null) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (!/"level":(40|50|60)/.test(line)) return;
      log.push(line.slice(0, MAX_LOG_LINE));
      if (log.length > MAX_LOG_LINES) log.shift();
    });
  }
  const signal = async (name: NodeJS.Signals) => {
    child.kill(name);
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    await gone;
    clearTimeout(late);
  };
  return new Promise((resolve, reject) => {
    void gone.then(() => reject(new Error(`The worker ended at its start:\n${log.join('\n')}`)));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).once('line', () =>
      resolve({
        pid: child.pid ?? 0,
        kill: () => signal('SIGKILL'),
        stop: () => signal('SIGTERM'),
      }),
    );
  });
}

function ended(child: ChildProcess): Promise<Ended> {
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
}
