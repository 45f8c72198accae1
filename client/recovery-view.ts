/** Recovery cases as people and programs read them. */
import type {
  Recovery,
  RecoveryAttempt,
  RecoveryTransition,
  Story,
} from '../db/repositories/recoveries';
import { recoveryWorkflowId } from '../workflows/contract';
import { basisOf } from '../domain/recovery/basis';
import { countOf, formatMinor, sentences } from '../domain/words';
import { paintCase, words } from './campaign-view';
import { workflowLink, type Ui } from './links';
import { formatInstant, renderTable, type Paint } from './output';

interface Look {
  readonly paint: Paint;
  readonly width: number;
}

const amountOf = (minor: bigint, { exponent, currency }: Pick<Recovery, 'exponent' | 'currency'>) =>
  `${formatMinor(minor, exponent)} ${currency.toUpperCase()}`;

export const recoveryJson = (row: Recovery) => ({
  account: row.account_id,
  invoice: row.invoice_id,
  campaign: row.campaign_id,
  customer: row.customer_id,
  state: row.state,
  because: row.because,
  attention: row.attention,
  desired: row.desired,
  heldOut: row.held_out,
  currency: row.currency,
  exponent: row.exponent,
  amountMinor: row.amount_minor,
  class: row.decline_class,
  reason: row.decline_reason,
  attempts: row.attempts,
  nextActionAt: row.next_action_at,
  windowEndsAt: row.window_ends_at,
  recovered: row.recovered_by && {
    by: row.recovered_by,
    grossMinor: row.recovered_minor,
    reversedMinor: row.reversed_minor,
    netMinor: row.recovered_minor - row.reversed_minor,
    charge: row.recovered_charge_id,
    at: row.recovered_at,
  },
  paymentPage: row.payment_page_url,
  openedAt: row.opened_at,
  endedAt: row.ended_at,
});

/** Of an instant, as far as the minutes. */
const MINUTES = '2026-11-21 09:29'.length;

export function renderRecoveries(rows: readonly Recovery[], look: Look): string {
  return renderTable(
    [
      { head: 'Invoice' },
      { head: 'State' },
      { head: 'Amount', align: 'right' },
      { head: 'Attempts', align: 'right' },
      { head: 'Next' },
      { head: 'Why' },
    ],
    rows.map((row) => [
      row.attention ? look.paint.yellow(`! ${row.invoice_id}`) : row.invoice_id,
      `${paintCase(look.paint, row.state)}${row.held_out && row.state !== 'holdout' ? ', held out' : ''}`,
      amountOf(row.amount_minor, row),
      String(row.attempts),
      formatInstant(row.next_action_at).slice(0, MINUTES),
      row.attention ? row.because : words(row.decline_reason ?? ''),
    ]),
    look,
  );
}

/** How it stands, what a person can do, and where to look. */
export function renderRecovery(
  row: Recovery,
  { ui, hasOpenAttempt, ...look }: Look & { readonly ui: Ui; readonly hasOpenAttempt: boolean },
): string {
  const { account_id: accountId, invoice_id: invoiceId, recovered_by: by } = row;
  const workflowId = recoveryWorkflowId({ accountId, invoiceId });
  const facts = [
    ['Invoice', `${invoiceId} of ${accountId}, ${amountOf(row.amount_minor, row)}`],
    ['State', paintCase(look.paint, row.state)],
    ['Why', row.because],
    ['Campaign', row.held_out ? `${row.campaign_id}, in the control group` : row.campaign_id],
    ...(row.decline_class === null
      ? []
      : [['Last decline', `${row.decline_class}: ${words(row.decline_reason ?? 'unknown')}`]]),
    ['Attempts', String(row.attempts)],
    ...(row.ended_at === null
      ? [
          ['Next', formatInstant(row.next_action_at)],
          ['Window', `until ${formatInstant(row.window_ends_at)}`],
        ]
      : [['Ended', formatInstant(row.ended_at)]]),
    ...(by === null ? [] : [['Recovered', moneyLine(row)]]),
    ...todoOf(row, hasOpenAttempt).map((command) => [
      row.ended_at === null ? 'To do' : 'You can',
      look.paint.yellow(command),
    ]),
  ];
  return [
    renderTable([{ head: '' }, { head: '' }], facts, look).trimStart(),
    // A table would cut what is wider than it.
    ...(row.payment_page_url === null ? [] : [`Payment page  ${row.payment_page_url}`]),
    ...(row.held_out ? [] : [`Temporal UI   ${workflowLink(ui, { workflowId })}`]),
  ].join('\n');
}

function moneyLine(row: Recovery): string {
  const whose = { us: 'by us', elsewhere: 'elsewhere', provider: 'by the provider’s own retry' };
  const taken =
    row.reversed_minor > 0n ? `, ${amountOf(row.reversed_minor, row)} taken back since` : '';
  const how = row.recovered_by === null ? '' : ` ${whose[row.recovered_by]}`;
  return `${amountOf(row.recovered_minor, row)}${how}${taken}`;
}

function todoOf(
  { state, desired, held_out: heldOut, ...row }: Recovery,
  hasOpenAttempt: boolean,
): string[] {
  const { account_id: account, invoice_id: id } = row;
  const ask = (verb: string): string[] => [`recoup recoveries ${verb}`];
  switch (state) {
    case 'needs_human':
      return ask(
        hasOpenAttempt
          ? `resolve ${id} --outcome succeeded|declined|absent --reason "…"`
          : `resume ${id}`,
      );
    case 'paused':
      return desired === 'run' ? [`recoup accounts resume ${account}`] : ask(`resume ${id}`);
    case 'exhausted':
      return heldOut ? [] : ask(`reopen ${id} --reason "…"`);
    default:
      return [];
  }
}

type Chapter =
  | { readonly at: Date; readonly transition: RecoveryTransition }
  | { readonly at: Date; readonly attempt: RecoveryAttempt };

/** In the order in which it happened: an attempt stands before the first decision that speaks of its outcome. */
export function chaptersOf({ transitions, attempts }: Story): Chapter[] {
  const left = [...attempts];
  const chapters: Chapter[] = [];
  for (const transition of transitions) {
    const told = left.findIndex(({ number }) => number === transition.facts?.['attempt']);
    for (const attempt of told === -1 ? [] : left.splice(0, told + 1)) {
      chapters.push({ at: attempt.intended_at, attempt });
    }
    chapters.push({ at: transition.at, transition });
  }
  return [...chapters, ...left.map((attempt) => ({ at: attempt.intended_at, attempt }))];
}

export const storyJson = (row: Recovery, story: Story) => ({
  ...recoveryJson(row),
  story: chaptersOf(story).map((chapter) =>
    'transition' in chapter
      ? {
          at: chapter.at,
          kind: 'decision',
          from: chapter.transition.from_state,
          event: chapter.transition.event,
          to: chapter.transition.to_state,
          because: chapter.transition.because,
          facts: chapter.transition.facts,
        }
      : { at: chapter.at, kind: 'attempt', ...attemptJson(chapter.attempt) },
  ),
});

export const attemptJson = (attempt: RecoveryAttempt) => ({
  number: attempt.number,
  state: attempt.state,
  amountMinor: attempt.amount_minor,
  currency: attempt.currency,
  network: attempt.network,
  country: attempt.country,
  credential: attempt.credential_id,
  idempotencyKey: attempt.idempotency_key,
  requestId: attempt.request_id,
  charge: attempt.charge_id,
  settledBy: attempt.settled_by,
  settledAt: attempt.settled_at,
  note: attempt.note,
  decline: attempt.decline,
  decision: attempt.decision,
});

const INDENT = '    ';
const WIDEST = 110;

/** The whole story as paragraphs, which read the same on any terminal. */
export function renderStory(row: Recovery, story: Story, look: Look): string {
  const { paint } = look;
  const width = Math.min(look.width, WIDEST);
  const indented = (text: string): string => wrap(text, width - INDENT.length, INDENT);
  const head = [
    paint.bold(`${row.invoice_id} of ${row.account_id}: ${words(row.state)}`),
    wrap(
      sentences(
        `${amountOf(row.amount_minor, row)} were due when ${row.campaign_id} opened it`,
        row.recovered_by === null ? '' : `Recovered: ${moneyLine(row)}`,
        row.ended_at === null && row.next_action_at !== null
          ? `Next at ${shortly(row.next_action_at)}`
          : '',
      ),
      width,
      '',
    ),
  ].join('\n');
  const paragraphs = gathered(chaptersOf(story)).map(({ chapter, repeats, lastAt }) => {
    const when = paint.dim(shortly(chapter.at));
    if ('attempt' in chapter) {
      const lines = attemptLines(chapter.attempt, row).map(indented);
      return [`${when}  ${paint.cyan(`attempt ${chapter.attempt.number}`)}`, ...lines].join('\n');
    }
    const { to_state: to, because, facts } = chapter.transition;
    const again =
      repeats === 0
        ? ''
        : `The same ${countOf(repeats, 'time')} more, the last at ${shortly(lastAt)}`;
    const basis = basisOf(facts);
    return [
      `${when}  ${paint.bold(TITLES[to] ?? words(to))}`,
      indented(sentences(because, again)),
      ...(basis === '' ? [] : [paint.dim(indented(sentences(capital(basis))))]),
    ].join('\n');
  });
  return [head, ...paragraphs].join('\n\n');
}

/** What the steps of a case are called in its story, where the name of its state says too little. */
const TITLES: Readonly<Record<string, string>> = {
  eligibility: 'found fit',
  holdout: 'in the control group',
  planning: 'to be planned',
  precheck: 'being checked',
  charging: 'being tried',
  unknown: 'outcome unknown',
  pending_settlement: 'being settled',
};

/** Seconds say nothing in a story of weeks; whoever needs them has `--json`. */
const shortly = (at: Date): string => formatInstant(at).slice(0, MINUTES);
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

interface Gathered {
  readonly chapter: Chapter;
  /** How often the same was said again right after. */
  readonly repeats: number;
  readonly lastAt: Date;
}

/** One paragraph for what is said again and again, as of lookups that prove nothing. */
function gathered(chapters: readonly Chapter[]): Gathered[] {
  const told: Gathered[] = [];
  for (const chapter of chapters) {
    const last = told.at(-1);
    if (last !== undefined && isSame(last.chapter, chapter)) {
      told[told.length - 1] = { ...last, repeats: last.repeats + 1, lastAt: chapter.at };
    } else told.push({ chapter, repeats: 0, lastAt: chapter.at });
  }
  return told;
}

const isSame = (one: Chapter, other: Chapter): boolean =>
  'transition' in one &&
  'transition' in other &&
  one.transition.to_state === other.transition.to_state &&
  one.transition.because === other.transition.because &&
  basisOf(one.transition.facts) === basisOf(other.transition.facts);

function attemptLines(attempt: RecoveryAttempt, row: Recovery): string[] {
  const card = [attempt.network, attempt.country].filter((part) => part !== null).join(', ');
  const { decline, settled_by: settledBy, request_id: request, charge_id: charge } = attempt;
  const source = decline?.by ? ` (${words(decline.by.vocabulary)}: ${words(decline.by.code)})` : '';
  const outcome = [
    OUTCOMES[attempt.state],
    decline === null ? '' : `: ${words(decline.reason)}${source}`,
    settledBy === null ? '' : SHOWN_BY[settledBy],
  ].join('');
  const amount = amountOf(attempt.amount_minor, { ...row, currency: attempt.currency });
  return [
    ...(attempt.credential_id === ''
      ? []
      : [`${amount} with ${attempt.credential_id}${card === '' ? '' : ` (${card})`}.`]),
    `${outcome}.`,
    [
      request === null ? 'No request id is known' : `Request ${request}`,
      charge === null ? 'no charge is known' : `charge ${charge}`,
      `key ${attempt.idempotency_key}`,
    ].join(', '),
  ];
}

const OUTCOMES: Record<RecoveryAttempt['state'], string> = {
  intended: 'It may be on its way',
  unknown: 'Nobody knows yet what became of it',
  pending: 'Taken, and not settled yet',
  succeeded: 'Paid',
  declined: 'Declined',
  absent: 'It never happened',
  returned: 'Taken, and given back later',
};

const SHOWN_BY: Record<NonNullable<RecoveryAttempt['settled_by']>, string> = {
  answer: '',
  lookup: ', as a lookup has shown',
  person: ', as a person has said',
  fence: ': it was not sent',
};

/** Lines of at most `width`, each after `indent`; a word that is longer stands alone. */
export function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines.map((line) => indent + line).join('\n');
}
