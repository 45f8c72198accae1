import { sql, type Kysely } from 'kysely';

const WEBHOOKS = `
  -- Signing secrets of its endpoint, each sealed like the key: several while one is being replaced.
  alter table account add column webhook_secrets bytea[] not null default '{}';

  -- Deliveries that were taken, by the event they told of: what comes again says nothing new.
  create table webhook_inbox (
    account_id text not null references account,
    event_id text not null,
    type text not null,
    received_at timestamptz not null default now(),
    primary key (account_id, event_id)
  );
  create index webhook_inbox_age on webhook_inbox (received_at);
`;

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(WEBHOOKS).execute(db);
}
