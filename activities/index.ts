/** Every step that workflows can call, wired to what it works with. */
import { createReadCampaign, createSetCampaign } from './campaigns/campaign';
import { createRouteChanges } from './campaigns/route-changes';
import { createSelectCases } from './campaigns/select-cases';
import { createSteerCases } from './campaigns/steer-cases';
import { createCloseRun } from './close-run';
import type { Activities } from './contract';
import type { ActivityDeps } from './deps';
import { withFailures } from './failures';
import { createComputeMetrics } from './metrics-compute';
import { createOpenRun } from './open-run';
import { createReadAccount } from './read-account';
import { createReadProgress } from './read-progress';
import { createRecordTransition } from './record-transition';
import { createCaseActivities } from './recovery';
import { createRenormalise } from './renormalise';
import { createRetryResource } from './retry-resource';
import { createSetDesired } from './set-desired';
import { createSkipResource } from './skip-resource';
import { createWakeAccounts } from './wake-accounts';
import { createWalk } from './walk';
import { createLoadWarehouse } from './warehouse-load';

export function createActivities(deps: ActivityDeps): Activities {
  return withFailures(
    {
      readAccount: createReadAccount(deps),
      openRun: createOpenRun(deps),
      walk: createWalk(deps),
      closeRun: createCloseRun(deps),
      readProgress: createReadProgress(deps),
      retryResource: createRetryResource(deps),
      skipResource: createSkipResource(deps),
      wakeAccounts: createWakeAccounts(deps),
      setDesired: createSetDesired(deps),
      recordTransition: createRecordTransition(deps),
      renormalise: createRenormalise(deps),
      computeMetrics: createComputeMetrics(deps),
      loadWarehouse: createLoadWarehouse(deps),
      readCampaign: createReadCampaign(deps),
      setCampaign: createSetCampaign(deps),
      selectCases: createSelectCases(deps),
      steerCases: createSteerCases(deps),
      routeChanges: createRouteChanges(deps),
      ...createCaseActivities(deps),
    },
    deps.logger,
  );
}
