/** The processes of a stack: each in a group of its own, with a log, known to the guard before anything else happens. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { endGroup, endGroups } from './groups.mjs';

const POLL_MS = 50;
const LAST_LINES = 15;

/** Something that a person can act on: printed as it is, without a stack trace. */
export class StackError extends Error {}

/**
 * @typedef {object} Child
 * @property {string} name
 * @property {number} pid
 * @property {string | null} logFile
 * @property {{ code: number | null, signal: string | null } | null} ended
 * @property {Promise<{ code: number | null, signal: string | null }>} end
 */

export class Children {
  /** @type {Map<number, import('./groups.mjs').Group>} */
  #groups = new Map();
  #guard;
  #logFolder;
  #closed = false;

  /** @param {{ logFolder: string }} options */
  constructor({ logFolder }) {
    this.#logFolder = logFolder;
    mkdirSync(logFolder, { recursive: true, mode: 0o700 });
    const script = fileURLToPath(new URL('guard.mjs', import.meta.url));
    this.#guard = spawn(process.execPath, [script, String(process.pid)], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#guard.stdin.on('error', () => {}); // The guard is gone; the launcher still stops its children.
    // Neither the guard nor its pipe keeps the launcher running.
    this.#guard.unref();
    this.#guard.stdin.unref();
  }

  get guardPid() {
    return this.#guard.pid;
  }

  #tellGuard(message) {
    this.#guard.stdin.write(`${JSON.stringify(message)}\n`);
  }

  /** The guard removes this file or folder when the launcher dies. */
  removeAtDeath(path) {
    this.#tellGuard({ path });
  }

  /**
   * Starts a process. Its output goes to `<logFolder>/<name>.log` (the run before is kept as `<name>.1.log`), unless `stdio`
   * says otherwise.
   * @param {{ name: string, command: string, args: readonly string[], cwd?: string, env?: Record<string, string | undefined>,
   *   uid?: number, gid?: number, stdio?: import('node:child_process').StdioOptions,
   *   stopSignal?: NodeJS.Signals, killSignal?: NodeJS.Signals }} options
   * @returns {Child & { process: import('node:child_process').ChildProcess }}
   */
  spawn({
    name,
    command,
    args,
    stdio,
    stopSignal = 'SIGTERM',
    killSignal = 'SIGKILL',
    ...options
  }) {
    if (this.#closed) throw new StackError(`${name} is not started: the stack is stopping.`);
    const logFile = stdio ? null : join(this.#logFolder, `${name}.log`);
    const log = logFile ? openLog(logFile) : null;
    const child = spawn(command, args, {
      ...options,
      detached: true,
      stdio: stdio ?? ['ignore', log, log],
    });
    const { pid } = child;
    if (pid) {
      const group = { name, pid, stopSignal, killSignal };
      this.#groups.set(pid, group);
      this.#tellGuard({ group });
    }
    if (log !== null) closeSync(log);
    const handle = { name, pid, logFile, ended: null, end: null, process: child };
    handle.end = new Promise((resolve) => {
      const settle = (code, signal) => {
        handle.ended = { code, signal };
        resolve(handle.ended);
      };
      child.once('exit', (code, signal) => settle(code, signal));
      child.once('error', (error) => settle(error.code === 'ENOENT' ? 127 : 126, null));
    });
    return handle;
  }

  /**
   * Starts a process and waits for its end.
   * @returns {Promise<number>} its exit code; 1 when a signal ended it
   */
  async run(options) {
    const child = this.spawn(options);
    const { code } = await child.end;
    this.#forget(child.pid);
    return code ?? 1;
  }

  /**
   * Asks `probe` until it answers with something other than undefined. Ends with an error that shows the last lines of the
   * log when the child dies or the limit passes.
   * @template T
   * @param {Child} child @param {{ probe: () => Promise<T | undefined> | T | undefined, limitMs: number }} options
   * @returns {Promise<T>}
   */
  async waitUntil(child, { probe, limitMs }) {
    const deadline = Date.now() + limitMs;
    for (;;) {
      if (child.ended) throw new StackError(describeEnd(child));
      const answer = await probe();
      // What answers when the child is gone is somebody else, who has its port.
      if (answer !== undefined && !child.ended) return answer;
      if (Date.now() > deadline) {
        await this.stop(child);
        throw new StackError(
          `${child.name} did not get ready within ${limitMs / 1000} s.\n${lastLines(child)}`,
        );
      }
      await delay(POLL_MS);
    }
  }

  /** Ends one child in good order. @param {Child} child */
  async stop(child) {
    const group = this.#groups.get(child.pid);
    if (group) await endGroup(group);
    this.#forget(child.pid);
  }

  /** Ends all in the reverse order of their start; nothing can be started any more. */
  async stopAll({ atOnce = false } = {}) {
    this.#closed = true;
    await endGroups([...this.#groups.values()], { atOnce });
    for (const pid of [...this.#groups.keys()]) this.#forget(pid);
    this.#guard.stdin.end();
  }

  #forget(pid) {
    if (!this.#groups.delete(pid)) return;
    this.#tellGuard({ ended: pid });
  }
}

function openLog(file) {
  try {
    renameSync(file, file.replace(/\.log$/, '.1.log'));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  return openSync(file, 'a', 0o600);
}

/** What a person needs to know of a child that ended by itself. @param {Child} child */
export function describeEnd(child) {
  const { code, signal } = child.ended ?? {};
  const how = signal
    ? `was ended by ${signal}`
    : code === 127
      ? 'is not there'
      : `ended with exit code ${code}`;
  return `${child.name} ${how}.\n${lastLines(child)}`;
}

/** @param {Child} child */
function lastLines({ logFile }) {
  if (!logFile) return '';
  const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LAST_LINES);
  return `Last lines of ${logFile}:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}

/**
 * The ready line of a child: the first line of its log that is a JSON object with `ready: true`.
 * @param {Child} child
 */
export function readyLine({ logFile }) {
  const line = readFileSync(logFile, 'utf8')
    .split('\n')
    .slice(0, -1)
    .find((text) => text.startsWith('{"ready":true'));
  return line === undefined ? undefined : JSON.parse(line);
}
