/** The steps about one attempt: it is made, looked up, or settled by a person's word. */
import { setTimeout as sleep } from 'node:timers/promises';
import { listAttempts } from '../../db/repositories/attempts';
import { readPlan } from '../../db/repositories/cases';
import { isOpen, type AttemptRef } from '../../domain/recovery/attempt';
import { standingInLedger } from '../../domain/recovery/look';
import type { CaseActivities } from '../contract';
import type { ActivityDeps } from '../deps';
import { chargeOnce, lookUp, resolveByPerson } from './attempt';
import { endOf, onCase, type CaseTools } from './case';

/** Longer than a payment to a simulated service may be under way. */
const MAX_WAIT_MS = 30_000;

export const createChargeCase =
  (deps: ActivityDeps): CaseActivities['chargeCase'] =>
  (input) =>
    onCase(deps, input, async (tools) => {
      const { ref, sighting } = tools;
      const end = endOf(tools);
      if (end) {
        const known = standingInLedger(await listAttempts(deps.db, ref));
        return { attempt: known?.attempt ?? null, ...(await sighting(known ?? end)) };
      }
      const plan = await readPlan(deps.db, ref);
      const { attempt, event, at } = await chargeOnce(tools, {
        ...ref,
        after: input.after,
        plan: plan?.plannedFor ?? null,
        decision: plan?.decision ?? { because: 'Somebody asked for it.' },
      });
      return { attempt, ...(await sighting(event, at)) };
    });

export const createLookUpAttempt =
  (deps: ActivityDeps): CaseActivities['lookUpAttempt'] =>
  (input) =>
    onCase(deps, input, async (tools) => {
      const attempt = { ...tools.ref, number: input.number };
      if (tools.account.clock === 'simulated') await waitUntilProvable(tools, attempt);
      const { event, at } = await lookUp(tools, attempt);
      return tools.sighting(event, at);
    });

/** A simulated clock stands still while somebody is at work: then the real time that proves an absence has to pass in here. */
async function waitUntilProvable({ ledger, signal }: CaseTools, ref: AttemptRef): Promise<void> {
  const { attempt, now } = await ledger.read(ref);
  if (!attempt || !isOpen(attempt.state)) return;
  const waitMs = attempt.absentAfter.getTime() - now.getTime();
  if (waitMs > 0) await sleep(Math.min(waitMs, MAX_WAIT_MS), undefined, { signal });
}

export const createResolveAttempt =
  (deps: ActivityDeps): CaseActivities['resolveAttempt'] =>
  (input) =>
    onCase(deps, input, async (tools) => {
      const { number, outcome, reason } = input;
      const { event } = await resolveByPerson(tools, { ...tools.ref, number, outcome, reason });
      return tools.sighting(event);
    });
