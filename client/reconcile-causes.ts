/** What is known of each difference: from rows, from the feed since, and, where nothing else tells, by asking for the object. */
import { RecoupError } from '../domain/errors';
import { ENGINE_VERSION } from '../domain/metrics/policy';
import { customerMetrics } from '../domain/metrics/customer-metrics';
import { FACT_KINDS } from '../domain/metrics/facts';
import type { Movement } from '../domain/metrics/movements';
import { policyChanges } from '../domain/metrics/policy-changes';
import { readFacts } from '../db/repositories/metrics-facts';
import type { MetricRun } from '../db/repositories/metrics';
import {
  listUnread,
  readCoverage,
  readCustomerStates,
  readLists,
  readObjectStates,
  readRowSource,
  type ListsRead,
  type UnreadObject,
} from '../db/repositories/reconcile';
import { causeOf, type Cause, type Evidence } from '../domain/reconcile/causes';
import {
  differingFields,
  FIGURES,
  type DifferentFigure,
  type DifferentMrr,
  type Figure,
} from '../domain/reconcile/figures';
import { RECORD_KINDS } from '../domain/records';
import { NotNormalisable, type Page } from '../providers/provider';
import { pastNow, type ComparedMrrs, type Reconciling } from './reconcile';

/** Looked up together. */
const TOGETHER = 200;
/** Of changes since the last sync; what is further on is not asked for. */
const MAX_FEED_PAGES = 500;
/** Objects that could only be kept raw; an account has few. */
const MAX_UNREAD = 1_000;
/** Objects that are asked for one by one. */
const MAX_ASKED = 100;

export interface Explained<T> {
  readonly of: T;
  readonly cause: Cause;
}

export interface Causes {
  readonly figures: readonly Explained<DifferentFigure>[];
  readonly mrr: readonly Explained<DifferentMrr>[];
}

export async function findCauses(
  of: Reconciling,
  given: {
    readonly differences: readonly DifferentFigure[];
    readonly revenue: ComparedMrrs | null;
  },
): Promise<Causes> {
  const { db, account } = of;
  const { revenue } = given;
  const known: Known = {
    lists: await readLists(db, account.id),
    unread: await listUnread(db, { accountId: account.id, limit: MAX_UNREAD }),
    changes: new ChangesSince(of),
    olderEdition: account.normaliser_version !== of.provider.normaliserVersion,
    asked: 0,
  };
  const figures: Explained<DifferentFigure>[] = [];
  for (const some of inBatches(given.differences)) {
    figures.push(...(await explainFigures(of, known, some)));
  }
  const mrr: Explained<DifferentMrr>[] = [];
  if (revenue && of.run) {
    const untraced = new Map(
      revenue.differences.length === 0
        ? []
        : (await of.request(async () => of.figures.mrr?.readUntraced(of.signal) ?? [])).map(
            ({ customer, reason }) => [customer, reason],
          ),
    );
    const byCustomer = groupsOf(revenue.differences, ({ customer }) => customer);
    for (const customers of inBatches([...byCustomer.keys()])) {
      const some = customers.flatMap((customer) => byCustomer.get(customer) ?? []);
      const { run } = of;
      mrr.push(...(await explainMrr(of, known, { some, customers, run, untraced, ...revenue })));
    }
  }
  return { figures, mrr };
}

interface Known {
  readonly lists: ListsRead;
  readonly unread: readonly UnreadObject[];
  readonly changes: ChangesSince;
  readonly olderEdition: boolean;
  asked: number;
}

async function explainFigures(
  of: Reconciling,
  known: Known,
  some: readonly DifferentFigure[],
): Promise<Explained<DifferentFigure>[]> {
  const { db, account } = of;
  const states = await readObjectStates(db, {
    accountId: account.id,
    ids: some.map(({ id }) => id),
  });
  const creations = await readCreations(of, known.lists, some);
  const explained: Explained<DifferentFigure>[] = [];
  for (const difference of some) {
    const { kind, id, ours, theirs } = difference;
    const state = states.get(id);
    const evidence: Evidence = {
      buried: state?.buried ?? false,
      ...(ours === null && { creation: creations.get(difference) ?? 'covered' }),
      unread: known.unread.find((object) => object.id === id),
      list: known.lists.unread.find(({ resource }) => resource === kind),
      waiting: state?.waiting ? [id] : [],
      olderEdition: known.olderEdition,
    };
    const sure = { ...evidence, follows: ours === null || (await followsSource(of, kind, ours)) };
    let cause = causeOf(sure);
    if (cause.name === 'unexplained') {
      const changed = await known.changes.of([id]);
      cause = causeOf({ ...sure, changed });
    }
    if (cause.name === 'unexplained' && theirs === null && known.asked < MAX_ASKED) {
      known.asked += 1;
      const ask = { resource: kind, id, signal: of.signal };
      const found = await of.request(() => of.client.fetchObject(ask));
      cause = causeOf({ ...sure, gone: found === null });
    }
    explained.push({ of: difference, cause });
  }
  return explained;
}

/** Of what the provider alone has: whether its creation was to be read. */
async function readCreations(
  { db, account }: Reconciling,
  { until, unread }: ListsRead,
  some: readonly DifferentFigure[],
): Promise<Map<DifferentFigure, Evidence['creation']>> {
  const creations = new Map<DifferentFigure, Evidence['creation']>();
  const missing = some.filter(({ ours }) => ours === null);
  for (const [resource, own] of groupsOf(missing, ({ kind }) => kind)) {
    const instants = own.map(({ theirs }) => theirs?.createdAt ?? new Date(0));
    const coverage = await readCoverage(db, { accountId: account.id, resource, instants });
    const isStopped = unread.some((list) => list.resource === resource);
    own.forEach((difference, index) => {
      const isLater = until === null || (instants[index] ?? until) >= until;
      const stands = coverage[index] ?? 'outside';
      // After the end of a list that was not read on is no later than the sync.
      const creation = stands === 'later' && isStopped ? 'outside' : stands;
      creations.set(difference, isLater ? 'later' : creation);
    });
  }
  return creations;
}

/** Whether a row says what the object says that it was made from; also where that is not kept, or cannot be read any more. */
async function followsSource(
  { db, account, provider }: Reconciling,
  kind: DifferentFigure['kind'],
  row: Figure,
): Promise<boolean> {
  const source = await readRowSource(db, { accountId: account.id, kind, id: row.id });
  if (source === undefined) return true;
  try {
    const { records } = provider.normalise(source);
    const record = records.find((each) => each.kind === kind && each.id === row.id);
    if (record === undefined) return true;
    const fields = record.fields as unknown as Figure & Record<string, bigint>;
    const amounts = Object.fromEntries(FIGURES[kind].map((name) => [name, fields[name] ?? 0n]));
    const made = { ...fields, id: row.id, customerId: fields.customerId ?? null, amounts };
    return differingFields(kind, row, made).length === 0;
  } catch (thrown) {
    if (thrown instanceof NotNormalisable) return true;
    throw thrown;
  }
}

async function explainMrr(
  of: Reconciling,
  known: Known,
  given: {
    readonly some: readonly DifferentMrr[];
    readonly customers: readonly string[];
    readonly run: MetricRun;
    readonly untraced: ReadonlyMap<string, string>;
    readonly policies: ComparedMrrs['policies'];
  },
): Promise<Explained<DifferentMrr>[]> {
  const { db, account } = of;
  const { some, customers, run, policies } = given;
  const states = await readCustomerStates(db, { accountId: account.id, customers });
  const facts = await readFacts(db, { accountId: account.id, customers });
  const changes = policyChanges(policies.theirs, policies.ours);
  const explained: Explained<DifferentMrr>[] = [];
  for (const [customer, differences] of groupsOf(some, (each) => each.customer)) {
    const own = facts.get(customer);
    const state = states.get(customer);
    const computed = (policy: typeof policies.ours): readonly Movement[] =>
      own ? customerMetrics({ facts: own, policy, asOf: run.as_of }).movements : [];
    const [here, there] = [computed(policies.ours), computed(policies.theirs)];
    const ids = [customer, ...(own?.subscription ?? []).map(({ id }) => id)];
    const objects = await readObjectStates(db, { accountId: account.id, ids });
    const evidence: Evidence = {
      dirty: state?.dirty ?? false,
      missingPrices: state?.missingPrices ?? [],
      unread: known.unread.find(({ text }) => text.includes(JSON.stringify(customer))),
      waiting: ids.filter((id) => objects.get(id)?.waiting),
      list: known.lists.unread.find(({ resource }) => bearsOnMrr(resource)),
      olderEdition: known.olderEdition || run.engine_version !== ENGINE_VERSION,
      untraced: given.untraced.get(customer),
    };
    // Otherwise the same records may come to something else.
    const isOfNow = !evidence.olderEdition && evidence.missingPrices?.length === 0;
    for (const difference of differences) {
      const { oursMinor, theirsMinor } = difference;
      const sure = {
        ...evidence,
        follows: !isOfNow || minorAt(here, difference) === oursMinor,
        policy: minorAt(there, difference) === theirsMinor ? changes : [],
      };
      const cause = causeOf(sure);
      if (cause.name !== 'unexplained') explained.push({ of: difference, cause });
      else {
        const changed = await known.changes.of(ids);
        explained.push({ of: difference, cause: causeOf({ ...sure, changed }) });
      }
    }
  }
  return explained;
}

/** Just before the instant. */
const minorAt = (movements: readonly Movement[], { at, currency }: DifferentMrr): bigint =>
  movements.findLast((each) => each.currency === currency && each.at < at)?.afterMinor ?? 0n;

/** Lists whose objects are no records of their own are those of changes. */
const bearsOnMrr = (resource: string): boolean =>
  (FACT_KINDS as readonly string[]).includes(resource) ||
  !(RECORD_KINDS as readonly string[]).includes(resource);

/** What the feed tells of since it was last read; read when first asked for. */
class ChangesSince {
  private changes: Promise<ReadonlyMap<string, Date>> | undefined;

  constructor(private readonly by: Reconciling) {}

  async of(ids: readonly string[]): Promise<{ id: string; at: Date } | undefined> {
    const changes = await (this.changes ??= this.read().catch(unknownIfRefused));
    const [id] = ids.filter((each) => changes.has(each));
    const at = id === undefined ? undefined : changes.get(id);
    return id === undefined || at === undefined ? undefined : { id, at };
  }

  private async read(): Promise<ReadonlyMap<string, Date>> {
    const { db, account, provider, client, request, signal } = this.by;
    const changes = new Map<string, Date>();
    const { feedAsOf: from } = await readLists(db, account.id);
    const resource = provider.feed?.resource;
    if (from === null || resource === undefined) return changes;
    const window = { from, to: pastNow(this.by) };
    let page: Pick<Page, 'nextCursor' | 'oldestCreatedAt'> = {
      nextCursor: null,
      oldestCreatedAt: null,
    };
    for (let pages = 0; pages < MAX_FEED_PAGES; pages += 1) {
      const { nextCursor: cursor, oldestCreatedAt: lastSeen } = page;
      const next = await request(() =>
        client.fetchPage({ resource, window, cursor, lastSeen, signal }),
      );
      for (const object of next.objects) {
        for (const { id, changedAt } of hintsOf(this.by, object)) {
          if (changedAt !== null && !changes.has(id)) changes.set(id, changedAt);
        }
      }
      if (next.nextCursor === null) break;
      page = next;
    }
    return changes;
  }
}

/** Without the feed nothing is explained by it. */
function unknownIfRefused(thrown: unknown): ReadonlyMap<string, Date> {
  if (thrown instanceof RecoupError && thrown.scope === 'resource') return new Map();
  throw thrown;
}

function hintsOf({ provider }: Reconciling, object: Page['objects'][number]) {
  try {
    return provider.normalise(object).hints;
  } catch (thrown) {
    if (thrown instanceof NotNormalisable) return thrown.hints;
    throw thrown;
  }
}

function* inBatches<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < all.length; at += TOGETHER) yield all.slice(at, at + TOGETHER);
}

function groupsOf<T, K>(all: readonly T[], keyOf: (each: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const each of all) {
    const group = groups.get(keyOf(each));
    if (group === undefined) groups.set(keyOf(each), [each]);
    else group.push(each);
  }
  return groups;
}
