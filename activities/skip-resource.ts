import { readAccount } from '../db/repositories/accounts';
import { skipResource } from '../db/repositories/runs';
import type { SyncActivities } from './contract';
import type { ActivityDeps } from './deps';
import { assertResource } from './resources';

export const createSkipResource =
  ({ db, findProvider }: ActivityDeps): SyncActivities['skipResource'] =>
  async ({ account: accountId, run: runId, resource, always }) => {
    const { provider } = await readAccount(db, accountId);
    assertResource(findProvider(provider), resource);
    const changed = await skipResource(db, { accountId, runId, resource, always });
    const where = [...(runId === null ? [] : [runId]), ...(always ? ['all later syncs'] : [])];
    return {
      changed,
      because: changed
        ? `${resource} is left out of ${where.join(' and of ')}.`
        : `${resource} has nothing left to leave out of ${where.join(' or of ')}.`,
    };
  };
