/** What the command of each bench does: options, a folder of its own, talk on stderr, one result on stdout, and nothing left behind. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Children, StackError } from '../dev/children.mjs';
import { createEnding, endOnSignals } from '../dev/ending.mjs';
import { createSay } from '../dev/say.mjs';

const WRONG_USE = 2;
/** Not os.tmpdir(): TMPDIR may be a folder that Postgres' unprivileged user cannot enter when we are root. */
const TEMPORARY = process.platform === 'win32' ? (process.env.TEMP ?? '.') : '/tmp';

export function wholeNumber(name, text, { min, max }) {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new Error(`--${name} takes a whole number from ${min} to ${max}, not '${text}'`);
}

/**
 * Exit code 2 for wrong use, 1 for a failure or a bad result.
 * @template {{ help: boolean, json: boolean }} Options
 * @param {{ name: string, help: string, readOptions: () => Options, asText: (result: any) => string, isBad?: (result: any) => boolean,
 *   run: (tools: { children: Children, say: import('../dev/say.mjs').Say, folder: string, options: Options,
 *     onStop: (stop: () => Promise<void>) => void }) => Promise<any> }} bench `name` as npm knows it, for example `bench:sync`
 */
export async function runBenchCommand({ name, help, readOptions, run, asText, isBad }) {
  let options;
  try {
    options = readOptions();
  } catch (error) {
    process.stderr.write(`✗ ${error.message}\nSee npm run ${name} -- --help\n`);
    process.exit(WRONG_USE);
  }
  if (options.help) {
    process.stdout.write(help);
    return;
  }
  const say = createSay(process.stderr);
  const folder = mkdtempSync(join(TEMPORARY, `recoup-${name.replace(':', '-')}-`));
  // Postgres' unprivileged user passes through to its own folder within, and sees nothing else.
  chmodSync(folder, 0o711);
  const children = new Children({ logFolder: join(folder, 'logs') });
  children.removeAtDeath(folder);
  const stops = [];
  const stop = async () => {
    for (const each of stops.reverse()) await each();
  };
  const ending = createEnding(children, () => rmSync(folder, { recursive: true, force: true }));
  endOnSignals(ending, say);
  try {
    const onStop = (each) => stops.push(each);
    const result = await run({ children, say, folder, options, onStop });
    process.stdout.write(`${options.json ? JSON.stringify(result) : asText(result)}\n`);
    await stop();
    await ending.end(isBad?.(result) ? 1 : 0);
  } catch (error) {
    // Children that a signal made us end are no error.
    if (ending.isEnding()) return;
    say.error(error instanceof StackError ? error.message : error.stack);
    await stop();
    await ending.end(1);
  }
}
