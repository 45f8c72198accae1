/**
 * Rebuilds what each subscription item was over time. Billing services keep the present only, so the past is read from the
 * traces that it left:
 * - a recurring invoice line of period [s, e) shows what its item was at s;
 * - proration lines, and invoice items that wait for their invoice, come in pairs: the credit shows what the item was until
 *   t, the charge what it was from t; a credit alone shows that the item ended at t;
 * - the change feed shows before and after with the instant;
 * - the row of the item shows the present.
 * Amounts are never used for values: only which price, how many, and when.
 */
import type { JsonValue } from '../records';
import { exact, isWhole } from './exact';
import type { Basis, CustomerFacts, Fact } from './facts';
import { asList, asObject, compareText } from './plain';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** An item as it was during [from, to); `to` null means that it still is. */
export interface ItemVersion {
  readonly subscription: string;
  readonly item: string;
  readonly price: string;
  /** Decimal; null for metered usage. */
  readonly quantity: string | null;
  readonly from: Date;
  readonly to: Date | null;
  readonly basis: Basis;
  /** Ids of the records that show its beginning. */
  readonly source: readonly string[];
  /** Whether and why there was a value of the same item before it. */
  readonly begins: 'item_started' | 'item_changed';
}

interface State {
  readonly price: string;
  readonly quantity: string | null;
}

/** What one record says about an item at an instant: what it was until then, what it is from then on, or both. */
interface Trace {
  readonly at: number;
  readonly until: State | null;
  readonly from: State | null;
  readonly source: string;
  /** Records of this sort are only made by a change; a renewal shows a state however it came about. */
  readonly ofChange: boolean;
  /** End of the billing period that the record belongs to, if it belongs to one. */
  readonly periodEnd: number | null;
  /** Prefers one of several states that begin at the same instant. */
  readonly weight: bigint;
}

/** Versions of all licensed items of the customer, by item and time. Those of one item do not overlap. */
export function itemVersions(facts: CustomerFacts): ItemVersion[] {
  // Metered usage is worth nothing under any policy so far, so that its items need no history.
  const metered = new Set(
    facts.price.filter((price) => price.usage === 'metered').map((price) => price.id),
  );
  const subscriptions = new Map(facts.subscription.map((row) => [row.id, row]));
  const items = tracesByItem(facts, metered);
  const present = new Map<string, Fact<'subscription_item'>>();
  for (const row of facts.subscription_item) {
    if (metered.has(row.priceId)) continue;
    present.set(row.id, row);
    if (!items.has(row.id)) items.set(row.id, { subscription: row.subscriptionId, traces: [] });
  }
  return [...items]
    .sort(([a], [b]) => compareText(a, b))
    .flatMap(([item, known]) => {
      const subscription = subscriptions.get(known.subscription);
      // Without its subscription nothing is known about the times at which the item counts.
      if (!subscription) return [];
      const { traces } = known;
      return versionsOfItem({ item, subscription, present: present.get(item), traces });
    });
}

function versionsOfItem(options: {
  item: string;
  subscription: Fact<'subscription'>;
  present: Fact<'subscription_item'> | undefined;
  traces: readonly Trace[];
}): ItemVersion[] {
  const { item, subscription, present, traces } = options;
  const versions: Mutable<ItemVersion>[] = [];
  const begin = (state: State, at: number, basis: Basis, source: readonly string[]) => {
    const last = versions.at(-1);
    if (last?.to === null) last.to = new Date(at);
    versions.push({
      subscription: subscription.id,
      item,
      ...state,
      from: new Date(at),
      to: null,
      basis,
      source,
      begins: last ? 'item_changed' : 'item_started',
    });
  };
  const current = (): Mutable<ItemVersion> | undefined => {
    const last = versions.at(-1);
    return last?.to === null ? last : undefined;
  };

  let lastPeriodEnd = 0;
  for (const [at, group] of groupByInstant(traces)) {
    const source = [...new Set(group.map((trace) => trace.source))].sort(compareText);
    const ofChange = group.some((trace) => trace.ofChange);
    const { until, from } = netOf(group, current());
    if (versions.length === 0) {
      const earlier = startBefore({ at, until, from, ofChange, subscription, present });
      if (earlier) begin(earlier.state, earlier.at, 'inferred', source);
    }
    const before = current();
    if (!from) {
      if (until && before) before.to = new Date(at);
    } else if (!before || !sameState(before, from)) {
      // A change that only a renewal shows may have happened at any time since the trace before it.
      begin(from, at, ofChange || versions.length === 0 ? 'exact' : 'inferred', source);
    } else if (before.basis === 'inferred') {
      begin(from, at, 'exact', source);
    }
    for (const { periodEnd } of group) lastPeriodEnd = Math.max(lastPeriodEnd, periodEnd ?? 0);
  }

  const before = current();
  if (present) {
    const now = { price: present.priceId, quantity: present.quantity };
    const last = versions.at(-1);
    if (!last) {
      begin(now, present.createdAt.getTime(), 'inferred', [item]);
    } else if (present.seenAt >= (last.to ?? last.from) && !(before && sameState(before, now))) {
      // Nothing shows when it changed: it is dated when it was first seen. A trace of later than that is of something newer.
      begin(now, present.seenAt.getTime(), 'inferred', [item]);
    }
  } else if (before && subscription.endedAt === null) {
    // The item is gone and nothing shows when: at the latest when the period that it was last billed for was over.
    const seenAt = subscription.seenAt.getTime();
    const goneAt = lastPeriodEnd > 0 ? Math.min(lastPeriodEnd, seenAt) : seenAt;
    before.to = new Date(Math.max(before.from.getTime(), goneAt));
    before.basis = 'inferred';
  }
  const { endedAt } = subscription;
  for (const version of versions) {
    if (endedAt && (version.to === null || version.to > endedAt)) version.to = endedAt;
  }
  return versions.filter((version) => version.to === null || version.from < version.to);
}

/** When and as what the item was there before its first trace, if it was. */
function startBefore(first: {
  at: number;
  until: State | null;
  from: State | null;
  ofChange: boolean;
  subscription: Fact<'subscription'>;
  present: Fact<'subscription_item'> | undefined;
}): { state: State; at: number } | null {
  const { until, from, ofChange, subscription, present } = first;
  // A charge for a change without a credit shows the very beginning; so does the first renewal of an item that is gone.
  const state = until ?? (ofChange ? null : from);
  const startedAt = present?.createdAt ?? (until ? subscription.startedAt : null);
  if (!state || !startedAt || startedAt.getTime() >= first.at) return null;
  return { state, at: startedAt.getTime() };
}

/**
 * What remains when several records speak of one instant: two changes within a second cancel out where one undoes the
 * other, and a line and a feed entry that tell of the same change count once.
 */
function netOf(
  group: readonly Trace[],
  before: State | undefined,
): { until: State | null; from: State | null } {
  const states = new Map<string, { state: State; from: number; until: number; weight: bigint }>();
  const entry = (state: State) => {
    const key = keyOf(state);
    const known = states.get(key) ?? { state, from: 0, until: 0, weight: 0n };
    states.set(key, known);
    return known;
  };
  for (const trace of signed(group)) {
    if (trace.from) {
      const known = entry(trace.from);
      known.from += 1;
      if (trace.weight > known.weight) known.weight = trace.weight;
    }
    if (trace.until) entry(trace.until).until += 1;
  }
  const all = [...states.values()].sort(
    (a, b) =>
      Number(b.weight > a.weight) - Number(b.weight < a.weight) ||
      Number(before !== undefined && sameState(before, a.state)) -
        Number(before !== undefined && sameState(before, b.state)) ||
      compareText(keyOf(a.state), keyOf(b.state)),
  );
  const from = all.find((state) => state.from > state.until);
  const until = all.find((state) => state.until > state.from);
  // A proration of nothing (a free price, or all of it discounted) has no sign: alone and for what is known, it is a credit.
  const isCreditOfNothing = group.every(({ ofChange, weight }) => ofChange && weight === 0n);
  if (from && !until && isCreditOfNothing && before && sameState(before, from.state)) {
    return { from: null, until: from.state };
  }
  if (from || until) return { from: from?.state ?? null, until: until?.state ?? null };
  // It went round in a circle: it is what it was.
  const stayed = all.find((state) => state.from > 0)?.state ?? null;
  return { from: stayed, until: stayed };
}

/** Beside an entry of the feed, which tells before from after, a proration of nothing has no say: it lacks the sign. */
function signed(group: readonly Trace[]): readonly Trace[] {
  const isFeed = ({ periodEnd }: Trace) => periodEnd === null;
  return group.some(isFeed)
    ? group.filter((trace) => isFeed(trace) || !trace.ofChange || trace.weight !== 0n)
    : group;
}

function tracesByItem(
  facts: CustomerFacts,
  metered: ReadonlySet<string>,
): Map<string, { subscription: string; traces: Trace[] }> {
  const items = new Map<string, { subscription: string; traces: Trace[] }>();
  const add = (subscription: string, item: string, trace: Trace) => {
    const known = items.get(item) ?? { subscription, traces: [] };
    known.traces.push(trace);
    items.set(item, known);
  };
  const billed = (record: Fact<'invoice_line'> | Fact<'invoice_item'>, ofChange: boolean) => {
    const { subscriptionId, subscriptionItemId, priceId } = record;
    if (!subscriptionId || !subscriptionItemId || !priceId || metered.has(priceId)) return;
    const state = { price: priceId, quantity: record.quantity };
    const isCredit = ofChange && record.amountMinor < 0n;
    add(subscriptionId, subscriptionItemId, {
      at: record.periodStart.getTime(),
      until: isCredit ? state : null,
      from: isCredit ? null : state,
      source: record.id,
      ofChange,
      periodEnd: record.periodEnd.getTime(),
      weight: record.amountMinor,
    });
  };

  const invoiced = new Set<string>();
  for (const line of facts.invoice_line) {
    if (line.invoiceItemId) invoiced.add(line.invoiceItemId);
    if (line.kind === 'proration') billed(line, true);
  }
  for (const line of wholeQuantities(facts)) billed(line, false);
  for (const entry of facts.invoice_item) {
    if (entry.proration && !invoiced.has(entry.id)) billed(entry, true);
  }
  for (const change of facts.subscription_change) {
    const [before, after] = [change.before, change.after].map((half) => statesOf(half, metered));
    for (const item of new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])) {
      add(change.subscriptionId, item, {
        at: change.at.getTime(),
        until: before?.get(item) ?? null,
        from: after?.get(item) ?? null,
        source: change.id,
        ofChange: true,
        periodEnd: null,
        weight: 0n,
      });
    }
  }
  return items;
}

/** Recurring lines; Stripe bills a graduated price by one line for each tier, whose quantities make up the item's. */
function wholeQuantities(facts: CustomerFacts): Fact<'invoice_line'>[] {
  const graduated = new Set(
    facts.price.filter((price) => price.scheme === 'graduated').map((price) => price.id),
  );
  const whole = new Map<string, Fact<'invoice_line'>>();
  for (const line of facts.invoice_line) {
    if (line.kind !== 'recurring') continue;
    const isTier = line.priceId !== null && graduated.has(line.priceId);
    const key = isTier
      ? [line.invoiceId, line.subscriptionItemId, line.priceId, line.periodStart.getTime()].join()
      : line.id;
    const known = whole.get(key);
    if (!known) whole.set(key, line);
    else if (line.quantity !== null) {
      const quantity = exact(known.quantity ?? '0').add(exact(line.quantity));
      const id = known.id < line.id ? known.id : line.id;
      whole.set(key, { ...known, id, quantity: quantity.toFraction() });
    }
  }
  return [...whole.values()];
}

function statesOf(half: JsonValue, metered: ReadonlySet<string>): Map<string, State> {
  const states = new Map<string, State>();
  for (const entry of asList(asObject(half)['items'])) {
    const { id, priceId, quantity } = asObject(entry);
    if (typeof id !== 'string' || typeof priceId !== 'string' || metered.has(priceId)) continue;
    const decimal = typeof quantity === 'string' || typeof quantity === 'number' ? quantity : null;
    states.set(id, { price: priceId, quantity: decimal === null ? null : String(decimal) });
  }
  return states;
}

function groupByInstant(traces: readonly Trace[]): [number, Trace[]][] {
  const groups = new Map<number, Trace[]>();
  for (const trace of traces) {
    const group = groups.get(trace.at) ?? [];
    group.push(trace);
    groups.set(trace.at, group);
  }
  return [...groups].sort(([a], [b]) => a - b);
}

const sameState = (a: State, b: State): boolean =>
  a.price === b.price && (a.quantity === b.quantity || keyOf(a) === keyOf(b));

/** Quantities compare as numbers: `2` and `2.0` are the same. */
function keyOf({ price, quantity }: State): string {
  if (quantity === null) return `${price} -`;
  return `${price} ${isWhole(quantity) ? quantity : exact(quantity).toFraction()}`;
}
