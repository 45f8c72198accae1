import type Stripe from 'stripe';

import type { InvoiceItem } from '../../world/model';
import { reference, type ObjectType, type RenderContext } from '../object-type';
import type { Wire } from '../wire';
import { pricingOf } from './line-item';

export const invoiceItem: ObjectType<InvoiceItem> = {
  noun: 'invoiceitem',
  permission: 'invoice',
  find: (id, world) => world.invoiceItems.find(id),
  render: renderInvoiceItem,
  expandable: {
    customer: reference('customer'),
    invoice: reference('invoice'),
    'pricing.price_details.price': reference('price'),
  },
};

function renderInvoiceItem(record: InvoiceItem, { world }: RenderContext) {
  return {
    id: record.id,
    object: 'invoiceitem',
    amount: record.amountMinor,
    currency: record.currency,
    customer: record.customer,
    customer_account: null,
    date: record.created,
    description: record.description,
    discountable: record.discountable,
    discounts: [],
    invoice: record.invoice,
    livemode: false,
    metadata: {},
    net_amount: record.amountMinor,
    parent:
      record.subscription === null
        ? null
        : {
            subscription_details: {
              subscription: record.subscription,
              ...(record.subscriptionItem !== null && {
                subscription_item: record.subscriptionItem,
              }),
            },
            type: 'subscription_details',
          },
    period: { end: record.period.end, start: record.period.start },
    pricing: pricingOf(record.price, world),
    proration: record.proration,
    ...(record.proration && { proration_details: { credited_items: null, discount_amounts: [] } }),
    quantity: record.quantity,
    quantity_decimal: String(record.quantity),
    tax_rates: [],
    test_clock: null,
  } satisfies Wire<Stripe.InvoiceItem>;
}
