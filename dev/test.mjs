/**
 * `npm test`: all that a fresh clone needs for it, then types, lint and jest; with arguments (`npm test -- test/db`) only jest, which
 * gets them. Jest's global set-up starts the servers. The result is kept in .recoup/test-result.json.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Children, StackError } from './children.mjs';
import { ensureChromium } from './chromium.mjs';
import { createEnding, endOnSignals } from './ending.mjs';
import { ensureFakesnow } from './fakesnow.mjs';
import { ensureBuilt, ensureInstalled } from './install.mjs';
import { DATA_FOLDER, ROOT } from './paths.mjs';
import { createSay } from './say.mjs';
import { ensureBinary } from './temporal.mjs';
import { ensureTimeSkipping } from './time-skipping.mjs';

const RESULT_FILE = join(DATA_FOLDER, 'test-result.json');

/** Runs a step on this very terminal. @returns {Promise<boolean>} whether it succeeded */
async function passes(children, name, command, args) {
  const stdio = ['ignore', 'inherit', 'inherit'];
  return (await children.run({ name, command, args, cwd: ROOT, stdio })) === 0;
}

async function main() {
  const jestArgs = process.argv.slice(2);
  const say = createSay(process.stderr);
  mkdirSync(DATA_FOLDER, { recursive: true, mode: 0o700 });
  const children = new Children({ logFolder: join(DATA_FOLDER, 'logs', 'test') });
  const ending = createEnding(children, () => {});
  endOnSignals(ending, say);
  const failed = [];
  try {
    await ensureInstalled(children, say);
    await ensureBuilt(children, say);
    // Here and not in jest's set-up, where a build of minutes would be silent.
    await ensureBinary(children, say);
    await ensureChromium(children, say);
    // Without these the tests that need them fail, one by one, and all others are still worth running.
    for (const ensure of [ensureTimeSkipping, ensureFakesnow]) {
      await ensure(children, say).catch((error) => say.error(error.message));
    }
    const npm = (script) => passes(children, script, 'npm', ['run', '--silent', script]);
    const checks = jestArgs.length > 0 ? [] : ['typecheck', 'lint'];
    for (const script of checks) {
      if (!(await npm(script))) failed.push(script);
    }
    const jest = join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js');
    const args = [jest, '--json', `--outputFile=${RESULT_FILE}`, ...jestArgs];
    if (!(await passes(children, 'jest', process.execPath, args))) failed.push('jest');
  } catch (error) {
    if (ending.isEnding()) return;
    say.error(error instanceof StackError ? error.message : error.stack);
    failed.push('set-up');
  }
  if (ending.isEnding()) return;
  if (failed.length > 0) say.error(`Failed: ${failed.join(', ')}`);
  await ending.end(failed.length > 0 ? 1 : 0);
}

await main();
