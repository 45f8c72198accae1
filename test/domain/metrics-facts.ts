/** Canonical rows for the metrics tests: each with harmless defaults, so that a test names only what it is about. */
import type { CustomerFacts, Fact, FactKind } from '../../domain/metrics/facts';
import type { Fields } from '../../domain/records';

export const at = (text: string): Date => new Date(text.length === 10 ? `${text}T00:00:00Z` : text);

const START = at('2026-01-01');
/** When everything was read. */
export const SEEN = at('2026-07-01');

/** With what the metrics do not read, so that rows can be made of it too. */
type Whole<K extends FactKind> = Fields<K> & { readonly seenAt: Date };

const DEFAULTS: { readonly [K in FactKind]: Whole<K> } = {
  subscription: {
    seenAt: SEEN,
    customerId: 'cus_1',
    status: 'active',
    currency: 'eur',
    createdAt: START,
    startedAt: START,
    trialStartAt: null,
    trialEndAt: null,
    cancelAtPeriodEnd: false,
    cancelAt: null,
    canceledAt: null,
    endedAt: null,
    endReason: null,
    anchorAt: START,
    pauseBehavior: null,
    pausedAt: null,
    collectionMethod: 'charge_automatically',
  },
  subscription_item: {
    seenAt: SEEN,
    subscriptionId: 'sub_1',
    customerId: 'cus_1',
    priceId: 'basic',
    quantity: '1',
    createdAt: START,
    periodStart: null,
    periodEnd: null,
    discountIds: [],
  },
  subscription_change: {
    seenAt: SEEN,
    subscriptionId: 'sub_1',
    customerId: 'cus_1',
    at: START,
    before: {},
    after: {},
  },
  invoice: {
    seenAt: SEEN,
    customerId: 'cus_1',
    subscriptionId: 'sub_1',
    number: null,
    status: 'paid',
    billingReason: 'subscription_cycle',
    collectionMethod: 'charge_automatically',
    currency: 'eur',
    exponent: 2,
    subtotalMinor: 1000n,
    discountMinor: 0n,
    taxMinor: 0n,
    totalMinor: 1000n,
    amountDueMinor: 1000n,
    amountPaidMinor: 1000n,
    amountRemainingMinor: 0n,
    attemptCount: 1,
    nextPaymentAttemptAt: null,
    createdAt: START,
    finalizedAt: START,
    dueAt: null,
    paidAt: START,
    voidedAt: null,
    markedUncollectibleAt: null,
  },
  invoice_line: {
    seenAt: SEEN,
    invoiceId: 'in_1',
    customerId: 'cus_1',
    subscriptionId: 'sub_1',
    subscriptionItemId: 'si_1',
    invoiceItemId: null,
    priceId: 'basic',
    kind: 'recurring',
    currency: 'eur',
    exponent: 2,
    amountMinor: 1000n,
    discountMinor: 0n,
    taxMinor: 0n,
    quantity: '1',
    periodStart: START,
    periodEnd: at('2026-02-01'),
    discountIds: [],
  },
  invoice_item: {
    seenAt: SEEN,
    customerId: 'cus_1',
    invoiceId: null,
    subscriptionId: 'sub_1',
    subscriptionItemId: 'si_1',
    priceId: 'basic',
    currency: 'eur',
    exponent: 2,
    amountMinor: 0n,
    quantity: '1',
    proration: true,
    periodStart: START,
    periodEnd: at('2026-02-01'),
    createdAt: START,
  },
  discount: {
    seenAt: SEEN,
    couponId: 'coupon',
    customerId: 'cus_1',
    subscriptionId: 'sub_1',
    subscriptionItemId: null,
    invoiceId: null,
    percentOff: null,
    amountOffMinor: null,
    currency: 'eur',
    exponent: 2,
    duration: 'forever',
    position: 0,
    startAt: START,
    endAt: null,
  },
  price: {
    seenAt: SEEN,
    productId: 'prod',
    active: true,
    currency: 'eur',
    exponent: 2,
    scheme: 'per_unit',
    unitAmount: '1000',
    tiers: null,
    transformQuantity: null,
    interval: 'month',
    intervalCount: 1,
    usage: 'licensed',
    createdAt: START,
  },
};

type Given = { readonly [K in FactKind]?: readonly (Partial<Whole<K>> & { id: string })[] };

/** One customer. Unless given: an active subscription `sub_1` since January, and the prices `basic` (10.00) and `pro` (30.00). */
export function factsOf(given: Given): CustomerFacts {
  const rows = <K extends FactKind>(kind: K, otherwise?: Given[K]): Fact<K>[] =>
    (given[kind] ?? otherwise ?? []).map(
      (row) => ({ ...DEFAULTS[kind], ...row }) as unknown as Fact<K>,
    );
  return {
    subscription: rows('subscription', [{ id: 'sub_1' }]),
    subscription_item: rows('subscription_item'),
    subscription_change: rows('subscription_change'),
    invoice: rows('invoice'),
    invoice_line: rows('invoice_line'),
    invoice_item: rows('invoice_item'),
    discount: rows('discount'),
    price: rows('price', [{ id: 'basic' }, { id: 'pro', unitAmount: '3000' }]),
  };
}
