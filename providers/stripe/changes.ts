/**
 * What an event of Stripe's tells to read again. Its payload is rendered at the API version of its day, lacks what is expanded
 * here, and comes late, twice or never: so only ids and the time are taken from it.
 */
import { z } from 'zod';
import type { Hint } from '../provider';
import { invoiceItemsOf } from './invoice-items';
import { instant, orNull, reference } from './normalise/shapes';
import { RESOURCES, SUBSCRIPTION_EVENTS } from './resources';

export const stripeEvent = z.object({
  id: z.string(),
  type: z.string(),
  created: instant,
  data: z.object({ object: z.looseObject({ object: z.string() }) }),
});

export type StripeEvent = z.infer<typeof stripeEvent>;

interface Named {
  readonly resource: string;
  readonly id: string;
}

const id = orNull(reference);

/**
 * What changes with an object though no event of its own says so: a charge is disputed and refunded, an invoice is credited, a
 * discount is shown by what it is applied to. What changes with an invoice comes along whenever that is read by its id (see
 * `companions` in resources.ts).
 */
const ALSO_CHANGED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  dispute: { charge: 'payment_attempt' },
  refund: { charge: 'payment_attempt' },
  credit_note: { invoice: 'invoice' },
  discount: { customer: 'customer', subscription: 'subscription', invoice: 'invoice' },
};

/** Events of an invoice by which its invoice items may have become its own, or nobody's. */
const TAKES_ITEMS = new Set(['invoice.created', 'invoice.updated', 'invoice.deleted']);

/** Of objects that no resource lists, such as payment methods, schedules and the preview of an invoice to come: none. */
export function hintsOf({ id: eventId, type, created, data }: StripeEvent): Hint[] {
  if (type === 'invoice.upcoming') return [];
  const { object } = data;
  const own = RESOURCES.find(({ objectType }) => objectType === object.object)?.name;
  const ownId = id.safeParse(object['id']).data ?? null;
  const named: Named[] = own === undefined || ownId === null ? [] : [{ resource: own, id: ownId }];
  for (const [field, resource] of Object.entries(ALSO_CHANGED[object.object] ?? {})) {
    const other = id.safeParse(object[field]).data ?? null;
    if (other !== null) named.push({ resource, id: other });
  }
  // What it took up or let go no other event tells of, and what comes along when it is read by its id does not where a list has
  // shown it since.
  if (TAKES_ITEMS.has(type)) {
    named.push(...invoiceItemsOf(object).map((item) => ({ resource: 'invoice_item', id: item })));
  }
  // It is an object that is read itself: the one trace of what the subscription was before.
  if (SUBSCRIPTION_EVENTS.some((known) => known === type)) {
    named.push({ resource: 'event', id: eventId });
  }
  return named.map((hint) => ({ ...hint, changedAt: created }));
}
