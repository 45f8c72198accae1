/** The demo's campaign: failed payments of the simulated account, recovered while simulated time passes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { setRecovery, readAccount } from '../../db/repositories/accounts';
import {
  countUnmapped,
  createCampaign,
  isSelecting,
  listCampaigns,
  readCampaign,
  reportCampaign,
  type Campaign,
} from '../../db/repositories/campaigns';
import { listWaiting } from '../../db/repositories/cases';
import { DEFAULT_TERMS, type CampaignTerms } from '../../domain/recovery/terms';
import { countOf } from '../../domain/words';
import type { CampaignReport } from '../campaign-report';
import { campaignLine, readCampaignView, renderCampaign } from '../campaign-view';
import { assessAll, keyOf } from './campaigns';
import { startSync } from './sync';
import type { Context } from '../context';
import { PATIENCE_MS } from '../follow';
import { formatInstant, say, type Paint } from '../output';
import type { Simulator } from '../simulator';
import { SimulatedTime } from '../simulated-time';
import { watch } from '../watch';

/** A campaign looks for the end of its last case after a tenth of its age. */
const END_LIMIT_MS = 15_000;
const POLL_MS = 200;
const NEWEST_CAMPAIGNS = 20;
/** Two weeks show as much as four, in half the time. */
const TERMS: CampaignTerms = { ...DEFAULT_TERMS, windowDays: 14 };

interface Stage {
  readonly account: string;
  readonly simulator: Simulator;
  readonly stream: NodeJS.WriteStream;
  readonly paint: Paint;
  readonly width: number;
}

/** Runs a campaign to its end, an earlier one that was interrupted if there is any; null when no payment is left to recover. */
export async function recoverPayments(
  context: Context,
  stage: Stage,
): Promise<CampaignReport | null> {
  const { db } = context;
  const { account, simulator, stream } = stage;
  await setRecovery(db, account, { clock: 'simulated', provider_retries: 'off' });
  await simulator.stopRetries();
  const campaign = (await interrupted(context, account)) ?? (await begin(context, account));
  if (campaign === null) return null;

  const temporal = await context.temporal();
  const time = new SimulatedTime({ db, temporal, simulator, accountId: account });
  let over = false;
  const passing = async (): Promise<void> => {
    await time.pass();
    // What came in is read as any sync reads it, and the control group is judged by that.
    const { end } = await startSync(context, { account, reason: 'The campaign.', quiet: true });
    await end({ patienceMs: PATIENCE_MS });
    await ended(context, campaign);
  };
  await Promise.all([
    passing().finally(() => {
      over = true;
    }),
    watch(
      async () => {
        const isLast = over;
        const [view, now] = [await readCampaignView(db, campaign.id), await simulator.now()];
        const clock = `Simulated time  ${stage.paint.cyan(formatInstant(now))}`;
        return {
          drawn: `${clock}\n${renderCampaign(view, stage)}`,
          line: `${formatInstant(now)}  ${campaignLine(view)}`,
          ended: isLast,
        };
      },
      { onInterrupt: `Stopped; ${campaign.id} goes on with the next \`npm start\`.`, stream },
    ),
  ]);
  return {
    campaign: await readCampaign(db, campaign.id),
    groups: await reportCampaign(db, campaign.id),
    unmapped: await countUnmapped(db, campaign.id),
  };
}

async function interrupted({ db }: Context, accountId: string): Promise<Campaign | null> {
  const isOver = (await listWaiting(db, accountId)).length === 0;
  if (isOver && !(await isSelecting(db, accountId))) return null;
  const campaigns = await listCampaigns(db, { accountId, limit: NEWEST_CAMPAIGNS });
  const going = campaigns.find(({ desired, ended_at }) => desired === 'run' && ended_at === null);
  if (going === undefined) return null;
  say(`Going on with ${going.id}, which an earlier start has left.\n`);
  return going;
}

async function begin({ db, temporal }: Context, accountId: string): Promise<Campaign | null> {
  const { fit } = await assessAll(db, await readAccount(db, accountId), TERMS);
  if (fit === 0) return null;
  say(`${countOf(fit, 'invoice')} whose payment has failed; simulated time passes meanwhile.\n`);
  const campaign = await createCampaign(db, { accountId, terms: TERMS });
  await (await temporal()).startCampaign(keyOf(campaign));
  return campaign;
}

/** Until its row says so; what its cases have come to is true before. */
async function ended({ db }: Context, { id }: Campaign): Promise<void> {
  const deadlineMs = performance.now() + END_LIMIT_MS;
  while ((await readCampaign(db, id)).ended_at === null && performance.now() < deadlineMs)
    await sleep(POLL_MS);
}
