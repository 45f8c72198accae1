/** Questions that a subscription’s records answer. */
import { amend } from './events';
import type { Period, Price, Subscription } from './model';
import type { World } from './world';

/** The period that all items of a subscription share. */
export function periodOf(subscription: Subscription): Period {
  const [item] = subscription.items;
  if (item === undefined) throw new Error(`${subscription.id} has no items.`);
  return item.currentPeriod;
}

export function isEnded({ status }: Subscription): boolean {
  return status === 'canceled' || status === 'incomplete_expired';
}

export function isMetered(price: Price): boolean {
  return price.recurring?.usageType === 'metered';
}

export function amendSubscription(
  world: World,
  subscription: Subscription,
  at: number,
  change: () => void,
): void {
  const type = 'customer.subscription.updated';
  amend(world, { at, type, kind: 'subscription', record: subscription }, change);
}

/** What every action on a subscription says. */
export function about(
  subscription: Subscription,
  at: number,
): { at: number; customer: string; subscription: string } {
  return { at, customer: subscription.customer, subscription: subscription.id };
}

/** Whether the renewal of this very second is still to come: its invoice will show the change. */
export function isBeforeRenewal(subscription: Subscription, at: number): boolean {
  return periodOf(subscription).end === at;
}

export function productName(world: World, price: Price): string {
  return world.products.get(price.product).name;
}
