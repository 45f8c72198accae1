/** `npm run bench:sync`: Recoup beside its peers and the floors, one after the other on this machine. */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureBuilt, ensureInstalled } from '../../dev/install.mjs';
import { runBenchCommand, wholeNumber } from '../command.mjs';
import { CONTENDERS, PEERS } from './contenders.mjs';

const HELP = `npm run --silent bench:sync -- [options]

Measures how fast Recoup, its peers and the floors bring invoices of one stub API into Postgres, each alone, in turn.

  --invoices N     how many invoices the API holds, 100 to 2000000 (default 12000)
  --latency MS     how late each answer of the API comes, 0 to 10000 (default 0)
  --warm-up N      invoices of another account that each contender brings in first, 0 to 100000 (default 0)
  --rounds N       how often each is measured, in turn, 1 to 20; its run of median speed is told
                   (default: 3 of up to 20000 invoices, whose seconds wander most, and 1 of more)
  --peers a,b      peers to measure beside Recoup and the floors: ${PEERS.join(', ')}; or none (default: all)
  --only a,b       measure these alone, of: ${CONTENDERS.map(({ name }) => name).join(', ')}
  --json           the result as one JSON object on stdout instead of a table; all talk goes to stderr
  --help           this
`;
/** On a machine that is shared, a few seconds are a fifth more or less from one run to the next. */
const SHORT_INVOICES = 20_000;
const ROUNDS = { short: 3, long: 1 };
const PEERS_FOLDER = fileURLToPath(new URL('peers', import.meta.url));

function readOptions() {
  const { values } = parseArgs({
    options: {
      invoices: { type: 'string', default: '12000' },
      latency: { type: 'string', default: '0' },
      'warm-up': { type: 'string', default: '0' },
      rounds: { type: 'string' },
      peers: { type: 'string', default: PEERS.join() },
      only: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const peers = values.peers === 'none' ? [] : names('peers', values.peers, PEERS);
  const all = CONTENDERS.map(({ name }) => name);
  const beside = all.filter((name) => !PEERS.includes(name) || peers.includes(name));
  const invoices = wholeNumber('invoices', values.invoices, { min: 100, max: 2_000_000 });
  const { rounds = String(invoices <= SHORT_INVOICES ? ROUNDS.short : ROUNDS.long) } = values;
  return {
    help: values.help,
    json: values.json,
    invoices,
    rounds: wholeNumber('rounds', rounds, { min: 1, max: 20 }),
    warmUpInvoices: wholeNumber('warm-up', values['warm-up'], { min: 0, max: 100_000 }),
    latencyMs: wholeNumber('latency', values.latency, { min: 0, max: 10_000 }),
    names: values.only === undefined ? beside : names('only', values.only, all),
  };
}

function names(option, text, known) {
  const given = text.split(',');
  const unknown = given.find((name) => !known.includes(name));
  if (unknown === undefined) return given;
  throw new Error(`--${option} knows ${known.join(', ')}, not '${unknown}'`);
}

async function run({ children, say, folder, options }) {
  await ensureInstalled(children, say);
  await ensureBuilt(children, say);
  if (options.names.some((name) => PEERS.includes(name))) {
    await ensureInstalled(children, say, PEERS_FOLDER);
  }
  // Its packages are there only now.
  const { runBench } = await import('./bench.mjs');
  return runBench({ children, say, folder, ...options });
}

function asText({ results, ratioToFastestPeer, ratioToCopyFloor }) {
  const heads = ['', 'records/s', 'seconds', 'peak MB', 'requests', 'activities'];
  const rows = results.map((result) => Object.values(result).map((value) => String(value ?? '–')));
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => row[column].length)),
  );
  const line = (cells) =>
    cells
      .map((text, column) => (column ? text.padStart(widths[column]) : text.padEnd(widths[0])))
      .join('  ');
  return [
    ...[heads, ...rows].map(line),
    `Recoup to the fastest peer as shipped: ${ratioToFastestPeer ?? '–'}`,
    `Recoup to the copy floor: ${ratioToCopyFloor ?? '–'}`,
  ].join('\n');
}

await runBenchCommand({ name: 'bench:sync', help: HELP, readOptions, run, asText });
