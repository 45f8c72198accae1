import { sql, type Kysely } from 'kysely';

const CHANGES = `
  -- What the newest read of every object said, in one narrow row: the gate that all writes of the object pass. Objects that are
  -- known already get theirs when they are read again.
  create table object_head (
    account_id text not null,
    resource text not null,
    external_id text not null,
    version timestamptz not null,
    hash bytea,
    deleted boolean not null default false,
    changed_by xid8 not null,
    primary key (account_id, resource, external_id)
  ) with (fillfactor = 80);
  create index object_head_never_read on object_head (account_id, resource) where hash is null;

  -- Objects that must be read again by id, whoever said so.
  create sequence hint_number;
  create table hint (
    account_id text not null references account,
    resource text not null,
    external_id text not null,
    note bigint not null default nextval('hint_number'),
    source text not null check (source in ('feed', 'webhook', 'overlap', 'reference')),
    changed_at timestamptz,
    not_before timestamptz not null default now(),
    primary key (account_id, resource, external_id)
  );
  create index hint_by_note on hint (account_id, note);

  create table change_feed (
    account_id text primary key references account,
    as_of timestamptz not null,
    unbroken_since timestamptz not null
  );

  drop table covered_range;
  create table coverage (
    account_id text not null references account,
    resource text not null,
    ranges tstzmultirange not null,
    primary key (account_id, resource)
  );

  alter table run drop constraint run_kind_check,
    add constraint run_kind_check check (kind in ('sync', 'backfill', 'changes'));
  alter table run add column note text,
    add column counted_changes bigint not null default 0;
  create index run_open on run (account_id) where ended_at is null;
  create index run_by_account on run (account_id, until);

  alter table task drop constraint task_state_check,
    add constraint task_state_check check (state in ('open', 'done', 'parked', 'skipped'));
  alter table task add column newest_read_at timestamptz;

  -- Objects that were read together are compressed together: a page of them to a fifth of what each by itself would take.
  create sequence raw_batch_number;
  create table raw_batch (
    account_id text not null,
    id bigint not null default nextval('raw_batch_number'),
    payload bytea not null,
    encoding text not null,
    primary key (account_id, id)
  );
  alter table raw_batch alter column payload set storage external;
  alter table raw_object add column batch bigint, add column at integer, add column size integer;
  update raw_object set batch = nextval('raw_batch_number'), at = 0;
  insert into raw_batch (account_id, id, payload, encoding)
    select account_id, batch, payload, encoding from raw_object;
  alter table raw_object drop column payload, drop column encoding,
    alter column batch set not null, alter column at set not null;

  alter table account add column skipped_resources text[] not null default '{}',
    add column changes bigint not null default 0,
    add column read_as_of timestamptz;
`;

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(CHANGES).execute(db);
}
