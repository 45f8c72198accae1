/** `npm start`: everything that a fresh clone needs, from nothing to a demo account that is synced and whose payments are recovered. */
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Children, StackError } from './children.mjs';
import { createEnding, endOnSignals } from './ending.mjs';
import { ensureBuilt, ensureInstalled } from './install.mjs';
import { acquireLock } from './lock.mjs';
import { DATA_FOLDER } from './paths.mjs';
import { createSay } from './say.mjs';
import { STACK_FILE, endLeftovers, startDemo, startStack, untilOneEnds, wipe } from './stack.mjs';

const HELP = `npm start -- [options]

Starts Temporal, Postgres, the simulated billing service and a worker on this machine, shows the demo account, and stays up
until Ctrl-C (twice: at once). Data are kept in .recoup/, so that the next start goes on.

  --once           stop everything after the demo and exit with its code
  --json           the demo's result as JSON, the last line on stdout; all talk goes to stderr
  --fresh          wipe what earlier starts have kept
  --customers N    size of the simulated world, 1 to 100000; fixed at the first start
  --failures N     failed payments in it, beside those of its customers, 0 to 1000; fixed at the first start
  --seed S         seed of the simulated world, a whole number; fixed at the first start
  --help           this

An outside server is used when its variable is set: DATABASE_URL, TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE.
`;
const WRONG_USE = 2;

function readOptions() {
  const { values } = parseArgs({
    options: {
      once: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      fresh: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      customers: { type: 'string' },
      failures: { type: 'string' },
      seed: { type: 'string' },
    },
  });
  return {
    ...values,
    customers: wholeNumber('customers', values.customers, { min: 1, max: 100_000 }),
    failures: wholeNumber('failures', values.failures, { min: 0, max: 1_000 }),
    seed: wholeNumber('seed', values.seed, { min: 0, max: Number.MAX_SAFE_INTEGER }),
  };
}

function wholeNumber(name, text, { min, max }) {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new Error(`--${name} takes a whole number from ${min} to ${max}, not '${text}'`);
}

async function run(children, say, options) {
  await endLeftovers(say);
  if (options.fresh) wipe(say);
  await ensureInstalled(children, say);
  await ensureBuilt(children, say);
  const stack = await startStack(children, say, options);
  const demo = startDemo(children, stack, options);
  const serving = untilOneEnds(stack.services);
  const { code } = await Promise.race([demo.end, serving]);
  if (options.once) return code ?? 1;
  if (code !== 0) say.error(`The demo ended with exit code ${code}; the stack stays up.`);
  say.plain('');
  if (stack.temporalUiUrl) say.ready('Temporal UI', stack.temporalUiUrl);
  say.ready('Stack', `is up; \`npx recoup --help\` in another terminal, Ctrl-C here to stop`);
  return serving;
}

async function main() {
  let options;
  try {
    options = readOptions();
  } catch (error) {
    process.stderr.write(`✗ ${error.message}\nSee npm start -- --help\n`);
    process.exit(WRONG_USE);
  }
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const say = createSay(options.json ? process.stderr : process.stdout);
  let ending = { end: (code) => process.exit(code), isEnding: () => false };
  try {
    mkdirSync(DATA_FOLDER, { recursive: true });
    chmodSync(DATA_FOLDER, 0o700);
    const lockFile = join(DATA_FOLDER, 'lock');
    const lock = await acquireLock(lockFile, say);
    const children = new Children({ logFolder: join(DATA_FOLDER, 'logs') });
    lock.nameGuard(children.guardPid);
    // The lock goes last: until then the next start waits.
    for (const file of [STACK_FILE, lockFile]) children.removeAtDeath(file);
    ending = createEnding(children, () => {
      rmSync(STACK_FILE, { force: true });
      lock.release();
      say.ready('Stopped', 'nothing is left running');
    });
    endOnSignals(ending, say);
    await ending.end(await run(children, say, options));
  } catch (error) {
    // Children that a signal made us end are no error.
    if (ending.isEnding()) return;
    say.error(error instanceof StackError ? error.message : error.stack);
    await ending.end(1);
  }
}

await main();
