import { recordCase, setCaseDesired } from '../../db/repositories/cases';
import type { CaseActivities } from '../contract';
import type { ActivityDeps } from '../deps';

export const createRecordCase =
  ({ db }: ActivityDeps): CaseActivities['recordCase'] =>
  ({ record, ...ref }) =>
    recordCase(db, ref, record);

export const createSetCaseDesired =
  ({ db }: ActivityDeps): CaseActivities['setCaseDesired'] =>
  ({ record, desired, ...ref }) =>
    setCaseDesired(db, ref, { desired, record });
