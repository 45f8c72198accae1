/** The Snowflake of the tests: fakesnow, a Python server, in a virtual environment of its own in the cache. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { StackError, readyLine } from './children.mjs';
import { CACHE, ROOT } from './paths.mjs';
import { onPath } from './temporal.mjs';

const FOLDER = join(ROOT, 'test', 'support', 'fakesnow');
const REQUIREMENTS = join(FOLDER, 'requirements.txt');
const START_LIMIT_MS = 90_000;

/** Named by what is installed in it, so that other versions get another one. */
function environment() {
  const versions = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex');
  return join(CACHE, `fakesnow-${versions.slice(0, 12)}`);
}

const pythonOf = (folder) => join(folder, 'bin', 'python');

/**
 * Installs fakesnow where it is not yet.
 * @param {import('./children.mjs').Children} children @param {import('./say.mjs').Say} say
 */
export async function ensureFakesnow(children, say) {
  const folder = environment();
  if (existsSync(pythonOf(folder))) return;
  const python = onPath('python3');
  if (!python) {
    throw new StackError(
      'The tests of the Snowflake warehouse need Python 3.10 or newer: install python3 (with its venv module) and run this again.',
    );
  }
  const step = say.step('fakesnow', 'installing it from PyPI, this once');
  mkdirSync(CACHE, { recursive: true });
  // Made aside and renamed, so that a cut-short one is never taken for whole.
  const aside = join(CACHE, `.making-fakesnow-${process.pid}`);
  try {
    await run(children, 'python-venv', python, ['-m', 'venv', aside]);
    const install = ['-m', 'pip', 'install', '--quiet', '--requirement', REQUIREMENTS];
    await run(children, 'pip', pythonOf(aside), install);
    if (!existsSync(folder)) renameSync(aside, folder);
    step.done('installed');
  } catch (error) {
    step.failed();
    throw error;
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

async function run(children, name, command, args) {
  const child = children.spawn({ name, command, args });
  const { code } = await child.end;
  await children.stop(child);
  if (code === 0) return;
  const lines = readFileSync(child.logFile, 'utf8').trimEnd().split('\n').slice(-8).join('\n');
  throw new StackError(
    `fakesnow, the Snowflake of the tests, cannot be installed: \`${name}\` failed. It needs Python 3.10 or newer with its venv module, and PyPI.\n${lines}`,
  );
}

/**
 * Starts a server with an empty Snowflake in memory.
 * @param {import('./children.mjs').Children} children @param {string} folder for the files of stages
 * @returns {Promise<{ url: string }>}
 */
export async function startFakesnow(children, folder) {
  const child = children.spawn({
    name: 'fakesnow',
    command: pythonOf(environment()),
    args: [join(FOLDER, 'server.py')],
    env: { ...process.env, TMPDIR: folder },
  });
  const probe = () => readyLine(child);
  const { port } = await children.waitUntil(child, { limitMs: START_LIMIT_MS, probe });
  return { url: `http://127.0.0.1:${port}` };
}
