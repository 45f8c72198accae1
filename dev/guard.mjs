/**
 * Outlives the launcher to clean up after it. It holds the reading end of a pipe from the launcher and knows its pid: however the
 * launcher dies (SIGKILL too), the pipe closes, and the guard ends every group it was told of and removes every path.
 *
 * stdin: one JSON object per line, { group }, { ended: pid } or { path }. argv: the launcher's pid.
 */
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { endGroups, isAlive } from './groups.mjs';

const WATCH_MS = 1_000;
const launcherPid = Number(process.argv[2]);
/** @type {Map<number, import('./groups.mjs').Group>} */
const groups = new Map();
const paths = new Set();

// The guard ends by itself; a terminal's signals are for the launcher.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});

let cleaning = false;
async function clean() {
  if (cleaning) return;
  cleaning = true;
  await endGroups([...groups.values()]);
  for (const path of paths) rmSync(path, { recursive: true, force: true });
  process.exit(0);
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const message = JSON.parse(line);
    if (message.group) groups.set(message.group.pid, message.group);
    if (message.ended) groups.delete(message.ended);
    if (message.path) paths.add(message.path);
  })
  .on('close', () => void clean());
// A grandchild that inherited the pipe's writing end would keep it open.
setInterval(() => {
  if (!isAlive(launcherPid)) void clean();
}, WATCH_MS);
