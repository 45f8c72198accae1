/** What a campaign has brought: by currency and class, by whom, with the control group beside it. */
import type { countUnmapped } from '../db/repositories/campaigns';
import { type Campaign, type ReportGroup } from '../db/repositories/campaigns';
import { formatMinor } from '../domain/words';
import { formatCount, renderTable, type Column, type Paint } from './output';

export interface CampaignReport {
  readonly campaign: Pick<Campaign, 'id' | 'account_id' | 'state'>;
  readonly groups: readonly ReportGroup[];
  readonly unmapped: Awaited<ReturnType<typeof countUnmapped>>;
}

const moneyOf = (grossMinor: bigint, reversedMinor: bigint) => ({
  grossMinor,
  reversedMinor,
  netMinor: grossMinor - reversedMinor,
});

const sideJson = (group: ReportGroup) => ({
  cases: group.cases,
  open: group.open,
  recoveredCases: group.recoveredCases,
  amountMinor: group.amountMinor,
  ...moneyOf(group.grossMinor, group.reversedMinor),
});

/** A group with its control group beside it; either may be missing. */
interface Pair {
  readonly currency: string;
  readonly exponent: number;
  readonly declineClass: string;
  readonly treated: ReportGroup | null;
  readonly heldOut: ReportGroup | null;
}

function pairsOf(groups: readonly ReportGroup[]): Pair[] {
  const pairs = new Map<string, Pair>();
  for (const group of groups) {
    const { currency, exponent, declineClass } = group;
    const key = `${currency} ${declineClass}`;
    const pair = pairs.get(key) ?? {
      currency,
      exponent,
      declineClass,
      treated: null,
      heldOut: null,
    };
    pairs.set(key, { ...pair, [group.heldOut ? 'heldOut' : 'treated']: group });
  }
  return [...pairs.values()];
}

export function reportJson({ campaign, groups, unmapped }: CampaignReport) {
  return {
    campaign: campaign.id,
    account: campaign.account_id,
    state: campaign.state,
    open: groups.reduce((sum, { open }) => sum + open, 0),
    groups: pairsOf(groups).map(({ currency, exponent, declineClass, treated, heldOut }) => ({
      currency,
      exponent,
      class: declineClass,
      ...(treated && {
        ...sideJson(treated),
        attempts: treated.attempts,
        by: {
          us: moneyOf(treated.usMinor, treated.usReversedMinor),
          elsewhere: moneyOf(treated.elsewhereMinor, treated.elsewhereReversedMinor),
          provider: moneyOf(treated.providerMinor, treated.providerReversedMinor),
        },
      }),
      holdout: heldOut && sideJson(heldOut),
    })),
    unmappedCodes: {
      count: unmapped.reduce((sum, { times }) => sum + times, 0),
      codes: unmapped,
    },
  };
}

const HELD_OUT =
  'Held out: customers of the control group, who are watched and never charged. Paid anyway: what they paid without us.';

const right = (head: string): Column => ({ head, align: 'right' });

export function renderReport(
  { groups, unmapped }: CampaignReport,
  look: { readonly paint: Paint; readonly width: number },
): string {
  const pairs = pairsOf(groups);
  const cases = pairs.map(({ currency, declineClass, treated, heldOut }) => [
    currency,
    declineClass,
    formatCount(treated?.cases ?? 0),
    formatCount(treated?.open ?? 0),
    formatCount(treated?.attempts ?? 0),
    shareOf(treated),
    formatCount(heldOut?.cases ?? 0),
    shareOf(heldOut),
  ]);
  const money = pairs.flatMap(({ currency, exponent, declineClass, treated }) => {
    // Nothing that came in needs no row of noughts.
    if (treated === null || treated.grossMinor === 0n) return [];
    const amount = (minor: bigint): string => formatMinor(minor, exponent);
    return [
      [
        currency,
        declineClass,
        amount(treated.grossMinor),
        amount(treated.reversedMinor),
        look.paint.bold(amount(treated.grossMinor - treated.reversedMinor)),
        amount(treated.usMinor - treated.usReversedMinor),
        amount(treated.elsewhereMinor - treated.elsewhereReversedMinor),
        amount(treated.providerMinor - treated.providerReversedMinor),
      ],
    ];
  });
  return [
    renderTable(
      [
        { head: 'Currency' },
        { head: 'Class' },
        ...['Cases', 'Open', 'Attempts', 'Recovered', 'Held out', 'Paid anyway'].map(right),
      ],
      cases,
      look,
    ),
    HELD_OUT,
    renderTable(
      [
        { head: 'Currency' },
        { head: 'Class' },
        ...['Came in', 'Taken back', 'Net', 'By us', 'Elsewhere', 'Provider'].map(right),
      ],
      money,
      look,
    ),
    unmapped.length === 0
      ? 'Unmapped codes: none.'
      : `Unmapped codes: ${unmapped.map(({ code, times }) => `${code} (${formatCount(times)})`).join(', ')}.`,
  ]
    .filter((block) => block !== '')
    .join('\n\n');
}

/** Of cases, to a tenth of a percent. */
function shareOf(group: ReportGroup | null): string {
  if (group === null || group.cases === 0) return '–';
  return `${((group.recoveredCases * 100) / group.cases).toFixed(1)} %`;
}
