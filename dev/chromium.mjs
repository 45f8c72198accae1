/** The browser in which the tests drive the Temporal UI: found, or installed with Debian's own packages. */
import { onPath } from './temporal.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
/** Where packages come this slowly, the tests are rather skipped by name. */
const INSTALL_LIMIT_MS = 300_000;
/** Lists that are a little old may do, so that a failed update is no reason to stop. */
const INSTALL = 'apt-get update; apt-get install --yes --no-install-recommends chromium';
export const CHROMIUM_ADVICE = `install one of ${NAMES.join(', ')}, or name an executable in RECOUP_CHROMIUM`;

/** The executable that RECOUP_CHROMIUM names, else the first of the usual names on the PATH. @returns {string | null} */
export const findChromium = () =>
  process.env.RECOUP_CHROMIUM || NAMES.map(onPath).find(Boolean) || null;

/**
 * Installs Chromium where none is there and we may. Where it cannot be had the tests that need it are skipped, and say so.
 * @param {import('./children.mjs').Children} children @param {import('./say.mjs').Say} say
 */
export async function ensureChromium(children, say) {
  if (findChromium() !== null) return;
  const skipped = `tests of the Temporal UI are skipped: ${CHROMIUM_ADVICE}`;
  if (process.getuid?.() !== 0 || !onPath('apt-get')) {
    say.note('Chromium', `not there; ${skipped}`);
    return;
  }
  const step = say.step('Chromium', 'apt-get install chromium, this once');
  const child = children.spawn({
    name: 'apt-get',
    command: 'sh',
    args: ['-c', INSTALL],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  const late = setTimeout(() => void children.stop(child), INSTALL_LIMIT_MS);
  await child.end;
  clearTimeout(late);
  await children.stop(child);
  if (findChromium() === null) step.note(`cannot be installed (${child.logFile}); ${skipped}`);
  else step.done('installed');
}
