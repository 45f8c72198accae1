/**
 * An account as a sync would have left it, laid by SQL: one subscription for each customer, billed monthly; every third has changed
 * its plan in the middle of a month, every fifth has a discount of a year, every tenth has left.
 */
export const ACCOUNT = 'acct_bench';

/** Everything ends here. */
const NOW = '2026-11-01';

/** Statements in order; $1 is the number of subscriptions, $2 that of months. */
const STATEMENTS = [
  `insert into account (id, provider, secret, read_as_of)
   select '${ACCOUNT}', 'stripe', '', timestamptz '${NOW} UTC' where $1::int > 0 and $2::int > 0`,
  `insert into price (account_id, external_id, version, raw_hash, active, currency, exponent, scheme, unit_amount,
     interval, interval_count, usage, created_at)
   select '${ACCOUNT}', 'price_' || n, '${NOW}', '', true, 'eur', 2, 'per_unit', 500 + n * 137,
     'month', 1, 'licensed', '2020-01-01'
   from generate_series(1, 20) as n where $1::int > 0 and $2::int > 0`,
  `create temporary table bench as
   select n, 'cus_' || n as customer, 'sub_' || n as subscription, 'si_' || n as item,
     'price_' || (1 + n % 20) as price, 'price_' || (1 + (n + 7) % 20) as later,
     timestamptz '${NOW} UTC' - make_interval(months => $2::int, secs => n % 86400) as start,
     $2::int as months,
     case when n % 3 = 0 and $2::int > 2 then $2::int / 2 end as changed,
     case when n % 10 = 0 and $2::int > 4 then $2::int - 3 end as left_after
   from generate_series(1, $1::int) as n`,
  `insert into customer (account_id, external_id, version, raw_hash, created_at)
   select '${ACCOUNT}', customer, '${NOW}', '', start from bench`,
  `insert into subscription (account_id, external_id, version, raw_hash, customer_id, status, currency, created_at,
     started_at, cancel_at_period_end, canceled_at, ended_at, anchor_at, collection_method)
   select '${ACCOUNT}', subscription, '${NOW}', '', customer,
     case when left_after is null then 'active' else 'canceled' end, 'eur', start, start, false,
     start + make_interval(months => left_after), start + make_interval(months => left_after), start, 'charge_automatically'
   from bench`,
  `insert into subscription_item (account_id, external_id, version, raw_hash, subscription_id, customer_id, price_id,
     quantity, created_at, discount_ids)
   select '${ACCOUNT}', item, '${NOW}', '', subscription, customer,
     case when changed is null then price else later end, 1 + n % 4, start, '[]'
   from bench where left_after is null`,
  `insert into discount (account_id, external_id, version, raw_hash, customer_id, subscription_id, percent_off, duration,
     position, start_at, end_at)
   select '${ACCOUNT}', 'di_' || n, '${NOW}', '', customer, subscription, 20, 'repeating', 0, start,
     start + interval '12 months'
   from bench where n % 5 = 0`,
  `insert into invoice (account_id, external_id, version, raw_hash, customer_id, subscription_id, number, status,
     billing_reason, collection_method, currency, exponent, subtotal_minor, discount_minor, tax_minor, total_minor,
     amount_due_minor, amount_paid_minor, amount_remaining_minor, attempt_count, created_at, finalized_at, paid_at)
   select '${ACCOUNT}', 'in_' || n || '_' || month, '${NOW}', '', customer, subscription, n || '-' || month, 'paid',
     case month when 0 then 'subscription_create' else 'subscription_cycle' end, 'charge_automatically', 'eur', 2,
     1000, 0, 0, 1000, 1000, 1000, 0, 1, at, at, at
   from bench, generate_series(0, months - 1) as month, lateral (select start + make_interval(months => month) as at) as t
   where month < coalesce(left_after, months)`,
  `insert into invoice_line (account_id, external_id, version, raw_hash, invoice_id, customer_id, subscription_id,
     subscription_item_id, price_id, kind, currency, exponent, amount_minor, discount_minor, tax_minor, quantity,
     period_start, period_end, discount_ids)
   select '${ACCOUNT}', 'il_' || n || '_' || month, '${NOW}', '', 'in_' || n || '_' || month, customer, subscription,
     item, case when month > coalesce(changed, months) then later else price end, 'recurring', 'eur', 2, 1000, 0, 0,
     1 + n % 4, at, at + interval '1 month',
     case when n % 5 = 0 and month < 12 then jsonb_build_array('di_' || n) else '[]' end
   from bench, generate_series(0, months - 1) as month, lateral (select start + make_interval(months => month) as at) as t
   where month < coalesce(left_after, months)`,
  `insert into invoice_line (account_id, external_id, version, raw_hash, invoice_id, customer_id, subscription_id,
     subscription_item_id, price_id, kind, currency, exponent, amount_minor, discount_minor, tax_minor, quantity,
     period_start, period_end, discount_ids)
   select '${ACCOUNT}', 'il_' || n || '_' || kind.name, '${NOW}', '', 'in_' || n || '_' || (changed + 1), customer,
     subscription, item, case kind.name when 'credit' then price else later end, 'proration', 'eur', 2, kind.amount, 0,
     0, 1 + n % 4, start + make_interval(months => changed, days => 11), start + make_interval(months => changed + 1), '[]'
   from bench, (values ('credit', -500), ('charge', 700)) as kind (name, amount) where changed is not null`,
  `insert into dirty_customer (account_id, customer_id) select '${ACCOUNT}', customer from bench`,
];

/** Returns how many rows there are. */
export async function seed(pool, { subscriptions, months }) {
  let rows = 0;
  for (const statement of STATEMENTS) {
    const takes = [subscriptions, months].slice(0, statement.includes('$1') ? 2 : 0);
    rows += (await pool.query(statement, takes)).rowCount ?? 0;
  }
  await pool.query('vacuum analyze');
  return rows;
}
