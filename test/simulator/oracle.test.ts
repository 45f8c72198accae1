import { ledger } from '../../simulator/oracle/ledger';
import { mrr, mrrAt } from '../../simulator/oracle/mrr';
import { totals } from '../../simulator/oracle/totals';
import { openDispute } from '../../simulator/world/disputes';
import type { Customer, SubscriptionItem } from '../../simulator/world/model';
import { refundCharge } from '../../simulator/world/refunds';
import { applyCoupon, removeDiscount } from '../../simulator/world/discounts';
import { pauseCollection, resumeCollection } from '../../simulator/world/pauses';
import {
  addItem,
  cancelNow,
  changeItem,
  removeItem,
  setCancelAtPeriodEnd,
  subscribe,
  switchInterval,
} from '../../simulator/world/subscriptions';
import { MONTH, Scenario, YEAR, at } from './world-scenario';

/** The steps of a scenario's only customer, as `instant value`. */
function steps({ world }: Scenario): string[] {
  const { customers } = mrr(world);
  expect(customers.length).toBeLessThanOrEqual(1);
  return (customers[0]?.steps ?? []).map((step) => `${step.at} ${step.mrrMinor}`);
}

function first<T>(values: readonly T[]): T {
  const [value] = values;
  if (value === undefined) throw new Error('There is none.');
  return value;
}

describe('the MRR oracle, by hand', () => {
  let s: Scenario;
  let ada: Customer;
  beforeEach(() => {
    s = new Scenario();
    ada = s.customer({ since: '2026-01-10' });
  });

  it('counts price times quantity from the first payment on, and nothing after a cancellation at once', () => {
    const items = [{ price: s.price('1000'), quantity: 3 }];
    const subscription = subscribe(s.world, { at: at('2026-01-10'), customer: ada, items });
    s.until('2026-04-01');
    cancelNow(s.world, subscription, at('2026-04-01'));
    expect(steps(s)).toEqual(['2026-01-10T00:00:00Z 3000', '2026-04-01T00:00:00Z 0']);
  });

  it('normalises every interval to a month: 52/12 weeks, 365/12 days, and a third or a twelfth', () => {
    const monthly = (
      unit: 'day' | 'week' | 'month' | 'year',
      count: number,
      amount: string,
    ): string => {
      const scenario = new Scenario();
      const customer = scenario.customer({ since: '2026-01-10' });
      const price = scenario.price(amount, { interval: { unit, count } });
      subscribe(scenario.world, {
        at: at('2026-01-10'),
        customer,
        items: [{ price, quantity: 1 }],
      });
      scenario.until('2026-01-10T00:00:01Z');
      return first(steps(scenario));
    };
    expect(monthly('week', 1, '700')).toBe('2026-01-10T00:00:00Z 3033');
    expect(monthly('week', 2, '700')).toBe('2026-01-10T00:00:00Z 1517');
    expect(monthly('day', 1, '100')).toBe('2026-01-10T00:00:00Z 3042');
    expect(monthly('day', 30, '1200')).toBe('2026-01-10T00:00:00Z 1217');
    expect(monthly('month', 3, '2500')).toBe('2026-01-10T00:00:00Z 833');
    expect(monthly('year', 1, '9000')).toBe('2026-01-10T00:00:00Z 750');
  });

  it('rounds a customer once: three thirds of a cent are a cent', () => {
    const price = s.price('1000', { interval: { unit: 'month', count: 3 } });
    const others = [1, 2].map(() => s.price('1000', { interval: { unit: 'month', count: 3 } }));
    const items = [price, ...others].map((each) => ({ price: each, quantity: 1 }));
    subscribe(s.world, { at: at('2026-01-10'), customer: ada, items });
    s.until('2026-01-11');
    expect(steps(s)).toEqual(['2026-01-10T00:00:00Z 1000']);
  });

  it('counts nothing until a trial ends, and never metered usage', () => {
    const metered = s.price('5', {
      recurring: { interval: MONTH, usageType: 'metered', meter: 'mtr_1' },
    });
    const items = [
      { price: s.price('2000'), quantity: 1 },
      { price: metered, quantity: null },
    ];
    subscribe(s.world, { at: at('2026-01-10'), customer: ada, items, trialDays: 14 });
    s.until('2026-03-01');
    expect(steps(s)).toEqual(['2026-01-24T00:00:00Z 2000']);
  });

  it('takes the tiers: graduated by slices, volume by the tier reached, both with their flat amounts', () => {
    const tiers = [
      { upTo: 10, unitAmountDecimal: '100', flatAmountMinor: 500 },
      { upTo: null, unitAmountDecimal: '80', flatAmountMinor: 300 },
    ];
    const graduated = s.price('0', { scheme: 'graduated', unitAmountDecimal: null, tiers });
    const volume = s.price('0', { scheme: 'volume', unitAmountDecimal: null, tiers });
    // 10 × 100 + 500 + 5 × 80 + 300, and 15 × 80 + 300.
    const items = [
      { price: graduated, quantity: 15 },
      { price: volume, quantity: 15 },
    ];
    subscribe(s.world, { at: at('2026-01-10'), customer: ada, items });
    s.until('2026-01-11');
    expect(steps(s)).toEqual(['2026-01-10T00:00:00Z 3700']);
  });

  it('deducts recurring discounts while they run, percentages first, and once discounts never', () => {
    const items = [{ price: s.price('10000'), quantity: 1 }];
    const coupons = [
      s.coupon({ percentOffBp: 2000, duration: 'repeating', durationInMonths: 3 }),
      s.coupon({ percentOffBp: 1000, duration: 'forever' }),
      s.coupon({ amountOffMinor: 700, duration: 'forever' }),
      s.coupon({ percentOffBp: 5000, duration: 'once' }),
    ];
    subscribe(s.world, { at: at('2026-01-10'), customer: ada, items, coupons });
    s.until('2026-06-01');
    // 10000 × 0.8 × 0.9 − 700, then 10000 × 0.9 − 700.
    expect(steps(s)).toEqual(['2026-01-10T00:00:00Z 6500', '2026-04-10T00:00:00Z 8300']);
  });

  it('deducts an amount per billing period, never below zero, and gives up a discount that is removed', () => {
    const items = [{ price: s.price('6000', { interval: YEAR }), quantity: 1 }];
    const subscription = subscribe(s.world, { at: at('2026-01-10'), customer: ada, items });
    const small = applyCoupon(
      s.world,
      subscription,
      s.coupon({ amountOffMinor: 600, duration: 'forever' }),
      at('2026-02-01'),
    );
    applyCoupon(
      s.world,
      subscription,
      s.coupon({ amountOffMinor: 9000, duration: 'repeating', durationInMonths: 1 }),
      at('2026-03-01'),
    );
    s.until('2026-05-01');
    removeDiscount(s.world, small, at('2026-05-01'));
    expect(steps(s)).toEqual([
      '2026-01-10T00:00:00Z 500',
      '2026-02-01T00:00:00Z 450',
      '2026-03-01T00:00:00Z 0',
      '2026-04-01T00:00:00Z 450',
      '2026-05-01T00:00:00Z 500',
    ]);
  });

  it('follows changes within a period to the second: quantity, price, items added and removed', () => {
    const subscription = subscribe(s.world, {
      at: at('2026-01-10'),
      customer: ada,
      items: [{ price: s.price('1000'), quantity: 1 }],
    });
    const options = (iso: string) => ({ at: at(iso), proration: 'create_prorations' as const });
    const item: SubscriptionItem = first(subscription.items);
    const price = s.world.prices.get(item.price);
    s.until('2026-01-20T06:30:15Z');
    changeItem(
      s.world,
      { subscription, item, terms: { price, quantity: 4 } },
      options('2026-01-20T06:30:15Z'),
    );
    s.until('2026-02-15');
    const added = addItem(
      s.world,
      { subscription, terms: { price: s.price('250'), quantity: 2 } },
      options('2026-02-15'),
    );
    changeItem(
      s.world,
      { subscription, item, terms: { price: s.price('900'), quantity: 4 } },
      options('2026-02-16'),
    );
    s.until('2026-03-15');
    removeItem(s.world, { subscription, item: added }, options('2026-03-15'));
    expect(steps(s)).toEqual([
      '2026-01-10T00:00:00Z 1000',
      '2026-01-20T06:30:15Z 4000',
      '2026-02-15T00:00:00Z 4500',
      '2026-02-16T00:00:00Z 4100',
      '2026-03-15T00:00:00Z 3600',
    ]);
  });

  it('follows a switch to a yearly price at once', () => {
    const items = [{ price: s.price('1000'), quantity: 2 }];
    const subscription = subscribe(s.world, { at: at('2026-01-10'), customer: ada, items });
    s.until('2026-01-25');
    const terms = [{ price: s.price('9600', { interval: YEAR }), quantity: 2 }];
    switchInterval(s.world, { subscription, terms }, at('2026-01-25'));
    expect(steps(s)).toEqual(['2026-01-10T00:00:00Z 2000', '2026-01-25T00:00:00Z 1600']);
  });

  it('keeps a subscription that will end until it ends, and counts a return', () => {
    const items = [{ price: s.price('1000'), quantity: 1 }];
    const subscription = subscribe(s.world, { at: at('2026-01-10'), customer: ada, items });
    setCancelAtPeriodEnd(s.world, subscription, { at: at('2026-01-15'), cancel: true });
    s.until('2026-03-01');
    subscribe(s.world, { at: at('2026-03-01'), customer: ada, items });
    s.until('2026-03-02');
    expect(steps(s)).toEqual([
      '2026-01-10T00:00:00Z 1000',
      '2026-02-10T00:00:00Z 0',
      '2026-03-01T00:00:00Z 1000',
    ]);
  });

  it('counts nothing while collection is paused, and says when no trace of it is left', () => {
    const items = [{ price: s.price('1000'), quantity: 1 }];
    const subscription = subscribe(s.world, { at: at('2026-01-10'), customer: ada, items });
    s.until('2026-01-20');
    pauseCollection(s.world, subscription, { at: at('2026-01-20'), resumesAt: at('2026-02-10') });
    s.until('2026-02-17');
    expect(mrr(s.world).untraced).toEqual([]);
    s.until('2026-02-19');
    expect(mrr(s.world).untraced).toEqual([
      {
        customer: ada.id,
        reason: `Collection was paused within a period on ${subscription.id} at 2026-01-20T00:00:00Z.`,
      },
    ]);
    pauseCollection(s.world, subscription, { at: at('2026-02-20'), resumesAt: null });
    resumeCollection(s.world, subscription, at('2026-02-21'));
    s.until('2026-02-22');
    expect(steps(s)).toEqual([
      '2026-01-10T00:00:00Z 1000',
      '2026-01-20T00:00:00Z 0',
      '2026-02-10T00:00:00Z 1000',
      '2026-02-20T00:00:00Z 0',
      '2026-02-21T00:00:00Z 1000',
    ]);
  });

  it('keeps a past due subscription until its retries are used up, and never counts an incomplete one', () => {
    const late = s.customer({ since: '2026-01-10', diesAt: '2026-02-01' });
    const never = s.customer({ since: '2026-01-10', diesAt: '2026-01-01' });
    const items = [{ price: s.price('1000'), quantity: 1 }];
    const dunned = subscribe(s.world, { at: at('2026-01-10'), customer: late, items });
    const incomplete = subscribe(s.world, { at: at('2026-01-10'), customer: never, items });
    s.until('2026-02-12');
    expect(dunned.status).toBe('past_due');
    s.until('2026-03-01');
    expect(incomplete.status).toBe('incomplete_expired');
    expect(['canceled', 'unpaid']).toContain(dunned.status);
    const ended = first(dunned.statusHistory.filter(({ status }) => status === dunned.status)).at;
    expect(ended).toBeGreaterThan(at('2026-02-10T01:00:00Z'));
    const values = mrrAt(s.world, [at('2026-01-31'), ended - 1, ended]);
    expect(values.map((each) => each.mrr)).toEqual([
      [{ customer: late.id, currency: 'EUR', mrrMinor: '1000' }],
      [{ customer: late.id, currency: 'EUR', mrrMinor: '1000' }],
      [],
    ]);
  });
});

describe('the ledger and the totals', () => {
  it('tell every movement of money, and add up to what was charged and given back', () => {
    const s = new Scenario();
    const ada = s.customer({ since: '2026-01-10', diesAt: '2026-03-01' });
    const items = [{ price: s.price('1000'), quantity: 1 }];
    const subscription = subscribe(s.world, { at: at('2026-01-10'), customer: ada, items });
    s.until('2026-02-20');
    const [one, two] = s.world.charges.all;
    if (one === undefined || two === undefined) throw new Error('Two charges were expected.');
    refundCharge(s.world, one, { at: at('2026-02-20'), amountMinor: 300 });
    openDispute(s.world, two, at('2026-02-21'));
    s.until('2026-03-10T01:00:00Z');
    expect(
      ledger(s.world).map(({ kind, amountMinor, at: when }) => [when, kind, amountMinor]),
    ).toEqual([
      ['2026-01-10T00:00:00Z', 'charge', '1000'],
      ['2026-02-10T01:00:00Z', 'charge', '1000'],
      ['2026-02-20T00:00:00Z', 'refund', '-300'],
      ['2026-02-21T00:00:00Z', 'dispute', '-1000'],
    ]);
    expect(ledger(s.world).map(({ invoice }) => invoice)).toContain(s.world.invoices.all[0]?.id);
    const sums = totals(s.world);
    expect(sums.charges.byCurrency).toEqual({
      EUR: {
        count: 3,
        amountMinor: '3000',
        succeededCount: 2,
        succeededMinor: '2000',
        failedCount: 1,
        failedMinor: '1000',
      },
    });
    expect(sums.refunds.byCurrency).toEqual({ EUR: { count: 1, amountMinor: '300' } });
    expect(sums.invoices.byCurrency['EUR']?.byStatus).toEqual({
      open: { count: 1, totalMinor: '1000', amountDueMinor: '1000', amountPaidMinor: '0' },
      paid: { count: 2, totalMinor: '2000', amountDueMinor: '2000', amountPaidMinor: '2000' },
    });
    expect(subscription.status).toBe('past_due');
  });
});
