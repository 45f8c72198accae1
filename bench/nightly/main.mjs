/** `npm run bench:nightly`: what a night costs in Temporal actions when no account has anything new. */
import { parseArgs } from 'node:util';
import { ensureBuilt, ensureInstalled } from '../../dev/install.mjs';
import { runBenchCommand, wholeNumber } from '../command.mjs';

const HELP = `npm run --silent bench:nightly -- [options]

Counts the Temporal actions of a night in which no account has anything new: a real server, a real worker, a stub of the API.

  --accounts N   how many accounts, 1 to 100000 (default 1000)
  --json         the result as one JSON object on stdout; all talk goes to stderr
  --help         this
`;
const MAX_ACCOUNTS = 100_000;

function readOptions() {
  const { values } = parseArgs({
    options: {
      accounts: { type: 'string', default: '1000' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const accounts = wholeNumber('accounts', values.accounts, { min: 1, max: MAX_ACCOUNTS });
  return { ...values, accounts };
}

const asText = ({ accounts, actionsPerAccount, ofNightlySync, mostOfOneAccount, byKind }) =>
  [
    `${actionsPerAccount} actions per idle account and night, over ${accounts} accounts`,
    `  of these for nightlySync: ${ofNightlySync}; the most that one account took: ${mostOfOneAccount}`,
    ...Object.entries(byKind).map(([kind, count]) => `  ${kind}: ${count}`),
  ].join('\n');

async function run({ children, say, folder, options: { accounts }, onStop }) {
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

await runBenchCommand({ name: 'bench:nightly', help: HELP, readOptions, run, asText });
