import { explainCustomer } from '../../../domain/metrics/explain';
import { exactText, exact, sum } from '../../../domain/metrics/exact';
import { DEFAULT_POLICY, type MetricPolicy } from '../../../domain/metrics/policy';
import { at, factsOf, SEEN } from '../metrics-facts';

const explain = (facts: Parameters<typeof factsOf>[0], policy: Partial<MetricPolicy> = {}) =>
  explainCustomer({ facts: factsOf(facts), policy: { ...DEFAULT_POLICY, ...policy }, asOf: SEEN });

const weekly = { id: 'weekly', interval: 'week', unitAmount: '700' };

describe('explaining a movement', () => {
  it('tells the way from price and quantity over the discount to the month', () => {
    const [movement] = explain({
      price: [weekly],
      subscription_item: [{ id: 'si_1', priceId: 'weekly', quantity: '3' }],
      invoice_line: [{ id: 'il_1', priceId: 'weekly', quantity: '3', discountIds: ['di_1'] }],
      discount: [{ id: 'di_1', percentOff: '20', duration: 'forever' }],
    });
    expect(movement).toMatchObject({ type: 'new', beforeMinor: 0n, afterMinor: 7280n });
    const [item] = movement?.items ?? [];
    expect(item?.steps.map(({ text, after }) => [text, exactText(after, 2)])).toEqual([
      ['3 × 7.00 (weekly)', '21.00'],
      ['× 13/3: a billing period is 1 week', '91.00'],
      ['− 20 %', '72.80'],
    ]);
    expect(item?.records).toEqual(['di_1', 'il_1', 'weekly']);
  });

  it('tells what counted until then, and what from then on', () => {
    const [, change] = explain({
      subscription_item: [{ id: 'si_1', priceId: 'pro' }],
      invoice_line: [
        { id: 'il_1' },
        { id: 'il_2', kind: 'proration', amountMinor: -500n, periodStart: at('2026-01-15') },
        {
          id: 'il_3',
          kind: 'proration',
          amountMinor: 1500n,
          priceId: 'pro',
          periodStart: at('2026-01-15'),
        },
      ],
    });
    expect(change).toMatchObject({ type: 'expansion', causes: ['item_changed'] });
    expect(change?.ended.map(({ value }) => value.toFraction())).toEqual(['1000']);
    expect(change?.items.map(({ value }) => value.toFraction())).toEqual(['3000']);
  });

  it('ends every item in its value, and all of them in the total', () => {
    const movements = explain(
      {
        price: [{ id: 'basic' }, weekly, { id: 'third', unitAmount: '1000', intervalCount: 3 }],
        subscription_item: [
          { id: 'si_1', priceId: 'weekly' },
          { id: 'si_2', priceId: 'third', quantity: '2' },
          { id: 'si_3', priceId: 'basic' },
        ],
        invoice_line: [
          {
            id: 'il_1',
            subscriptionItemId: 'si_1',
            priceId: 'weekly',
            taxMinor: 133n,
            amountMinor: 700n,
          },
        ],
        discount: [
          { id: 'di_1', percentOff: '10', duration: 'forever', startAt: at('2026-02-01') },
          {
            id: 'di_2',
            amountOffMinor: 100n,
            currency: 'eur',
            duration: 'forever',
            startAt: at('2026-03-01'),
          },
        ],
      },
      { tax: 'include' },
    );
    expect(movements.length).toBeGreaterThan(2);
    for (const { items, afterExact, afterMinor } of movements) {
      const shares = items.map(({ shareMinor }) => shareMinor);
      expect(shares.reduce((total, share) => total + share, 0n)).toBe(afterMinor);
      for (const { steps, value } of items) expect(steps.at(-1)?.after.equals(value)).toBe(true);
      expect(sum(items.map(({ value }) => value)).equals(afterExact)).toBe(true);
    }
  });
});

describe('amounts in words', () => {
  it.each([
    ['2000', 2, '20.00'],
    ['9100/3', 2, '30.333333…'],
    ['1/3', 0, '0.3333…'],
    ['5', 0, '5'],
    ['12345', 3, '12.345'],
    ['1000.5', 2, '10.005'],
  ])('%s of exponent %i is %s', (minor, exponent, text) => {
    expect(exactText(exact(minor), exponent)).toBe(text);
  });
});
