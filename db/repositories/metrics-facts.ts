/** Reads what the metrics are computed from. */
import type { Kysely } from 'kysely';
import { escapeLiteral } from 'pg';
import {
  FACT_KINDS,
  UNREAD,
  type CustomerFacts,
  type Fact,
  type FactKind,
} from '../../domain/metrics/facts';
import { copyRows, type CopiedColumn } from '../copy-out';
import { COLUMN_TYPES, columnsOf } from '../record-writer';
import type { Database } from '../schema';

/** What a query selects of each kind, so that its rows are facts as they come: millions of them are read. */
const FACT_COLUMNS = Object.fromEntries(
  FACT_KINDS.map((kind) => [kind, factColumns(kind)]),
) as unknown as Readonly<Record<FactKind, readonly FactColumn[]>>;

interface FactColumn extends CopiedColumn {
  readonly expression: string;
}

function factColumns(kind: FactKind): FactColumn[] {
  const unread: readonly string[] = kind in UNREAD ? UNREAD[kind as keyof typeof UNREAD] : [];
  return [
    { field: 'id', type: 'text', expression: 'external_id' },
    { field: 'seenAt', type: 'timestamptz', expression: 'version' },
    ...columnsOf(kind)
      .filter(({ field }) => !unread.includes(field))
      .map(({ field, name, type }): FactColumn => {
        // Exact decimals travel as the text that they are.
        const isDecimal = type === 'decimal';
        const expression = isDecimal ? `${name}::text` : name;
        return { field, expression, type: isDecimal ? 'text' : COLUMN_TYPES[type] };
      }),
  ];
}

/** Rows of a kind of which a column has one of some values. */
function factsWhere<K extends FactKind>(
  db: Kysely<Database>,
  kind: K,
  where: {
    readonly accountId: string;
    readonly column: string;
    readonly values: readonly string[];
  },
): Promise<Fact<K>[]> {
  const columns = FACT_COLUMNS[kind];
  const values = where.values.map((value) => escapeLiteral(value)).join(', ');
  return copyRows<Fact<K>>(db, {
    select: `select ${columns.map(({ expression }) => expression).join(', ')} from ${kind}
      where account_id = ${escapeLiteral(where.accountId)} and ${where.column} = any(array[${values}]::text[])`,
    columns,
  });
}

/** The facts of some customers of an account, by customer; those without any are there too. */
export async function readFacts(
  db: Kysely<Database>,
  options: { readonly accountId: string; readonly customers: readonly string[] },
): Promise<Map<string, CustomerFacts>> {
  const { accountId, customers } = options;
  const byCustomer = new Map(customers.map((customer) => [customer, emptyFacts()]));
  for (const kind of FACT_KINDS) {
    if (kind === 'price') continue;
    const of = { accountId, column: 'customer_id', values: customers };
    for (const row of await factsWhere(db, kind, of)) {
      byCustomer.get(row.customerId ?? '')?.[kind].push(row as never);
    }
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
  const rows = await factsWhere(db, 'price', { accountId, column: 'external_id', values: ids });
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
