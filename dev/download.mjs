/** Fetches an archive of somebody's official release. Where that is not to be had, the caller has another way. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ANSWER_LIMIT_MS = 5_000;
const LIMIT_MS = 300_000;

/**
 * Unpacks a .tar.gz into a folder.
 * @param {import('./children.mjs').Children} children
 * @param {{ url: string, folder: string, unpack?: readonly string[], step: ReturnType<import('./say.mjs').Say['step']> }} options
 *   `unpack`: further arguments of tar
 * @returns {Promise<boolean>} whether it is there now; if not, the step has said why
 */
export async function download(children, { url, folder, unpack = [], step }) {
  const abort = new AbortController();
  let timer = setTimeout(() => abort.abort(), ANSWER_LIMIT_MS);
  try {
    const response = await fetch(url, { signal: abort.signal });
    clearTimeout(timer);
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    timer = setTimeout(() => abort.abort(), LIMIT_MS);
    const archive = join(folder, 'download.tar.gz');
    writeFileSync(archive, Buffer.from(await response.arrayBuffer()));
    const code = await children.run({
      name: 'tar',
      command: 'tar',
      args: ['-xzf', archive, '-C', folder, ...unpack],
    });
    if (code !== 0) throw new Error('the archive cannot be unpacked');
    step.done('downloaded');
    return true;
  } catch (error) {
    step.note(`the download is not to be had (${error.cause?.code ?? error.message})`);
    return false;
  } finally {
    clearTimeout(timer);
  }
}
