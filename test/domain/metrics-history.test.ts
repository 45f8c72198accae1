import { customerMetrics } from '../../domain/metrics/customer-metrics';
import { itemVersions } from '../../domain/metrics/history';
import { DEFAULT_POLICY } from '../../domain/metrics/policy';
import type { CustomerFacts } from '../../domain/metrics/facts';
import { at, factsOf, SEEN } from './metrics-facts';

const day = (date: Date | null) => date?.toISOString().slice(0, 10) ?? null;

/** Each version as `item quantity×price from..to basis`. */
const versionsOf = (facts: CustomerFacts) =>
  itemVersions(facts).map(
    ({ item, quantity, price, from, to, basis }) =>
      `${item} ${quantity ?? '-'}×${price} ${day(from) ?? ''}..${day(to) ?? ''} ${basis}`,
  );

/** Each movement as `day type delta → after`, with `?` where it is inferred. */
const movementsOf = (facts: CustomerFacts, asOf = SEEN) =>
  customerMetrics({ facts, policy: DEFAULT_POLICY, asOf }).movements.map(
    ({ at: when, type, deltaMinor, afterMinor, basis }) =>
      `${day(when) ?? ''} ${type} ${String(deltaMinor)} → ${String(afterMinor)}${basis === 'exact' ? '' : ' ?'}`,
  );

const upgrade = [
  {
    id: 'il_credit',
    kind: 'proration',
    amountMinor: -548n,
    periodStart: at('2026-01-15'),
  },
  {
    id: 'il_charge',
    kind: 'proration',
    priceId: 'pro',
    amountMinor: 1644n,
    periodStart: at('2026-01-15'),
  },
];
const firstLine = { id: 'il_first' };

describe('what an item was, from the traces that it left', () => {
  it('takes price and quantity from the recurring line at the start of its period', () => {
    const facts = factsOf({
      invoice_line: [{ id: 'il_1', quantity: '3' }],
      subscription_item: [{ id: 'si_1', quantity: '3' }],
    });
    expect(versionsOf(facts)).toEqual(['si_1 3×basic 2026-01-01.. exact']);
    expect(itemVersions(facts)[0]?.source).toEqual(['il_1']);
  });

  it('dates a change at its pair of proration lines, never by their amounts', () => {
    const facts = factsOf({
      invoice_line: [firstLine, ...upgrade],
      subscription_item: [{ id: 'si_1', priceId: 'pro' }],
    });
    expect(versionsOf(facts)).toEqual([
      'si_1 1×basic 2026-01-01..2026-01-15 exact',
      'si_1 1×pro 2026-01-15.. exact',
    ]);
    expect(movementsOf(facts)).toEqual([
      '2026-01-01 new 1000 → 1000',
      '2026-01-15 expansion 2000 → 3000',
    ]);
  });

  it('reads proration items that wait for their invoice, and counts those already invoiced once', () => {
    const pending = upgrade.map((line) => ({ ...line, id: line.id.replace('il', 'ii') }));
    const waiting = factsOf({
      invoice_line: [firstLine],
      invoice_item: pending,
      subscription_item: [{ id: 'si_1', priceId: 'pro' }],
    });
    const both = factsOf({
      ...waiting,
      invoice_line: [
        firstLine,
        ...upgrade.map((line) => ({ ...line, invoiceItemId: line.id.replace('il', 'ii') })),
      ],
    });
    expect(versionsOf(waiting)).toEqual(versionsOf(both));
    expect(versionsOf(waiting)[1]).toBe('si_1 1×pro 2026-01-15.. exact');
  });

  it('ends an item at a credit without a charge, and starts one at a charge without a credit', () => {
    const facts = factsOf({
      invoice_line: [
        firstLine,
        { id: 'il_2', kind: 'proration', amountMinor: -500n, periodStart: at('2026-01-15') },
        {
          id: 'il_3',
          kind: 'proration',
          subscriptionItemId: 'si_2',
          priceId: 'pro',
          amountMinor: 900n,
          periodStart: at('2026-01-20'),
        },
      ],
      subscription_item: [{ id: 'si_2', priceId: 'pro', createdAt: at('2026-01-20') }],
    });
    expect(versionsOf(facts)).toEqual([
      'si_1 1×basic 2026-01-01..2026-01-15 exact',
      'si_2 1×pro 2026-01-20.. exact',
    ]);
  });

  it('takes a lone proration of nothing as the end of what was there', () => {
    const facts = factsOf({
      price: [{ id: 'basic', unitAmount: '0' }],
      invoice_line: [
        { id: 'il_1', amountMinor: 0n },
        { id: 'il_2', kind: 'proration', amountMinor: 0n, periodStart: at('2026-01-15') },
      ],
    });
    expect(versionsOf(facts)).toEqual(['si_1 1×basic 2026-01-01..2026-01-15 exact']);
  });

  it('believes the feed that an item is gone where its proration came to nothing', () => {
    const item = { id: 'si_1', priceId: 'basic', quantity: '1' };
    const facts = factsOf({
      invoice_line: [
        firstLine,
        { id: 'il_2', kind: 'proration', amountMinor: 0n, periodStart: at('2026-01-15') },
      ],
      subscription_change: [
        { id: 'evt_1', at: at('2026-01-15'), before: { items: [item] }, after: { items: [] } },
      ],
    });
    expect(versionsOf(facts)).toEqual(['si_1 1×basic 2026-01-01..2026-01-15 exact']);
  });

  it('takes a full line at the instant of a credit as the change of the billing interval that it is', () => {
    const facts = factsOf({
      invoice_line: [
        firstLine,
        { id: 'il_2', kind: 'proration', amountMinor: -500n, periodStart: at('2026-01-15') },
        { id: 'il_3', priceId: 'yearly', amountMinor: 10_000n, periodStart: at('2026-01-15') },
      ],
      subscription_item: [{ id: 'si_1', priceId: 'yearly' }],
      price: [{ id: 'basic' }, { id: 'yearly', unitAmount: '10000', interval: 'year' }],
    });
    expect(versionsOf(facts)).toEqual([
      'si_1 1×basic 2026-01-01..2026-01-15 exact',
      'si_1 1×yearly 2026-01-15.. exact',
    ]);
    expect(movementsOf(facts)[1]).toBe('2026-01-15 contraction -167 → 833');
  });

  it('lets two changes within one second cancel out, down to the last state', () => {
    const lines = [
      { id: 'a', amountMinor: -500n, quantity: '1' },
      { id: 'b', amountMinor: 1000n, quantity: '2' },
      { id: 'c', amountMinor: -1000n, quantity: '2' },
      { id: 'd', amountMinor: 1500n, quantity: '3' },
    ].map((line) => ({ ...line, kind: 'proration', periodStart: at('2026-01-15') }));
    const facts = factsOf({
      invoice_line: [firstLine, ...lines],
      subscription_item: [{ id: 'si_1', quantity: '3' }],
    });
    expect(versionsOf(facts)).toEqual([
      'si_1 1×basic 2026-01-01..2026-01-15 exact',
      'si_1 3×basic 2026-01-15.. exact',
    ]);
  });

  it('counts a change once that the feed and the lines both tell of', () => {
    const items = (priceId: string) => ({ items: [{ id: 'si_1', priceId, quantity: '1' }] });
    const facts = factsOf({
      invoice_line: [firstLine, ...upgrade],
      subscription_change: [
        { id: 'evt_1', at: at('2026-01-15'), before: items('basic'), after: items('pro') },
        { id: 'evt_2', at: at('2026-02-03'), before: items('pro'), after: items('basic') },
      ],
      subscription_item: [{ id: 'si_1' }],
    });
    expect(versionsOf(facts)).toEqual([
      'si_1 1×basic 2026-01-01..2026-01-15 exact',
      'si_1 1×pro 2026-01-15..2026-02-03 exact',
      'si_1 1×basic 2026-02-03.. exact',
    ]);
  });

  it('marks what only a renewal or only the present shows as inferred', () => {
    const facts = factsOf({
      invoice_line: [
        firstLine,
        { id: 'il_2', quantity: '2', periodStart: at('2026-02-01'), periodEnd: at('2026-03-01') },
      ],
      subscription_item: [{ id: 'si_1', quantity: '5' }],
    });
    expect(versionsOf(facts)).toEqual([
      'si_1 1×basic 2026-01-01..2026-02-01 exact',
      'si_1 2×basic 2026-02-01..2026-07-01 inferred',
      'si_1 5×basic 2026-07-01.. inferred',
    ]);
    expect(movementsOf(facts).slice(1)).toEqual([
      '2026-02-01 expansion 1000 → 2000 ?',
      '2026-07-01 expansion 3000 → 5000 ?',
    ]);
  });

  it('believes a trace that is newer than the row of the item', () => {
    const facts = factsOf({
      invoice_line: [firstLine, ...upgrade],
      subscription_item: [{ id: 'si_1', seenAt: at('2026-01-14') }],
    });
    expect(versionsOf(facts).at(-1)).toBe('si_1 1×pro 2026-01-15.. exact');
  });

  it('ends an item that vanished without a trace with the last period that was billed', () => {
    const facts = factsOf({ invoice_line: [firstLine] });
    expect(versionsOf(facts)).toEqual(['si_1 1×basic 2026-01-01..2026-02-01 inferred']);
  });

  it('adds up the lines of the tiers of a graduated price', () => {
    const tiers = [
      { upTo: '5', unitAmount: '100', flatAmount: '0' },
      { upTo: null, unitAmount: '80', flatAmount: '0' },
    ];
    const facts = factsOf({
      price: [{ id: 'basic', scheme: 'graduated', unitAmount: null, tiers }],
      invoice_line: [
        { id: 'il_1', quantity: '5', amountMinor: 500n },
        { id: 'il_2', quantity: '3', amountMinor: 240n },
      ],
      subscription_item: [{ id: 'si_1', quantity: '8' }],
    });
    expect(versionsOf(facts)).toEqual(['si_1 8×basic 2026-01-01.. exact']);
    expect(movementsOf(facts)).toEqual(['2026-01-01 new 740 → 740']);
  });
});

describe('when a subscription counts', () => {
  const line = { invoice_line: [firstLine], subscription_item: [{ id: 'si_1' }] };

  it('counts nothing while in trial', () => {
    const facts = factsOf({
      ...line,
      subscription: [{ id: 'sub_1', trialStartAt: at('2026-01-01'), trialEndAt: at('2026-01-15') }],
    });
    expect(movementsOf(facts)).toEqual(['2026-01-15 new 1000 → 1000']);
  });

  it('counts nothing of a trial that is still to end, and says when to look again', () => {
    const facts = factsOf({
      ...line,
      subscription: [{ id: 'sub_1', status: 'trialing', trialEndAt: at('2026-07-15') }],
    });
    const metrics = customerMetrics({ facts, policy: DEFAULT_POLICY, asOf: SEEN });
    expect(metrics.movements).toEqual([]);
    expect(metrics.nextChangeAt).toEqual(at('2026-07-15'));
  });

  it('dates churn when the subscription ended, and counts any return as a reactivation', () => {
    const facts = factsOf({
      subscription: [
        {
          id: 'sub_1',
          status: 'canceled',
          canceledAt: at('2026-02-10'),
          endedAt: at('2026-03-01'),
        },
        { id: 'sub_2', startedAt: at('2026-05-01'), createdAt: at('2026-05-01') },
      ],
      invoice_line: [
        firstLine,
        {
          id: 'il_2',
          subscriptionId: 'sub_2',
          subscriptionItemId: 'si_2',
          periodStart: at('2026-05-01'),
        },
      ],
      subscription_item: [
        { id: 'si_1' },
        { id: 'si_2', subscriptionId: 'sub_2', createdAt: at('2026-05-01') },
      ],
    });
    expect(movementsOf(facts)).toEqual([
      '2026-01-01 new 1000 → 1000',
      '2026-03-01 churn -1000 → 0',
      '2026-05-01 reactivation 1000 → 1000',
    ]);
  });

  it('nets an end and a start at the same instant into no movement', () => {
    const facts = factsOf({
      subscription: [
        { id: 'sub_1', status: 'canceled', endedAt: at('2026-02-01') },
        { id: 'sub_2', startedAt: at('2026-02-01'), createdAt: at('2026-02-01') },
      ],
      invoice_line: [
        firstLine,
        {
          id: 'il_2',
          subscriptionId: 'sub_2',
          subscriptionItemId: 'si_2',
          periodStart: at('2026-02-01'),
        },
      ],
      subscription_item: [
        { id: 'si_1' },
        { id: 'si_2', subscriptionId: 'sub_2', createdAt: at('2026-02-01') },
      ],
    });
    expect(movementsOf(facts)).toEqual(['2026-01-01 new 1000 → 1000']);
  });

  it('counts from the first payment where that came late, and never where it never came', () => {
    const first = { id: 'in_1', billingReason: 'subscription_create' };
    const late = factsOf({ ...line, invoice: [{ ...first, paidAt: at('2026-01-01T05:00:00Z') }] });
    expect(
      customerMetrics({ facts: late, policy: DEFAULT_POLICY, asOf: SEEN }).movements[0]?.at,
    ).toEqual(at('2026-01-01T05:00:00Z'));
    const never = factsOf({
      ...line,
      subscription: [
        { id: 'sub_1', status: 'incomplete_expired', endedAt: at('2026-01-01T23:00:00Z') },
      ],
      invoice: [{ ...first, status: 'void', paidAt: null, voidedAt: at('2026-01-01T23:00:00Z') }],
    });
    expect(movementsOf(never)).toEqual([]);
  });

  it('takes statuses from the feed with their instants', () => {
    const facts = factsOf({
      ...line,
      subscription_change: [
        {
          id: 'evt_1',
          at: at('2026-03-01'),
          before: { status: 'active' },
          after: { status: 'past_due' },
        },
        {
          id: 'evt_2',
          at: at('2026-03-15'),
          before: { status: 'past_due' },
          after: { status: 'unpaid' },
        },
        {
          id: 'evt_3',
          at: at('2026-03-20'),
          before: { status: 'unpaid' },
          after: { status: 'active' },
        },
      ],
    });
    expect(movementsOf(facts)).toEqual([
      '2026-01-01 new 1000 → 1000',
      '2026-03-15 churn -1000 → 0',
      '2026-03-20 reactivation 1000 → 1000',
    ]);
  });

  it('finds an old pause of collection in the renewals that were given up', () => {
    const renewal = (id: string, start: string, voided: boolean) => ({
      id,
      createdAt: at(start),
      ...(voided
        ? { status: 'void', attemptCount: 0, paidAt: null, voidedAt: at(start) }
        : { status: 'paid' }),
    });
    const facts = factsOf({
      subscription_item: [{ id: 'si_1' }],
      invoice: [
        renewal('in_2', '2026-02-01', false),
        renewal('in_3', '2026-03-01', true),
        renewal('in_4', '2026-04-01', true),
        renewal('in_5', '2026-05-01', false),
      ],
      invoice_line: [
        firstLine,
        ...['02', '03', '04', '05'].map((month, index) => ({
          id: `il_${month}`,
          invoiceId: `in_${String(index + 2)}`,
          periodStart: at(`2026-${month}-01`),
        })),
      ],
    });
    expect(movementsOf(facts).slice(1)).toEqual([
      '2026-03-01 churn -1000 → 0 ?',
      '2026-05-01 reactivation 1000 → 1000 ?',
    ]);
  });
});

describe('discounts', () => {
  const line = { invoice_line: [firstLine], subscription_item: [{ id: 'si_1' }] };

  it('deducts repeating and forever ones while they last, and never single ones', () => {
    const facts = factsOf({
      ...line,
      discount: [
        { id: 'di_1', percentOff: '50', duration: 'once' },
        {
          id: 'di_2',
          percentOff: '20',
          duration: 'repeating',
          startAt: at('2026-02-01'),
          endAt: at('2026-05-01'),
        },
      ],
    });
    expect(movementsOf(facts)).toEqual([
      '2026-01-01 new 1000 → 1000',
      '2026-02-01 contraction -200 → 800',
      '2026-05-01 expansion 200 → 1000',
    ]);
  });

  it('compounds percentages, then takes off amounts per billing period, down to 0', () => {
    const yearly = { id: 'basic', unitAmount: '12000', interval: 'year' };
    const discounts = (amountOffMinor: bigint) => [
      { id: 'di_1', percentOff: '50', position: 0 },
      { id: 'di_2', amountOffMinor, position: 1 },
      { id: 'di_3', percentOff: '10', position: 2 },
    ];
    const of = (amountOffMinor: bigint) =>
      movementsOf(factsOf({ ...line, price: [yearly], discount: discounts(amountOffMinor) }));
    // 12000 / 12 × 0.5 × 0.9 − 1200 / 12
    expect(of(1200n)).toEqual(['2026-01-01 new 350 → 350']);
    expect(of(99_999n)).toEqual([]);
  });

  it('ends one when the feed tells that it was taken away', () => {
    const facts = factsOf({
      ...line,
      discount: [{ id: 'di_1', percentOff: '10' }],
      subscription_change: [
        {
          id: 'evt_1',
          at: at('2026-03-09'),
          before: { discountIds: ['di_1'] },
          after: { discountIds: [] },
        },
      ],
    });
    expect(movementsOf(facts)[1]).toBe('2026-03-09 expansion 100 → 1000');
  });

  it('ends one that was taken away at the first renewal without it', () => {
    const facts = factsOf({
      subscription_item: [{ id: 'si_1' }],
      discount: [{ id: 'di_1', percentOff: '10' }],
      invoice_line: [
        { id: 'il_1', discountIds: ['di_1'] },
        { id: 'il_2', discountIds: ['di_1'], periodStart: at('2026-02-01'), invoiceId: 'in_2' },
        { id: 'il_3', discountIds: [], periodStart: at('2026-03-01'), invoiceId: 'in_3' },
      ],
    });
    expect(movementsOf(facts)).toEqual([
      '2026-01-01 new 900 → 900',
      '2026-03-01 expansion 100 → 1000 ?',
    ]);
  });

  it("lets a subscription's own discounts take the place of its customer's", () => {
    const discounts = [
      { id: 'di_1', percentOff: '50', subscriptionId: null },
      { id: 'di_2', percentOff: '10', startAt: at('2026-03-01') },
    ];
    expect(movementsOf(factsOf({ ...line, discount: discounts }))).toEqual([
      '2026-01-01 new 500 → 500',
      '2026-03-01 expansion 400 → 900',
    ]);
  });
});

describe('values', () => {
  const monthly = (price: object, quantity = '1') =>
    movementsOf(
      factsOf({
        price: [{ id: 'basic', ...price }],
        invoice_line: [{ id: 'il_1', quantity }],
        subscription_item: [{ id: 'si_1', quantity }],
      }),
    );

  it.each([
    ['a day is 12/365 of a month', { interval: 'day', unitAmount: '365' }, 'new 11102 → 11102'],
    ['7.00 a week are 30.33 a month', { interval: 'week', unitAmount: '700' }, 'new 3033 → 3033'],
    ['a quarter divides by three', { intervalCount: 3, unitAmount: '1000' }, 'new 333 → 333'],
    ['a year divides by twelve', { interval: 'year', unitAmount: '12000' }, 'new 1000 → 1000'],
    ['fractions of a cent count', { unitAmount: '0.5' }, 'new 1 → 1'],
  ])('%s', (_, price, expected) => {
    expect(monthly(price)).toEqual([`2026-01-01 ${expected}`]);
  });

  it('counts packages that were begun', () => {
    expect(monthly({ transformQuantity: { divideBy: 10, round: 'up' } }, '21')).toEqual([
      '2026-01-01 new 3000 → 3000',
    ]);
  });

  it('prices every unit by the tier of the whole volume', () => {
    const tiers = [
      { upTo: '10', unitAmount: '100', flatAmount: '0' },
      { upTo: null, unitAmount: '80', flatAmount: '500' },
    ];
    const price = { scheme: 'volume', unitAmount: null, tiers };
    expect(monthly(price, '10')).toEqual(['2026-01-01 new 1000 → 1000']);
    expect(monthly(price, '11')).toEqual(['2026-01-01 new 1380 → 1380']);
  });

  it('counts metered usage as nothing and names a price of which it knows no value', () => {
    expect(monthly({ usage: 'metered' })).toEqual([]);
    const facts = factsOf({ subscription_item: [{ id: 'si_1', priceId: 'gone' }] });
    const metrics = customerMetrics({ facts, policy: DEFAULT_POLICY, asOf: SEEN });
    expect(metrics).toMatchObject({ movements: [], unpriced: ['gone'] });
  });
});
