import { readAccount } from '../../db/repositories/accounts';
import {
  countByState,
  countCases,
  listNextActions,
  readCampaign,
  reportCampaign,
  setCampaign,
} from '../../db/repositories/campaigns';
import type { ActivityDeps } from '../deps';
import type { CampaignActivities, CampaignFacts } from '../recovery-contract';

/** What fits into the details of a workflow. */
const SHOWN_NEXT = 5;
const SHOWN_GROUPS = 20;

export const createReadCampaign =
  ({ db }: Pick<ActivityDeps, 'db'>): CampaignActivities['readCampaign'] =>
  async ({ campaign: campaignId }) => {
    const campaign = await readCampaign(db, campaignId);
    const [{ provider }, counts, states, groups, next] = await Promise.all([
      readAccount(db, campaign.account_id),
      countCases(db, campaignId),
      countByState(db, campaignId),
      reportCampaign(db, campaignId),
      listNextActions(db, { campaignId, limit: SHOWN_NEXT }),
    ]);
    const recovered: CampaignFacts['recovered'] = groups
      .filter(({ heldOut, recoveredCases }) => !heldOut && recoveredCases > 0)
      .sort((a, b) => b.recoveredCases - a.recoveredCases)
      .slice(0, SHOWN_GROUPS)
      .map(({ currency, exponent, declineClass, recoveredCases, grossMinor, reversedMinor }) => ({
        currency,
        exponent,
        declineClass,
        cases: recoveredCases,
        netMinor: String(grossMinor - reversedMinor),
      }));
    return {
      campaign: campaignId,
      account: campaign.account_id,
      provider,
      state: campaign.state,
      desired: campaign.desired,
      because: campaign.because,
      selected: campaign.selected_at !== null,
      ...counts,
      states,
      recovered,
      next: next.map(({ invoiceId, state, at }) => ({
        invoice: invoiceId,
        state,
        at: at.toISOString(),
      })),
    };
  };

export const createSetCampaign =
  ({ db }: Pick<ActivityDeps, 'db'>): CampaignActivities['setCampaign'] =>
  ({ campaign, ...change }) =>
    setCampaign(db, campaign, change);
