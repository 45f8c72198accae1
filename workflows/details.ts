/** What ops see of a running workflow: search attributes, and in Markdown state, why, progress, what is parked, what to do. */
import { setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { ResourceProgress, RunResult } from '../activities/contract';
import { countOf, groupThousands } from '../domain/words';
import { SEARCH_ATTRIBUTES } from './contract';

export interface Shown extends Details {
  readonly account: string;
  /** Null as long as nobody has said. */
  readonly provider: string | null;
  readonly attention: boolean;
  readonly nextActionAt: Date | null;
  /** Whether the search attributes follow, too. */
  readonly searchable: boolean;
}

/** Returns `show`, which leaves an event in the history only when a search attribute has changed, over continue-as-new too. */
export function display(): (shown: Shown) => void {
  return (shown) => {
    setCurrentDetails(renderDetails(shown));
    if (shown.searchable) indexAs(shown);
  };
}

export interface Indexed {
  readonly account: string;
  readonly provider: string | null;
  readonly state: string;
  readonly attention: boolean;
  readonly nextActionAt: Date | null;
  /** Left out where it is not about one sum. */
  // eslint-disable-next-line no-restricted-syntax -- Temporal's search attributes have no bigint; nothing is computed from them.
  readonly amountMinor?: number;
}

/** What ops search by; says nothing where nothing has changed. */
export function indexAs(shown: Indexed): void {
  const { account, provider, state, attention, nextActionAt, amountMinor } = shown;
  const keys = SEARCH_ATTRIBUTES;
  const pairs = [
    { key: keys.account, value: account },
    { key: keys.provider, value: provider },
    { key: keys.state, value: state },
    { key: keys.attention, value: attention },
    { key: keys.nextActionAt, value: nextActionAt },
    ...(amountMinor === undefined ? [] : [{ key: keys.amountMinor, value: amountMinor }]),
  ];
  const { typedSearchAttributes: known } = workflowInfo();
  const before = pairs.map(({ key }) => known.get(key) ?? null);
  if (JSON.stringify(before) === JSON.stringify(pairs.map(({ value }) => value))) return;
  upsertSearchAttributes(pairs);
}

export interface Details {
  readonly title: string;
  readonly state: string;
  readonly because: string;
  readonly next: string;
  /** Whole sentences. */
  readonly notes: readonly string[];
  readonly run: string | null;
  readonly progress: readonly ResourceProgress[];
  /** Objects a second by resource, as far as they are known. */
  readonly rates: ReadonlyMap<string, number>;
  readonly last: RunResult | null;
  /** Resources that were left aside and that an Update can take up again. */
  readonly aside: readonly string[];
}

/** The UI takes 20,000 bytes. All reasons together get a part of it, three bytes to a character at most. */
const REASONS_MAX_CHARS = 5_000;
const REASON_MAX_CHARS = 300;

/** The UI's frame is a line shorter than what it shows: a rule at the end is what it cuts off. */
export const END = '---';

const cell = (text: string, maxChars: number): string =>
  text.slice(0, maxChars).replaceAll('|', '\\|').replaceAll('\n', ' ');

export function renderDetails(details: Details): string {
  const { title, state, because, next, notes, run, progress, rates, last, aside } = details;
  const parts = [`### ${title}: ${state}`, because, `**Next:** ${next}`, ...notes];
  if (run !== null) {
    const speed = rates.size === 0 ? '' : `, ${perSecond(sum(rates.values()))} a second`;
    const read = progress.length === 0 ? '' : `: ${total(progress)} read${speed}`;
    parts.push(`Run \`${run}\`${read}. See \`recoup runs show ${run}\`.`);
    if (progress.length > 0) parts.push(table(progress, rates));
  }
  if (last !== null) {
    // What has just ended is the reason of the state already.
    const summary = because.includes(last.summary) ? '' : ` ${last.summary}`;
    parts.push(`Last run \`${last.run}\`: ${last.state}.${summary}`);
    const maxChars = reasonChars(last.parked.length);
    const reasons = last.parked.map(
      ({ resource, reason }) => `- ${resource}: ${cell(reason, maxChars)}`,
    );
    if (reasons.length > 0) parts.push('**Parked:**', reasons.join('\n'));
  }
  parts.push(...steering(aside), END);
  return parts.join('\n\n');
}

function table(progress: readonly ResourceProgress[], rates: Details['rates']): string {
  const maxChars = reasonChars(progress.length);
  const rows = progress.map(({ resource, state, objects, left, percent, reason }) =>
    [
      resource,
      state,
      groupThousands(objects),
      perSecond(rates.get(resource)),
      left === null || left === undefined ? '' : groupThousands(left),
      `${String(Math.floor(percent))} %`,
      cell(reason ?? '', maxChars),
    ].join(' | '),
  );
  return [
    'resource | state | objects | a second | left | read | why',
    '--- | --- | --: | --: | --: | --: | ---',
    ...rows,
  ]
    .map((row) => `| ${row} |`)
    .join('\n');
}

/** What somebody can do about resources that are parked or skipped, to be pasted into the UI as it stands. */
function steering(resources: readonly string[]): string[] {
  const [first] = resources;
  if (first === undefined) return [];
  const json = JSON.stringify({ resource: first });
  return [
    `**Left aside:** ${resources.join(', ')}. Update \`retry\` with \`${json}\` tries it again, \`{}\` all of them; \`skip\` with \`${json}\` leaves it out.`,
  ];
}

export const asideIn = (progress: readonly ResourceProgress[]): string[] =>
  progress
    .filter(({ state }) => state === 'parked' || state === 'skipped')
    .map(({ resource }) => resource);

const reasonChars = (reasons: number): number =>
  Math.min(REASON_MAX_CHARS, Math.floor(REASONS_MAX_CHARS / Math.max(1, reasons)));

const perSecond = (rate: number | undefined): string =>
  rate === undefined ? '' : groupThousands(Math.round(rate));

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((a, b) => a + b, 0);

const total = (progress: readonly ResourceProgress[]): string =>
  countOf(sum(progress.map(({ objects }) => objects)), 'object');
