import { sql, type Kysely } from 'kysely';

const RATE_LIMITS = `
  -- Unlogged: a row is written many times a second and is worth nothing after a crash. Room for new versions on the same page
  -- keeps its index still.
  create unlogged table rate_limit (
    account_id text not null references account,
    scope text not null,
    due_at timestamptz not null,
    slowed_to double precision,
    slowed_until timestamptz,
    revision bigint not null default 1,
    primary key (account_id, scope)
  ) with (fillfactor = 20);
`;

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(RATE_LIMITS).execute(db);
}
