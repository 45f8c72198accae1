/** One process that computes what is due, and says what that took. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ROOT } from '../../dev/paths.mjs';

const require = createRequire(import.meta.url);
const load = (path) => require(join(ROOT, 'dist', path));
const { openDatabase } = load('db/database.js');
const { createComputeMetrics } = load('activities/metrics-compute.js');
const { readFacts } = load('db/repositories/metrics-facts.js');
const { customerMetrics } = load('domain/metrics/customer-metrics.js');
const { DEFAULT_POLICY } = load('domain/metrics/policy.js');

/** Customers whose facts are kept in memory to measure the engine alone. */
const SAMPLE = 500;
const ROUNDS = 4;

const accountId = process.env.BENCH_ACCOUNT;
const db = openDatabase({ url: process.env.DATABASE_URL, poolSize: 4 });
const seconds = (since) => (performance.now() - since) / 1_000;

await db.selectFrom('account').select('id').execute();
const begun = performance.now();
const report = await createComputeMetrics({ db })({ account: accountId });
const took = seconds(begun);
const peakMb = Math.round(process.resourceUsage().maxRSS / 1_024);

const known = await db
  .selectFrom('metric_customer')
  .select('customer_id')
  .where('account_id', '=', accountId)
  .limit(SAMPLE)
  .execute();
const customers = known.map((row) => row.customer_id);
const facts = await readFacts(db, { accountId, customers });
const asOf = new Date();
const pure = performance.now();
for (let round = 0; round < ROUNDS; round += 1) {
  for (const own of facts.values()) customerMetrics({ facts: own, policy: DEFAULT_POLICY, asOf });
}
const perCustomer = seconds(pure) / (ROUNDS * facts.size);
await db.destroy();
process.stdout.write(
  `${JSON.stringify({
    seconds: took,
    peakMb,
    engineSeconds: perCustomer * report.customers,
    customers: report.customers,
    movements: report.movements,
  })}\n`,
);
