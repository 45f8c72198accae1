import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TABLE_NAMES } from '../../warehouse/tables';
import { createDuckDbWarehouse } from '../../warehouse/duckdb';
import type { Warehouse } from '../../warehouse/port';
import { describeWarehouse } from './contract';
import { DONE, endOf, KILLED, startLoader } from './elsewhere';
import { loadOf } from './loads';

const folder = mkdtempSync(join(tmpdir(), 'recoup-warehouse-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let made = 0;
const newPath = () => join(folder, `${String((made += 1))}`, 'warehouse.duckdb');
const paths = new Map<Warehouse, string>();

describeWarehouse('DuckDB', {
  create: () => {
    const path = newPath();
    const warehouse = createDuckDbWarehouse({ path });
    paths.set(warehouse, path);
    return Promise.resolve(warehouse);
  },
  async loadElsewhere(warehouse, { account, metricRun, killed }) {
    const loader = startLoader({
      settings: { kind: 'duckdb', path: paths.get(warehouse) ?? '' },
      account,
      metricRun: String(metricRun),
      ...(killed && { dies: killed === 'before commit' ? 'inserting' : 'loaded' }),
    });
    expect(await endOf(loader)).toEqual(killed ? KILLED : DONE);
  },
});

describe('the DuckDB file', () => {
  it('is open only while it is used', async () => {
    const path = newPath();
    const warehouse = createDuckDbWarehouse({ path });
    await warehouse.migrate();
    await Promise.all([warehouse.tableCounts('acct_1'), warehouse.tableCounts('acct_1')]);
    await warehouse.load(loadOf({ account: 'acct_1', metricRun: 1n }));
    const settings = { kind: 'duckdb', path } as const;
    const loader = startLoader({ settings, account: 'acct_1', metricRun: '2' });
    expect(await endOf(loader)).toEqual(DONE);
    expect(await warehouse.query('select max(metric_run) as run from load_ledger')).toEqual([
      { run: 2n },
    ]);
  });

  it('says who is in the way when another process does not let go of it', async () => {
    const path = newPath();
    await createDuckDbWarehouse({ path }).migrate();
    const holder = spawn(process.execPath, [
      '-e',
      `require('@duckdb/node-api').DuckDBInstance.create(${JSON.stringify(path)}).then((held) => { globalThis.held = held; console.log('held'); setInterval(() => undefined, 1000); })`,
    ]);
    await once(holder.stdout, 'data');
    try {
      const warehouse = createDuckDbWarehouse({ path, openLimitMs: 200 });
      await expect(warehouse.tableCounts('acct_1')).rejects.toThrow(
        `The warehouse ${path} is held open by another process.`,
      );
    } finally {
      holder.kill('SIGKILL');
      await once(holder, 'exit');
    }
    expect(await createDuckDbWarehouse({ path }).tableCounts('acct_1')).toHaveLength(
      TABLE_NAMES.length,
    );
  });

  it('is refused when it is no warehouse', async () => {
    const path = join(folder, 'text.duckdb');
    writeFileSync(
      path,
      'not a database, but long enough to be taken for the header of one. '.repeat(200),
    );
    await expect(createDuckDbWarehouse({ path }).migrate()).rejects.toThrow(
      `The warehouse ${path} cannot be opened.`,
    );
  });
});
