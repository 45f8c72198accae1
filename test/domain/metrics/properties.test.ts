/** What holds for any file under any policy. fast-check names the seed of what fails. */
import fc from 'fast-check';
import { allocate } from '../../../domain/metrics/allocate';
import { compute, readComputeInput } from '../../../domain/metrics/compute';
import { exact, roundHalfUp, sum } from '../../../domain/metrics/exact';
import { DEFAULT_POLICY, type MetricPolicy } from '../../../domain/metrics/policy';

const RUNS = { numRuns: 60, seed: 20260401 };
const NOW = '2026-04-01T12:00:00Z';
const DAY_MS = 86_400_000;
const START_MS = Date.parse('2026-01-01T00:00:00Z');

const day = fc.integer({ min: 0, max: 80 });
const instant = (at: number) => new Date(START_MS + at * DAY_MS).toISOString();
const decimal = fc.constantFrom('0', '333', '1000', '2999', '0.5', '1234567', '99.125');

const discount = fc
  .record({
    kind: fc.constantFrom('percentOff', 'amountOffMinor'),
    value: fc.integer({ min: 0, max: 100 }).map(String),
    duration: fc.constantFrom('once', 'repeating', 'forever'),
    days: fc.option(fc.tuple(day, day)),
  })
  .map(({ kind, value, duration, days }) => ({
    [kind]: value,
    duration,
    ...(days && { from: instant(Math.min(...days)), to: instant(Math.max(...days)) }),
  }));

const item = fc
  .record({
    customer: fc.constantFrom('c1', 'c2', 'c3'),
    subscription: fc.constantFrom('s1', 's2'),
    item: fc.constantFrom('i1', 'i2', 'i3'),
    currency: fc.constantFrom('EUR', 'USD', 'JPY', 'KWD'),
    unitAmountMinor: decimal,
    interval: fc.constantFrom('day', 'week', 'month', 'year'),
    intervalCount: fc.integer({ min: 1, max: 4 }),
    quantity: fc.constantFrom('0', '1', '3', '0.25'),
    discounts: fc.array(discount, { maxLength: 3 }),
    kind: fc.constantFrom('licensed', 'licensed', 'licensed', 'metered', 'trial', 'free'),
    days: fc.tuple(day, day),
    isOpen: fc.boolean(),
  })
  .map(({ days, isOpen, ...rest }) => ({
    ...rest,
    from: instant(Math.min(...days)),
    to: isOpen ? null : instant(Math.max(...days)),
  }));
const items = fc.array(item, { maxLength: 12 });

type FilePolicy = Omit<MetricPolicy, 'reportingCurrency'>;

const policy: fc.Arbitrary<FilePolicy> = fc.record({
  dayFactor: fc.constantFrom('365/12', '30', '30.4167'),
  weekFactor: fc.constantFrom('52/12', '4', '4.33'),
  discounts: fc.constantFrom('none', 'recurring', 'all'),
  trials: fc.constantFrom('exclude', 'count'),
  pastDue: fc.constantFrom<MetricPolicy['pastDue'][]>('keep', { churnAfterDays: 3 }),
  pauses: fc.constantFrom('zero', 'keep'),
  freePlans: fc.constantFrom('churn', 'contraction'),
  metered: fc.constantFrom<MetricPolicy['metered'][]>('exclude', 'last_invoice', {
    averageOfInvoices: 2,
  }),
  reactivationGapDays: fc.constantFrom(0, 10, 400),
  churnDate: fc.constantFrom('ended', 'canceled', 'paid_period_end'),
  tax: fc.constantFrom('exclude', 'include'),
  fx: fc.constantFrom('daily', 'month_average', 'booking_rate'),
});

/** Every currency has a rate from the first day on; some days have none. */
const fx = fc
  .array(
    fc.record({
      currency: fc.constantFrom('USD', 'JPY', 'KWD'),
      at: day,
      rate: fc.constantFrom('0.5', '1.0842', '0.00613', '3.1'),
    }),
    { maxLength: 30 },
  )
  .map((given) => {
    const first = ['USD', 'JPY', 'KWD'].map((currency) => ({ currency, at: -400, rate: '0.9' }));
    const once = new Map([...first, ...given].map((each) => [`${each.currency} ${each.at}`, each]));
    return [...once.values()].map(({ currency, at, rate }) => ({
      ...{ currency, rate, date: instant(at).slice(0, 10) },
    }));
  });

const file = fc.record({
  items,
  policy,
  fx,
  now: fc.constant(NOW),
  timeZone: fc.constantFrom('UTC', 'America/New_York', 'Asia/Kolkata', 'Europe/Berlin'),
  reportingCurrency: fc.option(fc.constant('EUR')),
  period: fc.constantFrom('day', 'week', 'month', 'quarter'),
});

const run = (given: object) => compute(readComputeInput(given));

const MOVED = ['new', 'expansion', 'contraction', 'churn', 'reactivation', 'fx'] as const;

const total = (values: Iterable<string | bigint>) => {
  let added = 0n;
  for (const value of values) added += BigInt(value);
  return added;
};

describe('for any file under any policy', () => {
  it('start and movements make the end, of every period, currency and total, and the end is the next start', () => {
    fc.assert(
      fc.property(file, (given) => {
        const { periods, converted } = run(given);
        const rows = [
          ...periods.map((row) => ({ ...row, series: `${row.scope} ${row.currency}` })),
          ...converted.map((row) => ({ ...row, series: `converted ${row.currency}` })),
        ];
        const ends = new Map<string, string>();
        for (const row of rows) {
          const moved = total(MOVED.map((type) => row[`${type}Minor`]));
          expect(BigInt(row.startMinor) + moved).toBe(BigInt(row.endMinor));
          expect(row.startMinor).toBe(ends.get(row.series) ?? '0');
          expect(BigInt(row.endMinor)).toBeGreaterThanOrEqual(0n);
          ends.set(row.series, row.endMinor);
        }
        for (const row of periods.filter(({ scope }) => scope === 'total')) {
          const parts = converted.filter(({ period }) => period === row.period);
          expect(total(parts.map(({ endMinor }) => endMinor))).toBe(BigInt(row.endMinor));
          expect(total(parts.map(({ fxMinor }) => fxMinor))).toBe(BigInt(row.fxMinor));
        }
      }),
      RUNS,
    );
  });

  it('customers at the start, those who came and those who went make the customers at the end', () => {
    fc.assert(
      fc.property(file, (given) => {
        for (const row of run(given).periods) {
          const came = row.newCustomers + row.reactivatedCustomers;
          expect(row.customersAtStart + came - row.churnedCustomers).toBe(row.customers);
          expect(row.lostCustomers).toBeLessThanOrEqual(row.customersAtStart);
        }
      }),
      RUNS,
    );
  });

  it('displayed movements add up to displayed revenue, which is the rounded worth of the segments', () => {
    fc.assert(
      fc.property(file, (given) => {
        const { movements, periods } = run(given);
        const running = new Map<string, bigint>();
        for (const { customer, currency, deltaMinor, mrrAfterMinor } of movements) {
          const key = `${customer} ${currency}`;
          const after = (running.get(key) ?? 0n) + BigInt(deltaMinor);
          expect(String(after)).toBe(mrrAfterMinor);
          expect(after).toBeGreaterThanOrEqual(0n);
          running.set(key, after);
        }
        const last = new Map(
          periods.filter(({ scope }) => scope === 'currency').map((row) => [row.currency, row]),
        );
        for (const [currency, { endMinor }] of last) {
          const own = [...running].filter(([key]) => key.endsWith(currency));
          expect(total(own.map(([, minor]) => minor))).toBe(BigInt(endMinor));
        }
        const single = run({
          ...given,
          items: given.items.map((each) => ({ ...each, currency: 'EUR' })),
        });
        const worth = new Map<string, ReturnType<typeof exact>[]>();
        for (const { customer, to, mrrNumerator, mrrDenominator } of single.segments) {
          const value = exact(`${mrrNumerator}/${mrrDenominator}`);
          if (to === null) worth.set(customer, [...(worth.get(customer) ?? []), value]);
        }
        for (const customer of ['c1', 'c2', 'c3']) {
          const displayed = single.movements.findLast((each) => each.customer === customer);
          expect(displayed?.mrrAfterMinor ?? '0').toBe(
            String(roundHalfUp(sum(worth.get(customer) ?? []))),
          );
        }
      }),
      RUNS,
    );
  });

  it('a customer who left is worth exactly 0, in every currency and converted', () => {
    fc.assert(
      fc.property(file, (given) => {
        const gone = given.items.map((each) => ({ ...each, to: each.to ?? instant(85) }));
        const { movements, periods, segments } = run({ ...given, items: gone });
        const last = new Map(movements.map((each) => [`${each.customer} ${each.currency}`, each]));
        for (const { mrrAfterMinor, type } of last.values()) {
          expect([mrrAfterMinor, type]).toEqual(['0', 'churn']);
        }
        const ends = new Map(periods.map((row) => [`${row.scope} ${row.currency}`, row]));
        for (const row of ends.values()) {
          expect([row.endMinor, row.arrMinor, row.customers, row.subscriptions]).toEqual([
            ...['0', '0', 0, 0],
          ]);
        }
        expect(segments.every(({ to }) => to !== null)).toBe(true);
      }),
      RUNS,
    );
  });

  it('permuting and doubling the input changes nothing', () => {
    fc.assert(
      fc.property(file, (given) => {
        const expected = run(given);
        const changed = { items: [...given.items].reverse(), fx: [...given.fx].reverse() };
        expect(run({ ...given, ...changed })).toEqual(expected);
        const doubled = { items: [...given.items, ...given.items], fx: [...given.fx, ...given.fx] };
        expect(run({ ...given, ...doubled })).toEqual(expected);
      }),
      RUNS,
    );
  });

  it('under the default, what was known until a day stays the same as time goes on', () => {
    fc.assert(
      fc.property(file, day, (given, until) => {
        const plain = { ...given, policy: {}, reportingCurrency: null };
        const { movements } = run(plain);
        const then = run({ ...plain, now: instant(until) }).movements;
        expect(then).toEqual(movements.filter(({ at }) => at <= instant(until)));
      }),
      RUNS,
    );
  });

  it('every field that is left out has its default', () => {
    fc.assert(
      fc.property(items, (given) => {
        const { reportingCurrency, ...policy } = DEFAULT_POLICY;
        expect(run({ now: NOW, items: given })).toEqual(
          run({
            ...{ now: NOW, items: given, policy, reportingCurrency },
            ...{ timeZone: 'UTC', fx: [], period: 'month' },
          }),
        );
      }),
      RUNS,
    );
  });
});

describe('an allocation', () => {
  const weight = fc
    .tuple(fc.bigInt({ min: 0n, max: 10n ** 9n }), fc.bigInt({ min: 1n, max: 365n }))
    .map(([n, d]) => exact(n).div(exact(d)));

  it('sums to its total, and no share is further than one unit from its exact part', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }),
        fc.array(weight, { minLength: 1, maxLength: 8 }),
        (amount, weights) => {
          const whole = sum(weights);
          fc.pre(whole.n > 0n);
          const shares = allocate(
            amount,
            weights.map((each, index) => ({ id: String(index), weight: each })),
          );
          expect(total(shares)).toBe(amount);
          for (const [index, share] of shares.entries()) {
            const part = exact(amount)
              .mul(weights[index] ?? exact(0n))
              .div(whole);
            expect(part.sub(exact(share)).abs().lt(exact(1n))).toBe(true);
          }
        },
      ),
      { ...RUNS, numRuns: 300 },
    );
  });

  it('gives the odd unit to the largest remainder, among equals to the first id', () => {
    const thirds = ['b', 'a', 'c'].map((id) => ({ id, weight: exact('1/3') }));
    expect(allocate(1000n, thirds)).toEqual([333n, 334n, 333n]);
    expect(allocate(-1000n, thirds)).toEqual([-333n, -334n, -333n]);
    expect(allocate(10n, [{ id: 'a', weight: exact('0') }])).toEqual([0n]);
  });
});
