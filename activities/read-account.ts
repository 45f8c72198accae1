import { readAccount, readLastSequence } from '../db/repositories/accounts';
import { findOpenSync } from '../db/repositories/runs';
import type { SyncActivities } from './contract';
import type { ActivityDeps } from './deps';

export const createReadAccount =
  ({ db }: ActivityDeps): SyncActivities['readAccount'] =>
  async ({ account: id }) => {
    const account = await readAccount(db, id);
    return {
      account: id,
      provider: account.provider,
      state: account.state,
      lastTransition: await readLastSequence(db, id),
      openRun: (await findOpenSync(db, id))?.id ?? null,
    };
  };
