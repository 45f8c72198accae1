/** `npm run bench:nightly`: what a night costs in Temporal actions when no account has anything new. */
import { parseArgs } from 'node:util';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Children, StackError } from '../../dev/children.mjs';
import { createEnding, endOnSignals } from '../../dev/ending.mjs';
import { ensureBuilt, ensureInstalled } from '../../dev/install.mjs';
import { createSay } from '../../dev/say.mjs';

const HELP = `npm run --silent bench:nightly -- [options]

Counts the Temporal actions of a night in which no account has anything new: a real server, a real worker, a stub of the API.

  --accounts N   how many accounts, 1 to 100000 (default 1000)
  --json         the result as one JSON object on stdout; all talk goes to stderr
  --help         this
`;
const WRONG_USE = 2;
const MAX_ACCOUNTS = 100_000;

function readOptions() {
  const { values } = parseArgs({
    options: {
      accounts: { type: 'string', default: '1000' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const accounts = Number(values.accounts);
  if (!/^\d+$/.test(values.accounts) || accounts < 1 || accounts > MAX_ACCOUNTS) {
    throw new Error(`--accounts takes a whole number from 1 to ${MAX_ACCOUNTS}`);
  }
  return { ...values, accounts };
}

const asText = ({ accounts, actionsPerAccount, ofNightlySync, mostOfOneAccount, byKind }) =>
  [
    `${actionsPerAccount} actions per idle account and night, over ${accounts} accounts`,
    `  of these for nightlySync: ${ofNightlySync}; the most that one account took: ${mostOfOneAccount}`,
    ...Object.entries(byKind).map(([kind, count]) => `  ${kind}: ${count}`),
  ].join('\n');

async function run({ children, say, folder, accounts, onStop }) {
  await ensureInstalled(children, say);
  await ensureBuilt(children, say);
  // Its packages are there only now.
  const [{ startTestServers }, { startStub }, { runBench }] = await Promise.all([
    import('../../dev/test-servers.mjs'),
    import('./stub.mjs'),
    import('./bench.mjs'),
  ]);
  const servers = await startTestServers();
  onStop(servers.stop);
  const stub = await startStub();
  onStop(stub.stop);
  return runBench({ children, say, folder, accounts, servers, stub });
}

async function main() {
  let options;
  try {
    options = readOptions();
  } catch (error) {
    process.stderr.write(`✗ ${error.message}\nSee npm run bench:nightly -- --help\n`);
    process.exit(WRONG_USE);
  }
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const say = createSay(process.stderr);
  const folder = mkdtempSync(join(tmpdir(), 'recoup-nightly-'));
  const children = new Children({ logFolder: folder });
  children.removeAtDeath(folder);
  const stops = [];
  const ending = createEnding(children, () => rmSync(folder, { recursive: true, force: true }));
  endOnSignals(ending, say);
  try {
    const onStop = (stop) => stops.push(stop);
    const result = await run({ children, say, folder, accounts: options.accounts, onStop });
    process.stdout.write(`${options.json ? JSON.stringify(result) : asText(result)}\n`);
    for (const stop of stops.reverse()) await stop();
    await ending.end(0);
  } catch (error) {
    // Children that a signal made us end are no error.
    if (ending.isEnding()) return;
    say.error(error instanceof StackError ? error.message : error.stack);
    for (const stop of stops.reverse()) await stop();
    await ending.end(1);
  }
}

await main();
