/** The Temporal development server: where its binary comes from, and how it is started. */
import { accessSync, constants, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { StackError } from './children.mjs';
import { download } from './download.mjs';
import { BIN_CACHE, ROOT } from './paths.mjs';
import { LOOPBACK } from './ports.mjs';

const require = createRequire(import.meta.url);
const COMPOSE_FILE = join(ROOT, 'temporal-dev.yml');
/**
 * The CLI that is fetched where none is there: the newest that `go install` can build (later ones carry a replace directive, which
 * it refuses), so that a download and a build behave alike.
 */
const VERSION = 'v1.5.1';
const GO_MODULE = `github.com/temporalio/cli/cmd/temporal@${VERSION}`;
const START_LIMIT_MS = 90_000;
const CALL_LIMIT_MS = 3_000;
/** `IndexedValueType` of Temporal's API, under the names that the CLI takes. */
const SEARCH_ATTRIBUTE_TYPES = {
  Text: 1,
  Keyword: 2,
  Int: 3,
  Double: 4,
  Bool: 5,
  Datetime: 6,
  KeywordList: 7,
};

/**
 * The command list of the service `temporal` in temporal-dev.yml. Reads that file's form only: two spaces an indent, one
 * argument a line, no quotes (a test holds it against a real YAML parser).
 * @returns {string[]}
 */
export function composeCommand(text = readFileSync(COMPOSE_FILE, 'utf8')) {
  const lines = text.split('\n');
  const service = lines.indexOf('  temporal:');
  const start = lines.indexOf('    command:', service) + 1;
  const end = lines.findIndex((line, index) => index >= start && /^ {0,4}\S/.test(line));
  return lines
    .slice(start, end)
    .map((line) => /^ {6}- (\S+)$/.exec(line)?.[1])
    .filter((argument) => argument !== undefined);
}

/** The search attributes of temporal-dev.yml as [name, type]. @returns {[string, string][]} */
export function searchAttributes(command = composeCommand()) {
  return command
    .filter((argument) => argument.startsWith('--search-attribute='))
    .map((argument) => argument.split('=').slice(1));
}

/** The file's command with this machine's ports, address and data file. @param {Record<string, string | number | null>} own */
export function serverArguments(own, command = composeCommand()) {
  const replaced = command.filter((argument) => !(argument.slice(2).split('=')[0] in own));
  const given = Object.entries(own).filter(([, value]) => value !== null);
  return [...replaced, ...given.map(([name, value]) => `--${name}=${value}`)];
}

/** The first executable of that name on the PATH. */
export function onPath(name) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A `temporal` that is there already. @returns {{ path: string, source: string } | null} */
export function findBinary() {
  const found = onPath('temporal');
  if (found) return { path: found, source: 'from the PATH' };
  const cached = join(BIN_CACHE, 'temporal');
  return isExecutable(cached) ? { path: cached, source: 'cached binary' } : null;
}

/**
 * A `temporal` that is there, or the official download, or one built from source; the latter two are cached.
 * @param {import('./children.mjs').Children} children @param {import('./say.mjs').Say} say
 * @returns {Promise<{ path: string, source: string }>}
 */
export async function ensureBinary(children, say) {
  const found = findBinary();
  if (found) return found;
  mkdirSync(BIN_CACHE, { recursive: true });
  const path = join(BIN_CACHE, 'temporal');
  // Made aside and renamed, so that a cut-short one is never taken for whole.
  const aside = join(BIN_CACHE, `.making-${process.pid}`);
  mkdirSync(aside, { recursive: true });
  try {
    const source = (await downloadCli(children, say, aside)) ?? (await build(children, say, aside));
    renameSync(join(aside, 'temporal'), path);
    return { path, source };
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

async function downloadCli(children, say, folder) {
  const arch = { x64: 'amd64', arm64: 'arm64' }[process.arch];
  const url = `https://temporal.download/cli/archive/${VERSION}?platform=${process.platform}&arch=${arch}`;
  const step = say.step('Temporal', 'downloading the official CLI');
  const isThere = await download(children, { url, folder, unpack: ['temporal'], step });
  return isThere ? 'downloaded' : null;
}

async function build(children, say, folder) {
  const go = onPath('go');
  const advice =
    'Install the Temporal CLI (https://docs.temporal.io/cli) so that `temporal` is on the PATH, or Go 1.24 or newer, or set TEMPORAL_ADDRESS.';
  if (!go) throw new StackError(`There is no Temporal server on this machine. ${advice}`);
  const step = say.step('Temporal', 'building the CLI from source, about five minutes, this once');
  const child = children.spawn({
    name: 'go-install',
    command: go,
    args: ['install', '-v', GO_MODULE],
    env: { ...process.env, GOBIN: folder },
  });
  // With -v, Go names each package or download as it comes to it.
  step.watch(() => {
    const lines = readFileSync(child.logFile, 'utf8').trimEnd().split('\n');
    return `${lines.length} packages, ${lines.at(-1)}`;
  });
  const { code } = await child.end;
  await children.stop(child);
  if (code !== 0) {
    step.failed();
    throw new StackError(`\`go install ${GO_MODULE}\` failed; see ${child.logFile}. ${advice}`);
  }
  step.done('built');
  return 'built from source';
}

/** What a binary says of itself, as 'Server 1.29.1, UI 2.42.1'; null when it does not run. */
export async function binaryVersion(path) {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 15_000 });
    return /\((.*)\)/.exec(stdout)?.[1] ?? stdout.trim();
  } catch {
    return null;
  }
}

/**
 * Starts a development server and waits until it serves with all its search attributes.
 * @param {import('./children.mjs').Children} children
 * @param {{ binary: string, port: number, uiPort: number | null, httpPort: number, metricsPort: number,
 *   databaseFile: string | null, durable?: boolean, namespace?: string }} options without a UI port there is no UI; without a database
 *   file everything is in memory; with one that is not durable it outlives the server, though not the machine
 * @returns {Promise<{ child: import('./children.mjs').Child, address: string, uiUrl: string | null, version: string }>}
 */
export async function startTemporal(
  children,
  {
    binary,
    port,
    uiPort,
    httpPort,
    metricsPort,
    databaseFile,
    durable = true,
    namespace = 'default',
  },
) {
  const args = serverArguments({
    ip: LOOPBACK,
    port,
    'ui-port': uiPort,
    'http-port': httpPort,
    'metrics-port': metricsPort,
    'db-filename': databaseFile,
    'sqlite-pragma': durable ? null : 'synchronous=off',
    namespace,
  });
  const child = children.spawn({
    name: 'temporal',
    command: binary,
    args: uiPort === null ? [...args, '--headless'] : args,
  });
  const address = `${LOOPBACK}:${port}`;
  const uiUrl = uiPort === null ? null : `http://${LOOPBACK}:${uiPort}`;
  const version = await children.waitUntil(child, {
    limitMs: START_LIMIT_MS,
    probe: async () => {
      const server = await inspect(address, namespace).catch(() => undefined);
      if (!server || server.missing.length > 0) return undefined;
      return uiUrl === null || (await answers(uiUrl)) ? server.version : undefined;
    },
  });
  return { child, address, uiUrl, version };
}

const answers = (url) =>
  fetch(url, { signal: AbortSignal.timeout(CALL_LIMIT_MS) }).then(
    (response) => response.ok,
    () => false,
  );

async function withConnection(address, work) {
  const { Connection } = require('@temporalio/client');
  const connection = await Connection.connect({ address, connectTimeout: CALL_LIMIT_MS });
  try {
    return await connection.withDeadline(Date.now() + CALL_LIMIT_MS, () => work(connection));
  } finally {
    await connection.close();
  }
}

/** A server's version and which of our search attributes it lacks in that namespace. */
function inspect(address, namespace) {
  return withConnection(address, async ({ workflowService, operatorService }) => {
    const { serverVersion } = await workflowService.getSystemInfo({});
    await workflowService.describeNamespace({ namespace });
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
    return {
      version: serverVersion,
      missing: searchAttributes().filter(([name]) => !(name in customAttributes)),
    };
  });
}

/**
 * A server of the user's own: its version and the search attributes that it lacks.
 * @returns {Promise<{ version: string, missing: [string, string][] }>}
 */
export async function outsideServer(address, namespace) {
  try {
    return await inspect(address, namespace);
  } catch (error) {
    throw new StackError(
      `Temporal at TEMPORAL_ADDRESS=${address}, namespace ${namespace}: ${error.details ?? error.message}. Does that server run?`,
    );
  }
}

/** Gives a server of the user's own the search attributes that it lacks. */
export function addSearchAttributes(address, namespace, missing) {
  return withConnection(address, ({ operatorService }) =>
    operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(
        missing.map(([name, type]) => [name, SEARCH_ATTRIBUTE_TYPES[type]]),
      ),
    }),
  );
}
