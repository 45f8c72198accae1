import { Migrator, type Kysely, type Migration } from 'kysely';
import { RecoupError } from '../domain/errors';
import * as initial from './migrations/0001_initial';
import * as metrics from './migrations/0002_metrics';
import * as changes from './migrations/0003_changes';
import * as rateLimits from './migrations/0004_rate_limits';
import * as webhooks from './migrations/0005_webhooks';
import * as recovery from './migrations/0006_recovery';
import * as metricPolicy from './migrations/0007_metric_policy';
import * as fxRate from './migrations/0008_fx_rate';
import type { Database } from './schema';

/** In the order in which they were written; a migration that has been released never changes. */
const MIGRATIONS: Record<string, Migration> = {
  '0001_initial': initial,
  '0002_metrics': metrics,
  '0003_changes': changes,
  '0004_rate_limits': rateLimits,
  '0005_webhooks': webhooks,
  '0006_recovery': recovery,
  '0007_metric_policy': metricPolicy,
  '0008_fx_rate': fxRate,
};

/** Brings the database to the newest version and returns the names of the migrations that it took. Safe to call from many processes at once. */
export async function migrate(db: Kysely<Database>): Promise<string[]> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(MIGRATIONS) },
  });
  const { error, results } = await migrator.migrateToLatest();
  if (error) {
    const failed = results?.find(({ status }) => status === 'Error')?.migrationName;
    throw new RecoupError(
      'database_unavailable',
      `The database cannot be migrated${failed ? `: ${failed} failed` : ''}.`,
      { cause: error },
    );
  }
  return (results ?? []).map(({ migrationName }) => migrationName);
}
