/** A subscription’s status and its end. */
import { amend, emit } from './events';
import { stopCollecting } from './invoices';
import type { Subscription, SubscriptionStatus } from './model';
import { note, type World } from './world';

/** Moves a subscription to another status and tells of it. */
export function setStatus(
  world: World,
  subscription: Subscription,
  status: SubscriptionStatus,
  at: number,
): void {
  if (subscription.status === status) return;
  amend(
    world,
    { at, type: 'customer.subscription.updated', kind: 'subscription', record: subscription },
    () => {
      enter(world, subscription, status, at);
    },
  );
}

/** Ends a subscription for good; what is open stays open, but nobody collects it any more. */
export function endSubscription(
  world: World,
  subscription: Subscription,
  { at, reason }: { at: number; reason: NonNullable<Subscription['cancellationReason']> },
): void {
  const latest = subscription.latestInvoice;
  if (latest !== null) stopCollecting(world, world.invoices.get(latest), at);
  enter(world, subscription, 'canceled', at);
  subscription.canceledAt ??= at;
  subscription.endedAt = at;
  subscription.cancellationReason = reason;
  emit(world, {
    at,
    type: 'customer.subscription.deleted',
    kind: 'subscription',
    record: subscription,
  });
}

/** The 23 hours in which the first payment could be completed are over. */
export function expireSubscription(world: World, subscription: Subscription, at: number): void {
  amend(
    world,
    { at, type: 'customer.subscription.updated', kind: 'subscription', record: subscription },
    () => {
      enter(world, subscription, 'incomplete_expired', at);
      subscription.endedAt = at;
    },
  );
}

function enter(
  world: World,
  subscription: Subscription,
  status: SubscriptionStatus,
  at: number,
): void {
  subscription.status = status;
  subscription.statusHistory.push({ at, status });
  note(world, {
    kind: 'statusChanged',
    at,
    customer: subscription.customer,
    subscription: subscription.id,
    status,
  });
}
