import { sql, type Kysely } from 'kysely';

/** Partitions of the raw objects: enough to keep vacuum and indexes small for some hundred accounts. */
const RAW_PARTITIONS = 8;

const SYNC_TABLES = `
  create table account (
    id text primary key,
    provider text not null,
    display_name text,
    api_base text,
    secret bytea not null,
    state text not null default 'idle',
    state_reason text,
    attention boolean not null default false,
    desired text not null default 'run' check (desired in ('run', 'pause', 'cancel')),
    created_at timestamptz not null default now()
  );

  create table account_transition (
    account_id text not null references account,
    sequence integer not null,
    from_state text not null,
    event text not null,
    to_state text not null,
    because text not null,
    attention boolean not null,
    at timestamptz not null,
    primary key (account_id, sequence)
  );

  create sequence run_number;
  create table run (
    id text primary key default 'run_' || nextval('run_number'),
    account_id text not null references account,
    key text not null,
    kind text not null check (kind in ('sync', 'backfill')),
    window_from timestamptz,
    until timestamptz not null,
    floor timestamptz not null,
    desired text not null default 'run' check (desired in ('run', 'pause', 'cancel')),
    state text not null default 'running'
      check (state in ('running', 'complete', 'partial', 'paused', 'canceled', 'failed')),
    summary text,
    started_at timestamptz not null default now(),
    ended_at timestamptz,
    unique (account_id, key)
  );

  create table task (
    id bigint primary key generated always as identity,
    run_id text not null references run,
    resource text not null,
    position integer not null,
    window_from timestamptz,
    window_to timestamptz not null,
    cursor text,
    last_seen timestamptz,
    read_as_of timestamptz,
    state text not null default 'open' check (state in ('open', 'done', 'parked')),
    parked_code text,
    parked_reason text,
    fence bigint not null default 0,
    lease_owner text,
    lease_until timestamptz,
    pages integer not null default 0,
    objects integer not null default 0,
    requests integer not null default 0,
    changed_rows integer not null default 0
  ) with (fillfactor = 50);
  create index task_by_run on task (run_id);

  create table raw_object (
    account_id text not null,
    type text not null,
    external_id text not null,
    hash bytea not null,
    payload bytea not null,
    encoding text not null,
    read_at timestamptz not null,
    primary key (account_id, type, external_id, hash)
  ) partition by hash (account_id);
  -- The payload is compressed already: to compress it again would cost time and gain nothing.
  alter table raw_object alter column payload set storage external;

  create table not_normalised (
    run_id text not null references run,
    type text not null,
    external_id text not null,
    hash bytea not null,
    reason text not null,
    primary key (run_id, type, external_id)
  );

  create table unknown_value (
    run_id text not null references run,
    type text not null,
    value text not null,
    count integer not null,
    primary key (run_id, type, value)
  );

  create table dirty_customer (
    account_id text not null,
    customer_id text not null,
    marked_at timestamptz not null default now(),
    primary key (account_id, customer_id)
  );

  create table covered_range (
    id bigint primary key generated always as identity,
    account_id text not null references account,
    resource text not null,
    window_from timestamptz,
    window_to timestamptz not null,
    read_as_of timestamptz not null
  );
  create index covered_range_by_resource on covered_range (account_id, resource);
`;

/**
 * One table for each kind of RECORDS as it was at this version: written out, so that a migrated database stays what it was
 * when RECORDS grows. No foreign keys: references may dangle until the other page arrives.
 */
const CANONICAL_TABLES = `
  create table customer (
    account_id text not null,
    external_id text not null,
    version timestamptz not null,
    raw_hash bytea not null,
    name text,
    email text,
    currency text,
    country text,
    created_at timestamptz not null,
    primary key (account_id, external_id)
  );

  create table product (
    account_id text not null,
    external_id text not null,
    version timestamptz not null,
    raw_hash bytea not null,
    name text not null,
    active boolean not null,
    created_at timestamptz not null,
    primary key (account_id, external_id)
  );

  create table price (
    account_id text not null,
    external_id text not null,
    version timestamptz not null,
    raw_hash bytea not null,
    product_id text,
    active boolean not null,
    currency text not null,
    exponent integer not null,
    scheme text not null,
    unit_amount numeric,
    tiers jsonb,
    transform_quantity jsonb,
    "interval" text,
    interval_count integer,
    usage text,
    created_at timestamptz not null,
    primary key (account_id, external_id)
  );

  create table coupon (
    account_id text not null,
    external_id text not null,
    version timestamptz not null,
    raw_hash bytea not null,
    name text,
    percent_off numeric,
    amount_off_minor bigint,
    currency text,
    exponent integer,
    duration text not null,
    duration_in_months integer,
    created_at timestamptz not null,
    primary key (account_id, external_id)
  );

  create table discount (
    account_id text not null,
    external_id text not null,
    version timestamptz not null,
    raw_hash bytea not null,
    coupon_id text,
    customer_id text,
    subscription_id text,
    subscription_item_id text,
    invoice_id text,
    percent_off numeric,
    amount_off_minor bigint,
    currency text,
    exponent integer,
    duration text not null,
    position integer not null,
    start_at timestamptz not null,
    end_at timestamptz,
    primary key (account_id, external_id)
  );

  create table subscription (
    account_id text not null,
    external_id text not null,
    version timestamptz not null,
    raw_hash bytea not null,
    customer_id text,
    status text not null,
    currency text not null,
    created_at timestamptz not null,
    started_at timestamptz not null,
    trial_start_at timestamptz,
    trial_end_at timestamptz,
    cancel_at_period_end boolean not null,
    cancel_at timestamptz,
    canceled_at timestamptz,
    ended_at timestamptz,
    end_reason text,
    anchor_at timestamptz,
    pause_behavior text,
    paused_at timestamptz,
    collection_method text,
    primary key (account_id, external_id)
  );

  create table subscription_item (
    account_id text not null,
    external_id text not null,
    version timestamptz not null,
    raw_hash bytea not null,
    subscription_id text not null,
    customer_id text,
    price_id text not null,
    quantity numeric,
    created_at timestamptz not null,
    period_start timestamptz,
    period_end timestamptz,
    discount_ids jsonb not null,
    primary key (account_id, external_id)
  );
  create index subscription_item_by_owner on subscription_item (account_id, subscription_id);

  create table subscription_change (
    account_id text not null,
    external_id text not null,
    version timestamptz not null,
    raw_hash bytea not null,
    subscription_id text not null,
    customer_id text,
    at timestamptz not null,
    before jsonb not null,
    after jsonb not null,
    primary key (account_id, external_id)
  );

  create table invoice_item (
    account_id text not null,
    external_id text not null,
    version timestamptz not null,
    raw_hash bytea not null,
    customer_id text,
    invoice_id text,
    subscription_id text,
    subscription_item_id text,
    price_id text,
    currency text not null,
    exponent integer not null,
    amount_minor bigint not null,
    quantity numeric,
    proration boolean not null,
    period_start timestamptz not null,
    period_end timestamptz not null,
    created_at timestamptz not null,
    primary key (account_id, external_id)
  );

  create table invoice (
    account_id text not null,
    external_id text not null,
    version timestamptz not null,
    raw_hash bytea not null,
    customer_id text,
    subscription_id text,
    number text,
    status text not null,
    billing_reason text,
    collection_method text,
    currency text not null,
    exponent integer not null,
    subtotal_minor bigint not null,
    discount_minor bigint not null,
    tax_minor bigint not null,
    total_minor bigint not null,
    amount_due_minor bigint not null,
    amount_paid_minor bigint not null,
    amount_remaining_minor bigint not null,
    attempt_count integer not null,
    next_payment_attempt_at timestamptz,
    created_at timestamptz not null,
    finalized_at timestamptz,
    due_at timestamptz,
    paid_at timestamptz,
    voided_at timestamptz,
    marked_uncollectible_at timestamptz,
    primary key (account_id, external_id)
  );

  create table invoice_line (
    account_id text not null,
    external_id text not null,
    version timestamptz not null,
    raw_hash bytea not null,
    invoice_id text not null,
    customer_id text,
    subscription_id text,
    subscription_item_id text,
    invoice_item_id text,
    price_id text,
    kind text not null,
    currency text not null,
    exponent integer not null,
    amount_minor bigint not null,
    discount_minor bigint not null,
    tax_minor bigint not null,
    quantity numeric,
    period_start timestamptz not null,
    period_end timestamptz not null,
    discount_ids jsonb not null,
    primary key (account_id, external_id)
  );
  create index invoice_line_by_owner on invoice_line (account_id, invoice_id);

  create table credit_note (
    account_id text not null,
    external_id text not null,
    version timestamptz not null,
    raw_hash bytea not null,
    invoice_id text not null,
    customer_id text,
    status text not null,
    reason text,
    currency text not null,
    exponent integer not null,
    total_minor bigint not null,
    tax_minor bigint not null,
    created_at timestamptz not null,
    voided_at timestamptz,
    primary key (account_id, external_id)
  );

  create table payment (
    account_id text not null,
    external_id text not null,
    version timestamptz not null,
    raw_hash bytea not null,
    customer_id text,
    status text not null,
    currency text not null,
    exponent integer not null,
    amount_minor bigint not null,
    amount_received_minor bigint not null,
    created_at timestamptz not null,
    canceled_at timestamptz,
    primary key (account_id, external_id)
  );

  create table invoice_payment (
    account_id text not null,
    external_id text not null,
    version timestamptz not null,
    raw_hash bytea not null,
    invoice_id text not null,
    payment_id text,
    attempt_id text,
    status text not null,
    currency text not null,
    exponent integer not null,
    amount_requested_minor bigint not null,
    amount_paid_minor bigint,
    is_default boolean not null,
    created_at timestamptz not null,
    primary key (account_id, external_id)
  );

  create table payment_attempt (
    account_id text not null,
    external_id text not null,
    version timestamptz not null,
    raw_hash bytea not null,
    payment_id text,
    customer_id text,
    status text not null,
    currency text not null,
    exponent integer not null,
    amount_minor bigint not null,
    amount_refunded_minor bigint not null,
    created_at timestamptz not null,
    failure_code text,
    decline_code text,
    advice_code text,
    network_decline_code text,
    network_advice_code text,
    outcome_type text,
    payment_method_id text,
    method_type text,
    card_brand text,
    card_funding text,
    card_country text,
    card_fingerprint text,
    disputed boolean not null,
    primary key (account_id, external_id)
  );

  create table refund (
    account_id text not null,
    external_id text not null,
    version timestamptz not null,
    raw_hash bytea not null,
    attempt_id text,
    payment_id text,
    status text not null,
    reason text,
    currency text not null,
    exponent integer not null,
    amount_minor bigint not null,
    created_at timestamptz not null,
    primary key (account_id, external_id)
  );

  create table dispute (
    account_id text not null,
    external_id text not null,
    version timestamptz not null,
    raw_hash bytea not null,
    attempt_id text,
    payment_id text,
    status text not null,
    reason text,
    currency text not null,
    exponent integer not null,
    amount_minor bigint not null,
    created_at timestamptz not null,
    primary key (account_id, external_id)
  );
`;

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(SYNC_TABLES).execute(db);
  await sql.raw(CANONICAL_TABLES).execute(db);
  for (let remainder = 0; remainder < RAW_PARTITIONS; remainder += 1) {
    await sql
      .raw(
        `create table raw_object_${remainder} partition of raw_object
         for values with (modulus ${RAW_PARTITIONS}, remainder ${remainder})`,
      )
      .execute(db);
  }
}
