import type Stripe from 'stripe';

import type { SubscriptionItem } from '../../world/model';
import { embedded, reference, type ObjectType, type RenderContext } from '../object-type';
import type { Wire } from '../wire';
import { renderPrice } from './price';

export const subscriptionItem: ObjectType<SubscriptionItem> = {
  noun: 'subscription_item',
  permission: 'subscription',
  render: renderSubscriptionItem,
  expandable: {
    discounts: reference('discount'),
    price: embedded('price'),
  },
};

/** Without the legacy `plan`, which the public specification omits as well. */
export function renderSubscriptionItem(record: SubscriptionItem, { world }: RenderContext) {
  return {
    id: record.id,
    object: 'subscription_item',
    billing_thresholds: null,
    created: record.created,
    current_period_end: record.currentPeriod.end,
    current_period_start: record.currentPeriod.start,
    current_trial: null,
    discounts: [],
    metadata: {},
    price: renderPrice(world.prices.get(record.price)),
    ...(record.quantity !== null && { quantity: record.quantity }),
    subscription: record.subscription,
    tax_rates: [],
  } satisfies Wire<Omit<Stripe.SubscriptionItem, 'plan'>>;
}
