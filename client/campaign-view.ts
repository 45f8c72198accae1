/** Campaigns as people and programs read them. */
import type { Kysely } from 'kysely';
import {
  countByState,
  countCases,
  listNextActions,
  readCampaign,
  reportCampaign,
  type Campaign,
  type CaseCounts,
  type NextAction,
  type ReportGroup,
} from '../db/repositories/campaigns';
import type { Database } from '../db/schema';
import { TERMINAL_STATES, type CaseState } from '../domain/recovery/states';
import { countOf, formatMinor } from '../domain/words';
import { formatCount, formatInstant, renderTable, type Paint } from './output';

/** What comes next that a view shows. */
const SHOWN_NEXT = 8;

export interface CampaignView {
  readonly campaign: Campaign;
  readonly counts: CaseCounts;
  readonly states: readonly { readonly state: CaseState; readonly cases: number }[];
  readonly groups: readonly ReportGroup[];
  readonly next: readonly NextAction[];
}

/** Errors: invalid_input for a campaign that does not exist. */
export async function readCampaignView(
  db: Kysely<Database>,
  campaignId: string,
): Promise<CampaignView> {
  const campaign = await readCampaign(db, campaignId);
  const [counts, states, groups, next] = await Promise.all([
    countCases(db, campaignId),
    countByState(db, campaignId),
    reportCampaign(db, campaignId),
    listNextActions(db, { campaignId, limit: SHOWN_NEXT }),
  ]);
  return { campaign, counts, states, groups, next };
}

export const campaignHeadJson = (campaign: Campaign) => ({
  campaign: campaign.id,
  account: campaign.account_id,
  state: campaign.state,
  desired: campaign.desired,
  because: campaign.because,
  terms: campaign.terms,
  attemptsMade: campaign.attempts_made,
  startedAt: campaign.started_at,
  endedAt: campaign.ended_at,
});

export const campaignJson = ({ campaign, counts, states, groups, next }: CampaignView) => ({
  ...campaignHeadJson(campaign),
  ...counts,
  states,
  recovered: groups
    .filter(({ heldOut, recoveredCases }) => !heldOut && recoveredCases > 0)
    .map(({ currency, exponent, declineClass, recoveredCases, grossMinor, reversedMinor }) => ({
      currency,
      exponent,
      class: declineClass,
      cases: recoveredCases,
      grossMinor,
      reversedMinor,
      netMinor: grossMinor - reversedMinor,
    })),
  next,
});

interface Look {
  readonly paint: Paint;
  readonly width: number;
}

/** What is wanted of it says more than its state while it is being stopped. */
export const shownState = ({ state, desired }: Pick<Campaign, 'state' | 'desired'>): string =>
  desired === 'stop' && state !== 'stopped' ? 'stopping' : state;

export const paintCampaignState = (paint: Paint, state: string): string =>
  state === 'done'
    ? paint.green(state)
    : state === 'paused'
      ? paint.yellow(state)
      : paint.cyan(state);

export function renderCampaign(view: CampaignView, look: Look): string {
  const { campaign, counts, states, groups, next } = view;
  const { paint } = look;
  const { cases, open, heldOut, attention } = counts;
  const facts = [
    ['Campaign', `${campaign.id} of ${campaign.account_id}`],
    ['State', paintCampaignState(paint, shownState(campaign))],
    ['Why', campaign.because],
    ['Started', formatInstant(campaign.started_at)],
    ['Ended', formatInstant(campaign.ended_at)],
    [
      'Cases',
      `${formatCount(cases)}, ${formatCount(open)} open, ${formatCount(heldOut)} in the control group`,
    ],
    ...(attention > 0
      ? [
          [
            'Attention',
            paint.yellow(
              `${countOf(attention, 'case')} ${attention === 1 ? 'needs' : 'need'} a person: recoup recoveries list --campaign ${campaign.id} --attention`,
            ),
          ],
        ]
      : []),
  ];
  return [
    renderTable([{ head: '' }, { head: '' }], facts, look).trimStart(),
    renderStates(states, look),
    renderRecovered(groups, look),
    renderTable(
      [{ head: 'Next' }, { head: 'Invoice' }, { head: 'State' }],
      next.map(({ at, invoiceId, state }) => [formatInstant(at), invoiceId, words(state)]),
      look,
    ),
  ]
    .filter((block) => block !== '')
    .join('\n\n');
}

const LONGEST_BAR = 24;

function renderStates(states: CampaignView['states'], look: Look): string {
  const most = Math.max(1, ...states.map(({ cases }) => cases));
  const rows = states.map(({ state, cases }) => [
    paintCase(look.paint, state),
    formatCount(cases),
    look.paint.dim('▇'.repeat(Math.max(1, Math.round((cases / most) * LONGEST_BAR)))),
  ]);
  return renderTable(
    [{ head: 'State' }, { head: 'Cases', align: 'right' }, { head: '' }],
    rows,
    look,
  );
}

function renderRecovered(groups: CampaignView['groups'], look: Look): string {
  const rows = groups
    .filter(({ heldOut, recoveredCases }) => !heldOut && recoveredCases > 0)
    .map(({ currency, declineClass, recoveredCases, grossMinor, reversedMinor, exponent }) => [
      currency,
      declineClass,
      formatCount(recoveredCases),
      look.paint.green(formatMinor(grossMinor - reversedMinor, exponent)),
    ]);
  return renderTable(
    [
      { head: 'Recovered' },
      { head: 'Class' },
      { head: 'Cases', align: 'right' },
      { head: 'Net', align: 'right' },
    ],
    rows,
    look,
  );
}

/** `awaiting_customer` is `awaiting customer`. */
export const words = (state: string): string => state.replaceAll('_', ' ');

export function paintCase(paint: Paint, state: CaseState): string {
  const text = words(state);
  if (state.startsWith('recovered') || state === 'partially_recovered') return paint.green(text);
  if (state === 'needs_human' || state === 'unknown' || state === 'reversed')
    return paint.yellow(text);
  return (TERMINAL_STATES as readonly CaseState[]).includes(state) ? paint.dim(text) : text;
}

/** One line for where no terminal redraws. */
export const campaignLine = ({ campaign, counts, states }: CampaignView): string => {
  const byState = states.map(({ state, cases }) => `${formatCount(cases)} ${words(state)}`);
  const all = `${countOf(counts.cases, 'case')}, ${formatCount(counts.open)} open`;
  return `${campaign.id} is ${shownState(campaign)}: ${[all, byState.join(', ')].filter(Boolean).join('; ')}`;
};
