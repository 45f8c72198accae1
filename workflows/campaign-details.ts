/** What ops see of a campaign in the Temporal UI, in Markdown. */
import type { CampaignFacts } from '../activities/contract';
import { countOf, formatMinor, groupThousands } from '../domain/words';
import { END } from './details';

const NEXT: Record<CampaignFacts['state'], string> = {
  selecting: 'it opens the rest of its cases; `pause` and `stop` work meanwhile.',
  running: 'its cases live their own lives; `pause` halts them all, `stop` ends them.',
  paused: '`resume` goes on where it was paused; `stop` ends its cases.',
  stopped: 'nothing.',
  done: 'nothing.',
};

/** `trouble`: what failed last, in words. */
export function campaignDetails(
  shown: CampaignFacts & { readonly trouble: string | null },
): string {
  const { campaign, account, state, because, desired, cases, open, heldOut, attention } = shown;
  const stopping = desired === 'stop' && state !== 'stopped';
  const next = stopping ? 'its cases end after what is in flight.' : NEXT[state];
  const counts = [
    `${countOf(cases, 'case')}, ${groupThousands(open)} open`,
    ...(heldOut > 0 ? [`${groupThousands(heldOut)} in the control group`] : []),
    ...(attention > 0 ? [`**${groupThousands(attention)} need a person**`] : []),
  ];
  return [
    `### Campaign ${campaign} of ${account}: ${stopping ? 'stopping' : state}`,
    because,
    ...(shown.trouble === null ? [] : [`**A step failed and is tried again:** ${shown.trouble}`]),
    `**Next:** ${next}`,
    `${counts.join(', ')}. See \`recoup campaigns show ${campaign}\`.`,
    table(
      ['state', '> cases'],
      shown.states.map((each) => [each.state, groupThousands(each.cases)]),
    ),
    table(
      ['recovered', 'class', '> cases', '> net'],
      shown.recovered.map(({ currency, exponent, declineClass, cases: many, netMinor }) => [
        currency,
        declineClass,
        groupThousands(many),
        formatMinor(BigInt(netMinor), exponent),
      ]),
    ),
    table(
      ['next', 'invoice', 'state'],
      shown.next.map(({ at, invoice, state: of }) => [at, `\`${invoice}\``, of]),
    ),
    END,
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** Heads that begin with `> ` are of numbers. Without rows it is empty. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const names = heads.map((head) => head.replace('> ', ''));
  const rule = heads.map((head) => (head.startsWith('> ') ? '--:' : '---'));
  return [names, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
