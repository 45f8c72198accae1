/** What is stored beside what the provider says, month by month: one month of one kind is in memory at a time. */
import type { Kysely } from 'kysely';
import type { Account } from '../db/repositories/accounts';
import { listPolicies } from '../db/repositories/metric-policies';
import { readFacts } from '../db/repositories/metrics-facts';
import type { MetricRun } from '../db/repositories/metrics';
import { readFigures, readMrrBefore } from '../db/repositories/reconcile';
import type { Database } from '../db/schema';
import { FACT_KINDS, type CustomerFacts, type Fact } from '../domain/metrics/facts';
import { RecoupError } from '../domain/errors';
import type { PeriodSpan } from '../domain/metrics/periods';
import type { MetricPolicy } from '../domain/metrics/policy';
import {
  compareFigures,
  compareMrr,
  type ComparedMrr,
  type ComparedSum,
  type DifferentFigure,
  type DifferentMrr,
  type Figure,
  type FigureKind,
  type MrrFigure,
} from '../domain/reconcile/figures';
import { ListedMrr, listedPolicy } from '../domain/reconcile/listed-mrr';
import { NotNormalisable, type Figures, type FiguresPage, type Page } from '../providers/provider';
import type { Asking } from './asking';
import type { ProgressView } from './progress';

/** Of one kind: whoever has more of them has another question. */
const MAX_DIFFERENCES = 10_000;

export interface Reconciling extends Asking {
  readonly db: Kysely<Database>;
  readonly account: Account;
  readonly figures: Figures;
  /** The metrics that are compared; null before the first. */
  readonly run: MetricRun | null;
  readonly months: readonly PeriodSpan[];
  /** The provider's clock. */
  readonly now: Date;
  readonly view: ProgressView;
}

export interface UnreadableFigure {
  readonly kind: FigureKind;
  readonly month: string;
  readonly id: string;
  readonly reason: string;
}

/** What the provider refuses to tell: there is nothing to compare with. */
export interface Refused {
  readonly what: FigureKind | 'mrr';
  readonly reason: string;
}

export interface Compared {
  readonly sums: readonly ComparedSum[];
  readonly differences: readonly DifferentFigure[];
  readonly unreadable: readonly UnreadableFigure[];
  /** Whether there were more differences than are named. */
  readonly isCut: boolean;
}

export async function compareObjects(of: Reconciling, kind: FigureKind): Promise<Compared> {
  const sums: ComparedSum[] = [];
  const differences: DifferentFigure[] = [];
  const unreadable: UnreadableFigure[] = [];
  let isCut = false;
  let objects = 0;
  for (const [index, { label: month, from, to }] of of.months.entries()) {
    const window = { from, to: to < of.now ? to : pastNow(of) };
    const theirs = await readTheirs(of, { kind, window });
    const ours = await readFigures(of.db, { accountId: of.account.id, kind, ...window });
    const compared = compareFigures({ kind, month, ours, theirs: theirs.figures });
    // What the provider says unreadably is no difference twice.
    const unread = new Set(theirs.unreadable.map(({ id }) => id));
    const readable = compared.differences.filter(({ id }) => !unread.has(id));
    const room = MAX_DIFFERENCES - differences.length - unreadable.length;
    isCut ||= readable.length + unread.size > room;
    sums.push(...compared.sums);
    unreadable.push(...theirs.unreadable.slice(0, room).map((each) => ({ kind, month, ...each })));
    differences.push(...readable.slice(0, Math.max(0, room - unread.size)));
    objects += theirs.figures.length;
    of.view.update([progressOf(kind, { done: index + 1, of: of.months.length, objects })]);
  }
  return { sums, differences, unreadable, isCut };
}

/** Null where the provider refuses to tell, which is noted. */
export async function unlessRefused<T>(
  what: Refused['what'],
  refused: Refused[],
  compare: () => Promise<T>,
): Promise<T | null> {
  try {
    return await compare();
  } catch (thrown) {
    if (!(thrown instanceof RecoupError) || thrown.scope !== 'resource') throw thrown;
    refused.push({ what, reason: thrown.message });
    return null;
  }
}

/** Its clock is known to a second, it counts in whole ones, and `to` is not part of a window. */
const CLOCK_MARGIN_MS = 2_000;

export const pastNow = ({ now }: Reconciling): Date => new Date(now.getTime() + CLOCK_MARGIN_MS);

const progressOf = (
  resource: string,
  { done, of, objects }: { readonly done: number; readonly of: number; readonly objects: number },
) => ({
  resource,
  objects,
  percent: (100 * done) / of,
  state: done === of ? ('done' as const) : ('walking' as const),
  reason: null,
});

async function readTheirs(
  { figures, request, signal }: Reconciling,
  wanted: {
    readonly kind: FigureKind;
    readonly window: { readonly from: Date; readonly to: Date };
  },
): Promise<{ figures: Figure[]; unreadable: { id: string; reason: string }[] }> {
  const all: { figures: Figure[]; unreadable: { id: string; reason: string }[] } = {
    figures: [],
    unreadable: [],
  };
  let cursor: string | null = null;
  do {
    const at: string | null = cursor;
    const page: FiguresPage = await request(() =>
      figures.readPage({ ...wanted, cursor: at, signal }),
    );
    all.figures.push(...page.figures);
    all.unreadable.push(...page.unreadable);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return all;
}

export interface ComparedMrrs {
  readonly sums: readonly ComparedMrr[];
  readonly differences: readonly DifferentMrr[];
  readonly isCut: boolean;
  /** What the ledger counts by, and what the provider does. */
  readonly policies: { readonly ours: MetricPolicy; readonly theirs: MetricPolicy };
}

/** At the ends of months, and at the last instant that the metrics know. */
export async function compareRevenue(of: Reconciling, run: MetricRun): Promise<ComparedMrrs> {
  const { db, account, figures, months, request, signal } = of;
  const ours = await policyOf(db, { accountId: account.id, run });
  const { mrr } = figures;
  const ends = months.map(({ to }) => to).filter((to) => to <= run.as_of);
  const isCurrent = (months.at(-1)?.to ?? run.as_of) > run.as_of;
  // What is listed now says nothing about the past.
  const instants = [...(mrr === null ? [] : ends), ...(isCurrent ? [run.as_of] : [])];
  const sums: ComparedMrr[] = [];
  const differences: DifferentMrr[] = [];
  let isCut = false;
  for (const [index, at] of instants.entries()) {
    const theirs = mrr
      ? await request(() => mrr.readAt(at, signal))
      : await readListed(of, { policy: listedPolicy(ours), at });
    const known = await readMrrBefore(db, { accountId: account.id, instant: at });
    const compared = compareMrr({ at, ours: known, theirs });
    const room = MAX_DIFFERENCES - differences.length;
    isCut ||= compared.differences.length > room;
    sums.push(...compared.sums);
    differences.push(...compared.differences.slice(0, room));
    const objects = theirs.length;
    of.view.update([progressOf('MRR', { done: index + 1, of: instants.length, objects })]);
  }
  const policies = { ours, theirs: mrr?.policy ?? listedPolicy(ours) };
  return { sums, differences, isCut, policies };
}

async function policyOf(
  db: Kysely<Database>,
  { accountId, run }: { readonly accountId: string; readonly run: MetricRun },
): Promise<MetricPolicy> {
  const policies = await listPolicies(db, accountId);
  return (policies.find(({ version }) => version === run.policy_version) ?? policies[0]).policy;
}

/** From the subscriptions that the provider lists now, each by itself. */
async function readListed(
  of: Reconciling,
  terms: { readonly policy: MetricPolicy; readonly at: Date },
): Promise<MrrFigure[]> {
  const listed = new ListedMrr(terms);
  let page: Pick<Page, 'nextCursor' | 'oldestCreatedAt'> = {
    nextCursor: null,
    oldestCreatedAt: null,
  };
  do {
    const { nextCursor: cursor, oldestCreatedAt: lastSeen } = page;
    const window = { from: null, to: pastNow(of) };
    const { signal } = of;
    const next = await of.request(() =>
      of.client.fetchPage({ resource: 'subscription', window, cursor, lastSeen, signal }),
    );
    for (const [customer, facts] of await listedFacts(of, next)) listed.add(customer, facts);
    page = next;
  } while (page.nextCursor !== null);
  return listed.figures();
}

/** Of no time: what is now counts as having been so ever since, or it would be dated when it was first seen. */
const EVER = new Date(0);

/** Of each subscription of the page: itself as it is listed now, with prices and the customer's discounts as they are stored. */
async function listedFacts(
  { db, account, provider }: Reconciling,
  { objects }: Page,
): Promise<[string, CustomerFacts][]> {
  const made = objects.flatMap((object) => {
    try {
      const { records, mentions, customerIds } = provider.normalise(object);
      const [customer] = customerIds;
      return customer === undefined ? [] : [{ customer, records, mentions }];
    } catch (thrown) {
      // It is among the objects that could only be kept raw.
      if (thrown instanceof NotNormalisable) return [];
      throw thrown;
    }
  });
  const customers = [...new Set(made.map(({ customer }) => customer))];
  const stored = await readFacts(db, { accountId: account.id, customers });
  return made.map(({ customer, records, mentions }) => {
    const of = <K extends 'subscription' | 'subscription_item' | 'discount' | 'price'>(
      kind: K,
      from = records,
    ): Fact<K>[] =>
      from.flatMap((record) =>
        record.kind === kind
          ? [{ ...record.fields, id: record.id, seenAt: EVER } as unknown as Fact<K>]
          : [],
      );
    const known = stored.get(customer);
    const ofCustomer = (known?.discount ?? []).filter(
      ({ subscriptionId, subscriptionItemId, invoiceId }) =>
        subscriptionId === null && subscriptionItemId === null && invoiceId === null,
    );
    const none = Object.fromEntries(FACT_KINDS.map((kind) => [kind, []])) as unknown;
    const facts: CustomerFacts = {
      ...(none as CustomerFacts),
      subscription: of('subscription'),
      subscription_item: of('subscription_item'),
      discount: [...ofCustomer, ...of('discount', mentions), ...of('discount')],
      price: [...of('price', mentions), ...of('price'), ...(known?.price ?? [])],
    };
    return [customer, facts];
  });
}
