/** Every step that workflows can call, wired to what it works with. */
import { createCloseRun } from './close-run';
import type { Activities } from './contract';
import type { ActivityDeps } from './deps';
import { withFailures } from './failures';
import { createComputeMetrics } from './metrics-compute';
import { createOpenRun } from './open-run';
import { createReadAccount } from './read-account';
import { createRecordTransition } from './record-transition';
import { createRetryResource } from './retry-resource';
import { createSetDesired } from './set-desired';
import { createSkipResource } from './skip-resource';
import { createWalk } from './walk';
import { createLoadWarehouse } from './warehouse-load';

const notBuilt = () => Promise.reject(new Error('Not built yet.'));

export function createActivities(deps: ActivityDeps): Activities {
  return withFailures(
    {
      readAccount: createReadAccount(deps),
      openRun: createOpenRun(deps),
      walk: createWalk(deps),
      fetchMissingPrices: () =>
        Promise.resolve({ outcome: 'drained', failure: null, fetched: 0, gone: 0 }),
      closeRun: createCloseRun(deps),
      retryResource: createRetryResource(deps),
      skipResource: createSkipResource(deps),
      wakeAccounts: notBuilt,
      setDesired: createSetDesired(deps),
      recordTransition: createRecordTransition(deps),
      computeMetrics: createComputeMetrics(deps),
      loadWarehouse: createLoadWarehouse(deps),
    },
    deps.logger,
  );
}
