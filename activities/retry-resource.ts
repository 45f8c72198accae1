import { retryResource } from '../db/repositories/runs';
import type { SyncActivities } from './contract';
import type { ActivityDeps } from './deps';

export const createRetryResource =
  ({ db }: ActivityDeps): SyncActivities['retryResource'] =>
  async ({ account: accountId, run: runId, resource }) => {
    const resources = await retryResource(db, { accountId, runId, resource });
    if (resources.length > 0) {
      return { changed: true, because: `${resources.join(', ')} of ${runId} is taken up again.` };
    }
    const what = resource === null ? `Nothing of ${runId} is` : `${resource} of ${runId} is not`;
    return {
      changed: false,
      because: `${what} parked or skipped, or the run has ended otherwise than partial.`,
    };
  };
