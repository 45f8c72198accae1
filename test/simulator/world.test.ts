import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { untraced } from '../../simulator/oracle/mrr';
import { advance } from '../../simulator/world/advance';
import { addMonths, boundary, periodAt } from '../../simulator/world/calendar';
import { generateWorld } from '../../simulator/world/generate';
import type { Coupon, Invoice, InvoiceItem, Subscription } from '../../simulator/world/model';
import { allocateDiscount } from '../../simulator/world/money';
import { creditLine } from '../../simulator/world/credit-notes';
import { invoiceByHand } from '../../simulator/world/manual-invoices';
import { payInvoice } from '../../simulator/world/payments';
import { changeItem, subscribe, switchInterval } from '../../simulator/world/subscriptions';
import type { World } from '../../simulator/world/world';
import { MONTH, Scenario, YEAR, at } from './world-scenario';

const AS_OF = at('2026-11-01T12:00:00Z');
// Seed 3 once made two equal ids, when streams had 32 bits of state only.
const SEEDS = [1, 3];
const cache = new Map<string, World>();

/** A generated world, shared by the tests that only read it. */
function worldOf(seed: number, customers: number): World {
  const key = `${String(seed)}/${String(customers)}`;
  const world = cache.get(key) ?? generateWorld({ seed, customers, asOf: AS_OF });
  cache.set(key, world);
  return world;
}

const COLLECTIONS = [
  'products',
  'prices',
  'taxRates',
  'coupons',
  'discounts',
  'customers',
  'balanceTransactions',
  'paymentMethods',
  'subscriptions',
  'invoiceItems',
  'invoices',
  'invoicePayments',
  'paymentIntents',
  'charges',
  'refunds',
  'disputes',
  'creditNotes',
  'events',
] as const satisfies readonly (keyof World)[];

function fingerprint(world: World): string {
  const everything = [...COLLECTIONS.map((name) => world[name].all), world.log];
  return createHash('sha256').update(JSON.stringify(everything)).digest('hex');
}

function groupBy<T>(records: readonly T[], key: (record: T) => string | null): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const record of records) {
    const group = groups.get(key(record) ?? '');
    if (group === undefined) groups.set(key(record) ?? '', [record]);
    else group.push(record);
  }
  return groups;
}

function lineSum(invoice: Invoice, value: (line: Invoice['lines'][number]) => number): number {
  return invoice.lines.reduce((sum, line) => sum + value(line), 0);
}

function sumOf(parts: readonly { amountMinor: number }[]): number {
  return parts.reduce((sum, part) => sum + part.amountMinor, 0);
}

describe('a generated world', () => {
  it('is the same for the same seed, and another for another', () => {
    const one = generateWorld({ seed: 7, customers: 60, asOf: AS_OF });
    expect(fingerprint(generateWorld({ seed: 7, customers: 60, asOf: AS_OF }))).toBe(
      fingerprint(one),
    );
    expect(fingerprint(generateWorld({ seed: 8, customers: 60, asOf: AS_OF }))).not.toBe(
      fingerprint(one),
    );
  });

  it('leaves every customer as they were when one is added', () => {
    const fewer = generateWorld({ seed: 7, customers: 70, asOf: AS_OF });
    const more = generateWorld({ seed: 7, customers: 71, asOf: AS_OF });
    expect(more.customers.size).toBe(71);
    const known = new Set(fewer.customers.all.map(({ id }) => id));
    const theirs = <T extends { customer: string }>(records: readonly T[]): T[] =>
      records.filter(({ customer }) => known.has(customer));
    expect(theirs(more.subscriptions.all)).toEqual(fewer.subscriptions.all);
    expect(theirs(more.invoices.all)).toEqual(fewer.invoices.all);
    expect(theirs(more.charges.all)).toEqual(fewer.charges.all);
    expect(theirs(more.log)).toEqual(fewer.log);
  });

  it.each(SEEDS)('shows every feature among its first 50 customers (seed %i)', (seed) => {
    const world = worldOf(seed, 50);
    const absent = Object.entries(FEATURES)
      .filter(([, isThere]) => !isThere(world))
      .map(([name]) => name);
    expect(absent).toEqual([]);
  });

  it.each(SEEDS)('keeps the identities of every invoice (seed %i)', (seed) => {
    const world = worldOf(seed, 400);
    for (const invoice of world.invoices.all) {
      const { subtotalMinor, discountMinor, taxMinor, totalMinor } = invoice;
      expect(subtotalMinor).toBe(lineSum(invoice, (line) => line.amountMinor));
      expect(discountMinor).toBe(lineSum(invoice, (line) => sumOf(line.discountAmounts)));
      expect(taxMinor).toBe(lineSum(invoice, (line) => sumOf(line.taxAmounts)));
      expect(totalMinor).toBe(subtotalMinor - discountMinor + taxMinor);
      expect(invoice.amountDueMinor).toBe(invoice.amountPaidMinor + invoice.amountRemainingMinor);
      if (invoice.status === 'open' || invoice.status === 'paid') {
        const owed = Math.max(0, totalMinor + invoice.startingBalanceMinor);
        expect(invoice.amountDueMinor).toBe(owed - invoice.prePaymentCreditNotesMinor);
      }
      for (const { amountMinor, discountAmounts } of invoice.lines) {
        expect(sumOf(discountAmounts)).toBeLessThanOrEqual(Math.max(0, amountMinor));
        for (const part of discountAmounts) expect(part.amountMinor).toBeGreaterThanOrEqual(0);
        if (invoice.currency === 'kwd') expect(Math.abs(amountMinor % 10)).toBe(0);
      }
    }
  });

  it.each(SEEDS)(
    'never collects more than is due, all attempts under one payment intent (seed %i)',
    (seed) => {
      const world = worldOf(seed, 400);
      const collected = new Map<string, number>();
      for (const charge of world.charges.all) {
        expect(charge.paymentIntent).toBe(world.invoices.get(charge.invoice).paymentIntent);
        expect(charge.amountRefundedMinor).toBeLessThanOrEqual(charge.amountMinor);
        if (charge.status === 'failed') expect(charge.decline).not.toBeNull();
        else
          collected.set(charge.invoice, (collected.get(charge.invoice) ?? 0) + charge.amountMinor);
      }
      for (const invoice of world.invoices.all) {
        expect(collected.get(invoice.id) ?? 0).toBe(
          invoice.status === 'paid' ? invoice.amountDueMinor : 0,
        );
      }
      for (const customer of world.customers.all) {
        const moves = world.balanceTransactions.all.filter((move) => move.customer === customer.id);
        expect(sumOf(moves)).toBe(customer.balanceMinor);
      }
    },
  );

  it.each(SEEDS)('invoices period after period without a gap (seed %i)', (seed) => {
    const world = worldOf(seed, 400);
    const lastEnd = new Map<string, number>();
    for (const invoice of world.invoices.all) {
      for (const line of invoice.lines) {
        if (line.proration || line.subscriptionItem === null) continue;
        if (world.prices.get(line.price).recurring?.usageType === 'metered') continue;
        const expected = lastEnd.get(line.subscriptionItem);
        const switched = invoice.billingReason === 'subscription_update';
        if (expected !== undefined && !switched) expect(line.period.start).toBe(expected);
        lastEnd.set(line.subscriptionItem, line.period.end);
      }
    }
  });

  it.each(SEEDS)('leaves a trace of every change but the few it owns up to (seed %i)', (seed) => {
    const world = worldOf(seed, 2000);
    const excused = new Set(untraced(world).map(({ customer }) => customer));
    expect(excused.size / world.customers.size).toBeLessThan(0.03);
    const records = {
      invoices: groupBy(world.invoices.all, ({ subscription }) => subscription),
      prorations: groupBy(world.invoiceItems.all, ({ subscriptionItem }) => subscriptionItem),
    };
    const missing = world.log.filter(
      (action) => !excused.has(action.customer) && !isTraced(world, action, records),
    );
    expect(missing).toEqual([]);
  });

  it('fails first attempts as often as a subscription business does, mostly for want of money', () => {
    const { charges } = worldOf(1, 2000);
    const firsts = new Map(
      charges.all.map(({ invoice, status }) => [invoice, status] as const).reverse(),
    );
    const failed = [...firsts.values()].filter((status) => status === 'failed').length;
    expect(failed / firsts.size).toBeGreaterThan(0.03);
    expect(failed / firsts.size).toBeLessThan(0.12);
    const codes = charges.all.flatMap(({ decline }) => decline?.declineCode ?? []);
    const counts = [...new Set(codes)].map((code) => ({
      code,
      count: codes.filter((each) => each === code).length,
    }));
    counts.sort((a, b) => b.count - a.count);
    expect(counts.length).toBeGreaterThan(10);
    expect(counts.slice(0, 2).map(({ code }) => code)).toContain('insufficient_funds');
  });

  it('goes on living when its clock is advanced, in whatever steps', () => {
    const world = generateWorld({ seed: 3, customers: 60, asOf: AS_OF });
    const before = { invoices: world.invoices.size, events: world.events.size };
    advance(world, AS_OF + 40 * 86_400);
    expect(world.invoices.size).toBeGreaterThan(before.invoices + 20);
    expect(world.events.size).toBeGreaterThan(before.events + 100);
    expect(world.events.all.at(-1)?.created).toBeLessThanOrEqual(world.clock);
    const inSteps = generateWorld({ seed: 3, customers: 60, asOf: AS_OF });
    for (let day = 1; day <= 40; day += 1) advance(inSteps, AS_OF + day * 86_400);
    expect(inSteps.invoices.all).toEqual(world.invoices.all);
    expect(inSteps.charges.all).toEqual(world.charges.all);
    expect(() => {
      advance(world, AS_OF);
    }).toThrow('cannot go back');
  });
});

/** Whether the provider's records show an action, at its very second. */
function isTraced(
  world: World,
  action: World['log'][number],
  records: { invoices: Map<string, Invoice[]>; prorations: Map<string, InvoiceItem[]> },
): boolean {
  const subscription = world.subscriptions.get(action.subscription);
  const { at: when } = action;
  const invoices = () => records.invoices.get(action.subscription) ?? [];
  const prorations = (item: string) =>
    (records.prorations.get(item) ?? []).filter((each) => each.period.start === when);
  const isEvented = when >= world.eventsFrom;
  switch (action.kind) {
    case 'itemSet': {
      const metered = world.prices.get(action.price).recurring?.usageType === 'metered';
      const billedAtOnce = (): boolean =>
        invoices().some(
          ({ created, lines }) =>
            created === when &&
            lines.some(
              (line) => line.subscriptionItem === action.item && line.period.start === when,
            ),
        );
      return (
        metered ||
        prorations(action.item).some(
          ({ price, quantity }) => price === action.price && quantity === action.quantity,
        ) ||
        billedAtOnce()
      );
    }
    case 'itemRemoved': {
      const everLicensed = invoices().some(({ lines }) =>
        lines.some(
          ({ subscriptionItem, price }) =>
            subscriptionItem === action.item &&
            world.prices.get(price).recurring?.usageType === 'licensed',
        ),
      );
      return !everLicensed || prorations(action.item).length > 0;
    }
    case 'discountApplied': {
      const { coupon } = action;
      return (
        world.coupons.get(coupon).duration === 'once' ||
        subscription.discounts.includes(action.discount) ||
        invoices().some(({ discounts }) => discounts.includes(action.discount))
      );
    }
    case 'collectionPaused':
      return (
        isEvented ||
        invoices().some(
          (invoice) => invoice.created === when && invoice.statusTransitions.voidedAt === when,
        )
      );
    case 'collectionResumed':
      return (
        isEvented ||
        subscription.endedAt === when ||
        invoices().some((invoice) => invoice.created === when && invoice.status !== 'void')
      );
    case 'statusChanged':
      if (action.status === 'canceled' || action.status === 'incomplete_expired')
        return subscription.endedAt === when;
      if (action.status === 'active') {
        const [firstInvoice] = invoices();
        const afterTrial = subscription.trialEnd === when;
        const paid = invoices().some(({ statusTransitions }) => statusTransitions.paidAt === when);
        return afterTrial || paid || firstInvoice === undefined;
      }
      return true;
    default:
      return true;
  }
}

type Feature = (world: World) => boolean;

function hasStatus(status: Subscription['status']): Feature {
  return (world) => world.subscriptions.all.some((each) => each.status === status);
}

function hasInterval(unit: string, count: number): Feature {
  return (world) =>
    world.subscriptions.all.some(
      ({ interval }) => interval.unit === unit && interval.count === count,
    );
}

function hasAction(kind: World['log'][number]['kind']): Feature {
  return (world) => world.log.some((action) => action.kind === kind);
}

function hasInvoice(matches: (invoice: Invoice, world: World) => boolean): Feature {
  return (world) => world.invoices.all.some((invoice) => matches(invoice, world));
}

function hasCoupon(matches: (coupon: Coupon) => boolean): Feature {
  return (world) => world.discounts.all.some(({ coupon }) => matches(world.coupons.get(coupon)));
}

function hasEvent(type: string): Feature {
  return (world) => world.events.all.some((event) => event.type === type);
}

function hasSubscribedPrice(
  matches: (price: ReturnType<World['prices']['get']>) => boolean,
): Feature {
  return (world) =>
    world.subscriptions.all.some(({ items }) =>
      items.some(({ price }) => matches(world.prices.get(price))),
    );
}

const FEATURES: Record<string, Feature> = {
  'every currency': (world) =>
    new Set(world.invoices.all.map(({ currency }) => currency)).size === 4,
  'daily plans': hasInterval('day', 1),
  'weekly plans': hasInterval('week', 1),
  'monthly plans': hasInterval('month', 1),
  'quarterly plans': hasInterval('month', 3),
  'yearly plans': hasInterval('year', 1),
  'graduated prices': hasSubscribedPrice(({ scheme }) => scheme === 'graduated'),
  'volume prices': hasSubscribedPrice(({ scheme }) => scheme === 'volume'),
  'metered prices': hasSubscribedPrice(({ recurring }) => recurring?.usageType === 'metered'),
  'inline prices': (world) => world.prices.all.some(({ inline }) => inline),
  'archived prices': (world) => world.prices.all.some(({ active }) => !active),
  'several items': (world) => world.subscriptions.all.some(({ items }) => items.length > 1),
  quantities: (world) =>
    world.subscriptions.all.some(({ items }) => items.some(({ quantity }) => (quantity ?? 0) > 1)),
  'two subscriptions': (world) =>
    world.customers.all.some(
      ({ id }) =>
        world.subscriptions.all.filter(
          ({ customer, endedAt }) => customer === id && endedAt === null,
        ).length > 1,
    ),
  'a return after the end': (world) =>
    world.subscriptions.all.some(({ customer, endedAt }) =>
      world.subscriptions.all.some(
        (later) => later.customer === customer && endedAt !== null && later.created > endedAt,
      ),
    ),
  trialing: hasStatus('trialing'),
  'a trial that was converted': (world) =>
    world.subscriptions.all.some(
      ({ trialEnd, status }) => trialEnd !== null && status === 'active',
    ),
  past_due: hasStatus('past_due'),
  canceled: hasStatus('canceled'),
  incomplete_expired: hasStatus('incomplete_expired'),
  'ended by dunning': (world) =>
    world.subscriptions.all.some(
      ({ cancellationReason }) => cancellationReason === 'payment_failed',
    ),
  'ended at a period end': (world) =>
    world.subscriptions.all.some(
      ({ cancelAt, endedAt }) => endedAt !== null && cancelAt === endedAt,
    ),
  'an end that is announced': (world) =>
    world.subscriptions.all.some(
      ({ cancelAtPeriodEnd, endedAt }) => cancelAtPeriodEnd && endedAt === null,
    ),
  'once coupons': hasCoupon(({ duration }) => duration === 'once'),
  'repeating coupons': hasCoupon(({ duration }) => duration === 'repeating'),
  'forever coupons': hasCoupon(({ duration }) => duration === 'forever'),
  'amount coupons': hasCoupon(({ amountOffMinor }) => amountOffMinor !== null),
  'stacked discounts': hasInvoice(({ discounts }) => discounts.length > 1),
  'coupon removed': hasAction('discountRemoved'),
  'item changed': hasAction('itemSet'),
  'item removed': hasAction('itemRemoved'),
  'interval changed': hasAction('intervalChanged'),
  paused: hasAction('collectionPaused'),
  resumed: hasAction('collectionResumed'),
  'invoices voided by a pause': hasInvoice(
    ({ created, statusTransitions }) => statusTransitions.voidedAt === created,
  ),
  'prorations invoiced at once': hasInvoice(
    ({ billingReason, lines }) =>
      billingReason === 'subscription_update' && lines.every(({ proration }) => proration),
  ),
  'prorations on a renewal': hasInvoice(
    ({ billingReason, lines }) =>
      billingReason === 'subscription_cycle' && lines.some(({ proration }) => proration),
  ),
  'pending prorations': (world) =>
    world.invoiceItems.all.some(({ invoice, proration }) => invoice === null && proration),
  'negative totals': hasInvoice(({ totalMinor }) => totalMinor < 0),
  'balance applied': hasInvoice(
    ({ startingBalanceMinor, endingBalanceMinor }) =>
      startingBalanceMinor < (endingBalanceMinor ?? 0),
  ),
  tax: hasInvoice(({ taxMinor }) => taxMinor > 0),
  'manual invoices charged': hasInvoice(
    ({ billingReason, collectionMethod }) =>
      billingReason === 'manual' && collectionMethod === 'charge_automatically',
  ),
  'manual invoices sent': hasInvoice(({ collectionMethod }) => collectionMethod === 'send_invoice'),
  'payments recovered': hasInvoice(
    ({ status, attemptCount }) => status === 'paid' && attemptCount > 1,
  ),
  'several charges on one payment': (world) =>
    new Set(world.charges.all.map(({ paymentIntent }) => paymentIntent)).size < world.charges.size,
  'open invoices': hasInvoice(({ status }) => status === 'open'),
  'full refunds': (world) =>
    world.charges.all.some(
      ({ amountMinor, amountRefundedMinor }) => amountMinor > 0 && amountRefundedMinor > 0,
    ) && world.refunds.size > 0,
  'open disputes': (world) => world.disputes.all.some(({ closedAt }) => closedAt === null),
  'closed disputes': (world) => world.disputes.all.some(({ closedAt }) => closedAt !== null),
  'credit notes': (world) => world.creditNotes.size > 0,
  'month-end anchors': (world) =>
    world.subscriptions.all.some(
      ({ billingCycleAnchor }) => new Date(billingCycleAnchor * 1000).getUTCDate() === 31,
    ),
  'subscription created': hasEvent('customer.subscription.created'),
  'subscription updated': hasEvent('customer.subscription.updated'),
  'discount deleted': hasEvent('customer.discount.deleted'),
  'invoice paid': hasEvent('invoice.paid'),
  'invoice failed': hasEvent('invoice.payment_failed'),
  'charge failed': hasEvent('charge.failed'),
  'dispute opened': hasEvent('charge.dispute.created'),
};

describe('billing', () => {
  it('prorates to the second: the unused half is credited, the new half is charged', () => {
    const s = new Scenario();
    const customer = s.customer({ since: '2026-01-10' });
    const { subscription, item } = s.subscription(customer, { price: s.price('1000') });
    // January 10 to February 10 are 31 days, of which 15.5 are left.
    s.until('2026-01-25T12:00:00Z');
    changeItem(
      s.world,
      { subscription, item, terms: { price: s.price('3000'), quantity: 1 } },
      { at: at('2026-01-25T12:00:00Z'), proration: 'create_prorations' },
    );
    const pending = s.world.invoiceItems.all;
    expect(pending.map(({ amountMinor }) => amountMinor).sort()).toEqual([-500, 1500]);
    for (const { period, invoice } of pending) {
      expect(period).toEqual({ start: at('2026-01-25T12:00:00Z'), end: at('2026-02-10') });
      expect(invoice).toBeNull();
    }
    s.until('2026-02-11');
    const renewal = s.world.invoices.all.at(-1);
    expect(renewal?.totalMinor).toBe(4000);
    expect(renewal?.lines.map(({ proration }) => proration)).toEqual([true, true, false]);
    expect(renewal?.status).toBe('paid');
  });

  it('nets the prorations of an unchanged price to nothing, at any second', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 60, max: 30 * 86_400 }),
        fc.integer({ min: 1, max: 99_999 }),
        (after, amount) => {
          const s = new Scenario();
          const customer = s.customer({ since: '2026-01-10' });
          const price = s.price(String(amount));
          const coupons = [s.coupon({ percentOffBp: 1234, duration: 'forever' })];
          const { subscription, item } = s.subscription(customer, { price, quantity: 3, coupons });
          const when = at('2026-01-10') + after;
          changeItem(
            s.world,
            { subscription, item, terms: { price, quantity: 3 } },
            { at: when, proration: 'create_prorations' },
          );
          expect(s.world.invoiceItems.size).toBe(2);
          expect(sumOf(s.world.invoiceItems.all)).toBe(0);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('turns a downgrade that is invoiced at once into credit, and spends it on the next invoice', () => {
    const s = new Scenario();
    const customer = s.customer({ since: '2026-01-10' });
    const { subscription, item } = s.subscription(customer, { price: s.price('3000') });
    s.until('2026-01-25T12:00:00Z');
    const terms = { price: s.price('1000'), quantity: 1 };
    changeItem(
      s.world,
      { subscription, item, terms },
      { at: at('2026-01-25T12:00:00Z'), proration: 'always_invoice' },
    );
    const update = s.world.invoices.all.at(-1);
    expect(update).toMatchObject({
      totalMinor: -1000,
      amountDueMinor: 0,
      status: 'paid',
      endingBalanceMinor: -1000,
      paymentIntent: null,
    });
    expect(customer.balanceMinor).toBe(-1000);
    s.until('2026-02-11');
    const renewal = s.world.invoices.all.at(-1);
    expect(renewal).toMatchObject({
      totalMinor: 1000,
      startingBalanceMinor: -1000,
      endingBalanceMinor: 0,
      amountDueMinor: 0,
      status: 'paid',
    });
    expect(customer.balanceMinor).toBe(0);
  });

  it('moves the anchor when the interval changes, credits what is unused and bills the new period at once', () => {
    const s = new Scenario();
    const customer = s.customer({ since: '2026-01-10' });
    const { subscription } = s.subscription(customer, { price: s.price('1000') });
    s.until('2026-01-25T12:00:00Z');
    switchInterval(
      s.world,
      { subscription, terms: [{ price: s.price('9600', { interval: YEAR }), quantity: 1 }] },
      at('2026-01-25T12:00:00Z'),
    );
    const [credit, full] = s.world.invoices.all.at(-1)?.lines ?? [];
    expect(credit).toMatchObject({ amountMinor: -500, proration: true });
    expect(full).toMatchObject({
      amountMinor: 9600,
      proration: false,
      period: { start: at('2026-01-25T12:00:00Z'), end: at('2027-01-25T12:00:00Z') },
    });
    s.until('2027-01-26');
    expect(s.world.invoices.all).toHaveLength(3);
  });

  it('takes percentages before amounts, spreads both over the lines, and taxes what is left', () => {
    const s = new Scenario();
    const customer = s.customer({ since: '2026-01-10', taxPercentage: '8.875' });
    const coupons = [
      s.coupon({ percentOffBp: 1000, duration: 'forever' }),
      s.coupon({ amountOffMinor: 100, duration: 'once' }),
    ];
    const items = [
      { price: s.price('1000'), quantity: 1 },
      { price: s.price('333'), quantity: 1 },
    ];
    subscribe(s.world, { at: at('2026-01-10'), customer, items, coupons });
    const [invoice] = s.world.invoices.all;
    // 10 % of 1333 is 133.3; 100 is spread over 900 and 300 (333 less its 33).
    expect(
      invoice?.lines.map(({ discountAmounts }) =>
        discountAmounts.map(({ amountMinor }) => amountMinor),
      ),
    ).toEqual([
      [100, 75],
      [33, 25],
    ]);
    // 8.875 % of 825 is 73.2, of 275 is 24.4.
    expect(invoice?.lines.map(({ taxAmounts }) => sumOf(taxAmounts))).toEqual([73, 24]);
    expect(invoice).toMatchObject({
      subtotalMinor: 1333,
      discountMinor: 233,
      taxMinor: 97,
      totalMinor: 1197,
    });
    s.until('2026-02-11');
    expect(s.world.invoices.all.at(-1)?.discountMinor).toBe(133);
  });

  it('clamps month ends from the anchor and finds its way back, leap years too', () => {
    const anchor = at('2027-10-31T09:00:00Z');
    const starts = [1, 2, 3, 4, 5].map((n) =>
      new Date(boundary(anchor, MONTH, n) * 1000).toISOString().slice(0, 10),
    );
    expect(starts).toEqual(['2027-11-30', '2027-12-31', '2028-01-31', '2028-02-29', '2028-03-31']);
    const leap = at('2028-02-29');
    expect(
      [1, 4].map((n) => new Date(boundary(leap, YEAR, n) * 1000).toISOString().slice(0, 10)),
    ).toEqual(['2029-02-28', '2032-02-29']);
  });

  it('finds the one period that holds an instant', () => {
    const intervals = fc.record({
      unit: fc.constantFrom('day' as const, 'week' as const, 'month' as const, 'year' as const),
      count: fc.integer({ min: 1, max: 6 }),
    });
    const instants = fc.integer({ min: at('2020-01-01'), max: at('2030-01-01') });
    fc.assert(
      fc.property(
        instants,
        intervals,
        fc.integer({ min: 0, max: 10 * 365 * 86_400 }),
        (anchor, interval, after) => {
          const { start, end } = periodAt(anchor, interval, anchor + after);
          expect(start).toBeLessThanOrEqual(anchor + after);
          expect(end).toBeGreaterThan(anchor + after);
          expect(periodAt(anchor, interval, end).start).toBe(end);
        },
      ),
    );
    expect(addMonths(at('2026-01-31'), 1)).toBe(at('2026-02-28'));
  });

  it('allocates a discount so that its parts add up and none exceeds its line', () => {
    const amounts = fc.array(fc.integer({ min: 0, max: 1_000_000 }), {
      minLength: 1,
      maxLength: 6,
    });
    const base: Coupon = {
      id: 'c',
      created: 0,
      name: 'c',
      percentOffBp: null,
      amountOffMinor: null,
      currency: null,
      duration: 'once',
      durationInMonths: null,
      valid: true,
      timesRedeemed: 0,
    };
    fc.assert(
      fc.property(
        amounts,
        fc.integer({ min: 1, max: 10_000 }),
        fc.boolean(),
        (lines, off, percent) => {
          const coupon = percent
            ? { ...base, percentOffBp: off }
            : { ...base, amountOffMinor: off };
          const parts = allocateDiscount(lines, coupon, 'eur');
          const sum = lines.reduce((a, b) => a + b, 0);
          const expected = percent ? Math.floor((sum * off + 5000) / 10_000) : Math.min(off, sum);
          expect(parts.reduce((a, b) => a + b, 0)).toBe(expected);
          parts.forEach((part, index) => {
            expect(part).toBeGreaterThanOrEqual(0);
            expect(part).toBeLessThanOrEqual(lines[index] ?? 0);
          });
        },
      ),
    );
  });
});

describe('paying', () => {
  /** A subscription whose card stops working before the second invoice. */
  function failing(deadDecline: string) {
    const s = new Scenario();
    const customer = s.customer({ since: '2026-01-10', diesAt: '2026-02-01', deadDecline });
    const { subscription } = s.subscription(customer, { price: s.price('1000') });
    s.until('2026-02-10T01:00:00Z');
    const invoice = s.world.invoices.all.at(-1);
    if (invoice === undefined) throw new Error('no invoice');
    return { s, customer, subscription, invoice };
  }

  it('by hand makes a new charge under the same payment intent and leaves count and schedule alone', () => {
    const { s, invoice, subscription } = failing('expired_card');
    expect(invoice).toMatchObject({ status: 'open', attemptCount: 1, attempted: true });
    expect(subscription.status).toBe('past_due');
    const { nextPaymentAttempt } = invoice;
    expect(nextPaymentAttempt).toBeGreaterThan(at('2026-02-11'));

    const declined = payInvoice(s.world, { invoice: invoice.id, at: at('2026-02-10T02:00:00Z') });
    expect(declined).toMatchObject({
      outcome: 'declined',
      decline: { code: 'expired_card', networkDeclineCode: '54' },
    });
    expect(invoice).toMatchObject({ status: 'open', attemptCount: 1, nextPaymentAttempt });
    const charges = s.world.charges.all.filter((charge) => charge.invoice === invoice.id);
    expect(charges.map(({ status, paymentIntent }) => [status, paymentIntent])).toEqual([
      ['failed', invoice.paymentIntent],
      ['failed', invoice.paymentIntent],
    ]);
  });

  it('succeeds with a new card: invoice paid, subscription active again, the schedule gone', () => {
    const { s, customer, invoice, subscription } = failing('expired_card');
    s.card(customer, { since: '2026-02-10T03:00:00Z' });
    const paid = payInvoice(s.world, { invoice: invoice.id, at: at('2026-02-10T03:00:00Z') });
    expect(paid).toMatchObject({ outcome: 'paid', charge: { amountMinor: 1000 } });
    expect(invoice).toMatchObject({
      status: 'paid',
      amountPaidMinor: 1000,
      amountRemainingMinor: 0,
      attemptCount: 1,
      nextPaymentAttempt: null,
    });
    expect(subscription.status).toBe('active');
    expect(payInvoice(s.world, { invoice: invoice.id, at: at('2026-02-10T04:00:00Z') })).toEqual({
      outcome: 'refused',
      reason: 'already_paid',
    });
    const charges = s.world.charges.size;
    s.until('2026-03-01');
    expect(s.world.charges.size).toBe(charges);
  });

  it('counts scheduled attempts after a hard decline without making them, until there is another card', () => {
    const { s, customer, invoice } = failing('lost_card');
    const executed = () =>
      s.world.charges.all.filter((charge) => charge.invoice === invoice.id).length;
    s.until('2026-02-14');
    expect(executed()).toBe(1);
    expect(invoice.attemptCount).toBeGreaterThan(1);
    s.card(customer, { since: '2026-02-14' });
    s.until('2026-02-18');
    expect(executed()).toBe(2);
    expect(invoice.status).toBe('paid');
  });

  it('waits for the customer when an invoice is sent, and charges when one is not', () => {
    const s = new Scenario();
    const customer = s.customer({ since: '2026-01-10' });
    const price = s.price('5000', { recurring: null });
    const bill = (collectionMethod: Invoice['collectionMethod']) =>
      invoiceByHand(s.world, {
        at: at('2026-01-12'),
        customer,
        lines: [{ price, quantity: 2 }],
        collectionMethod,
      });
    const sent = bill('send_invoice');
    const charged = bill('charge_automatically');
    s.until('2026-01-20');
    expect(sent).toMatchObject({
      status: 'open',
      amountDueMinor: 10_000,
      attemptCount: 0,
      dueDate: at('2026-02-11'),
    });
    expect(charged).toMatchObject({ status: 'paid', subscription: null, attemptCount: 1 });
    expect(payInvoice(s.world, { invoice: sent.id, at: at('2026-01-21') })).toMatchObject({
      outcome: 'paid',
    });
    expect(sent).toMatchObject({ status: 'paid', attemptCount: 1 });
  });

  it('tells of a failure in events, with what was before', () => {
    const { s, invoice } = failing('expired_card');
    const told = s.world.events.all.filter(({ created }) => created === at('2026-02-10T01:00:00Z'));
    expect(told.map(({ type }) => type)).toEqual(
      expect.arrayContaining([
        'invoice.finalized',
        'payment_intent.created',
        'charge.failed',
        'payment_intent.payment_failed',
        'invoice.payment_failed',
        'customer.subscription.updated',
      ]),
    );
    const counted = told.find(
      ({ type, object }) =>
        type === 'invoice.updated' &&
        'attemptCount' in object.record &&
        object.record.attemptCount === 1,
    );
    expect(counted?.previous).toMatchObject({ id: invoice.id, attemptCount: 0 });
  });

  it('is refused without a card and on a void invoice, and finalizes a draft first', () => {
    const { s, customer, invoice } = failing('expired_card');
    customer.defaultPaymentMethod = null;
    expect(payInvoice(s.world, { invoice: invoice.id, at: at('2026-02-11') })).toEqual({
      outcome: 'refused',
      reason: 'no_payment_method',
    });
    s.card(customer, { since: '2026-03-10' });
    s.until('2026-03-10T00:30:00Z');
    const draft = s.world.invoices.all.at(-1);
    if (draft?.status === 'draft') {
      expect(
        payInvoice(s.world, { invoice: draft.id, at: at('2026-03-10T00:30:00Z') }),
      ).toMatchObject({ outcome: 'paid' });
      expect(draft.number).toMatch(/^[0-9A-F]{8}-000[0-9]$/);
    }
  });

  it('lowers what is due by a credit note before payment, and gives money back after it', () => {
    const { s, customer, invoice } = failing('expired_card');
    const [line] = invoice.lines;
    if (line === undefined) throw new Error('no line');
    creditLine(
      s.world,
      { invoice, line, amountMinor: 400 },
      { at: at('2026-02-10T02:00:00Z'), target: 'refund' },
    );
    expect(invoice).toMatchObject({
      totalMinor: 1000,
      amountDueMinor: 600,
      amountRemainingMinor: 600,
      prePaymentCreditNotesMinor: 400,
    });
    s.card(customer, { since: '2026-02-10T03:00:00Z' });
    expect(
      payInvoice(s.world, { invoice: invoice.id, at: at('2026-02-10T03:00:00Z') }),
    ).toMatchObject({ charge: { amountMinor: 600 } });
    const note = creditLine(
      s.world,
      { invoice, line, amountMinor: 100 },
      { at: at('2026-02-12'), target: 'refund' },
    );
    expect(note).toMatchObject({ type: 'post_payment', number: `${invoice.number ?? ''}-CN-02` });
    expect(s.world.refunds.all.map(({ amountMinor }) => amountMinor)).toEqual([100]);
    expect(() =>
      creditLine(
        s.world,
        { invoice, line, amountMinor: 900 },
        { at: at('2026-02-12'), target: 'balance' },
      ),
    ).toThrow('to credit');
  });
});
