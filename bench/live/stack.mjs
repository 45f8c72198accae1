/** A whole stack of its own for cases: a Temporal server and a Postgres that can be restarted, a simulated service, and workers. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { StackError, describeEnd, readyLine } from '../../dev/children.mjs';
import { ROOT } from '../../dev/paths.mjs';
import { onFreePorts } from '../../dev/ports.mjs';
import { startPostgres } from '../../dev/postgres.mjs';
import { ensureBinary, startTemporal } from '../../dev/temporal.mjs';
import { WORKER_COMMAND } from '../../dev/worker.mjs';

const READY_LIMIT_MS = 120_000;
const WORKERS = 2;
export const ACCOUNT = 'acct_bench';
export const TASK_QUEUE = 'recoup-bench';
const KEY = 'sk_test_recoup_bench';
export const AS_OF = '2026-11-01T00:00:00Z';

/**
 * @param {{ children: import('../../dev/children.mjs').Children, say: import('../../dev/say.mjs').Say, folder: string, invoices: number,
 *   seed: number }} options `folder` must be one that Postgres' unprivileged user can pass through. Whoever owns the children stops them.
 */
export async function startLiveStack({ children, folder, ...options }) {
  const stack = new LiveStack(children, folder);
  await stack.start(options);
  return stack;
}

class LiveStack {
  /** @type {import('../../dev/children.mjs').Child[]} */
  workers = [];
  #started = 0;

  constructor(children, folder) {
    this.children = children;
    this.folder = folder;
  }

  async start({ say, invoices, seed }) {
    const { children, folder } = this;
    const { path: binary } = await ensureBinary(children, say);
    this.postgres = await onFreePorts([0], ([port]) => {
      this.postgresOptions = { folder: join(folder, 'postgres'), port, durable: false };
      return startPostgres(children, this.postgresOptions);
    });
    this.temporal = await onFreePorts([0, 0, 0], ([port, httpPort, metricsPort]) => {
      const ports = { port, httpPort, metricsPort, uiPort: null };
      // In a file: what the server knew is there again after its restart.
      const databaseFile = join(folder, 'temporal.db');
      this.temporalOptions = { binary, ...ports, databaseFile, durable: false };
      return startTemporal(children, this.temporalOptions);
    });
    this.simulatorUrl = await this.#serve('simulator', 'simulator/main.js', {
      args: Object.entries({
        failures: invoices,
        seed,
        'as-of': AS_OF,
        now: AS_OF,
        'account-id': ACCOUNT,
        'api-key': KEY,
        'debit-share': 0.1,
        retries: 'off',
      }).flatMap(([name, value]) => [`--${name}`, String(value)]),
    });
    this.env = {
      ...process.env,
      DATABASE_URL: this.postgres.url,
      TEMPORAL_ADDRESS: this.temporal.address,
      TEMPORAL_NAMESPACE: 'default',
      RECOUP_SYNC_TASK_QUEUE: TASK_QUEUE,
      RECOUP_WAREHOUSE_PATH: join(folder, 'warehouse.duckdb'),
      RECOUP_SECRET_KEY: randomBytes(32).toString('hex'),
      BENCH_KEY: KEY,
      BENCH_WEBHOOK_SECRET: `whsec_${randomBytes(24).toString('hex')}`,
      NO_COLOR: '1',
    };
    for (let count = 0; count < WORKERS; count += 1) await this.startWorker();
  }

  /** The account, which lives in simulated time, with all that its service knows of it. */
  async connectAccount() {
    const secrets = ['--secret-env', 'BENCH_KEY', '--webhook-secret-env', 'BENCH_WEBHOOK_SECRET'];
    const from = ['--id', ACCOUNT, '--api-base', this.simulatorUrl];
    await this.recoup('accounts', 'add', 'stripe', ...from, ...secrets);
    // It does not wait for the service's own retries: where there are any, they come in between.
    const settings = ['--clock', 'simulated', '--provider-retries', 'off'];
    await this.recoup('accounts', 'set', ACCOUNT, ...settings);
    await this.recoup('sync', ACCOUNT);
  }

  /** The service's webhooks come from now on. @param {Record<string, string | number>} mishaps of the simulator's `parseEndpoint` */
  async receiveWebhooks(mishaps) {
    const receiver = await this.#serve('webhooks', 'workers/webhooks.js', {
      env: { RECOUP_WEBHOOK_PORT: '0' },
    });
    const { BENCH_WEBHOOK_SECRET: secret } = this.env;
    const url = `${receiver}/webhooks/${ACCOUNT}`;
    await this.control('/_simulator/webhooks', { url, secret, ...mishaps });
  }

  async #serve(name, file, { args = [], env = {} }) {
    const child = this.children.spawn({
      name,
      command: process.execPath,
      args: [join(ROOT, 'dist', file), ...args],
      env: { ...(this.env ?? process.env), ...env },
    });
    const limits = { probe: () => readyLine(child), limitMs: READY_LIMIT_MS };
    return (await this.children.waitUntil(child, limits)).url;
  }

  async startWorker() {
    const [command, ...args] = WORKER_COMMAND;
    this.#started += 1;
    const name = `worker-${this.#started}`;
    const child = this.children.spawn({ name, command, args, cwd: ROOT, env: this.env });
    await this.children.waitUntil(child, {
      probe: () => readyLine(child),
      limitMs: READY_LIMIT_MS,
    });
    this.workers.push(child);
  }

  /** SIGKILL, and another one in its place. */
  async replaceWorker(child) {
    this.workers = this.workers.filter((worker) => worker !== child);
    if (!child.ended) process.kill(-child.pid, 'SIGKILL');
    await child.end;
    await this.children.stop(child);
    await this.startWorker();
  }

  /**
   * Whoever ends without having been killed is a finding. One that was frozen has been: where the freeze met a workflow's code, the
   * SDK's limit of 5 s for it has passed on waking, and Node aborts (https://github.com/nodejs/node/issues/38503).
   */
  async requireWorkers() {
    for (const dead of this.workers.filter(({ ended }) => ended)) {
      if (!dead.wasFrozen) throw new StackError(describeEnd(dead));
      await this.replaceWorker(dead);
    }
  }

  async restartPostgres() {
    await this.children.stop(this.postgres.child);
    this.postgres = await startPostgres(this.children, this.postgresOptions);
  }

  async restartTemporal() {
    await this.children.stop(this.temporal.child);
    this.temporal = await startTemporal(this.children, this.temporalOptions);
  }

  /** Runs `recoup …` to its end. */
  async recoup(...args) {
    const child = this.children.spawn({
      name: `recoup-${args.slice(0, 2).join('-')}`,
      command: process.execPath,
      args: [join(ROOT, 'client', 'bin.cjs'), ...args],
      env: this.env,
    });
    const { code } = await child.end;
    await this.children.stop(child);
    if (code !== 0) throw new StackError(`recoup ${args.join(' ')}: ${describeEnd(child)}`);
  }

  /** Asks the simulator's control or oracle; with a body it is a POST. */
  async control(path, body) {
    const request = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const response = await fetch(`${this.simulatorUrl}${path}`, request);
    const answer = await response.json();
    if (!response.ok) throw new StackError(`${path}: ${answer.error}`);
    return answer;
  }
}
