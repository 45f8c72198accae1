import { sql, type Kysely } from 'kysely';
import type { Database } from '../schema';

/**
 * Ids of prices that rows of the account name and that have no row of their own, in order, after `after`. Only what can bear on
 * recurring revenue: one-time prices may be as many as invoices, and count 0 whatever they say.
 */
export async function listMissingPrices(
  db: Kysely<Database>,
  options: { readonly accountId: string; readonly after: string; readonly limit: number },
): Promise<string[]> {
  const { accountId, after, limit } = options;
  const { rows } = await sql<{ id: string }>`
    select named.id from (
      select price_id as id from subscription_item where account_id = ${accountId}
      union
      select price_id from invoice_line where account_id = ${accountId} and kind <> 'one_time'
      union
      select price_id from invoice_item
      where account_id = ${accountId} and subscription_id is not null
      union
      select jsonb_path_query(jsonb_build_array(before, after), '$[*].items[*].priceId') #>> '{}'
      from subscription_change where account_id = ${accountId}
    ) as named
    where named.id > ${after} and not exists (
      select from price where account_id = ${accountId} and external_id = named.id)
    order by named.id
    limit ${limit}`.execute(db);
  return rows.map(({ id }) => id);
}
