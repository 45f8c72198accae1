/** An account as people and programs read it. */
import type { Kysely } from 'kysely';
import { listTransitions, type Account } from '../db/repositories/accounts';
import { readFreshness, type Freshness } from '../db/repositories/freshness';
import type { Database } from '../db/schema';
import { accountWorkflowId } from '../workflows/contract';
import { describeCoverage, describeFeed } from './freshness';
import { workflowLink, type Ui } from './links';
import { formatInstant, paintFor, renderTable, widthOf } from './output';
import { listsOf } from './resources';
import { paintState, readParked, type Parked } from './run-view';

/** Transitions that a view shows. */
export const SHOWN_TRANSITIONS = 10;

export interface AccountView {
  readonly account: Account;
  readonly freshness: Freshness;
  /** In the newest sync. */
  readonly parked: readonly Parked[];
  /** Commands that a person can copy, where one is needed. */
  readonly todo: readonly string[];
  /** The newest first. */
  readonly history: readonly Transition[];
  readonly url: string;
}

type Transition = Awaited<ReturnType<typeof listTransitions>>[number];

export async function readAccountView(
  db: Kysely<Database>,
  { account, ui }: { account: Account; ui: Ui },
): Promise<AccountView> {
  const { id } = account;
  const parked = await readParked(db, id);
  return {
    account,
    freshness: await readFreshness(db, id),
    parked,
    todo: stepsOutOf(account, parked),
    history: await listTransitions(db, { accountId: id, limit: SHOWN_TRANSITIONS }),
    url: workflowLink(ui, { workflowId: accountWorkflowId(id) }),
  };
}

/** Why the account is as it is says which of them helps. */
function stepsOutOf(
  { id, state, skipped_resources }: Account,
  parked: readonly Parked[],
): string[] {
  const aside = [...parked.map(({ resource }) => resource), ...skipped_resources];
  return [
    ...(state === 'blocked'
      ? [
          `recoup accounts rotate-secret ${id} --secret-env NAME`,
          `recoup accounts resume ${id}  (once anything but the key is mended)`,
        ]
      : []),
    ...[...new Set(aside)].map((resource) => `recoup accounts retry ${id} --resource ${resource}`),
  ];
}

export const accountViewJson = ({
  account,
  parked,
  freshness,
  todo,
  url,
  history,
}: AccountView) => ({
  ...accountJson(account),
  parked,
  ...freshness,
  todo,
  url,
  history: history.map(transitionJson),
});

export function renderAccount({
  account,
  freshness,
  parked,
  todo,
  history,
  url,
}: AccountView): string {
  const paint = paintFor(process.stdout);
  const width = widthOf(process.stdout);
  const columns = (...heads: string[]) => heads.map((head) => ({ head }));
  const { provider, api_base: apiBase, skipped_resources: leftOut } = account;
  const facts = [
    ['Account', `${account.id}${nameOf(account)}`],
    ['Provider', provider + (apiBase === null ? '' : ` at ${apiBase}`)],
    ['State', paintState(paint, account.state)],
    ['Why', account.state_reason ?? 'Nothing has happened yet.'],
    ['Attention', account.attention ? paint.yellow('yes') : 'no'],
    ['Connected', formatInstant(account.created_at)],
    ['Time zone', account.time_zone],
    ['Changes', describeFeed(freshness)],
    ['Covered', describeCoverage(freshness, listsOf(provider))],
    ...parked.map(({ resource, reason }) => ['Parked', `${resource}: ${reason}`]),
    ...(leftOut.length === 0 ? [] : [['Left out', leftOut.join(', ')]]),
  ];
  const rows = history.map(({ at, event, to_state, because }) => [
    formatInstant(at),
    event,
    paintState(paint, to_state),
    because,
  ]);
  return [
    renderTable(columns('', ''), facts, { paint, width }).trimStart(),
    // Beneath the table, which would wrap them: they are there to be copied.
    ...todo.map((step) => `To do      ${step}`),
    `UI         ${paint.cyan(url)}`,
    ...(rows.length === 0
      ? []
      : ['', renderTable(columns('At', 'Event', 'State', 'Because'), rows, { paint, width })]),
  ].join('\n');
}

export const nameOf = ({ display_name }: Account): string =>
  display_name === null ? '' : ` (${display_name})`;

export const accountJson = (account: Account) => ({
  account: account.id,
  provider: account.provider,
  displayName: account.display_name,
  apiBase: account.api_base,
  timeZone: account.time_zone,
  state: account.state,
  because: account.state_reason,
  attention: account.attention,
  connectedAt: account.created_at,
  leftOut: account.skipped_resources,
});

const transitionJson = (row: Awaited<ReturnType<typeof listTransitions>>[number]) => ({
  sequence: row.sequence,
  at: row.at,
  from: row.from_state,
  event: row.event,
  to: row.to_state,
  because: row.because,
  attention: row.attention,
});
