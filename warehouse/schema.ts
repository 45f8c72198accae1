/** Lays the schema, in any warehouse: the steps that are missing, then the views. */
import { MIGRATIONS, NEWEST_SCHEMA } from './migrations';
import type { WarehouseValue } from './port';
import { VIEWS } from './views';

type Run = (
  text: string,
  binds?: string[],
) => Promise<readonly Readonly<Record<string, WarehouseValue>>[]>;

/**
 * Where DDL commits at once several processes may do this at a time, and one that was cut short does it again: each statement may
 * run twice, and the number is written last. `keepGrants`: what stands between a view's name and its `as`, so that readers keep it.
 */
export async function laySchema(run: Run, { keepGrants = '' } = {}): Promise<void> {
  await run('create table if not exists schema_version (number integer not null)');
  const [row] = await run('select max(number) as number from schema_version');
  const current = Number(row?.['number'] ?? 0n);
  if (current >= NEWEST_SCHEMA) return;
  for (const { number, statements } of MIGRATIONS) {
    if (number <= current) continue;
    for (const statement of statements) await run(statement);
  }
  for (const { name, select } of VIEWS) {
    await run(`create or replace view ${name} ${keepGrants} as ${select}`);
  }
  await run('insert into schema_version values (?)', [String(NEWEST_SCHEMA)]);
}
