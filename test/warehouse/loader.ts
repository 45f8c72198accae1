/** A process that loads once, as its argument says in JSON, and may die of it. Run by elsewhere.ts. */
import { openWarehouse } from '../../warehouse/open';
import type { Orders } from './elsewhere';
import { loadOf } from './loads';

function* dying<T>(rows: Iterable<T>): Generator<T> {
  for (const row of rows) {
    yield row;
    process.kill(process.pid, 'SIGKILL');
  }
}

async function main({ settings, account, metricRun, dies }: Orders): Promise<void> {
  const load = loadOf({ account, metricRun: BigInt(metricRun), customers: 2 });
  const tables = load.tables.map((table) =>
    dies === 'inserting' && table.table === 'customers'
      ? { ...table, rows: dying(table.rows) }
      : table,
  );
  await openWarehouse(settings).load({ ...load, tables });
  if (dies === 'loaded') process.kill(process.pid, 'SIGKILL');
}

void main(JSON.parse(process.argv[2] ?? '') as Orders);
