/** The workflows as one bundle, kept by the hash of what goes into it, so that only the first start after a change pays. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';
import type { Logger, WorkflowBundlePathWithSourceMap } from '@temporalio/worker';
import { ROOT } from '../config/config';

/** Holds the rooms as this file's form has them: typed in the clone, compiled in `dist`. */
const SOURCES = join(__dirname, '..');
const CACHE_FOLDER = join(ROOT, '.recoup', 'cache');
/** The rooms that workflow code may come from. */
const ROOMS = ['workflows', 'domain'];
/** The packages that end up in the bundle or make it. */
const PACKAGES = ['@temporalio/worker', '@temporalio/workflow', 'luxon', 'zod'];
/**
 * Run once in a worker instead of once in each of its workflows: what checks inputs is schemas and nothing that changes, and making them
 * took half the processor time of a workflow and a quarter of its memory, measured on replayed cases.
 */
const SHARED_MODULES = ['workflows/input'];
/** Lines without columns: the map of all columns is read by the first workflow of a worker, and that took a third of its first step. */
const SOURCE_MAP = 'inline-cheap-module-source-map';
const KEEP_MS = 86_400_000;

/** The path of the bundle; makes it when there is none for these sources. */
export async function workflowBundle(
  logger: Logger,
): Promise<Pick<WorkflowBundlePathWithSourceMap, 'codePath'>> {
  const codePath = join(CACHE_FOLDER, `workflows-${await hashOfSources()}.js`);
  if (existsSync(codePath)) return { codePath };
  await mkdir(CACHE_FOLDER, { recursive: true });
  const { code } = await bundleWorkflowCode({
    workflowsPath: require.resolve(join(SOURCES, 'workflows')),
    preloadModules: SHARED_MODULES.map((module) => require.resolve(join(SOURCES, module))),
    webpackConfigHook: (config) => ({ ...config, devtool: SOURCE_MAP }),
    logger,
  });
  // Several processes may start at once: each writes its own file, and the last rename wins with equal content.
  const unfinished = `${codePath}.${String(process.pid)}`;
  await writeFile(unfinished, code);
  await rename(unfinished, codePath);
  await dropOldBundles(CACHE_FOLDER);
  return { codePath };
}

async function hashOfSources(): Promise<string> {
  const hash = createHash('sha256').update([...SHARED_MODULES, SOURCE_MAP].join());
  for (const name of PACKAGES) {
    const text = await readFile(require.resolve(`${name}/package.json`), 'utf8');
    hash.update(`${name}@${(JSON.parse(text) as { version: string }).version}\n`);
  }
  for (const room of ROOMS) {
    const entries = await readdir(join(SOURCES, room), { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile() && /\.(ts|js)$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
    for (const file of files) hash.update(`${file}\n`).update(await readFile(file));
  }
  return hash.digest('hex').slice(0, 16);
}

async function dropOldBundles(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith('workflows-')) continue;
    const file = join(folder, name);
    if (Date.now() - (await stat(file)).mtimeMs > KEEP_MS) await rm(file, { force: true });
  }
}
