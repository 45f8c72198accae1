/** Where things are: the clone, its data folder, and the cache that all clones of a user share. */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = realpathSync(fileURLToPath(new URL('..', import.meta.url)));
/** Git-ignored; what `npm start` keeps between runs. */
export const DATA_FOLDER = join(ROOT, '.recoup');
export const BIN_CACHE = join(
  process.env.XDG_CACHE_HOME || join(homedir(), '.cache'),
  'recoup',
  'bin',
);
/**
 * For an unprivileged user's files when we are root: a clone may be in a folder that only root can enter. One per clone.
 * /var/tmp rather than /tmp, since data must outlive a reboot.
 */
export const OUTSIDE_FOLDER = `/var/tmp/recoup-${createHash('sha256').update(ROOT).digest('hex').slice(0, 12)}`;
