/** The local stack: which services there are, in the order of their start, and what is told about them. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { StackError, describeEnd, readyLine } from './children.mjs';
import { commandOf, endGroups } from './groups.mjs';
import { DATA_FOLDER, OUTSIDE_FOLDER, ROOT } from './paths.mjs';
import { LOOPBACK, onFreePorts } from './ports.mjs';
import {
  ensureDatabase,
  outsideVersion,
  outsideFolder,
  postgresUser,
  startPostgres,
} from './postgres.mjs';
import { addSearchAttributes, ensureBinary, outsideServer, startTemporal } from './temporal.mjs';
import { settleWorld } from './world.mjs';
import { WORKER_COMMAND } from './worker.mjs';

export const STACK_FILE = join(DATA_FOLDER, 'stack.json');
const READY_LIMIT_MS = 120_000;
export const PORTS = {
  postgres: 54329,
  temporal: 7233,
  temporalUi: 8233,
  temporalHttp: 7243,
  temporalMetrics: 7234,
  simulator: 12900,
  webhooks: 12901,
};
const DEMO_ACCOUNT = 'acct_demo';
/** Not a secret: it opens nothing but the simulated account. */
const DEMO_KEY = 'sk_test_recoup_demo';

const inDist = (path) => [process.execPath, join(ROOT, 'dist', path)];
/** Tests put small scripts in the place of these. */
const COMMANDS = {
  simulator: inDist('simulator/main.js'),
  worker: WORKER_COMMAND,
  webhooks: inDist('workers/webhooks.js'),
  demo: [process.execPath, join(ROOT, 'client', 'bin.cjs'), 'demo'],
  ...JSON.parse(process.env.RECOUP_DEV_COMMANDS || '{}'),
};

/** Where Postgres' files are: outside the clone when its user could not reach them within. */
function postgresFolder() {
  const user = postgresUser();
  if (!user) return join(DATA_FOLDER, 'postgres');
  const folder = join(outsideFolder(user), 'postgres');
  // For people: where the data of this clone are.
  const pointer = join(DATA_FOLDER, 'postgres');
  if (!lstatSync(pointer, { throwIfNoEntry: false })) symlinkSync(folder, pointer);
  return folder;
}

/** Ends what is left of a stack whose launcher and guard were both killed, as by `killall -9 node`. */
export async function endLeftovers(say) {
  if (!existsSync(STACK_FILE)) return;
  const { pids } = JSON.parse(readFileSync(STACK_FILE, 'utf8'));
  const groups = Object.entries(pids)
    .filter(([, pid]) => [ROOT, OUTSIDE_FOLDER].some((folder) => commandOf(pid).includes(folder)))
    .map(([name, pid]) => ({ name, pid, stopSignal: 'SIGINT', killSignal: 'SIGKILL' }));
  if (groups.length > 0) say.note('Leftovers', groups.map(({ name }) => name).join(', '));
  await endGroups(groups);
}

/** Removes everything that a stack of this clone has kept. */
export function wipe(say) {
  const kept = ['lock', 'logs', 'test-result.json'];
  // Secrets in a database that stays can be read with this key only.
  if (process.env.DATABASE_URL) kept.push('secret.key');
  for (const name of readdirSync(DATA_FOLDER).filter((each) => !kept.includes(each))) {
    rmSync(join(DATA_FOLDER, name), { recursive: true, force: true });
  }
  rmSync(OUTSIDE_FOLDER, { recursive: true, force: true });
  for (const name of ['DATABASE_URL', 'TEMPORAL_ADDRESS']) {
    if (process.env[name]) say.note('Kept', `what is at ${name}: wipe that yourself`);
  }
}

/**
 * Starts what is missing, each service when the ones that it needs are healthy, and tells the CLI in stack.json.
 * @param {import('./children.mjs').Children} children @param {import('./say.mjs').Say} say
 * @param {{ seed?: number, customers?: number, failures?: number }} wanted
 */
export async function startStack(children, say, wanted) {
  const world = settleWorld(join(DATA_FOLDER, 'world.json'), wanted);
  const services = [];
  const own = (child) => {
    services.push(child);
    return child;
  };
  const { databaseUrl } = await postgres(children, say, own);
  const { temporalAddress, temporalNamespace, temporalUiUrl } = await temporal(children, say, own);
  const env = {
    DATABASE_URL: databaseUrl,
    TEMPORAL_ADDRESS: temporalAddress,
    TEMPORAL_NAMESPACE: temporalNamespace,
    ...(temporalUiUrl ? { RECOUP_TEMPORAL_UI_URL: temporalUiUrl } : {}),
    RECOUP_WAREHOUSE_PATH:
      process.env.RECOUP_WAREHOUSE_PATH || join(DATA_FOLDER, 'warehouse.duckdb'),
    RECOUP_SECRET_KEY_FILE: process.env.RECOUP_SECRET_KEY_FILE || join(DATA_FOLDER, 'secret.key'),
  };
  const simulatorUrl = await simulator(children, say, own, world);
  await worker(children, say, own, env);
  const webhooksUrl = await webhooks(children, say, own, env);
  const facts = {
    env,
    databaseUrl,
    temporalAddress,
    temporalUiUrl,
    simulatorUrl,
    webhooksUrl,
    dataFolder: DATA_FOLDER,
    pids: {
      launcher: process.pid,
      guard: children.guardPid,
      ...Object.fromEntries(services.map(({ name, pid }) => [name, pid])),
    },
  };
  writeFileSync(STACK_FILE, `${JSON.stringify(facts, null, 2)}\n`, { mode: 0o600 });
  chmodSync(STACK_FILE, 0o600); // A file that was there keeps its mode otherwise.
  return { ...facts, services };
}

/** Starts a service on its usual ports, or says which others it got. */
function onUsualPorts(say, name, usual, start) {
  return onFreePorts(usual, (ports) => {
    for (const [index, port] of ports.entries()) {
      if (port !== usual[index]) say.note(name, `port ${usual[index]} is taken, using ${port}`);
    }
    return start(ports);
  });
}

async function postgres(children, say, own) {
  const given = process.env.DATABASE_URL;
  if (given) {
    const version = await outsideVersion(given);
    say.ready('Postgres', `${version}  ${new URL(given).host}  (DATABASE_URL)`);
    return { databaseUrl: given };
  }
  const folder = postgresFolder();
  const { child, url, version } = await onUsualPorts(say, 'Postgres', [PORTS.postgres], ([port]) =>
    startPostgres(children, { folder, port, durable: true }),
  );
  own(child);
  const databaseUrl = await ensureDatabase(url, 'recoup');
  const user = postgresUser();
  say.ready(
    'Postgres',
    `${version}  ${new URL(url).host}  data ${folder}  (embedded${user ? `, as user ${user.name}` : ''})`,
  );
  return { databaseUrl };
}

async function temporal(children, say, own) {
  const namespace = process.env.TEMPORAL_NAMESPACE || 'default';
  const given = process.env.TEMPORAL_ADDRESS;
  if (given) {
    const { version, missing } = await outsideServer(given, namespace);
    if (missing.length > 0) await addSearchAttributes(given, namespace, missing);
    say.ready('Temporal', `${version}  ${given}  namespace ${namespace}  (TEMPORAL_ADDRESS)`);
    return {
      temporalAddress: given,
      temporalNamespace: namespace,
      temporalUiUrl: process.env.RECOUP_TEMPORAL_UI_URL || null,
    };
  }
  const { path, source } = await ensureBinary(children, say);
  const usual = [PORTS.temporal, PORTS.temporalUi, PORTS.temporalHttp, PORTS.temporalMetrics];
  const databaseFile = join(DATA_FOLDER, 'temporal.db');
  const { child, address, uiUrl, version } = await onUsualPorts(
    say,
    'Temporal',
    usual,
    ([port, uiPort, httpPort, metricsPort]) => {
      const ports = { port, uiPort, httpPort, metricsPort };
      return startTemporal(children, { binary: path, ...ports, databaseFile, namespace });
    },
  );
  own(child);
  say.ready('Temporal', `${version}  ${address}  UI ${uiUrl}  (${source})`);
  return { temporalAddress: address, temporalNamespace: namespace, temporalUiUrl: uiUrl };
}

async function simulator(children, say, own, { seed, customers, failures, asOf }) {
  const [command, ...args] = COMMANDS.simulator;
  const account = ['--account-id', DEMO_ACCOUNT, '--api-key', DEMO_KEY];
  const people = ['--customers', customers, '--failures', failures];
  // Its clock begins where its history ends: what happens later is then never dated into time that was read already.
  const world = ['--seed', seed, ...people, '--as-of', asOf, '--now', asOf].map(String);
  // What was done to it, so that it is never older than the rows about it.
  const journal = ['--journal', join(DATA_FOLDER, 'simulator.jsonl')];
  const url = await onUsualPorts(say, 'Simulator', [PORTS.simulator], async ([port]) => {
    const child = children.spawn({
      name: 'simulator',
      command,
      args: [...args, '--port', String(port), ...account, ...world, ...journal],
      cwd: ROOT,
    });
    const ready = await children.waitUntil(child, {
      probe: () => readyLine(child),
      limitMs: READY_LIMIT_MS,
    });
    own(child);
    return ready.url;
  });
  say.ready(
    'Simulator',
    `${url}  ${customers} customers, seed ${seed}, ${failures} failed payments, history up to ${asOf.slice(0, 10)}`,
  );
  return url;
}

async function worker(children, say, own, env) {
  const [command, ...args] = COMMANDS.worker;
  const child = own(
    children.spawn({ name: 'worker', command, args, cwd: ROOT, env: { ...process.env, ...env } }),
  );
  await children.waitUntil(child, { probe: () => readyLine(child), limitMs: READY_LIMIT_MS });
  say.ready('Worker', `pid ${child.pid}, log ${child.logFile}`);
}

/** The webhook receiver. */
async function webhooks(children, say, own, env) {
  const [command, ...args] = COMMANDS.webhooks;
  const url = await onUsualPorts(say, 'Webhooks', [PORTS.webhooks], async ([port]) => {
    const child = children.spawn({
      name: 'webhooks',
      command,
      args,
      cwd: ROOT,
      env: { ...process.env, ...env, RECOUP_WEBHOOK_PORT: String(port) },
    });
    const ready = await children.waitUntil(child, {
      probe: () => readyLine(child),
      limitMs: READY_LIMIT_MS,
    });
    own(child);
    return ready.url;
  });
  say.ready('Webhooks', `${url}  what the simulator sends when something changes there`);
  return url;
}

/**
 * The demo: connects the simulated account, syncs it, shows its numbers and recovers payments, on this very terminal.
 * @returns {import('./children.mjs').Child}
 */
export function startDemo(children, { env, simulatorUrl, webhooksUrl }, { json }) {
  const [command, ...args] = COMMANDS.demo;
  return children.spawn({
    name: 'demo',
    command,
    args: json ? [...args, '--json'] : args,
    cwd: ROOT,
    env: {
      ...process.env,
      ...env,
      RECOUP_SIMULATOR_URL: simulatorUrl,
      RECOUP_DEMO_STRIPE_KEY: DEMO_KEY,
      RECOUP_DEMO_WEBHOOKS_URL: webhooksUrl,
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

/** Rejects when one of the services ends by itself. @param {readonly import('./children.mjs').Child[]} services */
export async function untilOneEnds(services) {
  const ended = await Promise.race(services.map((service) => service.end.then(() => service)));
  throw new StackError(describeEnd(ended));
}
