import { z } from 'zod';
import type { CanonicalRecord } from '../../../domain/records';
import { coupon, toTerms, unknownsOf } from './coupon';
import { instant, orNull, reference } from './shapes';

export const discount = z.object({
  id: z.string(),
  source: z.object({
    /** An id where it lies below the depth of expansions, null where it is none of ours to see. */
    coupon: orNull(z.union([z.string(), coupon])),
  }),
  customer: orNull(reference),
  subscription: orNull(z.string()),
  subscription_item: orNull(z.string()),
  invoice: orNull(z.string()),
  invoice_item: orNull(z.string()),
  start: instant,
  end: orNull(instant),
});

export type Discount = z.infer<typeof discount>;

/** The `discounts` of an object: ids, or the discounts themselves when they were expanded; deleted ones have no more than an id. */
export const discounts = orNull(
  z.array(z.union([z.string(), z.object({ id: z.string(), deleted: z.literal(true) }), discount])),
).transform((list) => list ?? []);

type Discounts = z.infer<typeof discounts>;

export function discountIds(list: Discounts): readonly string[] {
  return list.map((entry) => (typeof entry === 'string' ? entry : entry.id));
}

export function expandedDiscounts(list: Discounts): readonly Discount[] {
  return list.filter((entry): entry is Discount => typeof entry === 'object' && 'source' in entry);
}

/**
 * The discounts of one list, positioned among those of the same owner. One whose coupon cannot be read, since it was deleted,
 * has no terms: it is left out and counted.
 */
export function toDiscounts(list: readonly Discount[]): {
  readonly records: readonly CanonicalRecord<'discount'>[];
  readonly unknowns: readonly string[];
} {
  const positions = new Map<string, number>();
  const records: CanonicalRecord<'discount'>[] = [];
  const unknowns: string[] = [];
  for (const entry of list) {
    const owner = [entry.subscription_item, entry.subscription, entry.invoice_item, entry.invoice];
    const ownerId = owner.find((id) => id !== null) ?? entry.customer ?? '';
    const position = positions.get(ownerId) ?? 0;
    positions.set(ownerId, position + 1);
    const { coupon } = entry.source;
    if (coupon === null || typeof coupon === 'string') {
      unknowns.push('discount.source.coupon=unreadable');
      continue;
    }
    unknowns.push(...unknownsOf(coupon));
    records.push({
      kind: 'discount',
      id: entry.id,
      fields: {
        couponId: coupon.id,
        customerId: entry.customer,
        subscriptionId: entry.subscription,
        subscriptionItemId: entry.subscription_item,
        invoiceId: entry.invoice,
        ...toTerms(coupon),
        position,
        startAt: entry.start,
        endAt: entry.end,
      },
    });
  }
  return { records, unknowns };
}
