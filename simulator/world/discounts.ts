/** Coupons applied to subscriptions, until they are used up, expire or are removed. */
import { addMonths } from './calendar';
import { emit } from './events';
import { newId } from './ids';
import type { Coupon, Discount, Subscription } from './model';
import { isEnded, amendSubscription, about } from './subscription-parts';
import { agendaOf, note, type World } from './world';

/** Gives a subscription one more discount. */
export function applyCoupon(
  world: World,
  subscription: Subscription,
  coupon: Coupon,
  at: number,
): Discount {
  let discount: Discount | undefined;
  amendSubscription(world, subscription, at, () => {
    discount = redeem(world, subscription, coupon, at);
  });
  if (discount === undefined) throw new Error('The discount was not made.');
  return discount;
}

/** Takes a discount away before its end. */
export function removeDiscount(world: World, discount: Discount, at: number): void {
  const subscription = world.subscriptions.get(discount.subscription);
  note(world, { kind: 'discountRemoved', ...about(subscription, at), discount: discount.id });
  dropDiscount(world, discount, at);
}

/** Takes a repeating discount off when it has run out; an ended subscription keeps what it had. */
export function expireDiscount(world: World, discount: Discount, at: number): void {
  if (discount.removedAt === null && !isEnded(world.subscriptions.get(discount.subscription))) {
    dropDiscount(world, discount, at);
  }
}

export function redeem(
  world: World,
  subscription: Subscription,
  coupon: Coupon,
  at: number,
): Discount {
  const end = coupon.durationInMonths === null ? null : addMonths(at, coupon.durationInMonths);
  const discount = world.discounts.add({
    id: newId(agendaOf(world, subscription.customer).ids, 'di'),
    created: at,
    coupon: coupon.id,
    customer: subscription.customer,
    subscription: subscription.id,
    start: at,
    end,
    removedAt: null,
  });
  coupon.timesRedeemed += 1;
  subscription.discounts.push(discount.id);
  if (end !== null)
    agendaOf(world, subscription.customer).plan(end, {
      kind: 'expireDiscount',
      discount: discount.id,
    });
  note(world, {
    kind: 'discountApplied',
    ...about(subscription, at),
    discount: discount.id,
    coupon: coupon.id,
    start: at,
    end,
  });
  emit(world, { at, type: 'customer.discount.created', kind: 'discount', record: discount });
  return discount;
}

export function dropDiscount(world: World, discount: Discount, at: number): void {
  const subscription = world.subscriptions.get(discount.subscription);
  discount.removedAt = at;
  amendSubscription(world, subscription, at, () => {
    subscription.discounts = subscription.discounts.filter((id) => id !== discount.id);
  });
  emit(world, { at, type: 'customer.discount.deleted', kind: 'discount', record: discount });
}

/** Coupons that a subscription has at an instant, in order. */
export function couponsAt(world: World, subscription: Subscription, at: number): Coupon[] {
  return discountsAt(world, subscription, at).map((id) =>
    world.coupons.get(world.discounts.get(id).coupon),
  );
}

export function discountsAt(world: World, subscription: Subscription, at: number): string[] {
  return subscription.discounts.filter((id) => {
    const { end } = world.discounts.get(id);
    return end === null || at < end;
  });
}
