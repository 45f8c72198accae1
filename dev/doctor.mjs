/** `npm run doctor`: what this machine has for Recoup, what it lacks, and how to get it. Exit code 1 when something needed lacks. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { promisify } from 'node:util';
import { CHROMIUM_ADVICE, findChromium } from './chromium.mjs';
import { outsideVersion, nativeFolder, postgresUser } from './postgres.mjs';
import { packagesAreCurrent } from './install.mjs';
import { BIN_CACHE, ROOT, abandonedFolders } from './paths.mjs';
import { isFree } from './ports.mjs';
import { PORTS } from './stack.mjs';
import { binaryVersion, findBinary, onPath, outsideServer } from './temporal.mjs';
import { timeSkippingPath } from './time-skipping.mjs';

const NODE_MINIMUM = [20, 12];
const DISK_MINIMUM_GB = 3;
const UNASKED = 'an outside server is given; it can be asked once the packages are installed';
const NAME_WIDTH = 14;

const fine = (text) => ({ ok: true, text });
const optional = (text) => ({ ok: null, text });
const lacking = (text) => ({ ok: false, text });

async function versionOf(command, args) {
  const { stdout } = await promisify(execFile)(command, args, { timeout: 15_000 });
  return stdout.trim().split('\n')[0];
}

/** Each check says what is there, or what is missing and how to get it. */
const CHECKS = {
  'Node.js': () => {
    const [major, minor] = process.versions.node.split('.').map(Number);
    const [needMajor, needMinor] = NODE_MINIMUM;
    return major > needMajor || (major === needMajor && minor >= needMinor)
      ? fine(process.version)
      : lacking(
          `${process.version} is too old: install ${NODE_MINIMUM.join('.')} or newer, https://nodejs.org`,
        );
  },
  npm: async () => {
    if (!onPath('npm')) return lacking('not on the PATH: it comes with Node.js');
    return fine(await versionOf('npm', ['--version']));
  },
  Packages: () =>
    packagesAreCurrent()
      ? fine('installed')
      : optional('not installed, or older than package-lock.json: npm start installs them'),
  'Write access': () => {
    accessSync(ROOT, constants.W_OK);
    return fine(ROOT);
  },
  Disk: () => {
    const { bavail, bsize } = statfsSync(ROOT);
    const gigabytes = (bavail * bsize) / 1e9;
    const text = `${gigabytes.toFixed(1)} GB free`;
    return gigabytes >= DISK_MINIMUM_GB
      ? fine(text)
      : lacking(`${text}: make room for ${DISK_MINIMUM_GB} GB`);
  },
  Temporal: async () => {
    const address = process.env.TEMPORAL_ADDRESS;
    if (address) {
      if (!packagesAreCurrent()) return optional(UNASKED);
      const namespace = process.env.TEMPORAL_NAMESPACE || 'default';
      const { version, missing } = await outsideServer(address, namespace);
      const text = `server ${version} at TEMPORAL_ADDRESS=${address}`;
      return fine(missing.length > 0 ? `${text}; npm start adds its search attributes` : text);
    }
    const found = findBinary();
    const version = found && (await binaryVersion(found.path));
    if (version) return fine(`${version}, ${found.path} (${found.source})`);
    if (found) return lacking(`${found.path} does not run: remove it, or install the CLI anew`);
    if (onPath('go'))
      return optional(
        `not there: npm start downloads it, or builds it with Go (minutes, once) into ${BIN_CACHE}`,
      );
    return optional(
      'not there: npm start downloads it; should that fail, install https://docs.temporal.io/cli, or Go',
    );
  },
  Go: async () =>
    onPath('go')
      ? fine(await versionOf('go', ['version']))
      : optional('not there; only needed to build the Temporal CLI'),
  Postgres: async () => {
    if (process.env.DATABASE_URL) {
      if (!packagesAreCurrent()) return optional(UNASKED);
      return fine(`server ${await outsideVersion(process.env.DATABASE_URL)} at DATABASE_URL`);
    }
    const folder = nativeFolder();
    const user = postgresUser();
    if (folder) return fine(`embedded, ${folder}${user ? `; runs as user ${user.name}` : ''}`);
    return packagesAreCurrent()
      ? lacking(
          `no embedded binaries for ${process.platform}-${process.arch}: set DATABASE_URL, or run npm ci with optional packages`,
        )
      : optional('comes with the packages');
  },
  Ports: async () => {
    const taken = [];
    for (const [name, port] of Object.entries(PORTS))
      if (!(await isFree(port))) taken.push(`${port} (${name})`);
    return taken.length === 0
      ? fine(Object.values(PORTS).join(', '))
      : optional(`taken: ${taken.join(', ')}; npm start uses others`);
  },
  'Left over': () => {
    const folders = abandonedFolders();
    return folders.length === 0
      ? fine('nothing of clones that are gone')
      : optional(`Postgres data of clones that are gone; remove: rm -rf ${folders.join(' ')}`);
  },
  Docker: () =>
    onPath('docker')
      ? fine('there: docker compose -f temporal-dev.yml up is another way to the servers')
      : optional('not there, and not needed'),
  Python: async () =>
    onPath('python3')
      ? fine(await versionOf('python3', ['--version']))
      : optional('python3 is not there; only the tests of the Snowflake warehouse need it'),
  'Time skipping': () =>
    existsSync(timeSkippingPath())
      ? fine(timeSkippingPath())
      : optional(
          'not there; only the tests need it: npm test downloads it, or fetches it by Maven',
        ),
  Chromium: () => {
    const found = findChromium();
    return found !== null
      ? fine(found)
      : optional(`not there; only the tests of the Temporal UI need it: ${CHROMIUM_ADVICE}`);
  },
};

const MARKS = new Map([
  [true, '✓'],
  [null, '·'],
  [false, '✗'],
]);
let missing = 0;
for (const [name, check] of Object.entries(CHECKS)) {
  let result;
  try {
    result = await check();
  } catch (error) {
    result = lacking(error.message);
  }
  if (result.ok === false) missing += 1;
  process.stdout.write(`${MARKS.get(result.ok)} ${name.padEnd(NAME_WIDTH)} ${result.text}\n`);
}
process.stdout.write(missing === 0 ? '\nReady for npm start.\n' : `\n${missing} missing (✗).\n`);
process.exit(missing === 0 ? 0 : 1);
