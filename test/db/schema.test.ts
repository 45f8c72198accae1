import { sql, type Kysely } from 'kysely';
import { columnsOf, COLUMN_TYPES } from '../../db/record-writer';
import { migrate } from '../../db/migrate';
import type { Database } from '../../db/schema';
import { RECORD_KINDS } from '../../domain/records';
import { openTestDatabase } from '../support/database';

let db: Kysely<Database>;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});
afterAll(() => close());

describe('the migrated database', () => {
  it.each(RECORD_KINDS)('has for %s the columns that RECORDS declares', async (kind) => {
    const { rows } = await sql<{ name: string; type: string; nullable: boolean }>`
      select attname as name, format_type(atttypid, atttypmod) as type, not attnotnull as nullable
      from pg_attribute where attrelid = ${kind}::regclass and attnum > 0 and not attisdropped
      order by attname`.execute(db);
    const declared = [
      { name: 'account_id', type: 'text', nullable: false },
      { name: 'external_id', type: 'text', nullable: false },
      { name: 'version', type: 'timestamp with time zone', nullable: false },
      { name: 'raw_hash', type: 'bytea', nullable: false },
      ...columnsOf(kind).map(({ name, type, nullable }) => ({
        name,
        type: COLUMN_TYPES[type].replace('timestamptz', 'timestamp with time zone'),
        nullable,
      })),
    ];
    expect(rows).toEqual(declared.sort((a, b) => (a.name < b.name ? -1 : 1)));
  });

  it('has no foreign keys between records, since references may dangle', async () => {
    const { rows } = await sql<{ name: string }>`
      select conname as name from pg_constraint
      where contype = 'f' and conrelid = any(${RECORD_KINDS as string[]}::text[]::regclass[])`.execute(
      db,
    );
    expect(rows).toEqual([]);
  });

  it('takes no migration twice', async () => {
    await expect(migrate(db)).resolves.toEqual([]);
  });

  it('gives money as bigint, beyond what a number can hold', async () => {
    const { rows } = await sql<{
      amount: bigint;
    }>`select 9007199254740993::bigint as amount`.execute(db);
    expect(rows[0]?.amount).toBe(9007199254740993n);
  });
});
