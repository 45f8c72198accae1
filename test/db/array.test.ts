import fc from 'fast-check';
import { sql, type Kysely } from 'kysely';
import { arrayOf, storable, type ArrayType } from '../../db/array';
import type { Database } from '../../db/schema';
import { openTestDatabase } from '../support/database';

let db: Kysely<Database>;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});
afterAll(() => close());

/** Any value that Postgres takes, in no more than the precision that it has. */
const VALUES: { readonly [Type in ArrayType]: fc.Arbitrary<unknown> } = {
  text: fc.string({ unit: 'binary', maxLength: 200 }),
  timestamptz: fc.date({
    min: new Date('0001-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  }),
  bigint: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  integer: fc.integer(),
  boolean: fc.boolean(),
  bytea: fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
  jsonb: fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify({ text: storable(text) })),
};

const one = (type: ArrayType, value: unknown) =>
  sql`${typeof value === 'string' ? storable(value) : value}::${sql.raw(type)}`;

const sameAsOneByOne = (type: ArrayType, values: readonly unknown[]) => sql<{ same: boolean }>`
  select ${arrayOf(type, values, (value) => value as never)}
    is not distinct from array[${sql.join(values.map((value) => one(type, value)))}]::${sql.raw(type)}[] as same`;

it.each(Object.entries(VALUES))(
  'arrays of %s hold what Postgres takes for each value by itself',
  async (type, value) => {
    const values = fc.array(fc.option(value), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(values, async (given) => {
        const { rows } = await sameAsOneByOne(type as ArrayType, given).execute(db);
        expect(rows).toEqual([{ same: true }]);
      }),
      { numRuns: 50 },
    );
  },
);

it.each([
  ['integer', 2 ** 31],
  ['integer', 1.5],
  ['bigint', 2n ** 63n],
] as const)('an array of %s refuses %s by the code that Postgres has for it', (type, value) => {
  expect(() => arrayOf(type, [value], (given) => given as never)).toThrow(
    expect.objectContaining({ code: '22003' }),
  );
});
