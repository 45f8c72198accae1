import { readAccount } from '../../db/repositories/accounts';
import { readCampaign } from '../../db/repositories/campaigns';
import { listSteered, markPausedByCampaign } from '../../db/repositories/routing';
import type { ActivityDeps } from '../deps';
import type { CampaignActivities } from '../recovery-contract';
import { accountNow } from './account-clock';
import { applyToRow } from './apply-to-row';
import { eachBounded } from './bounded';

const PAGE = 200;

export const createSteerCases =
  (deps: ActivityDeps): CampaignActivities['steerCases'] =>
  async ({ campaign: campaignId, after, what, reason }) => {
    const { db, cases } = deps;
    const { account_id: accountId } = await readCampaign(db, campaignId);
    const page = await listSteered(db, { campaignId, after, what, limit: PAGE });
    const now = await accountNow(deps, await readAccount(db, accountId));
    await eachBounded(page, async ({ invoiceId, heldOut }) => {
      const key = { account: accountId, invoice: invoiceId };
      if (heldOut) {
        await applyToRow(deps, { key, event: { type: 'cancel', because: reason }, now });
        return;
      }
      // Marked before, so that a step which is tried again knows its own.
      if (what === 'pause') await markPausedByCampaign(db, { accountId, invoiceId, paused: true });
      await cases.steer(key, { what, reason });
      if (what === 'resume')
        await markPausedByCampaign(db, { accountId, invoiceId, paused: false });
    });
    const last = page.length < PAGE ? undefined : page.at(-1);
    return { next: last?.invoiceId ?? null, told: page.length };
  };
