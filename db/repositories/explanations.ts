/** What stands behind a customer's figures: rows of the ledger, records, and the raw objects that these were made from. */
import { sql, type Kysely, type Selectable } from 'kysely';
import { FACT_KINDS, type FactKind } from '../../domain/metrics/facts';
import { PARTS } from '../../domain/records';
import type { MrrMovementTable } from '../metrics-schema';
import { snakeCase, type Database } from '../schema';

export type LedgerRow = Selectable<MrrMovementTable>;

/** The row, and the run that took it back, if one did. Undefined where the account has none of that id. */
export async function findMovement(
  db: Kysely<Database>,
  { accountId, id }: { readonly accountId: string; readonly id: bigint },
): Promise<(LedgerRow & { readonly reversed_in: bigint | null }) | undefined> {
  return db
    .selectFrom('mrr_movement as movement')
    .leftJoin('mrr_movement as reversal', 'reversal.reverses', 'movement.id')
    .selectAll('movement')
    .select('reversal.run as reversed_in')
    .where('movement.account_id', '=', accountId)
    .where('movement.id', '=', id)
    .executeTakeFirst();
}

/** Rows of one customer that are neither reversals nor reversed. */
export async function standingOfCustomer(
  db: Kysely<Database>,
  { accountId, customer }: { readonly accountId: string; readonly customer: string },
): Promise<LedgerRow[]> {
  return db
    .selectFrom('mrr_movement as movement')
    .leftJoin('mrr_movement as reversal', 'reversal.reverses', 'movement.id')
    .selectAll('movement')
    .where('movement.account_id', '=', accountId)
    .where('movement.customer_id', '=', customer)
    .where('movement.reverses', 'is', null)
    .where('reversal.id', 'is', null)
    .orderBy('movement.at')
    .execute();
}

/** A record, and the raw object that its row was made from. */
export interface Source {
  readonly id: string;
  readonly kind: FactKind;
  readonly object: {
    readonly type: string;
    readonly id: string;
    /** SHA-256 of its JSON text, in hex. */
    readonly hash: string;
    /** By the provider's clock. */
    readonly readAt: Date;
  } | null;
}

/** By id; records that are no longer there are left out. `customer` is whose they are. */
export async function findSources(
  db: Kysely<Database>,
  options: {
    readonly accountId: string;
    readonly customer: string;
    readonly records: readonly string[];
  },
): Promise<Source[]> {
  const { accountId, customer, records } = options;
  const tables = FACT_KINDS.map((kind) => {
    const owner = PARTS[kind] ? sql.ref(snakeCase(PARTS[kind].ownerField)) : sql`external_id`;
    return sql`select ${kind} as kind, external_id as id, ${owner} as owner, raw_hash
      from ${sql.table(kind)}
      where account_id = ${accountId} and external_id = any(${[...records]})`;
  });
  const { rows } = await sql<{
    kind: FactKind;
    id: string;
    type: string | null;
    object: string | null;
    hash: Buffer;
    read_at: Date | null;
  }>`
    with record as materialized (${sql.join(tables, sql` union all `)}),
    -- What stands within others was seen in an object of the same customer.
    named as (
      select owner as id from record union select ${customer}
      union select external_id from subscription where account_id = ${accountId} and customer_id = ${customer}
      union select external_id from invoice where account_id = ${accountId} and customer_id = ${customer}
    )
    select record.kind, record.id, raw.type, raw.external_id as object, record.raw_hash as hash, raw.read_at
    from record left join raw_object as raw on raw.account_id = ${accountId}
      and raw.external_id in (select id from named) and raw.hash = record.raw_hash
    order by record.id`.execute(db);
  return rows.map(({ kind, id, type, object, hash, read_at: readAt }) => ({
    kind,
    id,
    object:
      type === null || object === null || readAt === null
        ? null
        : { type, id: object, hash: hash.toString('hex'), readAt },
  }));
}
