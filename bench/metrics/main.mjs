/** `npm run bench:metrics`: how long the metrics of a large account take, from its rows in Postgres to the ledger. */
import { parseArgs } from 'node:util';
import { ensureBuilt, ensureInstalled } from '../../dev/install.mjs';
import { runBenchCommand, wholeNumber } from '../command.mjs';

const HELP = `npm run --silent bench:metrics -- [options]

Computes all metrics of an account in one process, from canonical rows in a real Postgres to the ledger there; then those of 10
customers whose rows have changed. The engine's own share is measured apart, on facts that are in memory.

  --subscriptions N   how many, 100 to 1000000 (default 100000)
  --months N          months of history, 1 to 120 (default 24)
  --json              the result as one JSON object on stdout; all talk goes to stderr
  --help              this
`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      subscriptions: { type: 'string', default: '100000' },
      months: { type: 'string', default: '24' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const subscriptions = wholeNumber('subscriptions', values.subscriptions, {
    min: 100,
    max: 1_000_000,
  });
  return {
    ...values,
    subscriptions,
    months: wholeNumber('months', values.months, { min: 1, max: 120 }),
  };
}

const asText = (result) =>
  [
    `${result.subscriptions} subscriptions with ${result.months} months, ${result.rows} rows: ${result.seconds.toFixed(1)} s, ${result.peakMb} MB`,
    `  of it the engine alone: ${result.engineSeconds.toFixed(1)} s`,
    `  ${result.movements} movements written; 10 changed customers again: ${result.againSeconds.toFixed(2)} s (${result.againCustomers} computed)`,
  ].join('\n');

async function run({ children, say, folder, options: { subscriptions, months } }) {
  await ensureInstalled(children, say);
  await ensureBuilt(children, say);
  // Its packages are there only now.
  const { runBench } = await import('./bench.mjs');
  return runBench({ children, say, folder, subscriptions, months });
}

await runBenchCommand({ name: 'bench:metrics', help: HELP, readOptions, run, asText });
