/** Debian's own packages, where we may install them. */
import { onPath } from './temporal.mjs';

/** Where packages come this slowly, the caller does without. */
const INSTALL_LIMIT_MS = 300_000;

export const mayInstall = () => process.getuid?.() === 0 && Boolean(onPath('apt-get'));

/**
 * Installs them as far as they can be had; whether they are there is the caller's to see.
 * @param {import('./children.mjs').Children} children @param {readonly string[]} packages
 * @returns {Promise<string>} its log
 */
export async function installDebian(children, packages) {
  const names = packages.join(' ');
  const child = children.spawn({
    name: 'apt-get',
    command: 'sh',
    // Lists that are a little old may do, so that a failed update is no reason to stop.
    args: ['-c', `apt-get update; apt-get install --yes --no-install-recommends ${names}`],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  const late = setTimeout(() => void children.stop(child), INSTALL_LIMIT_MS);
  await child.end;
  clearTimeout(late);
  await children.stop(child);
  return child.logFile;
}
