/** Where things are: the clone, its data folder, and the cache that all clones of a user share. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = realpathSync(fileURLToPath(new URL('..', import.meta.url)));
/** Git-ignored; what `npm start` keeps between runs. */
export const DATA_FOLDER = join(ROOT, '.recoup');
export const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'recoup');
export const BIN_CACHE = join(CACHE, 'bin');
const OUTSIDE = '/var/tmp';
const outsideFolderOf = (clone) =>
  join(OUTSIDE, `recoup-${createHash('sha256').update(clone).digest('hex').slice(0, 12)}`);
/**
 * For an unprivileged user's files when we are root: a clone may be in a folder that only root can enter. One per clone.
 * /var/tmp rather than /tmp, since data must outlive a reboot.
 */
export const OUTSIDE_FOLDER = outsideFolderOf(ROOT);
/** In an outside folder: the path of its clone, which the folder's name does not tell. */
export const CLONE_FILE = 'clone';

/** The outside folders of clones that are gone. @returns {string[]} */
export function abandonedFolders() {
  if (!existsSync(OUTSIDE)) return [];
  return readdirSync(OUTSIDE)
    .map((name) => join(OUTSIDE, name))
    .filter((folder) => {
      const clone = cloneOf(folder);
      // Anybody may write there: a folder that names another's clone is none of ours.
      return clone !== null && outsideFolderOf(clone) === folder && !existsSync(clone);
    });
}

function cloneOf(folder) {
  try {
    return readFileSync(join(folder, CLONE_FILE), 'utf8');
  } catch {
    return null;
  }
}
