/**
 * The whole way from a billing service to recurring revenue, in memory: simulated worlds are read through the real provider,
 * and what the ledger says is held against the worlds' own truth, which shares no code with the engine.
 */
import { customerMetrics } from '../../domain/metrics/customer-metrics';
import {
  FACT_KINDS,
  type CustomerFacts,
  type Fact,
  type FactKind,
} from '../../domain/metrics/facts';
import type { Movement } from '../../domain/metrics/movements';
import { DEFAULT_POLICY, type MetricPolicy } from '../../domain/metrics/policy';
import type { CanonicalRecord } from '../../domain/records';
import { findProvider } from '../../providers/registry';
import type { ProviderClient } from '../../providers/provider';
import { DEFAULT_API_KEY, startSimulator, type Simulator } from '../../simulator/server';
import { mrr, mrrAt } from '../../simulator/oracle/mrr';
import { DEFAULT_ORACLE_POLICY, type OraclePolicy } from '../../simulator/oracle/policy';
import { rational } from '../../simulator/world/rational';

const AS_OF = new Date('2026-07-01T09:30:00Z');
/** `npm run test:oracle` takes accounts of the full size, which takes minutes. */
const FULL = process.env['RECOUP_ORACLE'] === 'full';
const CUSTOMERS = FULL ? 2_000 : 120;
const MONTHS = 24;
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

/** The same definition in the engine's words and in the oracle's. */
const POLICIES: Readonly<Record<string, [Partial<MetricPolicy>, Partial<OraclePolicy>]>> = {
  'by default': [{}, {}],
  'without discounts': [{ discounts: 'none' }, { discounts: 'none' }],
  'with all discounts': [{ discounts: 'all' }, { discounts: 'all' }],
  'with months of 30 days and 4.33 weeks': [
    { dayFactor: '30', weekFactor: '4.33' },
    { day: rational(30), week: rational(433, 100) },
  ],
  'with churn after 20 days of arrears': [{ pastDue: { churnAfterDays: 20 } }, { pastDueDays: 20 }],
  'with churn dated when it was asked for': [{ churnDate: 'canceled' }, { churnDate: 'canceled' }],
  'with churn dated when the paid period is over': [
    { churnDate: 'paid_period_end' },
    { churnDate: 'paid_period_end' },
  ],
};

const CURRENCIES = ['EUR', 'USD', 'JPY', 'KWD'];
const DAY_SECONDS = 86_400;
const NOW_SECONDS = AS_OF.getTime() / 1000;
/** Every midnight, and so every month's end, up to now. */
const INSTANTS = Array.from(
  { length: Math.floor((MONTHS * 365) / 12) },
  (_, index) => NOW_SECONDS - (NOW_SECONDS % DAY_SECONDS) - index * DAY_SECONDS - 1,
)
  .reverse()
  .concat(NOW_SECONDS);

const valueAt = (movements: readonly Movement[], currency: string, atMs: number): bigint =>
  movements.findLast((each) => each.currency === currency && each.at.getTime() <= atMs)
    ?.afterMinor ?? 0n;

const computed = (
  facts: ReadonlyMap<string, CustomerFacts>,
  policy: MetricPolicy,
): Map<string, readonly Movement[]> =>
  new Map(
    [...facts].map(([customer, own]) => [
      customer,
      customerMetrics({ facts: own, policy, asOf: AS_OF }).movements,
    ]),
  );

/** What the first, any later, and the last of a customer's values are called. */
function typesOf(values: readonly bigint[]): string[] {
  return values.map((value, index) => {
    const before = values[index - 1] ?? 0n;
    if (before === 0n) return index === 0 ? 'new' : 'reactivation';
    if (value === 0n) return 'churn';
    return value > before ? 'expansion' : 'contraction';
  });
}

describe.each([1, 2, 3, 4, 5])('the world of seed %i', (seed) => {
  let simulator: Simulator;
  let facts: ReadonlyMap<string, CustomerFacts>;
  let untraced: ReadonlySet<string>;

  beforeAll(async () => {
    simulator = await startSimulator({
      seed,
      customers: CUSTOMERS,
      months: MONTHS,
      asOf: AS_OF,
      now: AS_OF,
      // That lists within objects are cut has tests of its own.
      embeddedPageSize: 1_000,
    });
    const client = provider.connect({
      externalId: simulator.accountId,
      secret: DEFAULT_API_KEY,
      apiBase: simulator.url,
    });
    try {
      facts = factsByCustomer((await readAll(client)).values());
    } finally {
      client.close();
    }
    untraced = new Set(mrr(simulator.world).untraced.map(({ customer }) => customer));
  }, 300_000);

  afterAll(() => simulator.close());

  it('hides from the provider what few customers did', () => {
    // What only expired events could show; many, and the comparison would say little.
    expect(untraced.size).toBeLessThan(CUSTOMERS / 20);
  });

  it('gives every traced customer’s revenue at every day and month’s end', () => {
    const ledgers = computed(facts, DEFAULT_POLICY);
    const wrong = mrrAt(simulator.world, INSTANTS).flatMap(({ at, mrr: values }) => {
      const wanted = new Map(
        values.map(({ customer, currency, mrrMinor }) => [`${customer} ${currency}`, mrrMinor]),
      );
      return [...ledgers].flatMap(([customer, movements]) =>
        untraced.has(customer)
          ? []
          : CURRENCIES.flatMap((currency) => {
              const got = String(valueAt(movements, currency, Date.parse(at)));
              const truth = wanted.get(`${customer} ${currency}`) ?? '0';
              return got === truth ? [] : [`${at} ${customer} ${currency}: ${got}, not ${truth}`];
            }),
      );
    });
    expect(wrong).toEqual([]);
  });

  it.each(Object.entries(POLICIES))(
    'gives every traced customer’s movements to the second, %s',
    (_name, [fields, oracleFields]) => {
      const policy = { ...DEFAULT_POLICY, ...fields };
      const truthPolicy = { ...DEFAULT_ORACLE_POLICY, ...oracleFields };
      const ledgers = computed(facts, policy);
      const truth = mrr(simulator.world, truthPolicy).customers.filter(
        ({ customer }) => !untraced.has(customer),
      );
      const known = new Set(truth.map(({ customer, currency }) => `${customer} ${currency}`));
      const unknown = [...ledgers].flatMap(([customer, movements]) =>
        untraced.has(customer)
          ? []
          : movements
              .map(({ currency }) => `${customer} ${currency}`)
              .filter((key) => !known.has(key)),
      );
      expect(unknown).toEqual([]);
      const differences = truth.flatMap(({ customer, currency, steps }) => {
        const types = typesOf(steps.map(({ mrrMinor }) => BigInt(mrrMinor)));
        const got = (ledgers.get(customer) ?? [])
          .filter((movement) => movement.currency === currency)
          .map(({ at, type, afterMinor }) => `${at.toISOString()} ${type} ${String(afterMinor)}`);
        const wanted = steps.map(
          ({ at, mrrMinor }, index) =>
            `${new Date(at).toISOString()} ${types[index] ?? ''} ${mrrMinor}`,
        );
        const isSame = got.join() === wanted.join();
        return isSame ? [] : [{ customer, currency, got, wanted }];
      });
      expect(differences).toEqual([]);
    },
    120_000,
  );
});
