import { endRun } from '../db/repositories/runs';
import type { SyncActivities } from './contract';
import type { ActivityDeps } from './deps';

export const createCloseRun =
  ({ db }: ActivityDeps): SyncActivities['closeRun'] =>
  async ({ run: runId, ended, because }) => {
    const { run, facts } = await endRun(db, { runId, ended, because });
    return {
      run: run.id,
      state: run.state,
      objects: facts.objects,
      changedRows: facts.changedRows,
      parked: facts.parked,
      summary: run.summary ?? '',
    };
  };
