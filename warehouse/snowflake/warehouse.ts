/** The warehouse in Snowflake. Each use opens a session of its own, and closes it. */
import { laySchema } from '../schema';
import type { Warehouse } from '../port';
import type { SnowflakeSettings } from '../settings';
import { TABLE_NAMES, type TableName } from '../tables';
import { checkSnowflake } from './check';
import { loadAccount } from './load';
import { withSession, type Session } from './session';
import { STAGE_LIMITS, type StageLimits } from './stage';

const countQuery = (table: TableName): string =>
  `select '${table}' as table_name, count(*) as row_count from ${table} where account = ?`;

export function createSnowflakeWarehouse(
  settings: SnowflakeSettings,
  limits: StageLimits = STAGE_LIMITS,
): Warehouse {
  const lay = async (session: Session): Promise<void> => {
    await laySchema(session.run, { keepGrants: 'copy grants' });
    await session.run('commit');
  };
  return {
    migrate: () => withSession(settings, 'recoup schema', lay),
    load: (load) => {
      const tag = `recoup load ${load.account} ${String(load.metricRun)}`;
      return withSession(settings, tag, (session) =>
        loadAccount(session, load, { limits, anew: (work) => withSession(settings, tag, work) }),
      );
    },
    tableCounts: (account) =>
      withSession(settings, 'recoup read', async (session) => {
        const counts = await session.run(
          TABLE_NAMES.map(countQuery).join(' union all '),
          TABLE_NAMES.map(() => account),
        );
        return TABLE_NAMES.map((table) => {
          const own = counts.find((row) => row['table_name'] === table);
          return { table, rows: Number(own?.['row_count'] ?? 0n) };
        });
      }),
    query: (text, parameters = []) =>
      withSession(settings, 'recoup read', (session) => session.run(text, [...parameters])),
    check: () =>
      checkSnowflake({
        settings,
        limits,
        laySchema: lay,
        withSession: (work) => withSession(settings, 'recoup check', work),
      }),
  };
}
