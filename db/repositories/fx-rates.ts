/** Rates of exchange, by reporting currency: every account that reports in it is converted with them when its figures are read. */
import { sql, type Kysely } from 'kysely';
import type { FxRate } from '../../domain/metrics/fx';
import { arrayOf } from '../array';
import type { Database } from '../schema';

/** How many rates were not known, and how many were known otherwise. The rest were there already. */
export interface Imported {
  readonly added: number;
  readonly changed: number;
}

/** Writes what is new or differs. Of one currency and day there is one rate in `rates`. */
export async function importRates(
  db: Kysely<Database>,
  options: { readonly reportingCurrency: string; readonly rates: readonly FxRate[] },
): Promise<Imported> {
  const { reportingCurrency, rates } = options;
  return db.transaction().execute(async (trx) => {
    // One import at a time: an edition that is committed after a later one would be taken for known.
    await sql`lock table fx_rate in share row exclusive mode`.execute(trx);
    const { rows } = await sql<{ added: boolean }>`
      insert into fx_rate as held (reporting_currency, currency, date, rate)
      select ${reportingCurrency}, currency, date::date, rate::numeric
      from unnest(
        ${arrayOf('text', rates, ({ currency }) => currency)},
        ${arrayOf('text', rates, ({ date }) => date)},
        ${arrayOf('text', rates, ({ rate }) => rate)}) as given (currency, date, rate)
      on conflict (reporting_currency, currency, date)
        do update set rate = excluded.rate, edition = excluded.edition
        where held.rate <> excluded.rate
      returning xmax = 0 as added`.execute(trx);
    const added = rows.filter((row) => row.added).length;
    return { added, changed: rows.length - added };
  });
}

/** In order of currency and day. */
export async function readRates(
  db: Kysely<Database>,
  options: { readonly reportingCurrency: string; readonly currencies: readonly string[] },
): Promise<FxRate[]> {
  const { reportingCurrency, currencies } = options;
  const { rows } = await sql<FxRate>`
    select currency, date::text as date, rate::text as rate from fx_rate
    where reporting_currency = ${reportingCurrency} and currency = any(${[...currencies]})
    order by currency, date`.execute(db);
  return rows;
}

export interface RateSeries {
  readonly reportingCurrency: string;
  readonly currency: string;
  readonly rates: number;
  readonly first: string;
  readonly last: string;
  /** Of the last day. */
  readonly rate: string;
}

/** What is there of each currency, by reporting currency. */
export async function listRateSeries(db: Kysely<Database>): Promise<RateSeries[]> {
  const { rows } = await sql<RateSeries>`
    select reporting_currency as "reportingCurrency", currency, count(*)::int as rates,
      min(date)::text as first, max(date)::text as last,
      (array_agg(rate order by date desc))[1]::text as rate
    from fx_rate group by 1, 2 order by 1, 2`.execute(db);
  return rows;
}
