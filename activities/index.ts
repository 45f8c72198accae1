/** Every step that workflows can call, wired to what it works with. */
import { createCloseRun } from './close-run';
import type { SyncActivities } from './contract';
import type { SyncDeps } from './deps';
import { withFailures } from './failures';
import { createOpenRun } from './open-run';
import { createReadAccount } from './read-account';
import { createRecordTransition } from './record-transition';
import { createSetDesired } from './set-desired';
import { createWalk } from './walk';

export function createSyncActivities(deps: SyncDeps): SyncActivities {
  return withFailures(
    {
      readAccount: createReadAccount(deps),
      openRun: createOpenRun(deps),
      walk: createWalk(deps),
      closeRun: createCloseRun(deps),
      setDesired: createSetDesired(deps),
      recordTransition: createRecordTransition(deps),
    },
    deps.logger,
  );
}
