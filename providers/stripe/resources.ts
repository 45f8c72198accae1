/**
 * The lists that a full walk reads, as data. `created` filters exist on all of them, and none has an `updated` one.
 * Expansions go four levels deep at most (https://docs.stripe.com/expand): what lies deeper is completed in `pages.ts`.
 */
import type Stripe from 'stripe';
import type { Resource } from '../provider';
import type { Params } from './client';
import { invoiceItemsOf } from './invoice-items';

/** A list inside an object, which Stripe cuts after its first members. */
export interface EmbeddedList {
  readonly field: string;
  /** Where the whole of it is to be read. */
  readonly list: (ownerId: string) => { readonly path: string; readonly params: Params };
}

/** Objects of another list that change with an object though no event of their own says so. */
export interface Companions {
  /** The resource whose permission they take. */
  readonly resource: string;
  /** Null where the object can have none. */
  readonly list: (
    owner: Readonly<Record<string, unknown>> & { readonly id: string },
  ) => { readonly path: string; readonly params: Params } | null;
  /** Where each of them holds yet another such object, expanded. */
  readonly holding: readonly string[];
}

export interface StripeResource extends Resource {
  readonly path: string;
  /** The `object` of its members. */
  readonly objectType: string;
  /** Fields of the object that come as ids or not at all unless asked for. */
  readonly expand: readonly string[];
  /**
   * Parameters of each pass over the list: it is walked once with each. A list with more than one has no single order by
   * `created`, so that it cannot be split.
   */
  readonly passes: readonly Params[];
  readonly embedded: readonly EmbeddedList[];
  /** Read along when an object is read by its id. */
  readonly companions: readonly Companions[];
}

const ONCE: readonly Params[] = [{}];

/**
 * The feed of the last 30 days. Pauses and changes of status, price or quantity leave no other dated trace in Stripe's data.
 * Creation needs no event: the subscription tells it itself.
 */
export const SUBSCRIPTION_EVENTS = [
  'customer.subscription.updated',
  'customer.subscription.paused',
  'customer.subscription.resumed',
  'customer.subscription.deleted',
] as const satisfies Stripe.Event.Type[];

export const RESOURCES: readonly StripeResource[] = [
  resource('product', '/v1/products', 'product'),
  {
    ...resource('price', '/v1/prices', 'price', ['tiers']),
    // The list holds active prices only unless asked for the others, and inline ones never: these are read by id.
    passes: [{ active: true }, { active: false }],
    splittable: false,
  },
  resource('coupon', '/v1/coupons', 'coupon'),
  resource('customer', '/v1/customers', 'customer', ['discount.source.coupon']),
  {
    ...resource('subscription', '/v1/subscriptions', 'subscription', [
      'discounts.source.coupon',
      'items.data.discounts',
    ]),
    // Without this the list leaves out the canceled ones.
    passes: [{ status: 'all' }],
    embedded: [
      {
        field: 'items',
        list: (id) => ({
          path: '/v1/subscription_items',
          params: { subscription: id, expand: ['data.discounts'] },
        }),
      },
    ],
  },
  {
    ...resource('invoice', '/v1/invoices', 'invoice', [
      'discounts.source.coupon',
      'lines.data.discounts',
    ]),
    embedded: [
      {
        field: 'lines',
        list: (id) => ({
          path: `/v1/invoices/${id}/lines`,
          params: { expand: ['data.discounts'] },
        }),
      },
    ],
    companions: [
      // Crediting or voiding an invoice changes what its payments ask for.
      {
        resource: 'payment',
        list: ({ id }) => ({
          path: '/v1/invoice_payments',
          params: { invoice: id, expand: ['data.payment.payment_intent'] },
        }),
        holding: ['payment', 'payment_intent'],
      },
      // Items that waited for an invoice name it once it is there.
      {
        resource: 'invoice_item',
        list: (invoice) =>
          invoiceItemsOf(invoice).length > 0
            ? { path: '/v1/invoiceitems', params: { invoice: invoice.id } }
            : null,
        holding: [],
      },
    ],
  },
  resource('invoice_item', '/v1/invoiceitems', 'invoiceitem'),
  // Walked rather than expanded on the invoice: it is complete there only after more requests, it costs one page in a hundred
  // here, and an unreadable payment does not take its invoice with it.
  resource('invoice_payment', '/v1/invoice_payments', 'invoice_payment'),
  resource('payment', '/v1/payment_intents', 'payment_intent'),
  // A payment intent shows its latest charge only; every attempt is a charge.
  resource('payment_attempt', '/v1/charges', 'charge'),
  resource('refund', '/v1/refunds', 'refund'),
  resource('dispute', '/v1/disputes', 'dispute'),
  resource('credit_note', '/v1/credit_notes', 'credit_note'),
  { ...resource('event', '/v1/events', 'event'), passes: [{ types: SUBSCRIPTION_EVENTS }] },
];

/** The feed as the list of what changed: all events, of which `RESOURCES` holds those that are records themselves. */
export const CHANGES: StripeResource = resource('change', '/v1/events', 'event');

function resource(
  name: string,
  path: string,
  objectType: string,
  expand: readonly string[] = [],
): StripeResource {
  return {
    name,
    path,
    objectType,
    expand,
    splittable: true,
    passes: ONCE,
    embedded: [],
    companions: [],
  };
}
