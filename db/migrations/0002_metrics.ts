import { sql, type Kysely } from 'kysely';

const METRIC_TABLES = `
  alter table account add column time_zone text not null default 'UTC';

  create table metric_run (
    account_id text not null references account,
    run bigint not null,
    policy_id text not null,
    policy_version integer not null,
    engine_version integer not null,
    as_of timestamptz not null,
    inputs text,
    customers integer not null default 0,
    movements integer not null default 0,
    inferred integer not null default 0,
    unpriced integer not null default 0,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    primary key (account_id, run)
  );

  create table metric_customer (
    account_id text not null,
    customer_id text not null,
    run bigint not null,
    next_change_at timestamptz,
    missing_prices text[] not null,
    primary key (account_id, customer_id)
  );
  create index metric_customer_due on metric_customer (account_id, next_change_at)
    where next_change_at is not null;
  create index metric_customer_missing on metric_customer (account_id)
    where missing_prices <> '{}';

  create table subscription_item_version (
    account_id text not null,
    customer_id text not null,
    subscription_id text not null,
    item_id text not null,
    price_id text not null,
    quantity numeric,
    from_at timestamptz not null,
    to_at timestamptz check (to_at > from_at),
    basis text not null check (basis in ('exact', 'inferred')),
    source text[] not null,
    run bigint not null,
    primary key (account_id, customer_id, item_id, from_at)
  );

  create table mrr_segment (
    account_id text not null,
    customer_id text not null,
    subscription_id text not null,
    item_id text not null,
    currency text not null,
    exponent integer not null,
    from_at timestamptz not null,
    to_at timestamptz check (to_at > from_at),
    value_num numeric not null check (value_num > 0),
    value_den numeric not null check (value_den > 0),
    basis text not null check (basis in ('exact', 'inferred')),
    inputs text[] not null,
    run bigint not null,
    primary key (account_id, customer_id, item_id, from_at)
  );

  create table mrr_movement (
    id bigint primary key generated always as identity,
    account_id text not null,
    customer_id text not null,
    currency text not null,
    exponent integer not null,
    at timestamptz not null,
    type text not null
      check (type in ('new', 'expansion', 'contraction', 'churn', 'reactivation')),
    delta_minor bigint not null check (delta_minor <> 0),
    after_minor bigint not null check (after_minor >= 0),
    after_num numeric not null,
    after_den numeric not null,
    basis text not null check (basis in ('exact', 'inferred')),
    causes text[] not null,
    inputs text[] not null,
    run bigint not null,
    reverses bigint unique references mrr_movement,
    foreign key (account_id, run) references metric_run (account_id, run)
  );
  create index mrr_movement_by_customer on mrr_movement (account_id, customer_id);

  create function refuse_change() returns trigger language plpgsql as $$
  begin
    raise exception '% is append-only: write a reversal and a new row', tg_table_name;
  end $$;
  create trigger mrr_movement_is_append_only before update or delete on mrr_movement
    for each row execute function refuse_change();
`;

/** Facts are read customer by customer. */
const CUSTOMER_INDEXES = [
  'subscription',
  'subscription_item',
  'subscription_change',
  'invoice',
  'invoice_line',
  'invoice_item',
  'discount',
]
  .map((table) => `create index ${table}_by_customer on "${table}" (account_id, customer_id);`)
  .join('\n');

/** An invoice's attempts are found through its payments. */
const PAYMENT_INDEXES = `
  create index invoice_payment_by_invoice on invoice_payment (account_id, invoice_id);
  create index payment_attempt_by_payment on payment_attempt (account_id, payment_id);
`;

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(METRIC_TABLES).execute(db);
  await sql.raw(CUSTOMER_INDEXES).execute(db);
  await sql.raw(PAYMENT_INDEXES).execute(db);
}
