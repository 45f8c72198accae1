import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(
      `
  -- Rates are facts of the world, and not of an account.
  create sequence fx_rate_edition;
  create table fx_rate (
    reporting_currency text not null,
    currency text not null,
    date date not null,
    -- What one unit of the currency is worth in the reporting currency.
    rate numeric not null check (rate > 0),
    -- Taken anew with every change, so that the newest one tells whether anything was imported since.
    edition bigint not null default nextval('fx_rate_edition'),
    primary key (reporting_currency, currency, date)
  );
  create index fx_rate_by_edition on fx_rate (reporting_currency, edition);
`,
    )
    .execute(db);
}
