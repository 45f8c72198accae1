/** The simulator as a program: reads its options, serves, and says on stdout where. */
import { parseArgs } from 'node:util';

import { shareOf } from './input';
import { RETRY_MODES } from './world/settings';
import { DEFAULT_API_KEY, startSimulator, type SimulatorOptions } from './server';

const usage = `Usage: node simulator/main.js [options]
  --port N                 port on 127.0.0.1; 0 (default) picks a free one
  --seed N                 seed of the world (1)
  --customers N            how many customers live in it (500; none with --failures alone)
  --failures N             so many failed invoices of others, who do nothing by themselves; beside --customers some put it right
  --months N               months of history (18)
  --as-of ISO              until when it has been lived (today 00:00 UTC)
  --now ISO                what its clock says at the start (machine time)
  --account-id ID          the account's id (one that follows from the seed)
  --api-key KEY            the secret key with every permission (${DEFAULT_API_KEY})
  --latency-ms N           how long every request takes at least (0)
  --debit-share S          share of the customers who pay by direct debit, 0 to 1 (0)
  --rate-limit N           requests per second over all endpoints (none)
  --endpoint-rate-limit N  requests per second of each endpoint (none)
  --retries MODE           its own retries: ${RETRY_MODES.join(', ')} (on)
  --journal FILE           keep what is done to it, so that it goes on from there when it is started again`;

/** Exit code for wrong use, as everywhere in Recoup. */
const WRONG_USE = 2;

function optionsFrom(args: string[]): SimulatorOptions {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: 'string', default: '0' },
      seed: { type: 'string', default: '1' },
      customers: { type: 'string' },
      failures: { type: 'string' },
      months: { type: 'string', default: '18' },
      'as-of': { type: 'string', default: `${new Date().toISOString().slice(0, 10)}T00:00:00Z` },
      now: { type: 'string' },
      'account-id': { type: 'string' },
      'api-key': { type: 'string', default: DEFAULT_API_KEY },
      'latency-ms': { type: 'string', default: '0' },
      'rate-limit': { type: 'string' },
      'endpoint-rate-limit': { type: 'string' },
      'debit-share': { type: 'string', default: '0' },
      retries: { type: 'string', default: 'on' },
      journal: { type: 'string' },
    },
  });
  const all = values['rate-limit'];
  const endpoint = values['endpoint-rate-limit'];
  const retries = RETRY_MODES.find((mode) => mode === values.retries);
  if (retries === undefined)
    throw new Error(`--retries must be one of ${RETRY_MODES.join(', ')}, not "${values.retries}".`);
  return {
    port: integer('port', values.port),
    seed: integer('seed', values.seed),
    customers: integer(
      'customers',
      values.customers ?? (values.failures === undefined ? '500' : '0'),
    ),
    ...(values.failures !== undefined && { failures: integer('failures', values.failures) }),
    months: integer('months', values.months),
    asOf: instant('as-of', values['as-of']),
    ...(values.now !== undefined && { now: instant('now', values.now) }),
    ...(values['account-id'] !== undefined && { accountId: values['account-id'] }),
    keys: { [values['api-key']]: { permissions: 'all' } },
    latencyMs: integer('latency-ms', values['latency-ms']),
    retries,
    debitShare: shareOf(Number(values['debit-share']), '--debit-share'),
    ...(values.journal !== undefined && { journal: values.journal }),
    rateLimits: {
      ...(all !== undefined && { allPerSecond: integer('rate-limit', all) }),
      ...(endpoint !== undefined && {
        endpointPerSecond: integer('endpoint-rate-limit', endpoint),
      }),
    },
  };
}

function integer(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} must be a whole number, not "${text}".`);
  return Number(text);
}

function instant(name: string, text: string): Date {
  const date = new Date(text);
  if (Number.isNaN(date.getTime()))
    throw new Error(`--${name} must be an ISO 8601 instant, not "${text}".`);
  return date;
}

async function main(): Promise<void> {
  let options: SimulatorOptions;
  try {
    options = optionsFrom(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage}\n`);
    process.exitCode = WRONG_USE;
    return;
  }
  const simulator = await startSimulator(options);
  const { url, accountId, world } = simulator;
  const { seed } = options;
  const customers = world.customers.size;
  process.stdout.write(`${JSON.stringify({ ready: true, url, accountId, seed, customers })}\n`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void simulator.close());
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
