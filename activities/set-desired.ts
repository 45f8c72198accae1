import { setAccountDesired } from '../db/repositories/accounts';
import { setRunDesired } from '../db/repositories/runs';
import type { SyncActivities } from './contract';
import type { SyncDeps } from './deps';

export const createSetDesired =
  ({ db }: SyncDeps): SyncActivities['setDesired'] =>
  ({ account, run, desired }) =>
    run === null
      ? setAccountDesired(db, account, desired)
      : setRunDesired(db, { accountId: account, runId: run, desired });
