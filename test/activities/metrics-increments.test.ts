/** However the facts come in, the ledger in Postgres ends as if they had come at once; and nothing is written twice. */
import fc from 'fast-check';
import { sql, type Kysely } from 'kysely';
import { createComputeMetrics } from '../../activities/metrics-compute';
import type { Database } from '../../db/schema';
import { at, factsOf } from '../domain/metrics-facts';
import { openTestDatabase } from '../support/database';
import { newAccount, recordsOf, store } from './metrics-account';

/** Each run computes several times on a real server. */
const RUNS = 8;

let db: Kysely<Database>;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});
afterAll(() => close());

const CUSTOMERS = ['cus_1', 'cus_2', 'cus_3'];
const RECORDS = CUSTOMERS.flatMap((customer, index) =>
  recordsOf(
    factsOf({
      subscription: [
        { id: 'sub_1', ...(index === 2 && { status: 'canceled', endedAt: at('2026-05-02') }) },
      ],
      subscription_item: index === 2 ? [] : [{ id: 'si_1', priceId: 'pro' }],
      invoice_line: [
        { id: 'il_1', discountIds: ['di_1'] },
        { id: 'il_2', kind: 'proration', amountMinor: -500n, periodStart: at('2026-02-15') },
        ...[1500n].map((amountMinor) => ({
          ...{ id: 'il_3', kind: 'proration', priceId: 'pro', amountMinor },
          periodStart: at('2026-02-15'),
        })),
        { id: 'il_4', priceId: 'pro', periodStart: at('2026-03-01') },
      ],
      discount: [{ id: 'di_1', percentOff: '25', duration: 'repeating', endAt: at('2026-04-01') }],
    }),
    customer,
  ),
);

/** What stands, net of reversals. */
const standing = async (account: string) =>
  (
    await sql`
      select customer_id, at, type, currency, sum(delta_minor)::text as delta from mrr_movement
      where account_id = ${account} group by 1, 2, 3, 4 having sum(delta_minor) <> 0
      order by 1, 2, 3, 4`.execute(db)
  ).rows;

const rows = async (account: string) =>
  db
    .selectFrom('mrr_movement')
    .select(({ fn }) => fn.countAll().as('rows'))
    .where('account_id', '=', account)
    .executeTakeFirstOrThrow();

describe('the ledger in Postgres', () => {
  it('ends the same in one batch and in any increments, and computing again writes nothing', async () => {
    const once = await newAccount(db);
    await store(db, once, { records: RECORDS, dirty: CUSTOMERS });
    await createComputeMetrics({ db })({ account: once });
    const expected = await standing(once);
    expect(expected.length).toBeGreaterThan(CUSTOMERS.length * 2);
    const increments = fc.array(fc.integer({ min: 0, max: 3 }), {
      minLength: RECORDS.length,
      maxLength: RECORDS.length,
    });
    await fc.assert(
      fc.asyncProperty(increments, async (turns) => {
        const account = await newAccount(db);
        for (const turn of [0, 1, 2, 3]) {
          const records = RECORDS.filter((_, index) => turns[index] === turn);
          await store(db, account, { records, dirty: CUSTOMERS });
          await createComputeMetrics({ db })({ account });
        }
        expect(await standing(account)).toEqual(expected);
        const before = await rows(account);
        await createComputeMetrics({ db })({ account, everybody: true });
        expect(await rows(account)).toEqual(before);
      }),
      { numRuns: RUNS },
    );
  });
});
