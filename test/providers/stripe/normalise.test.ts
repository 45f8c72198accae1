/** What Stripe's objects become. Each raw object holds what its record needs, and a field of tomorrow. */
import { RECORDS } from '../../../domain/records';
import { NotNormalisable, type Normalised } from '../../../providers/provider';
import { stripe } from '../../../providers/stripe/stripe';

type Json = Record<string, unknown>;

const AT = 1_760_000_000;
const DAY = 86_400;
const at = (seconds: number): Date => new Date(seconds * 1000);

const normalise = (type: string, value: Json): Normalised =>
  stripe.normalise({ type, id: String(value['id']), value });

const list = (data: Json[]): Json => ({ object: 'list', data, has_more: false, url: '/x' });

const price = (extra: Json = {}): Json => ({
  id: 'price_1',
  object: 'price',
  product: 'prod_1',
  active: true,
  currency: 'eur',
  billing_scheme: 'per_unit',
  unit_amount: 1050,
  unit_amount_decimal: '1050.5',
  recurring: { interval: 'month', interval_count: 3, usage_type: 'licensed', meter: null },
  created: AT,
  ...extra,
});

const coupon = (extra: Json = {}): Json => ({
  id: 'SAVE',
  object: 'coupon',
  name: 'Save',
  percent_off: 12.5,
  amount_off: null,
  currency: null,
  duration: 'repeating',
  duration_in_months: 3,
  created: AT,
  ...extra,
});

const discount = (id: string, extra: Json = {}): Json => ({
  id,
  object: 'discount',
  source: { type: 'coupon', coupon: coupon() },
  customer: 'cus_1',
  subscription: null,
  invoice: null,
  invoice_item: null,
  start: AT,
  end: null,
  ...extra,
});

const item = (extra: Json = {}): Json => ({
  id: 'si_1',
  object: 'subscription_item',
  price: price(),
  quantity: 2,
  created: AT,
  current_period_start: AT,
  current_period_end: AT + 30 * DAY,
  discounts: [],
  ...extra,
});

const subscription = (extra: Json = {}): Json => ({
  id: 'sub_1',
  object: 'subscription',
  customer: 'cus_1',
  status: 'active',
  currency: 'eur',
  created: AT,
  start_date: AT - DAY,
  cancel_at_period_end: false,
  billing_cycle_anchor: AT,
  discounts: [],
  items: list([item()]),
  ...extra,
});

const line = (extra: Json = {}): Json => ({
  id: 'il_1',
  object: 'line_item',
  amount: 2100,
  currency: 'eur',
  discount_amounts: [{ amount: 100, discount: 'di_1' }],
  discounts: [],
  taxes: [{ amount: 380, tax_behavior: 'exclusive' }],
  quantity: 2,
  quantity_decimal: '2.5',
  period: { start: AT, end: AT + 30 * DAY },
  pricing: { type: 'price_details', price_details: { price: 'price_1', product: 'prod_1' } },
  parent: {
    type: 'subscription_item_details',
    invoice_item_details: null,
    subscription_item_details: {
      subscription: 'sub_1',
      subscription_item: 'si_1',
      invoice_item: null,
      proration: false,
    },
  },
  ...extra,
});

const invoice = (extra: Json = {}): Json => ({
  id: 'in_1',
  object: 'invoice',
  customer: 'cus_1',
  parent: {
    type: 'subscription_details',
    quote_details: null,
    subscription_details: { subscription: 'sub_1', metadata: {} },
  },
  number: 'A-1',
  status: 'paid',
  billing_reason: 'subscription_cycle',
  collection_method: 'charge_automatically',
  currency: 'eur',
  subtotal: 2100,
  total_discount_amounts: [{ amount: 100, discount: 'di_1' }],
  total_taxes: [{ amount: 380 }],
  total: 2380,
  amount_due: 2380,
  amount_paid: 2380,
  amount_remaining: 0,
  attempt_count: 1,
  next_payment_attempt: null,
  created: AT,
  due_date: null,
  status_transitions: {
    finalized_at: AT + 1,
    paid_at: AT + 2,
    voided_at: null,
    marked_uncollectible_at: null,
  },
  discounts: [],
  lines: list([line()]),
  ...extra,
});

const invoiceItem: Json = {
  id: 'ii_1',
  object: 'invoiceitem',
  customer: 'cus_1',
  invoice: 'in_1',
  parent: {
    type: 'subscription_details',
    subscription_details: { subscription: 'sub_1', subscription_item: 'si_1' },
  },
  pricing: { type: 'price_details', price_details: { price: 'price_1', product: 'prod_1' } },
  currency: 'jpy',
  amount: -500,
  quantity: 1,
  quantity_decimal: null,
  proration: true,
  period: { start: AT, end: AT + DAY },
  date: AT,
};

const charge = (extra: Json = {}): Json => ({
  id: 'ch_1',
  object: 'charge',
  payment_intent: 'pi_1',
  customer: { id: 'cus_1', object: 'customer', deleted: true },
  status: 'failed',
  currency: 'eur',
  amount: 2380,
  amount_refunded: 0,
  created: AT,
  failure_code: 'card_declined',
  outcome: {
    type: 'issuer_declined',
    reason: 'insufficient_funds',
    advice_code: 'try_again_later',
    network_decline_code: '51',
    network_advice_code: '24',
  },
  payment_method: 'pm_1',
  payment_method_details: {
    type: 'card',
    card: { brand: 'visa', funding: 'debit', country: 'DE', fingerprint: 'fp_1' },
  },
  disputed: false,
  ...extra,
});

const SIMPLE: Record<string, Json> = {
  charge: charge(),
  coupon: coupon(),
  credit_note: {
    id: 'cn_1',
    invoice: 'in_1',
    customer: 'cus_1',
    status: 'issued',
    reason: 'duplicate',
    currency: 'kwd',
    total: 1190,
    total_taxes: [{ amount: 100 }, { amount: 90 }],
    created: AT,
    voided_at: null,
  },
  customer: {
    id: 'cus_1',
    name: 'Jane',
    email: 'jane@example.com',
    currency: 'eur',
    address: { country: 'DE' },
    discount: null,
    created: AT,
  },
  dispute: {
    id: 'dp_1',
    charge: 'ch_1',
    payment_intent: 'pi_1',
    status: 'lost',
    reason: 'fraudulent',
    currency: 'eur',
    amount: 2380,
    created: AT,
  },
  event: {
    id: 'evt_1',
    object: 'event',
    type: 'customer.subscription.updated',
    created: AT,
    data: { object: subscription(), previous_attributes: { status: 'trialing' } },
  },
  invoice: invoice(),
  invoice_payment: {
    id: 'inpay_1',
    invoice: 'in_1',
    payment: { type: 'payment_intent', payment_intent: 'pi_1' },
    status: 'paid',
    currency: 'eur',
    amount_requested: 2380,
    amount_paid: 2380,
    is_default: true,
    created: AT,
  },
  invoiceitem: invoiceItem,
  payment_intent: {
    id: 'pi_1',
    customer: 'cus_1',
    status: 'succeeded',
    currency: 'eur',
    amount: 2380,
    amount_received: 2380,
    created: AT,
    canceled_at: null,
  },
  price: price(),
  product: { id: 'prod_1', name: 'Gold', active: true, created: AT },
  refund: {
    id: 're_1',
    charge: 'ch_1',
    payment_intent: 'pi_1',
    status: 'succeeded',
    reason: null,
    currency: 'eur',
    amount: 100,
    created: AT,
  },
  subscription: subscription(),
};

const fieldsOf = (normalised: Normalised, kind: string): unknown =>
  normalised.records.find((record) => record.kind === kind)?.fields;

describe.each(Object.entries(SIMPLE))('%s', (type, value) => {
  test('gives exactly the fields of its records, and nothing unknown', () => {
    const normalised = normalise(type, value);
    expect(normalised.records.length).toBeGreaterThan(0);
    for (const { kind, fields } of [...normalised.records, ...normalised.mentions]) {
      expect(Object.keys(fields).sort()).toEqual(Object.keys(RECORDS[kind]).sort());
    }
    expect(normalised.unknowns).toEqual([]);
  });

  test('is read the same with fields that are not known yet', () => {
    const later = { ...value, field_of_tomorrow: { deep: [1, 'two'] } };
    expect(normalise(type, later)).toEqual(normalise(type, value));
  });

  test('gives nothing once it is deleted', () => {
    const gone = normalise(type, { id: 'x', object: type, deleted: true });
    expect(gone.records).toEqual([]);
  });

  test('is refused without what it needs, by the name of the field', () => {
    const { id } = value;
    expect(() => normalise(type, { id })).toThrow(new RegExp(`^${type}\\.\\w+: expected`));
  });
});

describe('prices', () => {
  test('keep the exact decimal, and say what they recur by', () => {
    expect(fieldsOf(normalise('price', price()), 'price')).toEqual({
      productId: 'prod_1',
      active: true,
      currency: 'EUR',
      exponent: 2,
      scheme: 'per_unit',
      unitAmount: '1050.5',
      tiers: null,
      transformQuantity: null,
      interval: 'month',
      intervalCount: 3,
      usage: 'licensed',
      createdAt: at(AT),
    });
  });

  const tiered = price({
    billing_scheme: 'tiered',
    tiers_mode: 'graduated',
    unit_amount: null,
    unit_amount_decimal: null,
    tiers: [
      { up_to: 10, unit_amount_decimal: '100', flat_amount_decimal: null },
      { up_to: null, unit_amount_decimal: null, flat_amount_decimal: '5000.25' },
    ],
  });

  test('with tiers have them in order, the last one open', () => {
    expect(fieldsOf(normalise('price', tiered), 'price')).toMatchObject({
      scheme: 'graduated',
      unitAmount: null,
      tiers: [
        { upTo: '10', unitAmount: '100', flatAmount: '0' },
        { upTo: null, unitAmount: '0', flatAmount: '5000.25' },
      ],
    });
  });

  test('with tiers are refused without them, and not mentioned by items', () => {
    const bare = { ...tiered, tiers: undefined };
    expect(() => normalise('price', bare)).toThrow('price.tiers: expected');
    const holder = subscription({ items: list([item({ price: bare })]) });
    expect(normalise('subscription', holder).mentions).toEqual([]);
  });

  test('per package and one-time', () => {
    const packed = price({ transform_quantity: { divide_by: 5, round: 'up' }, recurring: null });
    expect(fieldsOf(normalise('price', packed), 'price')).toMatchObject({
      transformQuantity: { divideBy: 5, round: 'up' },
      interval: null,
      usage: null,
    });
  });
});

describe('subscriptions', () => {
  test('mention the prices of their items, which may be inline ones', () => {
    const { mentions } = normalise('subscription', subscription());
    expect(mentions.map(({ kind, id }) => [kind, id])).toEqual([['price', 'price_1']]);
  });

  test('a metered item has no quantity, rather than one', () => {
    const metered = subscription({ items: list([item({ quantity: undefined })]) });
    expect(fieldsOf(normalise('subscription', metered), 'subscription_item')).toMatchObject({
      quantity: null,
    });
  });

  test('say how collection is paused, when the status became paused, and what ended them', () => {
    const paused = subscription({
      status: 'paused',
      pause_collection: { behavior: 'void', resumes_at: null },
      status_details: {
        paused: { transitioned_at: AT + 5, type: 'subscription', subscription: {} },
      },
    });
    expect(fieldsOf(normalise('subscription', paused), 'subscription')).toMatchObject({
      pauseBehavior: 'void',
      pausedAt: at(AT + 5),
      endReason: null,
    });
    const leaving = subscription({
      cancel_at_period_end: true,
      cancellation_details: { reason: 'cancellation_requested' },
    });
    expect(fieldsOf(normalise('subscription', leaving), 'subscription')).toMatchObject({
      cancelAtPeriodEnd: true,
      endReason: null,
    });
    const ended = subscription({
      status: 'canceled',
      ended_at: AT + 9,
      cancellation_details: { reason: 'payment_failed' },
    });
    expect(fieldsOf(normalise('subscription', ended), 'subscription')).toMatchObject({
      endedAt: at(AT + 9),
      endReason: 'payment_failed',
    });
  });

  test('hold discounts of their own and of their items, in order, with the terms of the coupon', () => {
    const discounted = subscription({
      discounts: [
        discount('di_1', { subscription: 'sub_1' }),
        discount('di_2', {
          subscription: 'sub_1',
          source: {
            type: 'coupon',
            coupon: coupon({ percent_off: null, amount_off: 500, currency: 'usd' }),
          },
          end: AT + DAY,
        }),
      ],
      items: list([
        item({
          discounts: [discount('di_3', { subscription: 'sub_1', subscription_item: 'si_1' })],
        }),
      ]),
    });
    const normalised = normalise('subscription', discounted);
    const found = normalised.records.filter(({ kind }) => kind === 'discount');
    expect(found.map(({ id }) => id)).toEqual(['di_1', 'di_2', 'di_3']);
    expect(found.map(({ fields }) => fields)).toMatchObject([
      { percentOff: '12.5', amountOffMinor: null, currency: null, position: 0, endAt: null },
      { percentOff: null, amountOffMinor: 500n, currency: 'USD', exponent: 2, position: 1 },
      { subscriptionItemId: 'si_1', position: 0, duration: 'repeating' },
    ]);
    expect(fieldsOf(normalised, 'subscription_item')).toMatchObject({ discountIds: ['di_3'] });
    expect(normalised.customerIds).toEqual(['cus_1']);
  });

  test('a discount whose coupon is gone is left out and counted', () => {
    const orphan = discount('di_1', { source: { type: 'coupon', coupon: 'GONE' } });
    const normalised = normalise('subscription', subscription({ discounts: [orphan] }));
    expect(normalised.records.map(({ kind }) => kind)).not.toContain('discount');
    expect(normalised.unknowns).toEqual(['discount.source.coupon=unreadable']);
  });
});

describe('invoices', () => {
  test('sum up discounts and taxes', () => {
    expect(fieldsOf(normalise('invoice', invoice()), 'invoice')).toMatchObject({
      subscriptionId: 'sub_1',
      currency: 'EUR',
      subtotalMinor: 2100n,
      discountMinor: 100n,
      taxMinor: 380n,
      totalMinor: 2380n,
      finalizedAt: at(AT + 1),
      paidAt: at(AT + 2),
      voidedAt: null,
    });
  });

  test('tell of a line the tax on top of its amount, not the tax that the amount contains', () => {
    const taxes = [
      { amount: 335, tax_behavior: 'inclusive' },
      { amount: 21, tax_behavior: 'exclusive' },
    ];
    const taxed = invoice({ lines: list([line({ taxes })]) });
    expect(fieldsOf(normalise('invoice', taxed), 'invoice_line')).toMatchObject({ taxMinor: 21n });
  });

  test('have recurring lines with price, exact quantity, period, discounts and taxes', () => {
    expect(fieldsOf(normalise('invoice', invoice()), 'invoice_line')).toEqual({
      invoiceId: 'in_1',
      customerId: 'cus_1',
      subscriptionId: 'sub_1',
      subscriptionItemId: 'si_1',
      invoiceItemId: null,
      priceId: 'price_1',
      kind: 'recurring',
      currency: 'EUR',
      exponent: 2,
      amountMinor: 2100n,
      discountMinor: 100n,
      taxMinor: 380n,
      quantity: '2.5',
      periodStart: at(AT),
      periodEnd: at(AT + 30 * DAY),
      discountIds: ['di_1'],
    });
  });

  const withParent = (parent: Json | null): unknown =>
    fieldsOf(normalise('invoice', invoice({ lines: list([line({ parent })]) })), 'invoice_line');

  test('tell proration from renewal, by item or by invoice item', () => {
    const byItem = {
      type: 'subscription_item_details',
      subscription_item_details: {
        subscription: 'sub_1',
        subscription_item: 'si_1',
        invoice_item: 'ii_1',
        proration: true,
      },
    };
    expect(withParent(byItem)).toMatchObject({ kind: 'proration', invoiceItemId: 'ii_1' });
    const details = { invoice_item: 'ii_1', subscription: 'sub_1', proration: true };
    const byInvoiceItem = { type: 'invoice_item_details', invoice_item_details: details };
    expect(withParent(byInvoiceItem)).toMatchObject({
      kind: 'proration',
      invoiceItemId: 'ii_1',
      subscriptionId: 'sub_1',
      subscriptionItemId: null,
    });
  });

  test('tell one-time lines', () => {
    const details = { invoice_item: 'ii_1', subscription: null, proration: false };
    expect(
      withParent({ type: 'invoice_item_details', invoice_item_details: details }),
    ).toMatchObject({ kind: 'one_time', subscriptionId: null });
    expect(withParent(null)).toMatchObject({ kind: 'one_time', invoiceItemId: null });
  });

  test('keep their own discounts, and mention those of subscription and customer', () => {
    const discounts = [
      discount('di_customer'),
      discount('di_own', { invoice: 'in_1' }),
      discount('di_sub', { subscription: 'sub_1' }),
      discount('di_sub_2', { subscription: 'sub_1' }),
    ];
    const normalised = normalise('invoice', invoice({ discounts }));
    expect(
      normalised.records.filter(({ kind }) => kind === 'discount').map(({ id }) => id),
    ).toEqual(['di_own']);
    const mentioned = normalised.mentions.map(({ id, fields }) => [
      id,
      'position' in fields && fields.position,
    ]);
    expect(mentioned).toEqual([
      ['di_customer', 0],
      ['di_sub', 0],
      ['di_sub_2', 1],
    ]);
  });

  test('without subscription change nobody’s recurring revenue', () => {
    const manual = invoice({ parent: null, lines: list([line({ parent: null })]) });
    expect(normalise('invoice', manual).customerIds).toEqual([]);
    expect(normalise('invoice', invoice()).customerIds).toEqual(['cus_1']);
  });

  test('with lines that came cut are refused: the rest would be taken for removed', () => {
    const cut = invoice({ lines: { ...list([line()]), has_more: true } });
    expect(() => normalise('invoice', cut)).toThrow(
      'invoice.lines.has_more: expected the whole list',
    );
  });
});

test('invoice items may be negative, and are dated by their date', () => {
  expect(fieldsOf(normalise('invoiceitem', invoiceItem), 'invoice_item')).toMatchObject({
    amountMinor: -500n,
    currency: 'JPY',
    exponent: 0,
    subscriptionId: 'sub_1',
    subscriptionItemId: 'si_1',
    createdAt: at(AT),
  });
});

describe('payment attempts', () => {
  test('that failed carry the codes of issuer and network', () => {
    expect(fieldsOf(normalise('charge', charge()), 'payment_attempt')).toMatchObject({
      customerId: 'cus_1',
      status: 'failed',
      failureCode: 'card_declined',
      declineCode: 'insufficient_funds',
      adviceCode: 'try_again_later',
      networkDeclineCode: '51',
      networkAdviceCode: '24',
      outcomeType: 'issuer_declined',
      cardFingerprint: 'fp_1',
    });
  });

  test('that succeeded have no decline code, whatever the outcome’s reason', () => {
    const reviewed = charge({
      status: 'succeeded',
      outcome: { type: 'manual_review', reason: 'elevated_risk_level' },
    });
    expect(fieldsOf(normalise('charge', reviewed), 'payment_attempt')).toMatchObject({
      declineCode: null,
    });
  });

  test.each(['sepa_debit', 'us_bank_account', 'bacs_debit', 'au_becs_debit', 'acss_debit'])(
    'by %s are of the bank account that its fingerprint names, whatever payment methods it has',
    (type) => {
      const debit = charge({ payment_method_details: { type, [type]: { fingerprint: 'fp_2' } } });
      expect(fieldsOf(normalise('charge', debit), 'payment_attempt')).toMatchObject({
        methodType: type,
        cardBrand: null,
        cardFingerprint: 'fp_2',
      });
    },
  );

  test('without a card, or without anything known of the method, are attempts all the same', () => {
    const debit = charge({ payment_method_details: { type: 'sepa_debit' }, outcome: null });
    expect(fieldsOf(normalise('charge', debit), 'payment_attempt')).toMatchObject({
      methodType: 'sepa_debit',
      cardBrand: null,
    });
    const bare = charge({ payment_method_details: null, payment_method: null });
    expect(fieldsOf(normalise('charge', bare), 'payment_attempt')).toMatchObject({
      methodType: null,
    });
  });
});

describe('events', () => {
  const updated = (previous_attributes: Json | undefined, now: Json = {}): Normalised =>
    normalise('event', {
      id: 'evt_1',
      object: 'event',
      type: 'customer.subscription.updated',
      created: AT,
      data: { object: subscription(now), previous_attributes },
    });

  const invoicePaid = (): Normalised =>
    normalise('event', {
      id: 'evt_2',
      type: 'invoice.paid',
      created: AT,
      data: { object: { object: 'invoice', id: 'in_1' } },
    });

  const change = (normalised: Normalised): unknown => fieldsOf(normalised, 'subscription_change');

  test('tell a change of status, with both sides', () => {
    expect(change(updated({ status: 'past_due', latest_invoice: 'in_0' }))).toEqual({
      subscriptionId: 'sub_1',
      customerId: 'cus_1',
      at: at(AT),
      before: { status: 'past_due' },
      after: { status: 'active' },
    });
  });

  test('tell the begin and the end of a paused collection', () => {
    const began = updated({ pause_collection: null }, { pause_collection: { behavior: 'void' } });
    expect(change(began)).toMatchObject({
      before: { pauseBehavior: null },
      after: { pauseBehavior: 'void' },
    });
    const ended = updated({ pause_collection: { behavior: 'void', resumes_at: null } });
    expect(change(ended)).toMatchObject({
      before: { pauseBehavior: 'void' },
      after: { pauseBehavior: null },
    });
  });

  test('tell all items before and after when any of them changed', () => {
    const before = list([item({ quantity: 1 }), item({ id: 'si_2', quantity: undefined })]);
    expect(change(updated({ items: before }))).toMatchObject({
      before: {
        items: [
          { id: 'si_1', priceId: 'price_1', quantity: '1' },
          { id: 'si_2', priceId: 'price_1', quantity: null },
        ],
      },
      after: { items: [{ id: 'si_1', priceId: 'price_1', quantity: '2' }] },
    });
  });

  test('do not tell items of which some are out of sight, and count that', () => {
    const cut = { ...list([item()]), has_more: true };
    for (const [was, now] of [
      [{ data: [item({ quantity: 1 })] }, cut],
      [{ has_more: false }, cut],
      [cut, list([item()])],
    ]) {
      const normalised = updated({ items: was, status: 'trialing' }, { items: now });
      expect(change(normalised)).toMatchObject({ before: { status: 'trialing' } });
      expect(JSON.stringify(change(normalised))).not.toContain('items');
      expect(normalised.unknowns).toEqual(['event.data.previous_attributes.items=cut']);
      expect(updated({ items: was }, { items: now }).records).toEqual([]);
    }
  });

  test('tell the discounts before and after when one was taken away or added', () => {
    const changed = updated({ discounts: ['di_1', 'di_2'] }, { discounts: ['di_2'] });
    expect(change(changed)).toMatchObject({
      before: { discountIds: ['di_1', 'di_2'] },
      after: { discountIds: ['di_2'] },
    });
  });

  test('that changed nothing of interest give no record', () => {
    expect(updated({ pause_collection: { resumes_at: AT } }).records).toEqual([]);
    expect(updated({ metadata: {} }).records).toEqual([]);
    expect(updated(undefined).records).toEqual([]);
    expect(invoicePaid().records).toEqual([]);
  });

  test('say what is to be read again, also where they give no record or cannot be understood', () => {
    const changedAt = at(AT);
    const hints = [
      { resource: 'subscription', id: 'sub_1', changedAt },
      { resource: 'event', id: 'evt_1', changedAt },
    ];
    expect(updated({ status: 'past_due' }).hints).toEqual(hints);
    expect(invoicePaid().hints).toEqual([{ resource: 'invoice', id: 'in_1', changedAt }]);
    const old = () => updated({ status: 'past_due' }, { items: undefined });
    expect(old).toThrow(NotNormalisable);
    expect(old).toThrow(expect.objectContaining({ hints }));
  });

  test('mark the customer', () => {
    expect(updated({ status: 'past_due' }).customerIds).toEqual(['cus_1']);
  });
});

describe('prices that records name', () => {
  const named = (normalised: Normalised) =>
    normalised.hints.map(({ resource, id, changedAt }) => [resource, id, changedAt]);
  const price1 = [['price', 'price_1', null]];

  test('are to be read where no list holds them, once each', () => {
    expect(named(normalise('subscription', subscription()))).toEqual(price1);
    expect(named(normalise('invoice', invoice({ lines: list([line(), line()]) })))).toEqual(price1);
    expect(named(normalise('invoiceitem', invoiceItem))).toEqual(price1);
  });

  test('are left alone where they can only be one-time ones', () => {
    const once = line({ parent: null });
    expect(named(normalise('invoice', invoice({ lines: list([once]) })))).toEqual([]);
    expect(named(normalise('invoiceitem', { ...invoiceItem, parent: null }))).toEqual([]);
  });

  test('are named by the feed as well, as they were and as they are', () => {
    const event = normalise('event', {
      id: 'evt_1',
      type: 'customer.subscription.updated',
      created: AT,
      data: {
        object: subscription(),
        previous_attributes: { items: list([item({ price: price({ id: 'price_0' }) })]) },
      },
    });
    expect(named(event).filter(([resource]) => resource === 'price')).toEqual([
      ['price', 'price_0', null],
      ['price', 'price_1', null],
    ]);
  });
});

describe('what is not known yet', () => {
  test.each<[string, Json, string]>([
    ['subscription', subscription({ status: 'dormant' }), 'subscription.status=dormant'],
    ['invoice', invoice({ status: 'frozen' }), 'invoice.status=frozen'],
    [
      'invoice',
      invoice({ parent: { type: 'order_details' } }),
      'invoice.parent.type=order_details',
    ],
    [
      'invoice',
      invoice({ lines: list([line({ parent: { type: 'gift_details' } })]) }),
      'line_item.parent.type=gift_details',
    ],
    ['price', price({ billing_scheme: 'auction' }), 'price.billing_scheme=auction'],
    ['coupon', coupon({ duration: 'weekly' }), 'coupon.duration=weekly'],
    ['charge', charge({ status: 'held' }), 'charge.status=held'],
  ])('a word in %s is kept, noted, and breaks nothing', (type, value, unknown) => {
    const normalised = normalise(type, value);
    expect(normalised.unknowns).toEqual([unknown]);
    expect(normalised.records.length).toBeGreaterThan(0);
  });

  test('a type is refused by name', () => {
    expect(() => normalise('unicorn', { id: 'uni_1' })).toThrow(
      'unicorn: not a type that is known',
    );
    expect(() => normalise('constructor', { id: 'x' })).toThrow('not a type that is known');
  });

  test('a currency is refused by the name of its field', () => {
    expect(() => normalise('charge', charge({ currency: 'zzz' }))).toThrow(
      'charge.currency: expected the code of a currency',
    );
  });
});

test('an amount that is no safe integer is refused by the name of its field', () => {
  for (const amount of [0.5, 2 ** 53, '100', null]) {
    expect(() => normalise('charge', charge({ amount }))).toThrow('charge.amount: ');
  }
});

test('an instant beyond the years that ISO text and Postgres both write is refused by the name of its field', () => {
  // Milliseconds where seconds are due, say.
  for (const created of [AT * 1000, -62_135_596_801]) {
    expect(() => normalise('charge', charge({ created }))).toThrow('charge.created: ');
  }
});
