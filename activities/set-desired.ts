import { setAccountDesired } from '../db/repositories/accounts';
import { setRunDesired, showPaused } from '../db/repositories/runs';
import type { SyncActivities } from './contract';
import type { ActivityDeps } from './deps';

export const createSetDesired =
  ({ db }: ActivityDeps): SyncActivities['setDesired'] =>
  async ({ account, run, desired }) => {
    if (run === null) await setAccountDesired(db, account, desired);
    else await setRunDesired(db, { accountId: account, runId: run, desired });
    // Not left to the walk: between two of them, or when one has died, nobody else would say so.
    if (desired === 'pause') await showPaused(db, { accountId: account, runId: run });
  };
