/** Reads what the metrics are computed from. */
import { sql, type Kysely, type RawBuilder } from 'kysely';
import {
  FACT_KINDS,
  UNREAD,
  type CustomerFacts,
  type Fact,
  type FactKind,
} from '../../domain/metrics/facts';
import { columnsOf } from '../record-writer';
import type { Database } from '../schema';

/** What a query selects so that its rows are facts as they come: millions of them are read. */
const FACT_COLUMNS = Object.fromEntries(
  FACT_KINDS.map((kind) => {
    const unread: readonly string[] = kind in UNREAD ? UNREAD[kind as keyof typeof UNREAD] : [];
    const columns = columnsOf(kind)
      .filter(({ field }) => !unread.includes(field))
      .map(({ field, name }) => `${name} as "${field}"`);
    return [kind, sql.raw(['external_id as id', 'version as "seenAt"', ...columns].join(', '))];
  }),
) as unknown as Readonly<Record<FactKind, RawBuilder<unknown>>>;

/** The facts of some customers of an account, by customer; those without any are there too. */
export async function readFacts(
  db: Kysely<Database>,
  options: { readonly accountId: string; readonly customers: readonly string[] },
): Promise<Map<string, CustomerFacts>> {
  const { accountId, customers } = options;
  const byCustomer = new Map(customers.map((customer) => [customer, emptyFacts()]));
  for (const kind of FACT_KINDS) {
    if (kind === 'price') continue;
    const { rows } = await sql<Fact<typeof kind>>`
      select ${FACT_COLUMNS[kind]} from ${sql.table(kind)}
      where account_id = ${accountId} and customer_id = any(${[...customers]})`.execute(db);
    for (const row of rows) byCustomer.get(row.customerId ?? '')?.[kind].push(row as never);
  }
  await addPrices(db, accountId, byCustomer);
  return byCustomer;
}

type MutableFacts = { [K in FactKind]: Fact<K>[] };

function emptyFacts(): MutableFacts {
  return Object.fromEntries(FACT_KINDS.map((kind) => [kind, []])) as unknown as MutableFacts;
}

/** Gives each customer the prices that its rows name. */
async function addPrices(
  db: Kysely<Database>,
  accountId: string,
  byCustomer: ReadonlyMap<string, MutableFacts>,
): Promise<void> {
  const named = [...byCustomer.values()].map((facts) => ({ facts, ids: pricesNamedBy(facts) }));
  const ids = [...new Set(named.flatMap((each) => [...each.ids]))];
  if (ids.length === 0) return;
  const { rows } = await sql<Fact<'price'>>`
    select ${FACT_COLUMNS.price} from price
    where account_id = ${accountId} and external_id = any(${ids})`.execute(db);
  const prices = new Map(rows.map((row) => [row.id, row]));
  for (const each of named) {
    for (const id of each.ids) {
      const price = prices.get(id);
      if (price) each.facts.price.push(price);
    }
  }
}

function pricesNamedBy(facts: CustomerFacts): Set<string> {
  const ids = new Set<string>();
  for (const { priceId } of [
    ...facts.subscription_item,
    ...facts.invoice_line,
    ...facts.invoice_item,
  ]) {
    if (priceId) ids.add(priceId);
  }
  for (const change of facts.subscription_change) {
    // The feed names prices within JSON: any text that is no price finds no row.
    JSON.stringify([change.before, change.after], (key, value: unknown) => {
      if (key === 'priceId' && typeof value === 'string') ids.add(value);
      return value;
    });
  }
  return ids;
}
