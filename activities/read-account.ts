import { readAccount, readLastSequence } from '../db/repositories/accounts';
import { findOpenSync, readLastSync } from '../db/repositories/runs';
import { isSettled } from '../domain/sync/run';
import type { SyncActivities } from './contract';
import type { ActivityDeps } from './deps';

export const createReadAccount =
  ({ db }: ActivityDeps): SyncActivities['readAccount'] =>
  async ({ account: id }) => {
    const account = await readAccount(db, id);
    const last = await readLastSync(db, id);
    return {
      account: id,
      provider: account.provider,
      state: account.state,
      lastTransition: await readLastSequence(db, id),
      openRun: (await findOpenSync(db, id))?.id ?? null,
      attention: account.attention,
      partialRun:
        last?.run.state === 'partial'
          ? {
              run: last.run.id,
              parked: last.facts.parked.map(({ resource }) => resource),
              unsettled: !isSettled(last.facts),
            }
          : null,
    };
  };
