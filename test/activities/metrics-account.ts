/** An account whose canonical rows a test writes itself, as a sync would have. */
import { createHash } from 'node:crypto';
import type { Kysely } from 'kysely';
import { upsertRecords } from '../../db/record-writer';
import { saveAccount } from '../../db/repositories/accounts';
import { readFigures } from '../../db/repositories/metric-figures';
import type { Database } from '../../db/schema';
import { FACT_KINDS, type CustomerFacts } from '../../domain/metrics/facts';
import type { Period } from '../../domain/metrics/periods';
import { periodReport, type PeriodReport } from '../../domain/metrics/report';
import type { CanonicalRecord, RecordKind } from '../../domain/records';
import { SEEN } from '../domain/metrics-facts';

let accounts = 0;

export async function newAccount(db: Kysely<Database>): Promise<string> {
  const id = `acct_${String((accounts += 1))}`;
  await saveAccount(db, {
    normaliserVersion: 1,
    id,
    provider: 'stripe',
    displayName: null,
    apiBase: null,
    sealedSecret: Buffer.from('sealed'),
  });
  return id;
}

let reads = 0;

/** Writes records as a page that was read later than all before it, and marks the customers dirty. */
export async function store(
  db: Kysely<Database>,
  accountId: string,
  written: { readonly records: readonly CanonicalRecord[]; readonly dirty: readonly string[] },
): Promise<void> {
  const version = new Date(SEEN.getTime() + (reads += 1));
  await db.transaction().execute(async (trx) => {
    let changes = 0;
    for (const kind of new Set(written.records.map((record) => record.kind))) {
      const records = written.records
        .filter((record) => record.kind === kind)
        .map((record) => ({ record, hash: hashOf(record), version }));
      changes += (await upsertRecords(trx, { accountId, kind, records })).length;
    }
    await trx
      .updateTable('account')
      .set((account) => ({
        changes: account('changes', '+', BigInt(changes)),
        read_as_of: version,
      }))
      .where('id', '=', accountId)
      .execute();
    for (const customer_id of written.dirty) {
      await trx
        .insertInto('dirty_customer')
        .values({ account_id: accountId, customer_id })
        .onConflict((conflict) =>
          conflict.columns(['account_id', 'customer_id']).doUpdateSet({ marked_at: new Date() }),
        )
        .execute();
    }
  });
}

const hashOf = (record: CanonicalRecord): Buffer =>
  createHash('sha256')
    .update(
      JSON.stringify(record, (_, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      ),
    )
    .digest();

/** The facts as records of one customer, whose ids are its own. */
export function recordsOf(facts: CustomerFacts, customer = 'cus_1'): CanonicalRecord[] {
  const own = (value: unknown): unknown =>
    typeof value === 'string' && /^(sub|si|in|il|ii|di|evt)_/.test(value)
      ? `${value}_${customer}`
      : Array.isArray(value)
        ? value.map(own)
        : value;
  return FACT_KINDS.flatMap((kind) =>
    facts[kind].map(({ id, seenAt: _, ...fields }) => {
      const renamed = Object.fromEntries(
        Object.entries(fields).map(([name, value]) => [
          name,
          name === 'customerId' ? customer : own(value),
        ]),
      );
      return { kind, id: own(id), fields: renamed } as unknown as CanonicalRecord<RecordKind>;
    }),
  );
}

/** What Postgres has of an account; empty before the first run. */
export async function storedReport(
  db: Kysely<Database>,
  accountId: string,
  period: Period = 'month',
): Promise<PeriodReport[]> {
  const figures = await readFigures(db, accountId);
  return figures ? periodReport(figures.recurring, { ...figures, period }) : [];
}
