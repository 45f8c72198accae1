/**
 * Process groups, and how they end. Both the launcher and its guard use this, so that a stack is stopped in the same order
 * whoever does it.
 *
 * @typedef {object} Group
 * @property {string} name
 * @property {number} pid       leader of the group: every child is started in a group of its own
 * @property {NodeJS.Signals} stopSignal  asks for an orderly end
 * @property {NodeJS.Signals} killSignal  ends it at once, and still cleanly where the program can
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 25;
/** How long an orderly end may take before the kill signal: longer than the worker's drain. */
const GRACE_MS = 25_000;
/** How long a kill signal may take before SIGKILL. */
const KILL_GRACE_MS = 2_000;

/** @param {number} pid */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
  return !isZombie(pid);
}

/** A process that ended and that nobody has waited for: under an init that does not reap, it would look alive for ever. */
function isZombie(pid) {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\)/s, ''));
  } catch {
    return false;
  }
}

/** The command line of a living process, by which a pid that has gone to some other program is told; else ''. */
export function commandOf(pid) {
  if (!pid || !isAlive(pid)) return '';
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return (
      spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout ?? ''
    );
  }
}

/** @param {Group} group @param {NodeJS.Signals} signal */
function signalGroup(group, signal) {
  try {
    process.kill(-group.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH' && error.code !== 'EPERM') throw error;
  }
}

async function waitForEnd(group, limitMs) {
  const deadline = Date.now() + limitMs;
  while (isAlive(group.pid)) {
    if (Date.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

/**
 * Ends one group: stop signal, kill signal, SIGKILL, each with its limit. The leader's end is what is waited for; the last
 * SIGKILL goes to what may be left of its group.
 * @param {Group} group
 * @param {{ atOnce?: boolean }} [options]
 */
export async function endGroup(group, { atOnce = false } = {}) {
  if (!atOnce && isAlive(group.pid)) {
    signalGroup(group, group.stopSignal);
    await waitForEnd(group, GRACE_MS);
  }
  if (isAlive(group.pid)) {
    signalGroup(group, group.killSignal);
    await waitForEnd(group, KILL_GRACE_MS);
  }
  signalGroup(group, 'SIGKILL');
  await waitForEnd(group, KILL_GRACE_MS);
}

/**
 * Ends groups in the reverse of the order in which they were started, since each leans on the earlier ones; at once means all
 * together.
 * @param {readonly Group[]} groups
 * @param {{ atOnce?: boolean }} [options]
 */
export async function endGroups(groups, { atOnce = false } = {}) {
  if (atOnce) {
    await Promise.all(groups.map((group) => endGroup(group, { atOnce })));
    return;
  }
  for (const group of [...groups].reverse()) await endGroup(group);
}
