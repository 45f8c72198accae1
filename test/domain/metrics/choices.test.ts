/** What the choices of a policy make of billing records, where history alone decides. */
import { customerMetrics } from '../../../domain/metrics/customer-metrics';
import type { CustomerFacts } from '../../../domain/metrics/facts';
import { readPolicy } from '../../../domain/metrics/policy';
import { at, factsOf, SEEN } from '../metrics-facts';

const day = (date: Date) => date.toISOString().slice(0, 10);

/** Each movement as `day type delta → after`. */
const movementsOf = (facts: CustomerFacts, policy: object = {}, asOf = SEEN) =>
  customerMetrics({ facts, policy: readPolicy(policy), asOf }).movements.map(
    ({ at: when, type, deltaMinor, afterMinor }) =>
      `${day(when)} ${type} ${String(deltaMinor)} → ${String(afterMinor)}`,
  );

const NEW = '2026-01-01 new 1000 → 1000';
const line = { id: 'il_1' };
const item = { id: 'si_1' };

describe('what is past due', () => {
  const facts = (invoice: object) =>
    factsOf({
      ...{ invoice_line: [line], subscription_item: [item] },
      invoice: [
        { id: 'in_2', createdAt: at('2026-02-01'), finalizedAt: at('2026-02-01'), ...invoice },
      ],
    });
  const policy = { pastDue: { churnAfterDays: 30 } };
  const open = facts({ status: 'open', paidAt: null });

  it('counts as long as the subscription lives', () => {
    expect(movementsOf(open)).toEqual([NEW]);
  });

  it('churns after the days of the policy, and comes back when it is paid', () => {
    expect(movementsOf(open, policy)).toEqual([NEW, '2026-03-03 churn -1000 → 0']);
    expect(movementsOf(facts({ paidAt: at('2026-04-01') }), policy)).toEqual([
      ...[NEW, '2026-03-03 churn -1000 → 0', '2026-04-01 reactivation 1000 → 1000'],
    ]);
    expect(movementsOf(facts({ paidAt: at('2026-03-01') }), policy)).toEqual([NEW]);
  });

  it('says when the passing of time alone will end it', () => {
    const then = { facts: open, policy: readPolicy(policy), asOf: at('2026-02-10') };
    expect(customerMetrics(then).nextChangeAt).toEqual(at('2026-03-03'));
  });
});

describe('a paused collection', () => {
  const paused = factsOf({
    ...{ invoice_line: [line], subscription_item: [item] },
    subscription: [{ id: 'sub_1', pauseBehavior: 'void' }],
    subscription_change: [
      {
        id: 'evt_1',
        at: at('2026-03-10'),
        before: { pauseBehavior: null },
        after: { pauseBehavior: 'void' },
      },
    ],
  });

  it('counts nothing, or goes on counting', () => {
    expect(movementsOf(paused)).toEqual([NEW, '2026-03-10 churn -1000 → 0']);
    expect(movementsOf(paused, { pauses: 'keep' })).toEqual([NEW]);
  });
});

describe('churn is dated', () => {
  const facts = (subscription: object, more: Parameters<typeof factsOf>[0] = {}) =>
    factsOf({
      invoice: [{ id: 'in_1' }],
      invoice_line: [{ ...line, periodEnd: at('2026-04-01') }],
      subscription_item: [item],
      subscription: [{ id: 'sub_1', ...subscription }],
      ...more,
    });
  const ended = { status: 'canceled', canceledAt: at('2026-02-10'), endedAt: at('2026-03-01') };
  const churnOf = (facts: CustomerFacts, churnDate: string) =>
    movementsOf(facts, { churnDate }).slice(1);

  it.each([
    ['ended', '2026-03-01'],
    ['canceled', '2026-02-10'],
    ['paid_period_end', '2026-04-01'],
  ])('%s: %s', (churnDate, date) => {
    expect(churnOf(facts(ended), churnDate)).toEqual([`${date} churn -1000 → 0`]);
  });

  it('when it was cancelled, also where the end is still to come', () => {
    const scheduled = facts({ cancelAtPeriodEnd: true, canceledAt: at('2026-02-10') });
    expect(churnOf(scheduled, 'canceled')).toEqual(['2026-02-10 churn -1000 → 0']);
    expect(churnOf(scheduled, 'ended')).toEqual([]);
  });

  it('at the end all the same where the rest of the paid period was credited', () => {
    const credit = {
      id: 'il_2',
      kind: 'proration',
      amountMinor: -300n,
      periodStart: at('2026-03-01'),
    };
    const credited = facts(ended, {
      invoice_line: [{ ...line, periodEnd: at('2026-04-01') }, credit],
    });
    expect(churnOf(credited, 'paid_period_end')).toEqual(['2026-03-01 churn -1000 → 0']);
  });
});

describe('tax', () => {
  it('counts in the share that bills show, from bill to bill', () => {
    const taxed = factsOf({
      invoice_line: [
        { ...line, taxMinor: 190n },
        { id: 'il_2', invoiceId: 'in_2', taxMinor: 70n, periodStart: at('2026-02-01') },
      ],
      subscription_item: [item],
    });
    expect(movementsOf(taxed)).toEqual([NEW]);
    expect(movementsOf(taxed, { tax: 'include' })).toEqual([
      ...['2026-01-01 new 1190 → 1190', '2026-02-01 contraction -120 → 1070'],
    ]);
  });
});

describe('a discount that is taken off once', () => {
  const once = factsOf({
    invoice_line: [{ ...line, discountIds: ['di_1'], discountMinor: 500n }],
    subscription_item: [item],
    discount: [{ id: 'di_1', percentOff: '50', duration: 'once' }],
  });

  it('lowers the period that it is taken off, where all discounts are deducted', () => {
    expect(movementsOf(once)).toEqual([NEW]);
    expect(movementsOf(once, { discounts: 'all' })).toEqual([
      ...['2026-01-01 new 500 → 500', '2026-02-01 expansion 500 → 1000'],
    ]);
  });
});

describe('usage', () => {
  const bill = (month: number, amountMinor: bigint) => ({
    id: `il_m${String(month)}`,
    invoiceId: `in_m${String(month)}`,
    subscriptionItemId: 'si_m',
    priceId: 'metered',
    amountMinor,
    quantity: null,
    periodStart: new Date(Date.UTC(2026, month - 1, 1)),
    periodEnd: new Date(Date.UTC(2026, month, 1)),
  });
  const used = factsOf({
    price: [{ id: 'metered', usage: 'metered', unitAmount: '1' }],
    invoice_line: [bill(1, 1000n), bill(2, 3000n), bill(3, 2000n)],
    subscription_item: [{ id: 'si_m', priceId: 'metered', quantity: null }],
  });

  it('counts nothing, what was billed last, or the average of what was billed last', () => {
    expect(movementsOf(used)).toEqual([]);
    expect(movementsOf(used, { metered: 'last_invoice' })).toEqual([
      '2026-02-01 new 1000 → 1000',
      '2026-03-01 expansion 2000 → 3000',
      '2026-04-01 contraction -1000 → 2000',
    ]);
    expect(movementsOf(used, { metered: { averageOfInvoices: 3 } }).at(-1)).toBe(
      '2026-03-01 expansion 1000 → 2000',
    );
  });
});

describe('trials and free plans', () => {
  const trial = { id: 'sub_1', trialStartAt: at('2026-01-01'), trialEndAt: at('2026-01-15') };
  const facts = factsOf({ subscription: [trial], invoice_line: [line], subscription_item: [item] });

  it('count from the end of the trial, or from its start', () => {
    expect(movementsOf(facts)).toEqual(['2026-01-15 new 1000 → 1000']);
    expect(movementsOf(facts, { trials: 'count' })).toEqual([NEW]);
  });

  it('call a wholly discounted plan churn or contraction', () => {
    const free = factsOf({
      invoice_line: [line],
      subscription_item: [item],
      discount: [
        { id: 'di_1', percentOff: '100', startAt: at('2026-02-01'), endAt: at('2026-03-01') },
      ],
    });
    expect(movementsOf(free).slice(1)).toEqual([
      ...['2026-02-01 churn -1000 → 0', '2026-03-01 reactivation 1000 → 1000'],
    ]);
    expect(movementsOf(free, { freePlans: 'contraction' }).slice(1)).toEqual([
      ...['2026-02-01 contraction -1000 → 0', '2026-03-01 expansion 1000 → 1000'],
    ]);
  });
});
