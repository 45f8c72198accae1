/** `npm run bench:recovery`: how many cases wait at once, what they cost, and whether their histories replay. */
import { parseArgs } from 'node:util';
import { ensureBuilt, ensureInstalled } from '../../dev/install.mjs';
import { runBenchCommand, wholeNumber } from '../command.mjs';

const HELP = `npm run --silent bench:recovery -- [options]

Opens cases for failed invoices, all of them at once, through servers and workers of its own; lets simulated time pass for some of
them until they have ended; then counts the events of every history, and replays it.

  --cases N   cases that are open at once, 1 to 100000 (default 10000)
  --ended M   how many of these are run to their end, 1 to N (default 1000)
  --seed S    the failed invoices follow from it (default 1)
  --json      the result as one JSON object on stdout; all talk goes to stderr
  --help      this

Exit code 1 when fewer cases were open or have ended, when a history does not replay, or when one is longer than it may be.
`;
const MAX_CASES = 100_000;
const MAX_SEED = 2 ** 31 - 1;
/** What no attempt, and no case, may reach. */
const EVENTS_OF_AN_ATTEMPT = 60;
const EVENTS_OF_A_CASE = 2_000;

function readOptions() {
  const { values } = parseArgs({
    options: {
      cases: { type: 'string', default: '10000' },
      ended: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const cases = wholeNumber('cases', values.cases, { min: 1, max: MAX_CASES });
  return {
    help: values.help,
    json: values.json,
    cases,
    ended: wholeNumber('ended', values.ended, { min: 1, max: cases }),
    seed: wholeNumber('seed', values.seed, { min: 0, max: MAX_SEED }),
  };
}

async function run({ children, say, folder, options }) {
  await ensureInstalled(children, say);
  await ensureBuilt(children, say);
  // Its packages are there only now.
  const { runBench } = await import('./bench.mjs');
  return runBench({ children, say, folder, ...options });
}

const isBad = ({ maxEventsPerAttempt, maxEventsPerCase }) =>
  maxEventsPerAttempt >= EVENTS_OF_AN_ATTEMPT || maxEventsPerCase >= EVENTS_OF_A_CASE;

const asText = (result) =>
  Object.entries(result)
    .map(([name, value]) => `${name.padEnd(19)}  ${value}`)
    .join('\n');

await runBenchCommand({ name: 'bench:recovery', help: HELP, readOptions, run, asText, isBad });
