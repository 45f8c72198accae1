import { recordCase, setCaseDesired } from '../../db/repositories/cases';
import type { CaseActivities } from '../contract';
import type { ActivityDeps } from '../deps';

export const createRecordCase =
  ({ db }: ActivityDeps): CaseActivities['recordCase'] =>
  ({ record, ...ref }) =>
    recordCase(db, ref, record);

export const createSetCaseDesired =
  ({ db }: ActivityDeps): CaseActivities['setCaseDesired'] =>
  async ({ record, desired, ...ref }) => {
    // The wish first: an attempt that is being claimed at this moment must meet it.
    await setCaseDesired(db, ref, desired);
    if (record) await recordCase(db, ref, record);
  };
