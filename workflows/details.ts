/** What ops see of a running workflow: search attributes, and in Markdown state, why, progress, what is parked, what to do. */
import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { ResourceProgress, RunResult } from '../activities/contract';
import { groupThousands } from '../domain/words';
import { SEARCH_ATTRIBUTES } from './contract';

export interface Shown extends Details {
  readonly account: string;
  readonly provider: string;
  readonly attention: boolean;
  readonly nextActionAt: Date | null;
}

/** Returns `show`, which leaves an event in the history only when a search attribute has changed. */
export function display(): (shown: Shown) => void {
  let before = '';
  return (shown) => {
    setCurrentDetails(renderDetails(shown));
    const { account, provider, state, attention, nextActionAt } = shown;
    const now = JSON.stringify([account, provider, state, attention, nextActionAt]);
    if (now === before) return;
    before = now;
    upsertSearchAttributes([
      { key: SEARCH_ATTRIBUTES.account, value: account },
      { key: SEARCH_ATTRIBUTES.provider, value: provider },
      { key: SEARCH_ATTRIBUTES.state, value: state },
      { key: SEARCH_ATTRIBUTES.attention, value: attention },
      { key: SEARCH_ATTRIBUTES.nextActionAt, value: nextActionAt },
    ]);
  };
}

export interface Details {
  readonly title: string;
  readonly state: string;
  readonly because: string;
  readonly next: string;
  readonly run: string | null;
  readonly progress: readonly ResourceProgress[];
  readonly last: RunResult | null;
}

/** The UI takes 20,000 bytes; a reason is cut long before that. */
const REASON_MAX_CHARS = 300;

const cell = (text: string): string =>
  text.slice(0, REASON_MAX_CHARS).replaceAll('|', '\\|').replaceAll('\n', ' ');

export function renderDetails(details: Details): string {
  const { title, state, because, next, run, progress, last } = details;
  const parts = [`### ${title}: ${state}`, because, `**Next:** ${next}`];
  if (run !== null) parts.push(`Run \`${run}\`: see \`recoup runs show ${run}\`.`);
  if (run !== null && progress.length > 0) {
    const rows = progress.map(
      ({ resource, state: at, objects, percent, reason }) =>
        `| ${resource} | ${at} | ${groupThousands(objects)} | ${String(Math.floor(percent))} % | ${cell(reason ?? '')} |`,
    );
    parts.push(
      [
        '| resource | state | objects | read | why |',
        '| --- | --- | --: | --: | --- |',
        ...rows,
      ].join('\n'),
    );
  }
  if (last !== null) {
    parts.push(`Last run \`${last.run}\`, ${last.state}: ${last.summary}`);
    const parked = last.parked.map(({ resource, reason }) => `- ${resource}: ${cell(reason)}`);
    if (parked.length > 0) parts.push(['**Parked:**', ...parked].join('\n'));
  }
  return parts.join('\n\n');
}
