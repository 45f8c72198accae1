import { z } from 'zod';
import type { JsonValue } from '../../../domain/records';
import { NotNormalisable, type Normalised } from '../../provider';
import { hintsOf, stripeEvent } from '../changes';
import { priceHints } from './price';
import { instant, orNull, parse, reference } from './shapes';

/** Only what a change is made of: an event is rendered at the API version of its day and lacks what was expanded since. */
const item = z
  .object({ id: z.string(), price: reference, quantity: orNull(z.int()) })
  .transform((entry) => ({
    id: entry.id,
    priceId: entry.price,
    quantity: entry.quantity === null ? null : String(entry.quantity),
  }));

const items = z.object({ data: z.array(item), has_more: z.boolean() });

const references = orNull(z.array(reference)).transform((list) => list ?? []);

const pause = orNull(z.object({ behavior: z.string() }));

const shape = z.object({
  id: z.string(),
  created: instant,
  data: z.object({
    object: z.object({
      id: z.string(),
      customer: orNull(reference),
      status: z.string(),
      pause_collection: pause,
      items,
      discounts: references,
    }),
    /** Holds the changed fields only, as they were; a changed list stands there as a whole. */
    previous_attributes: z
      .object({
        status: z.string().optional(),
        pause_collection: z.object({ behavior: z.string().optional() }).nullish(),
        items: items.partial().optional(),
        discounts: z.array(reference).nullish(),
      })
      .nullish(),
  }),
});

type Change = Record<string, JsonValue>;

export function normaliseEvent(value: unknown): Partial<Normalised> {
  const event = parse('event', stripeEvent, value);
  const hints = hintsOf(event);
  if (!event.type.startsWith('customer.subscription.')) return { hints };
  try {
    const change = normaliseChange(value);
    return { ...change, hints: [...hints, ...(change.hints ?? [])] };
  } catch (error) {
    throw error instanceof NotNormalisable ? new NotNormalisable(error.message, hints) : error;
  }
}

/** A change of a subscription, as the feed tells it; one that changed nothing of interest gives no record. */
function normaliseChange(value: unknown): Partial<Normalised> {
  const { id, created, data } = parse('event', shape, value);
  const { object: now, previous_attributes: was } = data;
  const before: Change = {};
  const after: Change = {};
  if (was?.status !== undefined) {
    before['status'] = was.status;
    after['status'] = now.status;
  }
  // A pause whose end alone was moved has no previous behaviour.
  if (was?.pause_collection === null || was?.pause_collection?.behavior !== undefined) {
    before['pauseBehavior'] = was.pause_collection?.behavior ?? null;
    after['pauseBehavior'] = now.pause_collection?.behavior ?? null;
  }
  // Events cannot be completed: of a list that came cut, an item out of sight would be taken for a removed one.
  const isCut = now.items.has_more || was?.items?.has_more === true;
  const prices: string[] = [];
  if (was?.items?.data !== undefined && !isCut) {
    prices.push(...[...was.items.data, ...now.items.data].map(({ priceId }) => priceId));
    before['items'] = was.items.data;
    after['items'] = now.items.data;
  }
  if (was?.discounts !== undefined) {
    before['discountIds'] = was.discounts ?? [];
    after['discountIds'] = now.discounts;
  }
  const unknowns =
    was?.items !== undefined && isCut ? ['event.data.previous_attributes.items=cut'] : [];
  if (Object.keys(before).length === 0) return { unknowns };
  return {
    records: [
      {
        kind: 'subscription_change',
        id,
        fields: {
          subscriptionId: now.id,
          customerId: now.customer,
          at: created,
          before,
          after,
        },
      },
    ],
    customerIds: now.customer === null ? [] : [now.customer],
    hints: priceHints(prices),
    unknowns,
  };
}
