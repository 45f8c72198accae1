/** Bulk inserts of what the metrics derive: a batch travels as one array per column. */
import { CompiledQuery, type Kysely } from 'kysely';
import { encodeArray, type ArrayType } from './array';
import type { MetricTables } from './metrics-schema';
import type { Database } from './schema';

type Table = 'subscription_item_version' | 'mrr_segment' | 'metric_customer' | 'mrr_movement';
export type MetricRow<T extends Table> = Omit<MetricTables[T], 'id'>;

const COLUMNS: { readonly [T in Table]: Readonly<Record<keyof MetricRow<T>, string>> } = {
  subscription_item_version: {
    account_id: 'text',
    customer_id: 'text',
    subscription_id: 'text',
    item_id: 'text',
    price_id: 'text',
    quantity: 'numeric',
    from_at: 'timestamptz',
    to_at: 'timestamptz',
    basis: 'text',
    source: 'text[]',
    run: 'bigint',
  },
  mrr_segment: {
    account_id: 'text',
    customer_id: 'text',
    subscription_id: 'text',
    item_id: 'text',
    currency: 'text',
    exponent: 'integer',
    from_at: 'timestamptz',
    to_at: 'timestamptz',
    value_num: 'numeric',
    value_den: 'numeric',
    basis: 'text',
    inputs: 'text[]',
    run: 'bigint',
  },
  metric_customer: {
    account_id: 'text',
    customer_id: 'text',
    run: 'bigint',
    next_change_at: 'timestamptz',
    missing_prices: 'text[]',
  },
  mrr_movement: {
    account_id: 'text',
    customer_id: 'text',
    currency: 'text',
    exponent: 'integer',
    at: 'timestamptz',
    type: 'text',
    delta_minor: 'bigint',
    after_minor: 'bigint',
    after_num: 'numeric',
    after_den: 'numeric',
    basis: 'text',
    causes: 'text[]',
    inputs: 'text[]',
    run: 'bigint',
    reverses: 'bigint',
  },
};

/** Inserts rows in their order. */
export async function insertMetricRows<T extends Table>(
  db: Kysely<Database>,
  table: T,
  rows: readonly MetricRow<T>[],
): Promise<void> {
  if (rows.length === 0) return;
  const columns = Object.entries<string>(COLUMNS[table]);
  const names = columns.map(([name]) => name).join(', ');
  // Arrays of arrays would have to be of one length, and decimals have no short form: both travel as text.
  const isText = (type: string) => type === 'numeric' || type.endsWith('[]');
  const given = columns.map(
    ([, type], index) => `$${index + 1}::${isText(type) ? 'text' : type}[]`,
  );
  const values = columns.map(([name, type]) => (isText(type) ? `t.${name}::${type}` : `t.${name}`));
  await db.executeQuery(
    CompiledQuery.raw(
      `insert into ${table} (${names}) select ${values.join(', ')}
       from unnest(${given.join(', ')}) with ordinality as t (${names}, n) order by n`,
      columns.map(([name, type]) =>
        encodeArray(isText(type) ? 'text' : (type as ArrayType), rows, (row) => {
          const value = (row as Readonly<Record<string, unknown>>)[name];
          return (
            isText(type) ? textOf(value as string | readonly string[] | null) : value
          ) as never;
        }),
      ),
    ),
  );
}

/** As Postgres writes it. */
const textOf = (value: string | readonly string[] | null): string | null =>
  value === null || typeof value === 'string'
    ? value
    : `{${value.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;
