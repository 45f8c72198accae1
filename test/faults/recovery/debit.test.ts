/** Direct debits: taken at once, known days later, and sometimes given back. */
import { doubleCharges, openShop, type Shop } from './shop';

const TWO_WEEKS_MS = 14 * 86_400_000;

let shop: Shop;
beforeAll(async () => {
  shop = await openShop({ debitShare: 0.5 });
}, 120_000);
afterAll(() => shop.close());
afterEach(() => {
  expect(doubleCharges(shop.simulator)).toEqual([]);
});

describe('a direct debit that is being settled', () => {
  it.each([
    ['comes through', 'paid', 'succeeded'],
    ['is given back', 'declined', 'returned'],
  ] as const)('keeps every other attempt away until it %s', async (_what, wish, event) => {
    const one = await shop.open({ wish, byDebit: true });
    expect(await one.charge(0)).toMatchObject({ attempt: 1, event: { type: 'pending' } });
    for (const after of [0, 1]) {
      expect(await one.charge(after)).toMatchObject({ attempt: 1, event: { type: 'pending' } });
    }
    // It was seen once: not to see it would prove nothing.
    await one.proveAbsent();
    expect((await one.lookUp(1)).event.type).toBe('pending');
    expect((await one.plan()).event).toMatchObject({ type: 'pending', attempt: 1 });
    shop.simulator.clock.set(new Date(shop.simulator.clock.now().getTime() + TWO_WEEKS_MS), {
      stopped: true,
    });
    // Whatever is due happens with the next change, here with none.
    shop.simulator.change([]);
    expect((await one.lookUp(1)).event.type).toBe(event);
    expect(one.sent()).toBe(1);
  });
});
