/** Paused collection. */
import type { Subscription } from './model';
import { isEnded, amendSubscription, about, isBeforeRenewal } from './subscription-parts';
import { agendaOf, note, type World } from './world';

/** Pauses collection; invoices made meanwhile are voided. `resumesAt` null waits for somebody. */
export function pauseCollection(
  world: World,
  subscription: Subscription,
  { at, resumesAt }: { at: number; resumesAt: number | null },
): void {
  const atPeriodStart = isBeforeRenewal(subscription, at);
  note(world, { kind: 'collectionPaused', ...about(subscription, at), atPeriodStart });
  amendSubscription(world, subscription, at, () => {
    subscription.pauseCollection = { behavior: 'void', resumesAt };
  });
  if (resumesAt !== null) {
    agendaOf(world, subscription.customer).plan(resumesAt, {
      kind: 'resume',
      subscription: subscription.id,
    });
  }
}

/** Collects again; nothing happens when collection is not paused. */
export function resumeCollection(world: World, subscription: Subscription, at: number): void {
  if (subscription.pauseCollection === null || isEnded(subscription)) return;
  const atPeriodStart = isBeforeRenewal(subscription, at);
  note(world, { kind: 'collectionResumed', ...about(subscription, at), atPeriodStart });
  amendSubscription(world, subscription, at, () => {
    subscription.pauseCollection = null;
  });
}
