/** The endpoints as a table. */
import type { Collection } from '../world/collection';
import type { World } from '../world/world';
import { invalidRequest, noSuch } from './errors';
import { prepareExpand } from './expand';
import { pageOf, sequenceOf, sequenceWithin, type CreatedWindow, type Sequence } from './list';
import type { ObjectType } from './object-type';
import { renderAccount } from './objects/account';
import { charge } from './objects/charge';
import { coupon } from './objects/coupon';
import { creditNote } from './objects/credit-note';
import { creditNoteLine } from './objects/credit-note-line';
import { customer } from './objects/customer';
import { dispute } from './objects/dispute';
import { event } from './objects/event';
import { invoice } from './objects/invoice';
import { invoiceItem } from './objects/invoice-item';
import { invoicePayment } from './objects/invoice-payment';
import { lineItem } from './objects/line-item';
import { paymentIntent } from './objects/payment-intent';
import { paymentMethod } from './objects/payment-method';
import { price } from './objects/price';
import { product } from './objects/product';
import { refund } from './objects/refund';
import { subscription } from './objects/subscription';
import { subscriptionItem } from './objects/subscription-item';
import {
  createdRange,
  expandParam,
  flag,
  hash,
  integer,
  oneOf,
  readParams,
  text,
  texts,
  type ParamSpec,
} from './params';
import { preparePay } from './pay';
import type { Call, Route } from './route';

const MAX_PAGE_SIZE = 100;
const DEFAULT_PAGE_SIZE = 10;
const MAX_EVENT_TYPES = 20;
const MAX_IDS = 100;

interface PageParams {
  limit: number;
  starting_after: string;
  ending_before: string;
  expand: string[];
}
const pageParams: ParamSpec<PageParams> = {
  limit: integer({ min: 1, max: MAX_PAGE_SIZE }),
  starting_after: text,
  ending_before: text,
  expand: expandParam,
};
const paymentFilter = hash({
  type: oneOf('payment_intent', 'payment_record'),
  payment_intent: text,
});
const created = { created: createdRange };

const chargeFilters = { ...created, charge: text, payment_intent: text };

/** Every endpoint of the service. A parameter or value that Stripe has and these lack is refused, never ignored. */
export const routes: readonly Route[] = [
  {
    method: 'GET',
    pattern: '/v1/account',
    permission: 'accounts_kyc_basic',
    access: 'read',
    prepare: ({ raw, context }) => {
      readParams({ expand: expandParam }, raw);
      return () => renderAccount(context.account);
    },
  },
  {
    method: 'GET',
    pattern: '/v1/accounts/:id',
    permission: 'accounts_kyc_basic',
    access: 'read',
    prepare: ({ id, raw, context }) => {
      readParams({ expand: expandParam }, raw);
      if (id !== context.account.id) throw noAccess(id);
      return () => renderAccount(context.account);
    },
  },

  ...resource(customer, '/v1/customers', {
    collection: (world) => world.customers,
    params: { ...created, email: text },
    accepts: (record, { email }) => email === undefined || record.email === email,
  }),
  ...resource(product, '/v1/products', {
    collection: (world) => world.products,
    params: { ...created, active: flag, ids: texts({ max: MAX_IDS }) },
    accepts: (record, { active, ids }) =>
      (active === undefined || record.active === active) && (ids?.includes(record.id) ?? true),
  }),
  // Only active prices unless asked for the others, and never the inline ones.
  ...resource(price, '/v1/prices', {
    collection: (world) => world.prices,
    params: {
      ...created,
      active: flag,
      currency: text,
      product: text,
      type: oneOf('one_time', 'recurring'),
    },
    accepts: (record, { active = true, currency, product, type }) =>
      !record.inline &&
      record.active === active &&
      (currency === undefined || record.currency === currency) &&
      (product === undefined || record.product === product) &&
      (type === undefined || (record.recurring === null) === (type === 'one_time')),
  }),
  ...resource(coupon, '/v1/coupons', {
    collection: (world) => world.coupons,
    params: created,
  }),
  // Cancelled ones are left out unless a status is given; `ended` are those and the expired.
  ...resource(subscription, '/v1/subscriptions', {
    collection: (world) => world.subscriptions,
    params: {
      ...created,
      collection_method: oneOf('charge_automatically', 'send_invoice'),
      customer: text,
      price: text,
      status: oneOf(
        'active',
        'all',
        'canceled',
        'ended',
        'incomplete',
        'incomplete_expired',
        'past_due',
        'paused',
        'trialing',
        'unpaid',
      ),
    },
    accepts: (record, { collection_method, customer, price, status }) =>
      collection_method !== 'send_invoice' &&
      (customer === undefined || record.customer === customer) &&
      (price === undefined || record.items.some((item) => item.price === price)) &&
      (status === 'all' ||
        (status === undefined
          ? record.status !== 'canceled'
          : status === 'ended'
            ? record.status === 'canceled' || record.status === 'incomplete_expired'
            : record.status === status)),
  }),
  list(subscriptionItem, '/v1/subscription_items', {
    params: { subscription: text },
    sequence: ({ context }, { subscription }) => {
      if (subscription === undefined) throw missing('subscription');
      const owner = context.world.subscriptions.find(subscription);
      if (owner === undefined)
        throw noSuch('subscription', subscription, { param: 'subscription', status: 400 });
      return sequenceWithin(owner.items);
    },
  }),
  ...resource(invoice, '/v1/invoices', {
    collection: (world) => world.invoices,
    params: {
      ...created,
      collection_method: oneOf('charge_automatically', 'send_invoice'),
      customer: text,
      due_date: createdRange,
      status: oneOf('draft', 'open', 'paid', 'uncollectible', 'void'),
      subscription: text,
    },
    accepts: (record, { collection_method, customer, due_date, status, subscription }) =>
      (collection_method === undefined || record.collectionMethod === collection_method) &&
      (customer === undefined || record.customer === customer) &&
      (due_date === undefined ||
        (record.dueDate !== null &&
          record.dueDate >= due_date.from &&
          record.dueDate <= due_date.to)) &&
      (status === undefined || record.status === status) &&
      (subscription === undefined || record.subscription === subscription),
  }),
  list(lineItem, '/v1/invoices/:id/lines', {
    params: {},
    sequence: (call) => sequenceWithin(found(invoice, call).lines),
  }),
  {
    method: 'POST',
    pattern: '/v1/invoices/:id/pay',
    permission: 'invoice',
    access: 'write',
    prepare: (call) => preparePay(found(invoice, call), call),
  },
  ...resource(invoiceItem, '/v1/invoiceitems', {
    collection: (world) => world.invoiceItems,
    params: { ...created, customer: text, invoice: text, pending: flag },
    accepts: (record, { customer, invoice, pending }) =>
      (customer === undefined || record.customer === customer) &&
      (invoice === undefined || record.invoice === invoice) &&
      (pending === undefined || (record.invoice === null) === pending),
  }),
  ...resource(invoicePayment, '/v1/invoice_payments', {
    collection: (world) => world.invoicePayments,
    params: {
      ...created,
      invoice: text,
      payment: paymentFilter,
      status: oneOf('canceled', 'open', 'paid'),
    },
    accepts: (record, { invoice, payment, status }) =>
      (invoice === undefined || record.invoice === invoice) &&
      payment?.type !== 'payment_record' &&
      (payment?.payment_intent === undefined || record.paymentIntent === payment.payment_intent) &&
      (status === undefined || record.status === status),
  }),
  ...resource(paymentIntent, '/v1/payment_intents', {
    collection: (world) => world.paymentIntents,
    params: { ...created, customer: text },
    accepts: (record, { customer }) => customer === undefined || record.customer === customer,
  }),
  retrieve(paymentMethod, '/v1/payment_methods/:id'),
  ...resource(charge, '/v1/charges', {
    collection: (world) => world.charges,
    params: { ...created, customer: text, payment_intent: text },
    accepts: (record, { customer, payment_intent }) =>
      (customer === undefined || record.customer === customer) &&
      (payment_intent === undefined || record.paymentIntent === payment_intent),
  }),
  list(refund, '/v1/charges/:id/refunds', {
    params: {},
    sequence: (call) => sequenceOf(call.context.world.refunds, served(refund, call)),
    accepts: (record, _, { id }) => record.charge === id,
  }),
  ...resource(refund, '/v1/refunds', {
    collection: (world) => world.refunds,
    params: chargeFilters,
    accepts: isOfCharge,
  }),
  ...resource(dispute, '/v1/disputes', {
    collection: (world) => world.disputes,
    params: chargeFilters,
    accepts: isOfCharge,
  }),
  ...resource(creditNote, '/v1/credit_notes', {
    collection: (world) => world.creditNotes,
    params: { ...created, customer: text, invoice: text },
    accepts: (record, { customer, invoice }) =>
      (customer === undefined || record.customer === customer) &&
      (invoice === undefined || record.invoice === invoice),
  }),
  list(creditNoteLine, '/v1/credit_notes/:id/lines', {
    params: {},
    sequence: (call) => sequenceWithin(found(creditNote, call).lines),
  }),
  ...resource(event, '/v1/events', {
    collection: (world) => world.events,
    params: { ...created, type: text, types: texts({ max: MAX_EVENT_TYPES }) },
    accepts: (record, { type, types }) => {
      if (type !== undefined && types !== undefined)
        throw invalidRequest('You may only specify one of these parameters: type, types.', {
          code: 'parameters_exclusive',
        });
      return (
        (type === undefined || matches(record.type, type)) && (types?.includes(record.type) ?? true)
      );
    },
  }),
];

interface Dated {
  id: string;
  created: number;
}

/** The list and the retrieve endpoint of a resource. */
function resource<R extends Dated, V extends object>(
  type: ObjectType<R>,
  path: string,
  {
    collection,
    params,
    accepts,
  }: {
    collection: (world: World) => Collection<R>;
    params: ParamSpec<V>;
    accepts?: (record: R, params: Partial<NoInfer<V>>) => boolean;
  },
): Route[] {
  return [
    list(type, path, {
      params,
      sequence: (call) => sequenceOf(collection(call.context.world), served(type, call)),
      ...(accepts !== undefined && { accepts }),
    }),
    retrieve(type, `${path}/:id`),
  ];
}

function list<R extends { id: string }, V extends object>(
  type: ObjectType<R>,
  pattern: string,
  {
    params: spec,
    sequence,
    accepts = () => true,
  }: {
    params: ParamSpec<V>;
    sequence: (call: Call, params: Partial<NoInfer<V>>) => Sequence<R>;
    accepts?: (record: R, params: Partial<NoInfer<V>>, call: Call) => boolean;
  },
): Route {
  return {
    method: 'GET',
    pattern,
    permission: type.permission,
    access: 'read',
    prepare: (call) => {
      const params = readParams(
        { ...spec, ...pageParams } as ParamSpec<V & PageParams & { created: CreatedWindow }>,
        call.raw,
      );
      const { limit = DEFAULT_PAGE_SIZE, expand = [] } = params;
      if (params.starting_after !== undefined && params.ending_before !== undefined)
        throw invalidRequest(
          'Received both ending_before and starting_after parameters. Please pass in only one.',
          { code: 'parameters_exclusive' },
        );
      const expandBody = prepareExpand(expand, {
        noun: type.noun,
        isList: true,
        mayRead: call.mayRead,
      });
      const isServed = served(type, call);
      const isListed = listed(type, call);
      const page = pageOf(sequence(call, params), {
        noun: type.noun,
        limit,
        startingAfter: params.starting_after,
        endingBefore: params.ending_before,
        created: params.created,
        accepts: (record) => isServed(record) && isListed(record) && accepts(record, params, call),
      });
      return () => {
        const body = {
          object: 'list',
          data: page.data.map((record) => type.render(record, call.context)),
          has_more: page.hasMore,
          url: pattern.replace(':id', call.id),
        };
        expandBody(body, call.context);
        return body;
      };
    },
  };
}

function retrieve<R extends Dated>(type: ObjectType<R>, pattern: string): Route {
  return {
    method: 'GET',
    pattern,
    permission: type.permission,
    access: 'read',
    prepare: (call) => {
      const { expand = [] } = readParams({ expand: expandParam }, call.raw);
      const expandBody = prepareExpand(expand, {
        noun: type.noun,
        isList: false,
        mayRead: call.mayRead,
      });
      // Stripe answers a stub for deleted customers and products, and 404 for everything else.
      const { deleted } = call.context.world;
      if (deleted.has(call.id) && (type.noun === 'customer' || type.noun === 'product'))
        return () => ({ id: call.id, object: type.noun, deleted: true });
      const record = found(type, call);
      return () => {
        const body = type.render(record, call.context);
        expandBody(body, call.context);
        return body;
      };
    },
  };
}

/** The object of the URL, or 404. */
function found<R extends Dated>(type: ObjectType<R>, call: Call): R {
  const record = type.find?.(call.id, call.context.world);
  if (record === undefined || !served(type, call)(record))
    throw noSuch(type.noun, call.id, {
      param: type.noun === 'payment_intent' ? 'intent' : 'id',
      status: 404,
    });
  return record;
}

/** Deleted objects and those that are too old are not to be had. */
function served<R>(
  { servedForSeconds = Infinity }: ObjectType<R>,
  { context, now }: Call,
): (record: { id: string; created?: number }) => boolean {
  const { deleted } = context.world;
  return ({ id, created = now }) => !deleted.has(id) && created >= now - servedForSeconds;
}

/** What lists that are behind do not show yet. */
function listed<R>(
  { noun }: ObjectType<R>,
  { lag, now }: Call,
): (record: { id: string; created?: number }) => boolean {
  const behindSeconds = noun === 'event' ? lag.eventSeconds : lag.objectSeconds;
  return ({ created = 0 }) => behindSeconds === 0 || created <= now - behindSeconds;
}

function isOfCharge(
  record: { charge: string; paymentIntent: string },
  params: { charge?: string; payment_intent?: string },
): boolean {
  return (
    (params.charge === undefined || record.charge === params.charge) &&
    (params.payment_intent === undefined || record.paymentIntent === params.payment_intent)
  );
}

/** `*` stands for any text, as in `invoice.*`. */
function matches(type: string, pattern: string): boolean {
  const [prefix = '', suffix] = pattern.split('*');
  return suffix === undefined
    ? type === pattern
    : type.startsWith(prefix) &&
        type.endsWith(suffix) &&
        type.length >= prefix.length + suffix.length;
}

function missing(param: string) {
  return invalidRequest(`Missing required param: ${param}.`, { code: 'parameter_missing', param });
}

/** 403 for an account that the key does not belong to. */
export function noAccess(accountId: string) {
  return invalidRequest(
    `The provided key does not have access to account '${accountId}' (or that account does not exist). Application access may have been revoked.`,
    { code: 'account_invalid', status: 403 },
  );
}
