import { policyInForce } from '../db/repositories/metric-policies';
import {
  hasDueCustomers,
  isOfThisEdition,
  lastMetricRun,
  readMetricInputs,
} from '../db/repositories/metrics';
import { hasCases, listIdleCases } from '../db/repositories/routing';
import { endRun } from '../db/repositories/runs';
import { isSettled } from '../domain/sync/run';
import type { SyncActivities } from './contract';
import type { ActivityDeps } from './deps';

export const createCloseRun =
  ({ db }: ActivityDeps): SyncActivities['closeRun'] =>
  async ({ run: runId, ended, because }) => {
    const { run, facts } = await endRun(db, { runId, ended, because });
    const accountId = run.account_id;
    const { digest, asOf } = await readMetricInputs(db, accountId);
    const last = await lastMetricRun(db, accountId);
    const policy = await policyInForce(db, accountId);
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
          : (await listIdleCases(db, { accountId, after: null, limit: 1 })).length > 0,
      metricsDue:
        last?.inputs !== digest ||
        !(await isOfThisEdition(db, { accountId, policy })) ||
        (await hasDueCustomers(db, { accountId, asOf })),
    };
  };
