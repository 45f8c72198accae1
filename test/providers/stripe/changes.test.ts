import { hintsOf } from '../../../providers/stripe/changes';

const AT = new Date('2026-10-01T12:00:00Z');

/** The hints of one event, as `resource id`. */
function hinted(type: string, object: Record<string, unknown> & { object: string }): string[] {
  const hints = hintsOf({ id: 'evt_1', type, created: AT, data: { object } });
  for (const { changedAt } of hints) expect(changedAt).toEqual(AT);
  return hints.map(({ resource, id }) => `${resource} ${id}`);
}

describe('an event', () => {
  test.each<[string, string, string, string[]]>([
    ['product.updated', 'product', 'prod_1', ['product prod_1']],
    ['price.created', 'price', 'price_1', ['price price_1']],
    ['coupon.deleted', 'coupon', 'SAVE', ['coupon SAVE']],
    ['customer.deleted', 'customer', 'cus_1', ['customer cus_1']],
    ['customer.subscription.created', 'subscription', 'sub_1', ['subscription sub_1']],
    ['invoice.paid', 'invoice', 'in_1', ['invoice in_1']],
    ['invoiceitem.deleted', 'invoiceitem', 'ii_1', ['invoice_item ii_1']],
    ['invoice_payment.paid', 'invoice_payment', 'inpay_1', ['invoice_payment inpay_1']],
    ['payment_intent.canceled', 'payment_intent', 'pi_1', ['payment pi_1']],
    ['charge.refunded', 'charge', 'ch_1', ['payment_attempt ch_1']],
  ])('%s names its own object', (type, object, id, hints) => {
    expect(hinted(type, { object, id })).toEqual(hints);
  });

  test('of a change of a subscription names itself too: it is a record', () => {
    const object = { object: 'subscription', id: 'sub_1' };
    for (const type of ['updated', 'paused', 'resumed', 'deleted']) {
      expect(hinted(`customer.subscription.${type}`, object)).toEqual([
        'subscription sub_1',
        'event evt_1',
      ]);
    }
  });

  test('of a dispute or a refund names the charge, which says nothing of it by itself', () => {
    const of = { id: 'x_1', charge: 'ch_1' };
    expect(hinted('charge.dispute.created', { ...of, object: 'dispute' })).toEqual([
      'dispute x_1',
      'payment_attempt ch_1',
    ]);
    expect(hinted('refund.failed', { ...of, object: 'refund' })).toEqual([
      'refund x_1',
      'payment_attempt ch_1',
    ]);
    expect(hinted('refund.created', { object: 'refund', id: 're_1', charge: null })).toEqual([
      'refund re_1',
    ]);
  });

  test('of a credit note names the invoice that it lowers', () => {
    expect(
      hinted('credit_note.created', { object: 'credit_note', id: 'cn_1', invoice: { id: 'in_1' } }),
    ).toEqual(['credit_note cn_1', 'invoice in_1']);
  });

  test('of a discount names whatever shows it', () => {
    const discount = { object: 'discount', id: 'di_1', customer: 'cus_1' };
    expect(hinted('customer.discount.created', discount)).toEqual(['customer cus_1']);
    expect(
      hinted('customer.discount.deleted', { ...discount, subscription: 'sub_1', invoice: null }),
    ).toEqual(['customer cus_1', 'subscription sub_1']);
  });

  test('of an invoice by which items may have become its own, or free, names them', () => {
    const data = [
      { parent: { type: 'invoice_item_details', invoice_item_details: { invoice_item: 'ii_1' } } },
      {
        parent: {
          type: 'subscription_item_details',
          subscription_item_details: { invoice_item: 'ii_2', subscription_item: 'si_1' },
          invoice_item_details: null,
        },
      },
      { parent: null },
    ];
    const invoice = { object: 'invoice', id: 'in_1', lines: { data } };
    for (const type of ['invoice.created', 'invoice.updated', 'invoice.deleted']) {
      expect(hinted(type, invoice)).toEqual([
        'invoice in_1',
        'invoice_item ii_1',
        'invoice_item ii_2',
      ]);
    }
    expect(hinted('invoice.paid', invoice)).toEqual(['invoice in_1']);
  });

  test.each<[string, Record<string, unknown> & { object: string }]>([
    ['subscription_schedule.updated', { object: 'subscription_schedule', id: 'sub_sched_1' }],
    ['payment_method.attached', { object: 'payment_method', id: 'pm_1', customer: 'cus_1' }],
    ['invoice.upcoming', { object: 'invoice', id: 'upcoming_in_1' }],
    ['invoice.created', { object: 'invoice' }],
    ['balance.available', { object: 'balance' }],
  ])('%s of something that no list holds names nothing', (type, object) => {
    expect(hinted(type, object)).toEqual([]);
  });
});
