import fc from 'fast-check';
import { customerMetrics } from '../../domain/metrics/customer-metrics';
import { exact, roundHalfUp, sum, ZERO } from '../../domain/metrics/exact';
import { FACT_KINDS, type CustomerFacts } from '../../domain/metrics/facts';
import type { LedgerEntry } from '../../domain/metrics/figures';
import { ledgerFigures } from '../../domain/metrics/figures';
import { DEFAULT_POLICY } from '../../domain/metrics/policy';
import { discounted } from '../../domain/metrics/segments';
import { at, factsOf, SEEN } from './metrics-facts';

const RUNS = { numRuns: 300, seed: 20260101 };
const DAY_MS = 86_400_000;
const START_MS = at('2026-01-01').getTime();
const onDay = (day: number) => new Date(START_MS + day * DAY_MS);

const days = fc.integer({ min: 0, max: 180 });
const span = fc.tuple(days, days).map(([a, b]) => [Math.min(a, b), Math.max(a, b) + 1] as const);
const quantity = fc.integer({ min: 0, max: 50 }).map(String);
const priceId = fc.constantFrom('daily', 'weekly', 'quarterly', 'tiered', 'usd');

/** A customer with any mixture of subscriptions, lines, feed entries and discounts, consistent or not. */
const facts: fc.Arbitrary<CustomerFacts> = fc
  .record({
    subscriptions: fc.array(
      fc.record({ span, ended: fc.boolean(), trial: fc.option(days), usd: fc.boolean() }),
      { minLength: 1, maxLength: 3 },
    ),
    lines: fc.array(
      fc.record({
        subscription: fc.integer({ min: 0, max: 2 }),
        item: fc.integer({ min: 0, max: 2 }),
        span,
        priceId,
        quantity,
        kind: fc.constantFrom('recurring', 'proration'),
        amount: fc.bigInt({ min: -500n, max: 500n }),
        discounted: fc.boolean(),
      }),
      { maxLength: 12 },
    ),
    present: fc.uniqueArray(
      fc.record({ item: fc.integer({ min: 0, max: 2 }), priceId, quantity }),
      {
        maxLength: 3,
        selector: ({ item }) => item,
      },
    ),
    changes: fc.array(fc.record({ day: days, priceId, quantity, pause: fc.option(fc.boolean()) }), {
      maxLength: 4,
    }),
    discounts: fc.array(
      fc.record({
        span,
        percent: fc.option(fc.integer({ min: 0, max: 100 }).map(String)),
        amount: fc.bigInt({ min: 1n, max: 3000n }),
        scope: fc.constantFrom('item', 'subscription', 'customer'),
      }),
      { maxLength: 3 },
    ),
  })
  .map((given) => {
    const subscriptionOf = (index: number) => `sub_${String(index % given.subscriptions.length)}`;
    return factsOf({
      price: [
        { id: 'daily', interval: 'day', unitAmount: '33.5' },
        { id: 'weekly', interval: 'week', unitAmount: '700' },
        { id: 'quarterly', intervalCount: 3, unitAmount: '1000' },
        {
          id: 'tiered',
          scheme: 'graduated',
          unitAmount: null,
          tiers: [
            { upTo: '5', unitAmount: '100', flatAmount: '7' },
            { upTo: null, unitAmount: '80.25', flatAmount: '500' },
          ],
        },
        { id: 'usd', currency: 'usd', unitAmount: '999' },
      ],
      subscription: given.subscriptions.map(({ span: [from, to], ended, trial, usd }, index) => ({
        id: `sub_${String(index)}`,
        currency: usd ? 'usd' : 'eur',
        startedAt: onDay(from),
        trialEndAt: trial === null ? null : onDay(from + trial),
        ...(ended ? { status: 'canceled', endedAt: onDay(to) } : {}),
      })),
      invoice_line: given.lines.map((line, index) => ({
        id: `il_${String(index)}`,
        subscriptionId: subscriptionOf(line.subscription),
        subscriptionItemId: `si_${subscriptionOf(line.subscription)}_${String(line.item)}`,
        priceId: line.priceId,
        quantity: line.quantity,
        kind: line.kind,
        amountMinor: line.amount,
        periodStart: onDay(line.span[0]),
        periodEnd: onDay(line.span[1]),
        discountIds: line.discounted ? ['di_0', 'di_1', 'di_2'] : [],
      })),
      subscription_item: given.present.map((item) => ({
        id: `si_${subscriptionOf(item.item)}_${String(item.item)}`,
        subscriptionId: subscriptionOf(item.item),
        priceId: item.priceId,
        quantity: item.quantity,
      })),
      subscription_change: given.changes.map(({ day, pause, ...state }, index) => ({
        id: `evt_${String(index)}`,
        subscriptionId: 'sub_0',
        at: onDay(day),
        before: {},
        after: {
          items: [{ id: 'si_sub_0_0', ...state }],
          ...(pause === null ? {} : { pauseBehavior: pause ? 'void' : null }),
        },
      })),
      discount: given.discounts.map(({ span: [from, to], percent, amount, scope }, index) => ({
        id: `di_${String(index)}`,
        percentOff: percent,
        amountOffMinor: percent === null ? amount : null,
        subscriptionId: scope === 'subscription' ? 'sub_0' : null,
        subscriptionItemId: scope === 'item' ? 'si_sub_0_0' : null,
        position: index,
        startAt: onDay(from),
        endAt: onDay(to),
      })),
    });
  });

const metricsOf = (given: CustomerFacts, asOf = SEEN) =>
  customerMetrics({ facts: given, policy: DEFAULT_POLICY, asOf });

/** Changes every list of the facts by one function. */
const rearranged = (given: CustomerFacts, change: <T>(rows: readonly T[]) => readonly T[]) =>
  Object.fromEntries(
    FACT_KINDS.map((kind) => [kind, change<unknown>(given[kind])]),
  ) as unknown as CustomerFacts;

describe('for any customer', () => {
  it('the ledger sums to the rounded value of the segments at every instant', () => {
    fc.assert(
      fc.property(facts, days, (given, day) => {
        const { segments, movements } = metricsOf(given);
        for (const currency of ['eur', 'usd']) {
          const live = segments.filter(
            (segment) =>
              segment.currency === currency &&
              segment.from <= onDay(day) &&
              !(segment.to && segment.to <= onDay(day)),
          );
          const past = movements.filter((m) => m.currency === currency && m.at <= onDay(day));
          const displayed = past.reduce((total, { deltaMinor }) => total + deltaMinor, 0n);
          expect(displayed).toBe(roundHalfUp(sum(live.map(({ value }) => value))));
          expect(past.at(-1)?.afterMinor ?? 0n).toBe(displayed);
        }
      }),
      RUNS,
    );
  });

  it('permuting or doubling the facts changes nothing', () => {
    fc.assert(
      fc.property(facts, (given) => {
        const expected = metricsOf(given);
        expect(metricsOf(rearranged(given, (rows) => [...rows].reverse()))).toEqual(expected);
        expect(metricsOf(rearranged(given, (rows) => [...rows, ...rows]))).toEqual(expected);
      }),
      RUNS,
    );
  });

  it('versions and segments of one item never overlap, and segments are worth something', () => {
    fc.assert(
      fc.property(facts, (given) => {
        const { versions, segments } = metricsOf(given);
        for (const list of [versions, segments]) {
          for (const [index, { item, from, to }] of list.entries()) {
            expect(to === null || from < to).toBe(true);
            const next = list[index + 1];
            if (next?.item === item) expect(to && to <= next.from).toBe(true);
          }
        }
        expect(segments.every(({ value }) => value.gt(ZERO))).toBe(true);
      }),
      RUNS,
    );
  });

  it('a customer whose subscriptions have all ended is at exactly 0', () => {
    fc.assert(
      fc.property(facts, (given) => {
        const subscription = given.subscription.map((row) => ({
          ...row,
          status: 'canceled',
          endedAt: row.endedAt ?? SEEN,
        }));
        const { movements } = metricsOf({ ...given, subscription });
        for (const currency of ['eur', 'usd']) {
          const own = movements.filter((movement) => movement.currency === currency);
          expect(own.at(-1)?.type ?? 'churn').toBe('churn');
          expect(own.at(-1)?.afterMinor ?? 0n).toBe(0n);
        }
      }),
      RUNS,
    );
  });

  it('what was known until a day stays the same as time goes on', () => {
    fc.assert(
      fc.property(facts, days, (given, day) => {
        const then = metricsOf(given, onDay(day));
        const now = metricsOf(given);
        expect(then.movements).toEqual(now.movements.filter(({ at: when }) => when <= onDay(day)));
        if (then.nextChangeAt === null) expect(now.movements).toEqual(then.movements);
      }),
      RUNS,
    );
  });

  it('types follow from the totals: new first, reactivation from 0, churn to 0', () => {
    fc.assert(
      fc.property(facts, (given) => {
        let before = new Map<string, bigint>();
        for (const { currency, type, deltaMinor, afterMinor } of metricsOf(given).movements) {
          const start = before.get(currency);
          const expected =
            start === undefined
              ? 'new'
              : start === 0n
                ? 'reactivation'
                : afterMinor === 0n
                  ? 'churn'
                  : deltaMinor > 0n
                    ? 'expansion'
                    : 'contraction';
          expect(type).toBe(expected);
          expect(afterMinor).toBe((start ?? 0n) + deltaMinor);
          before = new Map(before).set(currency, afterMinor);
        }
      }),
      RUNS,
    );
  });
});

describe('a discount of the whole subscription', () => {
  const value = fc
    .tuple(fc.bigInt({ min: 0n, max: 10n ** 9n }), fc.bigInt({ min: 1n, max: 365n }))
    .map(([n, d]) => exact(n).div(exact(d)));

  it('is spread over the items so that they add up to the subscription exactly, none below 0', () => {
    fc.assert(
      fc.property(
        fc.array(value, { maxLength: 6 }),
        fc.integer({ min: 0, max: 100 }),
        value,
        (values, percent, amount) => {
          const items = values.map((each, index) => ({
            ...{ item: String(index), value: each, periodsPerMonth: exact('1') },
          }));
          const common = { item: null, owner: 'subscription' } as const;
          const after = discounted(items, [
            { ...common, percentOff: exact(String(percent)), amountOff: null },
            { ...common, percentOff: null, amountOff: amount },
          ]);
          const whole = sum(values)
            .mul(exact(`${String(100 - percent)}/100`))
            .sub(amount);
          expect(sum(after).equals(whole.lt(ZERO) ? ZERO : whole)).toBe(true);
          expect(after.every((each) => each.gte(ZERO))).toBe(true);
        },
      ),
      RUNS,
    );
  });
});

describe('rounding', () => {
  it('takes halves up and everything else to the nearest, below 0 too', () => {
    expect(['5/2', '-5/2', '7/3', '-7/3', '8/3', '0', '-1/2'].map(exact).map(roundHalfUp)).toEqual([
      3n,
      -2n,
      2n,
      -2n,
      3n,
      0n,
      0n,
    ]);
  });
});

describe('monthly figures', () => {
  const asOf = SEEN;
  const inputs = (given: CustomerFacts, customer: string): LedgerEntry[] =>
    metricsOf(given).movements.map((movement) => ({ ...movement, customer }));

  it('close: start and movements make the end, every end is the next start, the last one is the total', () => {
    fc.assert(
      fc.property(fc.array(facts, { maxLength: 4 }), (customers) => {
        const movements = customers.flatMap((given, index) =>
          inputs(given, `cus_${String(index)}`),
        );
        for (const timeZone of ['UTC', 'America/New_York', 'Asia/Kolkata']) {
          const figures = ledgerFigures(movements, { period: 'month', timeZone, asOf });
          for (const [index, row] of figures.entries()) {
            const moved =
              row.newMinor +
              row.expansionMinor +
              row.contractionMinor +
              row.churnMinor +
              row.reactivationMinor;
            expect(row.startMinor + moved).toBe(row.endMinor);
            const next = figures[index + 1];
            const total = movements
              .filter(({ currency }) => currency === row.currency)
              .reduce((sumSoFar, { deltaMinor }) => sumSoFar + deltaMinor, 0n);
            if (next?.currency === row.currency) expect(next.startMinor).toBe(row.endMinor);
            else expect(row.endMinor).toBe(total);
          }
        }
      }),
      { ...RUNS, numRuns: 100 },
    );
  });

  const movement = (when: string, deltaMinor: bigint, afterMinor: bigint, customer = 'cus_1') =>
    ({
      customer,
      currency: 'eur',
      exponent: 2,
      at: at(when),
      type: afterMinor === 0n ? 'churn' : deltaMinor === afterMinor ? 'new' : 'expansion',
      deltaMinor,
      afterMinor,
    }) as const;

  it("put a movement into the month of the account's zone", () => {
    const movements = [movement('2026-02-28T23:30:00Z', 1000n, 1000n)];
    const monthOf = (timeZone: string) =>
      ledgerFigures(movements, { period: 'month', timeZone, asOf: at('2026-03-02') })[0]?.span
        .label;
    expect(monthOf('UTC')).toBe('2026-02');
    expect(monthOf('Europe/Berlin')).toBe('2026-03');
  });

  it('count the customers at the end of each month, and go on through months without a movement', () => {
    const movements = [
      movement('2026-01-10', 1000n, 1000n),
      movement('2026-01-11', 500n, 500n, 'cus_2'),
      movement('2026-03-05', -500n, 0n, 'cus_2'),
    ];
    const figures = ledgerFigures(movements, {
      ...{ period: 'month', timeZone: 'UTC', asOf: at('2026-04-01') },
    });
    expect(
      figures.map(({ span, endMinor, customers }) => [span.label, endMinor, customers]),
    ).toEqual([
      ['2026-01', 1500n, 2],
      ['2026-02', 1500n, 2],
      ['2026-03', 1000n, 1],
      ['2026-04', 1000n, 1],
    ]);
  });

  it('refuse a time zone that does not exist', () => {
    const movements = [movement('2026-01-10', 1000n, 1000n)];
    expect(() =>
      ledgerFigures(movements, { period: 'month', timeZone: 'Mars/Olympus', asOf }),
    ).toThrow("'Mars/Olympus' is no IANA time zone.");
  });
});
