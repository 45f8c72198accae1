import { setAccountDesired } from '../db/repositories/accounts';
import { setRunDesired } from '../db/repositories/runs';
import type { SyncActivities } from './contract';
import type { ActivityDeps } from './deps';

export const createSetDesired =
  ({ db }: ActivityDeps): SyncActivities['setDesired'] =>
  ({ account, run, desired }) =>
    run === null
      ? setAccountDesired(db, account, desired)
      : setRunDesired(db, { accountId: account, runId: run, desired });
