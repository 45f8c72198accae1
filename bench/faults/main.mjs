/** `npm run bench:faults`: payment recovery while everything fails, judged by the ledger of the simulator. */
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { ensureBuilt, ensureInstalled } from '../../dev/install.mjs';
import { runBenchCommand, wholeNumber } from '../command.mjs';

const HELP = `npm run --silent bench:faults -- [options]

Recovers failed payments while requests time out, answers are lost, customers pay by link, cards change, webhooks come twice, and
whoever works on a case is killed, frozen or set back. Afterwards the simulator's ledger says whether anybody was charged twice,
or after a stop.

  --cases N   cases in memory: the real decisions and protocol, with virtual time, 0 to 10000000 (default 100000)
  --live M    cases through the real servers and worker processes, 0 to 100000 (default 0)
  --seed S    everything follows from it (default: drawn, and printed)
  --shard N   tells the story of one shard of the cases in memory, and nothing else
  --json      the result as one JSON object on stdout; all talk goes to stderr
  --help      this

Exit code 1 when somebody was charged twice, or without being allowed, or when an attempt is left that nobody knows the outcome of.
`;
const MAX_SEED = 2 ** 31 - 1;

function readOptions() {
  const { values } = parseArgs({
    options: {
      cases: { type: 'string', default: '100000' },
      live: { type: 'string', default: '0' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
      shard: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    help: values.help,
    json: values.json,
    cases: wholeNumber('cases', values.cases, { min: 0, max: 10_000_000 }),
    live: wholeNumber('live', values.live, { min: 0, max: 100_000 }),
    seed: wholeNumber('seed', values.seed, { min: 0, max: MAX_SEED }),
    shard:
      values.shard === undefined
        ? null
        : wholeNumber('shard', values.shard, { min: 0, max: MAX_SEED }),
  };
}

async function run({ children, say, folder, options }) {
  say.note('Seed', String(options.seed));
  await ensureInstalled(children, say);
  await ensureBuilt(children, say);
  if (options.shard !== null) return tellShard(options);
  const { cases, live, seed } = options;
  const startedMs = performance.now();
  // Their packages are there only now.
  const { runInMemory } = await import('./memory.mjs');
  const memory = cases === 0 ? null : await runInMemory({ cases, seed, say });
  const real = live === 0 ? null : await runReal({ children, say, folder, cases: live, seed });
  const both = (name) => (memory?.[name] ?? 0) + (real?.[name] ?? 0);
  return {
    cases: memory?.cases ?? 0,
    liveCases: real?.liveCases ?? 0,
    doubleCharges: both('doubleCharges'),
    forbiddenCharges: both('forbiddenCharges'),
    ceilingBreaches: both('ceilingBreaches'),
    wrongOutcomes: both('wrongOutcomes'),
    unresolved: both('unresolved'),
    needsHuman: both('needsHuman'),
    kills: both('kills'),
    faultsInjected: both('faultsInjected'),
    seconds: Math.round((performance.now() - startedMs) / 100) / 10,
    seed,
  };
}

async function runReal(options) {
  const { runLive } = await import('./live.mjs');
  return runLive(options);
}

/** Its cases line by line, as they happened. */
async function tellShard({ seed, shard }) {
  const require = createRequire(import.meta.url);
  const { runStorm } = require('../../dist/bench/faults/storm');
  const { findProvider } = require('../../dist/providers/registry');
  const { CASES_OF_A_SHARD: cases } = await import('./memory.mjs');
  const { readDecline } = findProvider('stripe');
  const tell = (line) => process.stdout.write(`${line}\n`);
  return { seed, shard, ...(await runStorm({ seed, shard, cases, readDecline, tell })) };
}

const MUST_BE_NONE = [
  'doubleCharges',
  'forbiddenCharges',
  'ceilingBreaches',
  'wrongOutcomes',
  'unresolved',
];
const isBad = (result) =>
  MUST_BE_NONE.some((name) => result[name] !== 0 && result[name]?.length !== 0);

const asText = (result) =>
  Object.entries(result)
    .map(([name, value]) => `${name.padEnd(16)}  ${Array.isArray(value) ? value.length : value}`)
    .join('\n');

await runBenchCommand({ name: 'bench:faults', help: HELP, readOptions, run, asText, isBad });
