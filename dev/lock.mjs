/** One stack per clone: a file with the pids of the launcher and, once it runs, of its guard. */
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { StackError } from './children.mjs';
import { commandOf } from './groups.mjs';

const POLL_MS = 100;
/** Longer than a guard takes to end a stack whose launcher died. */
const GUARD_LIMIT_MS = 60_000;

/**
 * Takes the lock; waits while the guard of a launcher that died is still cleaning up.
 * @param {string} file @param {import('./say.mjs').Say} say
 * @returns {Promise<{ nameGuard: (pid: number) => void, release: () => void }>}
 */
export async function acquireLock(file, say) {
  const deadline = Date.now() + GUARD_LIMIT_MS;
  let told = false;
  while (!take(file)) {
    const [launcher, guard] = readPids(file);
    if (commandOf(launcher).includes('start.mjs')) {
      throw new StackError(
        `A stack of this clone is running already, pid ${launcher}. Use it, or stop it first: kill ${launcher}`,
      );
    }
    if (!commandOf(guard).includes('guard.mjs') || Date.now() > deadline) {
      rmSync(file, { force: true });
    } else {
      if (!told) say.note('Waiting', 'for what an earlier start left to end');
      told = true;
      await delay(POLL_MS);
    }
  }
  return {
    nameGuard: (pid) => writeFileSync(file, `${process.pid} ${pid}`),
    release: () => rmSync(file, { force: true }),
  };
}

/** Written aside and linked: the lock is never seen without its pid, and only one link can succeed. */
function take(file) {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, String(process.pid));
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

function readPids(file) {
  try {
    return readFileSync(file, 'utf8').split(' ').map(Number);
  } catch {
    return []; // Given back in the meantime.
  }
}
