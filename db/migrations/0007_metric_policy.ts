import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(
      `
  -- What counts as recurring revenue, by account. A change is a new version; version 1 is what the account began with.
  create table metric_policy (
    account_id text not null references account,
    version integer not null check (version > 0),
    document jsonb not null,
    hash text not null,
    since timestamptz not null default now(),
    by text not null,
    why text not null,
    primary key (account_id, version)
  );
  create trigger metric_policy_is_append_only before update or delete on metric_policy
    for each row execute function refuse_change();

  -- Runs of before had a policy that no row holds: none of these hashes is theirs, so that everything is computed once more.
  alter table metric_run rename column policy_id to policy_hash;

  -- Which edition of the provider's normaliser the account's rows have been brought up to from their raw objects.
  alter table account add column normaliser_version integer not null default 1;

  -- What was stored together is read together when rows are made anew from it.
  create index raw_object_by_batch on raw_object (batch);

  -- Who stayed on a plan for nothing, or was thought to return, may leave from 0.
  alter table mrr_movement drop constraint mrr_movement_delta_minor_check,
    add constraint mrr_movement_delta_minor_check check (delta_minor <> 0 or type = 'churn');

  create index mrr_movement_by_run on mrr_movement (account_id, run);
`,
    )
    .execute(db);
}
