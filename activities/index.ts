/** Every step that workflows can call, wired to what it works with. */
import { createCloseRun } from './close-run';
import type { Activities } from './contract';
import type { ActivityDeps } from './deps';
import { withFailures } from './failures';
import { createFetchMissingPrices } from './fetch-missing-prices';
import { createComputeMetrics } from './metrics-compute';
import { createOpenRun } from './open-run';
import { createReadAccount } from './read-account';
import { createRecordTransition } from './record-transition';
import { createSetDesired } from './set-desired';
import { createWalk } from './walk';
import { createLoadWarehouse } from './warehouse-load';

const notBuilt = () => Promise.reject(new Error('Not built yet.'));

export function createActivities(deps: ActivityDeps): Activities {
  return withFailures(
    {
      readAccount: createReadAccount(deps),
      openRun: createOpenRun(deps),
      walk: createWalk(deps),
      fetchMissingPrices: createFetchMissingPrices(deps),
      closeRun: createCloseRun(deps),
      retryResource: notBuilt,
      skipResource: notBuilt,
      wakeAccounts: notBuilt,
      setDesired: createSetDesired(deps),
      recordTransition: createRecordTransition(deps),
      computeMetrics: createComputeMetrics(deps),
      loadWarehouse: createLoadWarehouse(deps),
    },
    deps.logger,
  );
}
