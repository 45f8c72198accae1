import { recordTransition } from '../db/repositories/accounts';
import type { SyncActivities } from './contract';
import type { ActivityDeps } from './deps';

export const createRecordTransition =
  ({ db }: ActivityDeps): SyncActivities['recordTransition'] =>
  (input) =>
    recordTransition(db, {
      account_id: input.account,
      sequence: input.sequence,
      from_state: input.from,
      event: input.event,
      to_state: input.to,
      because: input.because,
      attention: input.attention,
      at: new Date(input.at),
    });
