/**
 * The whole way from a billing service to recurring revenue, in memory: simulated worlds are read through the real provider,
 * and what the ledger says is held against the worlds' own truth, which shares no code with the engine.
 */
import { DateTime } from 'luxon';
import { customerMetrics } from '../../domain/metrics/customer-metrics';
import {
  FACT_KINDS,
  type CustomerFacts,
  type Fact,
  type FactKind,
} from '../../domain/metrics/facts';
import type { Movement } from '../../domain/metrics/movements';
import { DEFAULT_POLICY } from '../../domain/metrics/policy';
import type { CanonicalRecord } from '../../domain/records';
import { findProvider } from '../../providers/registry';
import type { ProviderClient } from '../../providers/provider';
import { DEFAULT_API_KEY, startSimulator, type Simulator } from '../../simulator/server';
import { mrr, mrrAt } from '../../simulator/oracle/mrr';

const AS_OF = new Date('2026-07-01T09:30:00Z');
const CUSTOMERS = 300;
const MONTHS = 18;
const provider = findProvider('stripe');
/** What bears on recurring revenue; the rest has its own tests. */
const RESOURCES = ['price', 'customer', 'subscription', 'invoice', 'invoice_item', 'event'];

const signal = new AbortController().signal;

async function readAll(client: ProviderClient): Promise<Map<string, CanonicalRecord>> {
  const records = new Map<string, CanonicalRecord>();
  const mentions: CanonicalRecord[] = [];
  for (const resource of RESOURCES) {
    let [cursor, lastSeen]: [string | null, Date | null] = [null, null];
    do {
      const page = await client.fetchPage({
        resource,
        window: { from: null, to: new Date(AS_OF.getTime() + 1000) },
        cursor,
        lastSeen,
        signal,
      });
      for (const object of page.objects) {
        const normalised = provider.normalise(object);
        for (const record of normalised.records) records.set(`${record.kind} ${record.id}`, record);
        mentions.push(...normalised.mentions);
      }
      [cursor, lastSeen] = [page.nextCursor, page.oldestCreatedAt];
    } while (cursor !== null);
  }
  for (const record of mentions) {
    const key = `${record.kind} ${record.id}`;
    if (!records.has(key)) records.set(key, record);
  }
  for (const id of pricesNamedBy([...records.values()])) {
    if (records.has(`price ${id}`)) continue;
    const fetched = await client.fetchObject({ resource: 'price', id, signal });
    if (fetched === null) throw new Error(`The simulator has no price ${id}.`);
    for (const record of provider.normalise(fetched.object).records) {
      records.set(`${record.kind} ${record.id}`, record);
    }
  }
  return records;
}

/** As db/repositories/prices.ts finds them. */
function pricesNamedBy(records: readonly CanonicalRecord[]): Set<string> {
  const ids = new Set<string>();
  JSON.stringify(records, (key, value: unknown) => {
    if (key === 'priceId' && typeof value === 'string') ids.add(value);
    return typeof value === 'bigint' ? String(value) : value;
  });
  return ids;
}

type MutableFacts = { [K in FactKind]: Fact<K>[] };

/** The facts of each customer, as the database would give them. */
function factsByCustomer(records: Iterable<CanonicalRecord>): Map<string, CustomerFacts> {
  const prices: Fact<'price'>[] = [];
  const customers = new Map<string, MutableFacts>();
  for (const { kind, id, fields } of records) {
    const fact = { ...fields, id, seenAt: AS_OF };
    if (kind === 'price') prices.push(fact as Fact<'price'>);
    if (kind === 'price' || !(FACT_KINDS as readonly string[]).includes(kind)) continue;
    const customer = 'customerId' in fields ? fields.customerId : null;
    if (customer === null) continue;
    const facts =
      customers.get(customer) ??
      (Object.fromEntries(
        FACT_KINDS.map((each) => [each, each === 'price' ? prices : []]),
      ) as unknown as MutableFacts);
    facts[kind as FactKind].push(fact as never);
    customers.set(customer, facts);
  }
  return customers;
}

const monthEnds = Array.from({ length: MONTHS + 1 }, (_, index) =>
  DateTime.fromJSDate(AS_OF, { zone: 'UTC' }).minus({ months: index }).startOf('month').toSeconds(),
)
  .map((start) => start - 1)
  .concat(AS_OF.getTime() / 1000)
  .sort((a, b) => a - b);

const valueAt = (movements: readonly Movement[], currency: string, instant: number): bigint =>
  movements.findLast((each) => each.currency === currency && each.at.getTime() <= instant * 1000)
    ?.afterMinor ?? 0n;

describe.each([1, 2])('the world of seed %i', (seed) => {
  let simulator: Simulator;
  let metrics: Map<string, ReturnType<typeof customerMetrics>>;
  let untraced: Set<string>;

  beforeAll(async () => {
    simulator = await startSimulator({
      seed,
      customers: CUSTOMERS,
      months: MONTHS,
      asOf: AS_OF,
      now: AS_OF,
    });
    const client = provider.connect({
      externalId: simulator.accountId,
      secret: DEFAULT_API_KEY,
      apiBase: simulator.url,
    });
    try {
      const records = await readAll(client);
      metrics = new Map(
        [...factsByCustomer(records.values())].map(([customer, facts]) => [
          customer,
          customerMetrics({ facts, policy: DEFAULT_POLICY, asOf: AS_OF }),
        ]),
      );
    } finally {
      client.close();
    }
    untraced = new Set(mrr(simulator.world).untraced.map(({ customer }) => customer));
  }, 120_000);

  afterAll(() => simulator.close());

  it('gives the revenue of every traced customer at every month end, to the minor unit', () => {
    const differences = mrrAt(simulator.world, monthEnds).flatMap(({ at, mrr: truth }) => {
      const instant = Date.parse(at) / 1000;
      const expected = new Map(
        truth.map((each) => [`${each.customer} ${each.currency}`, each.mrrMinor]),
      );
      return [...metrics].flatMap(([customer, { movements }]) =>
        untraced.has(customer)
          ? []
          : ['EUR', 'USD', 'JPY', 'KWD'].flatMap((currency) => {
              const wanted = expected.get(`${customer} ${currency}`) ?? '0';
              const got = String(valueAt(movements, currency, instant));
              return wanted === got ? [] : [`${at} ${customer} ${currency}: ${got}, not ${wanted}`];
            }),
      );
    });
    expect(differences).toEqual([]);
    // What only expired events could show; few, or the comparison would say little.
    expect(untraced.size).toBeLessThan(CUSTOMERS / 20);
  });

  it('gives every movement of every traced customer at its second', () => {
    const differences = mrr(simulator.world).customers.flatMap(({ customer, currency, steps }) => {
      if (untraced.has(customer)) return [];
      const got = (metrics.get(customer)?.movements ?? [])
        .filter((movement) => movement.currency === currency)
        .map(({ at, afterMinor }) => `${at.toISOString()} ${String(afterMinor)}`);
      const wanted = steps.map(({ at, mrrMinor }) => `${new Date(at).toISOString()} ${mrrMinor}`);
      const isSame = got.join() === wanted.join();
      return isSame ? [] : [{ customer, currency, got, wanted }];
    });
    expect(differences).toEqual([]);
  });
});
