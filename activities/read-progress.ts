import { readProgress, readRun } from '../db/repositories/runs';
import type { SyncActivities } from './contract';
import type { ActivityDeps } from './deps';

export const createReadProgress =
  ({ db }: ActivityDeps): SyncActivities['readProgress'] =>
  async ({ run }) => ({ progress: await readProgress(db, await readRun(db, run)) });
