/** The measuring: rows are laid by SQL, then a process of its own computes, so that its memory is its own. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import pg from 'pg';
import { StackError, describeEnd } from '../../dev/children.mjs';
import { ROOT } from '../../dev/paths.mjs';
import { onFreePorts } from '../../dev/ports.mjs';
import { startPostgres } from '../../dev/postgres.mjs';
import { ACCOUNT, seed } from './seed.mjs';

const require = createRequire(import.meta.url);

/**
 * @param {{ children: import('../../dev/children.mjs').Children, say: import('../../dev/say.mjs').Say, folder: string,
 *   subscriptions: number, months: number }} options
 */
export async function runBench({ children, say, folder, subscriptions, months }) {
  const postgres = await onFreePorts([0], ([port]) =>
    startPostgres(children, { folder: join(folder, 'postgres'), port, durable: false }),
  );
  await migrate(postgres.url);
  const pool = new pg.Pool({ connectionString: postgres.url, max: 1 });
  // When something goes wrong, the server goes before its connections do: that is not what is to be told.
  pool.on('error', () => undefined);
  try {
    const laying = say.step('Rows', `${subscriptions} subscriptions with ${months} months`);
    const rows = await seed(pool, { subscriptions, months });
    laying.done(`${rows} laid`);
    const compute = () => computeOnce(children, postgres.url);
    const computing = say.step('Metrics', 'all customers');
    const first = await compute();
    computing.done(`${first.customers} customers`);
    await pool.query(
      `insert into dirty_customer (account_id, customer_id)
       select account_id, customer_id from metric_customer order by customer_id limit 10`,
    );
    await pool.query(
      `update subscription_item set quantity = quantity + 1 where account_id = $1
       and customer_id in (select customer_id from dirty_customer)`,
      [ACCOUNT],
    );
    const again = await compute();
    return {
      ...{ subscriptions, months, rows, ...first },
      againSeconds: again.seconds,
      againCustomers: again.customers,
      againMovements: again.movements,
    };
  } finally {
    await pool.end();
    await children.stop(postgres.child);
  }
}

async function migrate(url) {
  const { openDatabase } = require(join(ROOT, 'dist', 'db', 'database.js'));
  const db = openDatabase({ url, poolSize: 1 });
  await require(join(ROOT, 'dist', 'db', 'migrate.js')).migrate(db);
  await db.destroy();
}

/** In a process of its own, so that its memory is its own. */
async function computeOnce(children, url) {
  const child = children.spawn({
    name: 'compute',
    command: process.execPath,
    args: [join(import.meta.dirname, 'compute.mjs')],
    env: { ...process.env, DATABASE_URL: url, BENCH_ACCOUNT: ACCOUNT },
  });
  const { code } = await child.end;
  if (code !== 0) throw new StackError(describeEnd(child));
  await children.stop(child);
  const lines = readFileSync(child.logFile, 'utf8').trim().split('\n');
  return JSON.parse(lines.at(-1));
}
