import type Stripe from 'stripe';

import type { Coupon } from '../../world/model';
import type { ObjectType } from '../object-type';
import type { Wire } from '../wire';

export const coupon: ObjectType<Coupon> = {
  noun: 'coupon',
  permission: 'coupon',
  find: (id, world) => world.coupons.find(id),
  render: renderCoupon,
  expandable: {},
};

function renderCoupon(record: Coupon) {
  return {
    id: record.id,
    object: 'coupon',
    amount_off: record.amountOffMinor,
    created: record.created,
    currency: record.currency,
    duration: record.duration,
    duration_in_months: record.durationInMonths,
    livemode: false,
    max_redemptions: null,
    metadata: {},
    name: record.name,
    percent_off: record.percentOffBp === null ? null : record.percentOffBp / 100,
    redeem_by: null,
    times_redeemed: record.timesRedeemed,
    valid: record.valid,
  } satisfies Wire<Stripe.Coupon>;
}
