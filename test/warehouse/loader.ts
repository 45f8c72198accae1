/** A process that loads once: `loader.ts FILE ACCOUNT RUN [dies]`. Run by duckdb.test.ts. */
import { createDuckDbWarehouse } from '../../warehouse/duckdb';
import { loadOf } from './loads';

function* dying<T>(rows: Iterable<T>): Generator<T> {
  for (const row of rows) {
    yield row;
    process.kill(process.pid, 'SIGKILL');
  }
}

async function main([file = '', account = '', run = '', dies = '']: string[]): Promise<void> {
  const load = loadOf({ account, metricRun: BigInt(run), customers: 2 });
  const tables = load.tables.map((table) =>
    dies && table.table === 'customers' ? { ...table, rows: dying(table.rows) } : table,
  );
  await createDuckDbWarehouse({ path: file }).load({ ...load, tables });
}

void main(process.argv.slice(2));
