import { hasDueCustomers, lastMetricRun, readMetricInputs } from '../db/repositories/metrics';
import { hasCases, listLateCases } from '../db/repositories/routing';
import { endRun } from '../db/repositories/runs';
import { isSettled } from '../domain/sync/run';
import type { SyncActivities } from './contract';
import type { ActivityDeps } from './deps';
import { isOfThisEdition } from './metrics-compute';

export const createCloseRun =
  ({ db }: ActivityDeps): SyncActivities['closeRun'] =>
  async ({ run: runId, ended, because }) => {
    const { run, facts } = await endRun(db, { runId, ended, because });
    const accountId = run.account_id;
    const { digest, asOf } = await readMetricInputs(db, accountId);
    const last = await lastMetricRun(db, accountId);
    return {
      run: run.id,
      state: run.state,
      objects: facts.objects,
      changedRows: facts.changedRows,
      parked: facts.parked,
      summary: run.summary ?? '',
      settled: isSettled(facts),
      casesDue:
        facts.changedRows > 0
          ? await hasCases(db, accountId)
          : (await listLateCases(db, { accountId, after: null, limit: 1 })).length > 0,
      metricsDue:
        !last ||
        last.inputs !== digest ||
        !isOfThisEdition(last) ||
        (await hasDueCustomers(db, { accountId, asOf })),
    };
  };
