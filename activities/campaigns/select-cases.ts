import { readAccount, type Account } from '../../db/repositories/accounts';
import { readCampaign, type Campaign } from '../../db/repositories/campaigns';
import { listCandidates } from '../../db/repositories/candidates';
import { listOpened, openCases, type NewCase } from '../../db/repositories/openings';
import { RULE_EDITION } from '../../domain/recovery/ceilings';
import { happen } from '../../domain/recovery/engine';
import { memoryOf } from '../../domain/recovery/memory';
import { RECOVERY_POLICY } from '../../domain/recovery/policy';
import { REASONS } from '../../domain/recovery/reasons';
import { verdictOf, type Candidate, type Verdict } from '../../domain/recovery/selection';
import type { ActivityDeps } from '../deps';
import type { CampaignActivities, SelectCasesReport } from '../recovery-contract';
import { accountNow } from './account-clock';
import { eachBounded } from './bounded';

const PAGE = 200;
/** Then the step reports, so that ops see the campaign move, and a pause is heeded. */
const PAGES_PER_CALL = 5;
const DAY_MS = 86_400_000;

/** Calling it again for the same page opens nothing more, and starts what an earlier call has not. */
export const createSelectCases =
  (deps: ActivityDeps): CampaignActivities['selectCases'] =>
  async ({ campaign: id, after }) => {
    const campaign = await readCampaign(deps.db, id);
    const account = await readAccount(deps.db, campaign.account_id);
    const now = await accountNow(deps, account);
    let report: SelectCasesReport = { next: after, opened: 0, heldOut: 0, skipped: 0, excluded: 0 };
    for (let page = 0; page < PAGES_PER_CALL; page += 1) {
      report = await selectPage(deps, { campaign, account, now, report });
      if (report.next === null || (await readCampaign(deps.db, id)).desired !== 'run') break;
    }
    return report;
  };

async function selectPage(
  { db, findProvider, cases }: ActivityDeps,
  options: {
    readonly campaign: Campaign;
    readonly account: Account;
    readonly now: Date;
    readonly report: SelectCasesReport;
  },
): Promise<SelectCasesReport> {
  const { campaign, account, now, report } = options;
  const { id: campaignId, terms } = campaign;
  const { readDecline } = findProvider(account.provider);
  const page = await listCandidates(db, { accountId: account.id, after: report.next, limit: PAGE });
  const last = page.at(-1)?.invoiceId;
  if (last === undefined) return { ...report, next: null };
  const judged = page.map((candidate) => ({
    candidate,
    verdict: verdictOf(candidate, { terms, readDecline }),
  }));
  const windowEndsAt = new Date(now.getTime() + terms.windowDays * DAY_MS);
  await openCases(db, {
    accountId: account.id,
    campaignId,
    openedAt: now,
    windowEndsAt,
    cases: judged.flatMap(({ candidate, verdict }) =>
      verdict.kind === 'fit'
        ? newCase(candidate, verdict, { campaign, account, now, windowEndsAt })
        : [],
    ),
  });
  // Also those that an earlier call has opened, and perhaps not started.
  const own = await listOpened(db, { campaignId, after: report.next, upTo: last });
  const started = own.filter(({ heldOut, hasEnded }) => !heldOut && !hasEnded);
  await eachBounded(started, ({ invoiceId }) =>
    cases.start({ account: account.id, invoice: invoiceId }),
  );
  const excluded = judged.filter(({ verdict }) => verdict.kind === 'excluded').length;
  return {
    next: page.length < PAGE ? null : last,
    opened: report.opened + own.length,
    heldOut: report.heldOut + own.filter(({ heldOut }) => heldOut).length,
    skipped: report.skipped + judged.length - excluded - own.length,
    excluded: report.excluded + excluded,
  };
}

const whyHeldOut = ({ isHeldOut }: Candidate, { terms }: Campaign): string =>
  isHeldOut
    ? 'An earlier campaign has drawn it, and that is for good.'
    : `It was drawn by lot, as ${terms.holdoutBp / 100} % of the customers are.`;

/** With its first transitions: those of a workflow follow them. */
function newCase(
  candidate: Candidate,
  { heldOut, decline }: Extract<Verdict, { kind: 'fit' }>,
  of: {
    readonly campaign: Campaign;
    readonly account: Account;
    readonly now: Date;
    readonly windowEndsAt: Date;
  },
): NewCase {
  const { campaign, account, now, windowEndsAt } = of;
  const { invoiceId, customerId, currency, exponent, remainingMinor } = candidate;
  const discovered = memoryOf({
    account: account.id,
    invoice: invoiceId,
    campaign: campaign.id,
    provider: account.provider,
    clock: account.clock,
    state: 'discovered',
    because: '',
    attention: false,
    transitions: 0,
    attempts: 0,
    openAttempt: null,
    nextActionAtMs: null,
    windowEndsAtMs: windowEndsAt.getTime(),
    amountMinor: String(remainingMinor),
    currency,
    desired: 'run',
    recovery: null,
    nowMs: now.getTime(),
  });
  const moment = { nowMs: now.getTime(), policy: RECOVERY_POLICY };
  const facts = { campaign: campaign.id, decline, edition: RULE_EDITION };
  const because = decline === null ? '' : REASONS[decline.reason].merchant;
  const fit = happen(discovered, { type: 'fit', because, facts }, moment);
  const { unrecorded: story } = happen(
    fit,
    heldOut ? { type: 'held_out', because: whyHeldOut(candidate, campaign) } : { type: 'fit' },
    moment,
  );
  return {
    invoiceId,
    customerId,
    currency,
    exponent,
    amountMinor: remainingMinor,
    heldOut,
    declineClass: decline?.class ?? null,
    declineReason: decline?.reason ?? null,
    story,
  };
}
