/** Examples by hand: what each vendor gets wrong, and what each field of the policy means. */
import { compute, readComputeInput } from '../../../domain/metrics/compute';
import type { ComputeOutput } from '../../../domain/metrics/compute-output';

const ITEM = {
  customer: 'c',
  subscription: 's',
  item: 'i',
  currency: 'EUR',
  unitAmountMinor: '1000',
  interval: 'month',
  from: '2026-01-01',
};

type Given = Record<string, unknown>;

const run = (items: Given[], rest: Given = {}): ComputeOutput =>
  compute(
    readComputeInput({
      now: '2026-07-01T00:00:00Z',
      items: items.map((item) => ({ ...ITEM, ...item })),
      ...rest,
    }),
  );

/** Each movement as `day type delta → after`. */
const movements = (...given: Parameters<typeof run>) =>
  run(...given).movements.map(
    ({ at, type, deltaMinor, mrrAfterMinor }) =>
      `${at.slice(0, 10)} ${type} ${deltaMinor} → ${mrrAfterMinor}`,
  );

const mrr = (item: Given, rest: Given = {}) => run([item], rest).periods.at(-1)?.endMinor;

describe('what an item is worth a month', () => {
  it.each([
    ['7 EUR a week', { interval: 'week', unitAmountMinor: '700' }, '3033'],
    ['1 EUR a day', { interval: 'day', unitAmountMinor: '100' }, '3042'],
    [
      '90 EUR a quarter, a third and not nine times',
      { intervalCount: 3, unitAmountMinor: '9000' },
      '3000',
    ],
    ['a year', { interval: 'year', unitAmountMinor: '12000' }, '1000'],
    ['two years', { interval: 'year', intervalCount: 2, unitAmountMinor: '24000' }, '1000'],
    ['a price of a part of a cent', { unitAmountMinor: '0.5', quantity: '1000' }, '500'],
    ['half a unit', { quantity: '0.5' }, '500'],
  ])('%s', (_, item, expected) => {
    expect(mrr(item)).toBe(expected);
  });

  it('follows the factors of the policy', () => {
    const weekly = { interval: 'week', unitAmountMinor: '700' };
    expect(mrr(weekly, { policy: { weekFactor: '4.33' } })).toBe('3031');
    expect(mrr({ interval: 'day', unitAmountMinor: '100' }, { policy: { dayFactor: '30' } })).toBe(
      '3000',
    );
  });

  it('keeps the year of a yearly price, which twelve rounded months would not give', () => {
    const [row] = run([{ interval: 'year', unitAmountMinor: '10000' }]).periods;
    expect(row).toMatchObject({ mrrMinor: '833', arrMinor: '10000' });
  });
});

describe('the ledger', () => {
  it('rounds the running total: three items of 10.00 a quarter are 3.33, 3.34 and 3.33', () => {
    const quarterly = (item: string, from: string) => ({ item, from, intervalCount: 3 });
    const items = [
      quarterly('a', '2026-01-01'),
      quarterly('b', '2026-01-02'),
      quarterly('c', '2026-01-03'),
    ];
    expect(movements(items)).toEqual([
      '2026-01-01 new 333 → 333',
      '2026-01-02 expansion 334 → 667',
      '2026-01-03 expansion 333 → 1000',
    ]);
  });

  it('knows no phantom churn where one subscription follows another at the same instant', () => {
    const upgrade = [
      { subscription: 'old', to: '2026-02-01' },
      { subscription: 'new', from: '2026-02-01', unitAmountMinor: '1500' },
    ];
    expect(movements(upgrade)).toEqual([
      '2026-01-01 new 1000 → 1000',
      '2026-02-01 expansion 500 → 1500',
    ]);
  });

  it('goes through churn to exactly 0 and comes back as a reactivation', () => {
    const items = [
      { interval: 'week', to: '2026-02-01' },
      { interval: 'week', from: '2026-02-03', item: 'j' },
    ];
    expect(movements(items)).toEqual([
      '2026-01-01 new 4333 → 4333',
      '2026-02-01 churn -4333 → 0',
      '2026-02-03 reactivation 4333 → 4333',
    ]);
  });

  it('ends what lies ahead of now', () => {
    const given = run([{ to: '2026-09-01' }, { item: 'j', from: '2026-08-01' }]);
    expect(given.segments).toEqual([
      {
        customer: 'c',
        item: 'i',
        from: '2026-01-01T00:00:00.000Z',
        to: null,
        mrrNumerator: '1000',
        mrrDenominator: '1',
      },
    ]);
  });

  it('counts the subscriptions of two customers as two, though they have one name', () => {
    const [row] = run([{}, { customer: 'd' }]).periods;
    expect(row).toMatchObject({ customers: 2, subscriptions: 2 });
  });

  it('takes decimals of any length that programs write, exactly', () => {
    const third = `0.${'3'.repeat(40)}`;
    const { segments } = run([{ unitAmountMinor: third, quantity: '3' }]);
    expect(segments).toMatchObject([
      { mrrNumerator: '9'.repeat(40), mrrDenominator: `1${'0'.repeat(40)}` },
    ]);
  });

  it('counts a row that is given twice once', () => {
    expect(run([{}, {}])).toEqual(run([{}]));
  });
});

describe('discounts', () => {
  const off = (discounts: Given[], item: Given = {}, rest: Given = {}) =>
    movements([{ ...item, discounts }], rest);

  it('stack: percentages one after the other, then amounts, down to 0 and not below', () => {
    const stacked = [{ percentOff: '20' }, { percentOff: 50 }, { amountOffMinor: '100' }];
    expect(off(stacked)).toEqual(['2026-01-01 new 300 → 300']);
    expect(off([{ amountOffMinor: '5000' }])).toEqual([]);
  });

  it('take an amount off each billing period', () => {
    expect(
      off([{ amountOffMinor: '600' }], { interval: 'year', unitAmountMinor: '12000' }),
    ).toEqual(['2026-01-01 new 950 → 950']);
  });

  it('take an amount off the billing periods of their own item, however its neighbours are billed', () => {
    const discounts = [{ amountOffMinor: '1200' }];
    const yearly = { item: 'j', interval: 'year', unitAmountMinor: '12000', discounts };
    expect(movements([{}, yearly])).toEqual(['2026-01-01 new 1900 → 1900']);
  });

  it('lower their own row only, where rows of one item overlap', () => {
    const half = { unitAmountMinor: '500', discounts: [{ percentOff: '50' }] };
    expect(movements([{}, half])).toEqual(['2026-01-01 new 1250 → 1250']);
  });

  it('move the value when they begin and when they end', () => {
    const spring = [
      { percentOff: '10', duration: 'repeating', from: '2026-02-01', to: '2026-04-01' },
    ];
    expect(off(spring)).toEqual([
      '2026-01-01 new 1000 → 1000',
      '2026-02-01 contraction -100 → 900',
      '2026-04-01 expansion 100 → 1000',
    ]);
  });

  it('are deducted as the policy says', () => {
    const once = [{ percentOff: '50', duration: 'once' }];
    const forever = [{ percentOff: '10', duration: 'forever' }];
    const of = (discounts: string) => ({ policy: { discounts } });
    expect(off(forever, {}, of('none'))).toEqual(['2026-01-01 new 1000 → 1000']);
    expect(off(once, {}, of('recurring'))).toEqual(['2026-01-01 new 1000 → 1000']);
    expect(off(once, {}, of('all'))).toEqual([
      '2026-01-01 new 500 → 500',
      '2026-02-01 expansion 500 → 1000',
    ]);
  });

  it.each([
    ['the 31st of January', '2026-01-31', '2026-02-28'],
    ['the 29th of February', '2028-02-29', '2028-03-29'],
  ])('that are taken off once last one billing period from %s', (_, from, end) => {
    const once = [{ percentOff: '50', duration: 'once' }];
    const rest = { policy: { discounts: 'all' }, now: '2029-01-01' };
    expect(off(once, { from }, rest).at(-1)).toBe(`${end} expansion 500 → 1000`);
  });
});

describe('trials, free plans and usage', () => {
  const trial = { kind: 'trial', to: '2026-01-15' };
  const paid = { from: '2026-01-15' };

  it('count nothing for a trial, unless the policy counts it', () => {
    expect(movements([trial, paid])).toEqual(['2026-01-15 new 1000 → 1000']);
    expect(movements([trial, paid], { policy: { trials: 'count' } })).toEqual([
      '2026-01-01 new 1000 → 1000',
    ]);
  });

  it('tell how many trials were converted', () => {
    const lost = { ...trial, subscription: 'other', customer: 'd' };
    const [january] = run([trial, paid, lost]).periods;
    expect(january?.trialConversionRate).toEqual({ numerator: '1', denominator: '2' });
  });

  it('call a change to a free plan churn, or contraction until the plan ends', () => {
    const items = [{ to: '2026-02-01' }, { kind: 'free', from: '2026-02-01', to: '2026-04-01' }];
    expect(movements(items)).toEqual(['2026-01-01 new 1000 → 1000', '2026-02-01 churn -1000 → 0']);
    const kept = { policy: { freePlans: 'contraction' } };
    expect(movements(items, kept)).toEqual([
      '2026-01-01 new 1000 → 1000',
      '2026-02-01 contraction -1000 → 0',
      '2026-04-01 churn 0 → 0',
    ]);
    expect(run(items, kept).periods.map(({ customers }) => customers)).toEqual([
      1, 1, 1, 0, 0, 0, 0,
    ]);
  });

  it('count usage as the policy says', () => {
    const month = (unitAmountMinor: string, from: string, to: string | null) => ({
      ...{ kind: 'metered', unitAmountMinor, from, to },
    });
    const usage = [
      month('1000', '2026-01-01', '2026-02-01'),
      month('3000', '2026-02-01', '2026-03-01'),
      month('2000', '2026-03-01', null),
    ];
    const ends = (metered: unknown) =>
      movements(usage, { policy: { metered } }).map((line) => line.split(' → ')[1]);
    expect(ends('exclude')).toEqual([]);
    expect(ends('last_invoice')).toEqual(['1000', '3000', '2000']);
    expect(ends({ averageOfInvoices: 2 })).toEqual(['1000', '2000', '2500']);
  });
});

describe('a return', () => {
  const items = [{ to: '2026-02-01' }, { item: 'j', from: '2026-02-11' }];
  const within = (reactivationGapDays: number) =>
    movements(items, { policy: { reactivationGapDays } }).slice(1);

  it('sooner than the gap shows that nobody had left', () => {
    expect(within(11)).toEqual([
      '2026-02-01 contraction -1000 → 0',
      '2026-02-11 expansion 1000 → 1000',
    ]);
  });

  it('after the gap is a reactivation', () => {
    expect(within(10)).toEqual([
      '2026-02-01 churn -1000 → 0',
      '2026-02-11 reactivation 1000 → 1000',
    ]);
  });
});

describe('periods', () => {
  const labels = (period: string, rest: Given) =>
    run([{}], { period, ...rest }).periods.map((row) => row.period);

  it('are days, ISO weeks, months and quarters', () => {
    const now = { now: '2026-01-06' };
    expect(labels('day', now)).toHaveLength(6);
    expect(labels('week', now)).toEqual(['2026-W01', '2026-W02']);
    expect(labels('month', { now: '2026-03-31' })).toEqual(['2026-01', '2026-02', '2026-03']);
    expect(labels('quarter', { now: '2026-04-01' })).toEqual(['2026-Q1', '2026-Q2']);
  });

  it("hold the days of the account's zone, of 23 and of 25 hours too", () => {
    const days = (from: string, now: string) =>
      run([{ from }, { item: 'j', customer: 'd', from: now }], {
        ...{ now, timeZone: 'Europe/Berlin', period: 'day' },
      }).periods.map(({ period, newMinor }) => `${period} ${newMinor}`);
    // The clocks go forward on 29 March 2026 and back on 25 October 2026.
    expect(days('2026-03-28T23:00:00Z', '2026-03-29T21:59:59Z')).toEqual(['2026-03-29 2000']);
    expect(days('2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z')).toEqual([
      '2026-03-29 1000',
      '2026-03-30 1000',
    ]);
    expect(days('2026-10-24T22:00:00Z', '2026-10-25T22:59:59Z')).toEqual(['2026-10-25 2000']);
  });

  it('take a date alone as the midnight of the zone', () => {
    const { movements: found } = run([{ from: '2026-03-29' }], { timeZone: 'Europe/Berlin' });
    expect(found[0]?.at).toBe('2026-03-28T23:00:00.000Z');
  });
});

describe('the reporting currency', () => {
  const dollars = { currency: 'USD', to: '2026-01-04' };
  const rates = [
    { currency: 'USD', date: '2026-01-01', rate: '0.9' },
    { currency: 'USD', date: '2026-01-02', rate: '0.8' },
    { currency: 'USD', date: '2026-01-04', rate: '0.5' },
  ];
  const total = (policy: Given, rest: Given = {}) =>
    run([dollars], {
      ...{ reportingCurrency: 'EUR', fx: rates, period: 'day', now: '2026-01-04', policy },
      ...rest,
    })
      .periods.filter(({ scope }) => scope === 'total')
      .map(({ period, newMinor, churnMinor, fxMinor, endMinor, carriedRateDays }) =>
        [period.slice(8), newMinor, churnMinor, fxMinor, endMinor, carriedRateDays].join(' '),
      );

  it('is valued at the rate of each day; a missing one is carried over and said', () => {
    expect(total({})).toEqual([
      '01 900 0 0 900 0',
      '02 0 0 -100 800 0',
      '03 0 0 0 800 1',
      '04 0 -500 -300 0 0',
    ]);
  });

  it('is valued at the average of the month', () => {
    const average = total({ fx: 'month_average' }, { fx: rates.slice(0, 2) });
    expect(average.map((row) => row.split(' ')[4])).toEqual(['850', '850', '850', '0']);
  });

  it('is moved by no rate where booked rates count', () => {
    expect(total({ fx: 'booking_rate' })).toEqual([
      '01 900 0 0 900 0',
      '02 0 0 0 900 0',
      '03 0 0 0 900 0',
      '04 0 -900 0 0 0',
    ]);
  });

  it('is refused where a rate is missing, naming currency and date', () => {
    expect(() => total({}, { fx: rates.slice(1) })).toThrow(
      'The file is wrong: fx: There is no rate of USD to EUR on or before 2026-01-01.',
    );
  });

  it('takes a rate that is given twice, however it is written', () => {
    const again = rates.map((rate) => ({
      ...rate,
      rate: `${rate.rate}${rate.rate.includes('.') ? '0' : '.0'}`,
    }));
    expect(total({}, { fx: [...rates, ...again] })).toEqual(total({}));
  });

  it('heeds the decimals of both currencies', () => {
    const yen = run([{ currency: 'JPY' }], {
      ...{ reportingCurrency: 'EUR', fx: [{ currency: 'JPY', date: '2026-01-01', rate: '0.006' }] },
    });
    expect(yen.periods.at(-1)).toMatchObject({ currency: 'EUR', scope: 'total', endMinor: '600' });
  });

  it('adds nothing where everything is in it already', () => {
    const { periods } = run([{}], { reportingCurrency: 'EUR' });
    expect(new Set(periods.map(({ scope }) => scope))).toEqual(new Set(['currency']));
  });
});

describe('a wrong file', () => {
  const wrong = (file: unknown) => () => readComputeInput(file);
  const now = '2026-07-01';

  it.each([
    [[], 'The file is wrong: expected an object with "now" and "items".'],
    [{ items: [] }, 'now: expected an instant such as "2026-03-01T00:00:00Z"'],
    [{ now, items: {} }, 'items: expected a list of items'],
    [{ now, items: [{ ...ITEM, quantity: 2 }] }, 'items[0].quantity: expected a decimal string'],
    [
      { now, items: [ITEM, { ...ITEM, unitAmountMinor: 9.99 }] },
      'items[1].unitAmountMinor: expected a decimal string',
    ],
    [{ now, items: [{ ...ITEM, unitAmountMinor: '-1' }] }, 'items[0].unitAmountMinor: expected'],
    [{ now, items: [{ ...ITEM, currency: 'euro' }] }, 'items[0].currency: expected an ISO 4217'],
    [{ now, items: [{ ...ITEM, interval: 'hour' }] }, 'items[0].interval: expected one of "day",'],
    [{ now, items: [{ ...ITEM, intervalCount: 0 }] }, 'items[0].intervalCount: expected a whole'],
    [{ now, items: [{ ...ITEM, to: '2025-01-01' }] }, 'items[0].to: expected no time before'],
    [{ now, items: [{ ...ITEM, customer: undefined }] }, 'items[0].customer: expected a text'],
    [{ now, items: [{ ...ITEM, price: '1' }] }, 'items[0]: unknown field "price"'],
    [
      { now, items: [{ ...ITEM, discounts: [{ percentOff: '101' }] }] },
      'items[0].discounts[0].percentOff: expected a percentage from 0 to 100',
    ],
    [
      { now, items: [{ ...ITEM, discounts: [{ duration: 'once' }] }] },
      'items[0].discounts[0]: expected either "percentOff" or "amountOffMinor"',
    ],
    [{ now, items: [], policy: { dayFactor: 30 } }, 'policy.dayFactor: expected a decimal or a'],
    [{ now, items: [], timeZone: 'Mars' }, 'timeZone: expected an IANA time zone'],
    [{ now, items: [], period: 'year' }, 'period: expected one of "day", "week", "month",'],
    [
      { now, items: [], fx: [{ currency: 'USD', date: '2026-01-32', rate: '1' }] },
      'fx[0].date: expected a date such as "2026-03-29"',
    ],
    [
      {
        ...{ now, items: [] },
        fx: ['1', '2'].map((rate) => ({ currency: 'USD', date: '2026-01-01', rate })),
      },
      'fx[1].rate: expected 1, as another rate of USD 2026-01-01 has it',
    ],
  ])('%j is refused, naming the field and what was expected', (file, message) => {
    expect(wrong(file)).toThrow(message);
  });

  it('is refused for every wrong field at once', () => {
    expect(wrong({ items: [{ ...ITEM, quantity: 2 }] })).toThrow(/now: .*; items\[0\]\.quantity: /);
  });
});
