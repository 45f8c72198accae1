import type Stripe from 'stripe';

import type { Discount } from '../../world/model';
import { reference, type ObjectType } from '../object-type';
import type { Wire } from '../wire';

export const discount: ObjectType<Discount> = {
  noun: 'discount',
  permission: 'coupon',
  find: (id, world) => world.discounts.find(id),
  render: renderDiscount,
  expandable: {
    customer: reference('customer'),
    'source.coupon': reference('coupon'),
  },
};

function renderDiscount(record: Discount) {
  return {
    id: record.id,
    object: 'discount',
    checkout_session: null,
    customer: record.customer,
    customer_account: null,
    end: record.end,
    invoice: null,
    invoice_item: null,
    promotion_code: null,
    source: { coupon: record.coupon, type: 'coupon' },
    start: record.start,
    subscription: record.subscription,
    subscription_item: null,
  } satisfies Wire<Stripe.Discount>;
}
