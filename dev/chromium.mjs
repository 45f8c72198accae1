/** The browser in which the tests drive the Temporal UI: found, or installed with Debian's own packages. */
import { installDebian, mayInstall } from './debian.mjs';
import { onPath } from './temporal.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
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
  if (!mayInstall()) {
    say.note('Chromium', `not there; ${skipped}`);
    return;
  }
  const step = say.step('Chromium', 'apt-get install chromium, this once');
  const log = await installDebian(children, ['chromium']);
  if (findChromium() === null) step.note(`cannot be installed (${log}); ${skipped}`);
  else step.done('installed');
}
