import type { Kysely } from 'kysely';
import { insertMetricRows, type MetricRow } from '../../db/metric-writer';
import { findMovement, findSources, standingOfCustomer } from '../../db/repositories/explanations';
import { policyInForce } from '../../db/repositories/metric-policies';
import { openMetricRun } from '../../db/repositories/metrics';
import { commitSeen, type PageObject } from '../../db/repositories/pages';
import type { Database } from '../../db/schema';
import { openTestDatabase } from '../support/database';
import { at, newAccountOn, subscription } from './reading';

let db: Kysely<Database>;
let close: () => Promise<void>;
let accountId: string;
beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});
afterAll(() => close());
beforeEach(async () => {
  accountId = await newAccountOn(db);
});

describe('the ledger', () => {
  const newRun = async () =>
    openMetricRun(db, { accountId, policy: await policyInForce(db, accountId), asOf: at(0) });

  /** Writes a movement and returns its id. */
  async function move(
    run: bigint,
    given: Partial<MetricRow<'mrr_movement'>> = {},
  ): Promise<bigint> {
    await insertMetricRows(db, 'mrr_movement', [
      {
        ...{ account_id: accountId, customer_id: 'cus_1', currency: 'EUR', exponent: 2, at: at(0) },
        ...{
          type: 'new',
          delta_minor: 1000n,
          after_minor: 1000n,
          after_num: '1000',
          after_den: '1',
        },
        ...{ basis: 'exact', causes: [], inputs: [], run, reverses: null },
        ...given,
      },
    ]);
    const { id } = await db
      .selectFrom('mrr_movement')
      .select((eb) => eb.fn.max('id').as('id'))
      .executeTakeFirstOrThrow();
    return BigInt(id);
  }

  it('gives a movement with the run that took it back', async () => {
    const id = await move(await newRun());
    expect(await findMovement(db, { accountId, id })).toMatchObject({ id, reversed_in: null });
    const second = await newRun();
    await move(second, { delta_minor: -1000n, reverses: id });
    expect(await findMovement(db, { accountId, id })).toMatchObject({ id, reversed_in: second });
  });

  it('has no movement of an id that is another account’s or nobody’s', async () => {
    const id = await move(await newRun());
    const other = await newAccountOn(db);
    expect(await findMovement(db, { accountId: other, id })).toBeUndefined();
    expect(await findMovement(db, { accountId, id: id + 1_000n })).toBeUndefined();
  });

  it('lists what stands of one customer in order of time, without reversals and what they took back', async () => {
    const run = await newRun();
    const late = await move(run, { at: at(2), type: 'expansion', delta_minor: 500n });
    const wrong = await move(run, { at: at(1) });
    const early = await move(run);
    await move(run, { customer_id: 'cus_2' });
    await move(await newRun(), { at: at(1), delta_minor: -1000n, reverses: wrong });
    const standing = await standingOfCustomer(db, { accountId, customer: 'cus_1' });
    expect(standing.map(({ id }) => id)).toEqual([early, late]);
  });
});

describe('the objects behind records', () => {
  const see = (...objects: PageObject[]) => commitSeen(db, { accountId, objects });
  const sources = (...records: string[]) =>
    findSources(db, { accountId, customer: 'cus_1', records });

  it('names for a record the object that its row was made from, and when that was read', async () => {
    const read = subscription('sub_1', {});
    await see(read);
    const hash = read.hash.toString('hex');
    expect(await sources('sub_1')).toEqual([
      {
        id: 'sub_1',
        kind: 'subscription',
        object: { type: 'subscription', id: 'sub_1', hash, readAt: read.readAt },
      },
    ]);
  });

  it('finds a part in the object that holds it', async () => {
    await see(subscription('sub_1', { items: ['si_1'] }));
    expect(await sources('si_1')).toMatchObject([
      { id: 'si_1', kind: 'subscription_item', object: { type: 'subscription', id: 'sub_1' } },
    ]);
  });

  it('names of an object that was read twice the content that its row has now', async () => {
    await see(subscription('sub_1', {}));
    const later = { ...subscription('sub_1', { status: 'canceled' }), readAt: at(60) };
    await see(later);
    expect(await sources('sub_1')).toMatchObject([
      { object: { hash: later.hash.toString('hex'), readAt: later.readAt } },
    ]);
  });

  it('leaves out what is no record, and gives those of one account only', async () => {
    await see(subscription('sub_1', {}));
    expect((await sources('sub_1', 'sub_gone')).map(({ id }) => id)).toEqual(['sub_1']);
    const other = await newAccountOn(db);
    expect(
      await findSources(db, { accountId: other, customer: 'cus_1', records: ['sub_1'] }),
    ).toEqual([]);
  });

  it('says so where the object is no longer stored', async () => {
    await see(subscription('sub_1', {}));
    await db.deleteFrom('raw_object').where('account_id', '=', accountId).execute();
    expect(await sources('sub_1')).toEqual([{ id: 'sub_1', kind: 'subscription', object: null }]);
  });
});
