/** The steps of a case, wired to what they work with. */
import type { CaseActivities } from '../contract';
import type { ActivityDeps } from '../deps';
import { createChargeCase, createLookUpAttempt, createResolveAttempt } from './charge-case';
import { createCheckCase, createPlanCase } from './look-at-case';
import { createReadCase } from './read-case';
import { createReopenCase } from './reopen-case';
import { createRecordCase, createSetCaseDesired } from './record-case';
import { createDeliverWebhook, createNoteCustomerNeeded } from './tell';

export const createCaseActivities = (deps: ActivityDeps): CaseActivities => ({
  readCase: createReadCase(deps),
  recordCase: createRecordCase(deps),
  setCaseDesired: createSetCaseDesired(deps),
  reopenCase: createReopenCase(deps),
  planCase: createPlanCase(deps),
  checkCase: createCheckCase(deps),
  chargeCase: createChargeCase(deps),
  lookUpAttempt: createLookUpAttempt(deps),
  resolveAttempt: createResolveAttempt(deps),
  noteCustomerNeeded: createNoteCustomerNeeded(deps),
  deliverWebhook: createDeliverWebhook(deps),
});
