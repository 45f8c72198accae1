import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDuckDbWarehouse } from '../../warehouse/duckdb';
import type { Warehouse } from '../../warehouse/port';
import { describeWarehouse } from './contract';
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
  async loadElsewhere(warehouse, { account, metricRun, diesWhileInserting }) {
    const args = [paths.get(warehouse) ?? '', account, String(metricRun)];
    const { code, signal } = await runLoader([...args, ...(diesWhileInserting ? ['dies'] : [])]);
    expect({ code, signal }).toEqual(
      diesWhileInserting ? { code: null, signal: 'SIGKILL' } : { code: 0, signal: null },
    );
  },
});

async function runLoader(args: string[]) {
  const child = spawn(
    process.execPath,
    ['--require', join(__dirname, 'register.cjs'), join(__dirname, 'loader.ts'), ...args],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return { code, signal };
}

describe('the DuckDB file', () => {
  it('is open only while it is used', async () => {
    const path = newPath();
    const warehouse = createDuckDbWarehouse({ path });
    await warehouse.migrate();
    await Promise.all([warehouse.tableCounts('acct_1'), warehouse.tableCounts('acct_1')]);
    await warehouse.load(loadOf({ account: 'acct_1', metricRun: 1n }));
    const { code } = await runLoader([path, 'acct_1', '2']);
    expect(code).toBe(0);
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
    expect(await createDuckDbWarehouse({ path }).tableCounts('acct_1')).toHaveLength(5);
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
