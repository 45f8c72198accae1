import { readAccount } from '../../db/repositories/accounts';
import { readCampaign } from '../../db/repositories/campaigns';
import { readCase, reopenCase } from '../../db/repositories/cases';
import { RecoupError } from '../../domain/errors';
import { happen, recordOf } from '../../domain/recovery/engine';
import { memoryOf } from '../../domain/recovery/memory';
import { RECOVERY_POLICY } from '../../domain/recovery/policy';
import type { CaseActivities } from '../contract';
import type { ActivityDeps } from '../deps';
import { readFacts } from './read-case';

const DAY_MS = 86_400_000;

/** A step that is tried again finds the case open, and says so as if it had been the first. */
export const createReopenCase =
  (deps: ActivityDeps): CaseActivities['reopenCase'] =>
  async ({ account, invoice, reason }) => {
    const { db } = deps;
    const ref = { account, invoice };
    const row = await readCase(db, ref);
    const campaign = await readCampaign(db, row.campaign_id);
    const facts = await readFacts(deps, ref);
    if (row.state !== 'exhausted') return facts;
    if (row.held_out)
      throw new RecoupError('invalid_input', `${invoice} is in the control group: never charged.`);
    if (campaign.desired === 'stop')
      throw new RecoupError('invalid_input', `${campaign.id}, which has opened it, was stopped.`);
    if ((await readAccount(db, account)).state === 'disconnected')
      throw new RecoupError('invalid_input', `${account} is disconnected.`);
    const windowEndsAt = new Date(facts.nowMs + campaign.terms.windowDays * DAY_MS);
    const moment = { nowMs: facts.nowMs, policy: RECOVERY_POLICY };
    const event = {
      type: 'reopen',
      because: reason,
      facts: { windowEndsAt: windowEndsAt.toISOString() },
    } as const;
    const record = recordOf(happen(memoryOf(facts), event, moment), moment);
    if (record !== null) await reopenCase(db, ref, { record, windowEndsAt });
    return readFacts(deps, ref);
  };
