/** What a fresh clone lacks: its packages, and the compiled code. */
import { existsSync, lstatSync, readFileSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { StackError } from './children.mjs';
import { ROOT } from './paths.mjs';

const modifiedAt = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

export const packagesAreCurrent = (folder = ROOT) =>
  modifiedAt(join(folder, 'package-lock.json')) <=
  modifiedAt(join(folder, 'node_modules', '.package-lock.json'));

/** `npm ci` when the packages of a folder are missing or older than its lock file. */
export async function ensureInstalled(children, say, folder = ROOT) {
  if (packagesAreCurrent(folder)) return;
  // `npm ci` empties the folder first; behind a link that is another clone's.
  if (lstatSync(join(folder, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink()) {
    throw new StackError(
      'node_modules is a link and older than package-lock.json: run `npm ci` where it points.',
    );
  }
  const step = say.step('Packages', 'npm ci, some minutes the first time');
  await npm(children, step, ['ci', '--loglevel=http', '--no-progress'], folder);
  step.done('npm ci');
}

/** Compiles when a source is newer than the last build. */
export async function ensureBuilt(children, say) {
  const mark = join(ROOT, 'dist', '.tsbuildinfo');
  if (newestSource() <= modifiedAt(mark)) return;
  const step = say.step('Compile', 'npm run build');
  await npm(children, step, ['run', 'build']);
  // An unchanged output leaves the mark as it was, and would be built again each time.
  if (existsSync(mark)) utimesSync(mark, new Date(), new Date());
  step.done('compiled');
}

async function npm(children, step, args, cwd = ROOT) {
  // The npm that runs us, else the one on the PATH.
  const own = process.env.npm_execpath;
  const child = children.spawn({
    name: `npm-${args.at(-1) === 'build' ? 'build' : 'ci'}`,
    command: own ? process.execPath : 'npm',
    args: own ? [own, ...args] : args,
    cwd,
  });
  step.watch(() => {
    const fetched = readFileSync(child.logFile, 'utf8').match(/http fetch/g)?.length ?? 0;
    return fetched > 0 ? `${fetched} fetched` : '';
  });
  const { code } = await child.end;
  await children.stop(child);
  if (code === 0) return;
  step.failed();
  const lines = readFileSync(child.logFile, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
  throw new StackError(`\`npm ${args.join(' ')}\` failed (${child.logFile}):\n${lines}`);
}

/** When the newest file that the compiler reads was changed. */
function newestSource() {
  const configs = ['tsconfig.json', 'tsconfig.build.json'].map((name) => join(ROOT, name));
  if (!configs.every((file) => existsSync(file))) return 0;
  const { include, exclude = [] } = {
    ...JSON.parse(readFileSync(configs[0], 'utf8')),
    exclude: JSON.parse(readFileSync(configs[1], 'utf8')).exclude,
  };
  const folders = include.filter((name) => !exclude.includes(name)).map((name) => join(ROOT, name));
  const sources = folders.filter((folder) => existsSync(folder)).flatMap(filesUnder);
  return Math.max(...[...configs, ...sources].map(modifiedAt));
}

const filesUnder = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
