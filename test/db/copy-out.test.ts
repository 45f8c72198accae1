import fc from 'fast-check';
import type { Kysely } from 'kysely';
import { escapeLiteral } from 'pg';
import { storable } from '../../db/array';
import { copyRows, type CopiedColumn } from '../../db/copy-out';
import type { Database } from '../../db/schema';
import { openTestDatabase } from '../support/database';

let db: Kysely<Database>;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});
afterAll(() => close());

const text = fc.string({ unit: 'binary', maxLength: 50 }).map(storable);

const VALUES: { readonly [Type in CopiedColumn['type']]: fc.Arbitrary<unknown> } = {
  text,
  timestamptz: fc.date({
    min: new Date('1800-01-01T00:00:00Z'),
    max: new Date('2200-01-01T00:00:00Z'),
    noInvalidDate: true,
  }),
  bigint: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  integer: fc.integer(),
  boolean: fc.boolean(),
  jsonb: fc.record({ text, list: fc.array(fc.boolean(), { maxLength: 3 }) }),
};

const COLUMNS = Object.keys(VALUES).map((type) => ({ field: type, type }) as CopiedColumn);

const row = fc.record(
  Object.fromEntries(
    Object.entries(VALUES).map(([type, value]) => [type, fc.option(value)]),
  ) as Record<string, fc.Arbitrary<unknown>>,
);

function literal(value: unknown): string {
  if (value === null) return 'null';
  if (value instanceof Date) return escapeLiteral(value.toISOString());
  return escapeLiteral(typeof value === 'object' ? JSON.stringify(value) : String(value));
}

const copied = (rows: readonly Readonly<Record<string, unknown>>[]) => {
  const values = rows.map(
    (each, n) =>
      `(${[String(n), ...COLUMNS.map(({ field, type }) => `${literal(each[field])}::${type}`)].join()})`,
  );
  const names = COLUMNS.map(({ field }) => `"${field}"`).join();
  return copyRows(db, {
    select: `select ${names} from (values ${values.join()}) as t (n, ${names}) order by n`,
    columns: COLUMNS,
  });
};

it('gives the rows that were selected, those that share values with the row before them too', async () => {
  const rows = fc
    .array(fc.tuple(row, fc.integer({ min: 1, max: 3 })), { minLength: 1, maxLength: 20 })
    .map((list) => list.flatMap(([each, times]) => Array<typeof each>(times).fill(each)));
  await fc.assert(
    fc.asyncProperty(rows, async (given) => {
      expect(await copied(given)).toEqual(given.map((each) => ({ ...each })));
    }),
    { numRuns: 100 },
  );
});

it('reads what comes in many pieces', async () => {
  const select = `select n::integer, repeat(n::text, 50) from generate_series(1, 20000) as n`;
  const columns: CopiedColumn[] = [
    { field: 'n', type: 'integer' },
    { field: 'text', type: 'text' },
  ];
  const rows = await copyRows<{ n: number; text: string }>(db, { select, columns });
  expect(rows).toHaveLength(20_000);
  expect(
    rows.filter(({ n, text: said }, at) => n !== at + 1 || said !== String(n).repeat(50)),
  ).toEqual([]);
});

it('gives no rows where there are none', async () => {
  const select = 'select 1 where false';
  expect(await copyRows(db, { select, columns: [{ field: 'n', type: 'integer' }] })).toEqual([]);
});

it('throws what Postgres says, and leaves the connection as good as it was', async () => {
  await db.connection().execute(async (connection) => {
    const columns: CopiedColumn[] = [{ field: 'n', type: 'integer' }];
    const copy = (select: string) => copyRows(connection, { select, columns });
    await expect(
      copy('select 1 / (n - 500) from generate_series(1, 1000) as n'),
    ).rejects.toMatchObject({ code: '22012' });
    expect(await copy('select 7')).toEqual([{ n: 7 }]);
  });
});
