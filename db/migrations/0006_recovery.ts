import { sql, type Kysely } from 'kysely';

const RECOVERY = `
  alter table account
    -- Whose clock its cases live by: a simulated one moves only when somebody moves it.
    add column clock text not null default 'real' check (clock in ('real', 'simulated')),
    -- Whether the provider's own retries are waited for, or are known to be switched off.
    add column provider_retries text not null default 'wait' check (provider_retries in ('wait', 'off')),
    -- Draws the control group. It belongs to the account, so that no campaign charges the control group of another.
    add column holdout_salt text not null default gen_random_uuid()::text,
    -- Where somebody wants to be told, and the secret that it is signed with, sealed like the key.
    add column outgoing_url text,
    add column outgoing_secret bytea;

  -- Customers of the control group, for good.
  create table holdout_customer (
    account_id text not null references account,
    customer_id text not null,
    since timestamptz not null default now(),
    primary key (account_id, customer_id)
  );

  create sequence campaign_number;
  create table campaign (
    id text primary key default 'camp_' || nextval('campaign_number'),
    account_id text not null references account,
    terms jsonb not null,
    desired text not null default 'run' check (desired in ('run', 'pause', 'stop')),
    state text not null default 'selecting'
      check (state in ('selecting', 'running', 'paused', 'stopped', 'done')),
    because text not null default 'It was just started.',
    attempts_made integer not null default 0,
    selected_at timestamptz,
    started_at timestamptz not null default now(),
    ended_at timestamptz
  );
  create index campaign_by_account on campaign (account_id, started_at);

  create table recovery_case (
    account_id text not null references account,
    invoice_id text not null,
    campaign_id text not null references campaign,
    customer_id text,
    currency text not null,
    exponent integer not null,
    amount_minor bigint not null,
    state text not null default 'discovered',
    because text not null,
    attention boolean not null default false,
    desired text not null default 'run' check (desired in ('run', 'pause', 'cancel')),
    -- Class and reason of the newest decline.
    decline_class text,
    decline_reason text,
    transitions integer not null default 0,
    attempts integer not null default 0,
    -- Tries of before it was opened again: its campaign grants as many once more.
    tries_before integer not null default 0,
    next_action_at timestamptz,
    window_ends_at timestamptz not null,
    recovered_minor bigint not null default 0,
    reversed_minor bigint not null default 0,
    recovered_by text check (recovered_by in ('us', 'elsewhere', 'provider')),
    recovered_charge_id text,
    recovered_at timestamptz,
    payment_page_url text,
    -- Drawn into the control group: also once its state says how that went.
    held_out boolean not null default false,
    -- Paused along with its campaign, and resumed with it: not what a person has paused by itself.
    paused_by_campaign boolean not null default false,
    -- The newest version of stored rows about its invoice that it was told of.
    told_version timestamptz,
    opened_at timestamptz not null,
    ended_at timestamptz,
    primary key (account_id, invoice_id)
  );
  create index recovery_case_by_campaign on recovery_case (campaign_id, state);
  create index recovery_case_open on recovery_case (account_id, next_action_at) where ended_at is null;
  create index recovery_case_by_invoice on recovery_case (invoice_id);
  create index recovery_case_by_customer on recovery_case (account_id, customer_id);

  -- The life of a case, append-only: each decision with its reason and the rules that it followed.
  create table recovery_transition (
    account_id text not null,
    invoice_id text not null,
    sequence integer not null,
    from_state text not null,
    event text not null,
    to_state text not null,
    because text not null,
    -- {edition, model, propensity, rules, …}: what a decision was made by.
    facts jsonb,
    at timestamptz not null,
    primary key (account_id, invoice_id, sequence),
    foreign key (account_id, invoice_id) references recovery_case
  );

  -- The ledger: an attempt is here, with its key, before anything is sent.
  create table recovery_attempt (
    account_id text not null,
    invoice_id text not null,
    number integer not null,
    campaign_id text not null references campaign,
    customer_id text,
    credential_id text not null,
    credential_key text not null,
    network text,
    country text,
    currency text not null,
    amount_minor bigint not null,
    state text not null default 'intended'
      check (state in ('intended', 'unknown', 'pending', 'succeeded', 'declined', 'absent', 'returned')),
    idempotency_key text not null unique,
    request_hash bytea not null,
    -- By the provider's clock.
    intended_at timestamptz not null,
    charge_before text,
    -- By the database's clock.
    send_before timestamptz not null,
    absent_after timestamptz not null,
    charge_id text,
    request_id text,
    -- What came in, where it succeeded.
    paid_minor bigint,
    -- How it is known: the answer, a lookup, a person, or a fence (it was never sent).
    settled_by text check (settled_by in ('answer', 'lookup', 'person', 'fence')),
    settled_at timestamptz,
    -- What was said of it: an error, or a person's reason, kept for ever.
    note text,
    -- What was said of it that cannot be true beside this row: a person must look.
    conflict text,
    -- {class, reason, by, codes, …}: how a decline was read.
    decline jsonb,
    -- {edition, model, propensity, rules, because}: why it was made.
    decision jsonb not null,
    primary key (account_id, invoice_id, number),
    foreign key (account_id, invoice_id) references recovery_case
  );
  -- Invariant 2: at most one attempt per invoice is in flight, pending or unknown.
  create unique index recovery_attempt_open on recovery_attempt (account_id, invoice_id)
    where state in ('intended', 'unknown', 'pending');
  create index recovery_attempt_by_credential on recovery_attempt (account_id, credential_key, intended_at);
  create unique index recovery_attempt_by_charge on recovery_attempt (account_id, charge_id);

  create index dispute_by_attempt on dispute (account_id, attempt_id);
  -- What campaigns choose from.
  create index invoice_open on invoice (account_id, external_id) where status = 'open';
  create index payment_attempt_by_fingerprint on payment_attempt (account_id, card_fingerprint, created_at);
  create index payment_attempt_paid_by_customer on payment_attempt (account_id, customer_id, created_at)
    where status = 'succeeded';
  create index payment_attempt_by_method on payment_attempt (account_id, payment_method_id, created_at);

  -- What somebody outside is to be told; told again by 'replay'.
  create sequence outgoing_number;
  create table outgoing_webhook (
    id text primary key default 'msg_' || nextval('outgoing_number'),
    account_id text not null references account,
    type text not null,
    -- One telling of one thing: said twice, it is sent once.
    dedup_key text not null,
    body jsonb not null,
    state text not null default 'waiting' check (state in ('waiting', 'sent', 'given_up')),
    attempts integer not null default 0,
    last_error text,
    created_at timestamptz not null default now(),
    sent_at timestamptz,
    unique (account_id, dedup_key)
  );
`;

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(RECOVERY).execute(db);
}
