import { z } from 'zod';
import type { CanonicalRecord } from '../../../domain/records';
import type { Normalised } from '../../provider';
import { discountIds, discounts, expandedDiscounts, toDiscounts } from './discount';
import { price, priceHints, toPrice } from './price';
import { completeList, currency, instant, orNull, parse, reference, unknownOf } from './shapes';

const STATUSES = [
  'active',
  'canceled',
  'incomplete',
  'incomplete_expired',
  'past_due',
  'paused',
  'trialing',
  'unpaid',
];
const PAUSE_BEHAVIORS = ['keep_as_draft', 'mark_uncollectible', 'void'];

const item = z.object({
  id: z.string(),
  price,
  /** Absent for metered usage, which is not one. */
  quantity: orNull(z.int()),
  created: instant,
  current_period_start: orNull(instant),
  current_period_end: orNull(instant),
  discounts,
});

const shape = z.object({
  id: z.string(),
  customer: orNull(reference),
  status: z.string(),
  currency,
  created: instant,
  start_date: instant,
  trial_start: orNull(instant),
  trial_end: orNull(instant),
  cancel_at_period_end: z.boolean(),
  cancel_at: orNull(instant),
  canceled_at: orNull(instant),
  ended_at: orNull(instant),
  cancellation_details: orNull(z.object({ reason: orNull(z.string()) })),
  billing_cycle_anchor: orNull(instant),
  pause_collection: orNull(z.object({ behavior: z.string() })),
  status_details: orNull(z.object({ paused: orNull(z.object({ transitioned_at: instant })) })),
  collection_method: orNull(z.string()),
  discounts,
  items: completeList(item),
});

type Subscription = z.infer<typeof shape>;
type Item = z.infer<typeof item>;

export function normaliseSubscription(value: unknown): Partial<Normalised> {
  const subscription = parse('subscription', shape, value);
  const { id, customer, items, status, pause_collection: pause } = subscription;
  const applied = [subscription.discounts, ...items.map((entry) => entry.discounts)].map((list) =>
    toDiscounts(expandedDiscounts(list)),
  );
  return {
    records: [
      { kind: 'subscription', id, fields: toFields(subscription) },
      ...items.map((entry) => toItem(entry, subscription)),
      ...applied.flatMap(({ records }) => records),
    ],
    mentions: items.flatMap((entry) => toPrice(entry.price) ?? []),
    customerIds: customer === null ? [] : [customer],
    hints: priceHints(items.map((entry) => entry.price.id)),
    unknowns: [
      ...unknownOf('subscription.status', status, STATUSES),
      ...unknownOf(
        'subscription.pause_collection.behavior',
        pause?.behavior ?? null,
        PAUSE_BEHAVIORS,
      ),
      ...applied.flatMap(({ unknowns }) => unknowns),
    ],
  };
}

function toFields(subscription: Subscription): CanonicalRecord<'subscription'>['fields'] {
  return {
    customerId: subscription.customer,
    status: subscription.status,
    currency: subscription.currency.code,
    createdAt: subscription.created,
    startedAt: subscription.start_date,
    trialStartAt: subscription.trial_start,
    trialEndAt: subscription.trial_end,
    cancelAtPeriodEnd: subscription.cancel_at_period_end,
    cancelAt: subscription.cancel_at,
    canceledAt: subscription.canceled_at,
    endedAt: subscription.ended_at,
    endReason:
      subscription.ended_at === null ? null : (subscription.cancellation_details?.reason ?? null),
    anchorAt: subscription.billing_cycle_anchor,
    pauseBehavior: subscription.pause_collection?.behavior ?? null,
    pausedAt: subscription.status_details?.paused?.transitioned_at ?? null,
    collectionMethod: subscription.collection_method,
  };
}

function toItem(entry: Item, { id, customer }: Subscription): CanonicalRecord<'subscription_item'> {
  return {
    kind: 'subscription_item',
    id: entry.id,
    fields: {
      subscriptionId: id,
      customerId: customer,
      priceId: entry.price.id,
      quantity: entry.quantity === null ? null : String(entry.quantity),
      createdAt: entry.created,
      periodStart: entry.current_period_start,
      periodEnd: entry.current_period_end,
      discountIds: discountIds(entry.discounts),
    },
  };
}
