/** What can be done to a subscription: start it, change it, cancel it. */
import { DAY, HOUR, periodAt } from './calendar';
import { redeem } from './discounts';
import { emit } from './events';
import { newId } from './ids';
import { voidInvoice } from './invoices';
import type {
  Coupon,
  Customer,
  Interval,
  Period,
  Price,
  Subscription,
  SubscriptionItem,
} from './model';
import { collectNow } from './payments';
import { invoicePeriod } from './periods';
import { credit, debit, invoiceProrations } from './prorations';
import { periodOf, amendSubscription, about } from './subscription-parts';
import { endSubscription, expireSubscription, setStatus } from './subscription-status';
import { agendaOf, note, type World } from './world';

/** A first invoice can be completed for so long. */
const INCOMPLETE_SECONDS = 23 * HOUR;

/** A price and how many of it; null for metered prices. */
export interface Terms {
  price: Price;
  quantity: number | null;
}

interface NewSubscription {
  at: number;
  customer: Customer;
  items: Terms[];
  /** Percentage coupons before amounts. */
  coupons?: Coupon[];
  trialDays?: number;
}

/** Subscribes a customer and collects the first invoice at once. */
export function subscribe(
  world: World,
  { at, customer, items, coupons = [], trialDays = 0 }: NewSubscription,
): Subscription {
  const { ids } = agendaOf(world, customer.id);
  const interval = intervalOf(items);
  const trialEnd = trialDays > 0 ? at + trialDays * DAY : null;
  const anchor = trialEnd ?? at;
  const period = trialEnd === null ? periodAt(anchor, interval, at) : { start: at, end: trialEnd };
  const id = newId(ids, 'sub');
  const status = trialEnd === null ? 'incomplete' : 'trialing';
  const subscription = world.subscriptions.add({
    id,
    created: at,
    customer: customer.id,
    currency: customer.currency,
    status,
    statusHistory: [{ at, status }],
    startDate: at,
    billingCycleAnchor: anchor,
    interval,
    trialStart: trialEnd === null ? null : at,
    trialEnd,
    cancelAtPeriodEnd: false,
    cancelAt: null,
    canceledAt: null,
    endedAt: null,
    cancellationReason: null,
    pauseCollection: null,
    items: items.map((terms) =>
      newItem(world, { subscription: id, customer: customer.id }, { at, period, terms }),
    ),
    discounts: [],
    latestInvoice: null,
  });
  note(world, {
    kind: 'subscribed',
    at,
    customer: customer.id,
    subscription: id,
    currency: customer.currency,
    interval,
    items: subscription.items.map(({ id: item, price, quantity }) => ({ item, price, quantity })),
  });
  note(world, { kind: 'statusChanged', at, customer: customer.id, subscription: id, status });
  for (const coupon of coupons) redeem(world, subscription, coupon, at);
  emit(world, {
    at,
    type: 'customer.subscription.created',
    kind: 'subscription',
    record: subscription,
  });

  const invoice = invoicePeriod(world, subscription, {
    at,
    previous: null,
    billingReason: 'subscription_create',
  });
  collectNow(world, invoice, at);
  const agenda = agendaOf(world, customer.id);
  if (subscription.status === 'incomplete') {
    // Nothing was due, so that no payment could make it active.
    if (invoice.paymentIntent === null) setStatus(world, subscription, 'active', at);
    else agenda.plan(at + INCOMPLETE_SECONDS, { kind: 'expireIncomplete', subscription: id });
  }
  agenda.plan(period.end, { kind: 'renew', subscription: id });
  return subscription;
}

/** Ends a subscription whose first payment was not completed in time. */
export function expireIncomplete(world: World, subscription: Subscription, at: number): void {
  if (subscription.status !== 'incomplete') return;
  expireSubscription(world, subscription, at);
  if (subscription.latestInvoice !== null)
    voidInvoice(world, world.invoices.get(subscription.latestInvoice), at);
}

export interface ChangeOptions {
  at: number;
  /** `always_invoice` collects the prorations at once; `create_prorations` leaves them for the next invoice. */
  proration: 'always_invoice' | 'create_prorations';
}

/** Gives an item another price of the same interval, another quantity, or both. */
export function changeItem(
  world: World,
  {
    subscription,
    item,
    terms,
  }: { subscription: Subscription; item: SubscriptionItem; terms: Terms },
  { at, proration }: ChangeOptions,
): void {
  credit(world, subscription, item, at);
  amendSubscription(world, subscription, at, () => {
    setTerms(world, subscription, item, terms, at);
  });
  debit(world, subscription, item, at);
  if (proration === 'always_invoice') invoiceProrations(world, subscription, at);
}

/** Adds an item in the middle of a period. */
export function addItem(
  world: World,
  { subscription, terms }: { subscription: Subscription; terms: Terms },
  { at, proration }: ChangeOptions,
): SubscriptionItem {
  const period = periodOf(subscription);
  const owner = { subscription: subscription.id, customer: subscription.customer };
  const item = newItem(world, owner, { at, period, terms });
  amendSubscription(world, subscription, at, () => {
    subscription.items.push(item);
    setTerms(world, subscription, item, terms, at);
  });
  debit(world, subscription, item, at);
  if (proration === 'always_invoice') invoiceProrations(world, subscription, at);
  return item;
}

/** Removes an item in the middle of a period; the last one cannot go. */
export function removeItem(
  world: World,
  { subscription, item }: { subscription: Subscription; item: SubscriptionItem },
  { at, proration }: ChangeOptions,
): void {
  if (subscription.items.length < 2) throw new Error(`${subscription.id} has one item only.`);
  credit(world, subscription, item, at);
  amendSubscription(world, subscription, at, () => {
    subscription.items = subscription.items.filter(({ id }) => id !== item.id);
    note(world, { kind: 'itemRemoved', ...about(subscription, at), item: item.id });
  });
  if (proration === 'always_invoice') invoiceProrations(world, subscription, at);
}

/**
 * Moves every item to a price of another interval. As at Stripe the billing anchor moves to the change, the unused time
 * is credited, and the full new period is invoiced at once.
 */
export function switchInterval(
  world: World,
  { subscription, terms }: { subscription: Subscription; terms: readonly Terms[] },
  at: number,
): void {
  const previous = periodOf(subscription);
  for (const item of subscription.items) credit(world, subscription, item, at);
  const interval = intervalOf(terms);
  const period = periodAt(at, interval, at);
  amendSubscription(world, subscription, at, () => {
    subscription.interval = interval;
    subscription.billingCycleAnchor = at;
    note(world, { kind: 'intervalChanged', ...about(subscription, at), interval });
    subscription.items.forEach((item, index) => {
      const next = terms[index];
      if (next === undefined) throw new Error(`${item.id} has no price of the new interval.`);
      item.currentPeriod = period;
      setTerms(world, subscription, item, next, at);
    });
  });
  agendaOf(world, subscription.customer).plan(period.end, {
    kind: 'renew',
    subscription: subscription.id,
  });
  collectNow(
    world,
    invoicePeriod(world, subscription, { at, previous, billingReason: 'subscription_update' }),
    at,
  );
}

/** Asks to end the subscription with its current period, or takes that back. */
export function setCancelAtPeriodEnd(
  world: World,
  subscription: Subscription,
  { at, cancel }: { at: number; cancel: boolean },
): void {
  amendSubscription(world, subscription, at, () => {
    subscription.cancelAtPeriodEnd = cancel;
    subscription.cancelAt = cancel ? periodOf(subscription).end : null;
    subscription.canceledAt = cancel ? at : null;
    subscription.cancellationReason = cancel ? 'cancellation_requested' : null;
  });
}

/** Ends the subscription at once, without credit for the time that is left. */
export function cancelNow(world: World, subscription: Subscription, at: number): void {
  subscription.canceledAt = at;
  endSubscription(world, subscription, { at, reason: 'cancellation_requested' });
}

function intervalOf(items: readonly Terms[]): Interval {
  const interval = items[0]?.price.recurring?.interval;
  if (interval === undefined) throw new Error('A subscription needs a recurring price.');
  return interval;
}

function newItem(
  world: World,
  owner: { subscription: string; customer: string },
  { at, period, terms }: { at: number; period: Period; terms: Terms },
): SubscriptionItem {
  return {
    id: newId(agendaOf(world, owner.customer).ids, 'si'),
    created: at,
    subscription: owner.subscription,
    price: terms.price.id,
    quantity: terms.quantity,
    currentPeriod: period,
  };
}

function setTerms(
  world: World,
  subscription: Subscription,
  item: SubscriptionItem,
  terms: Terms,
  at: number,
): void {
  item.price = terms.price.id;
  item.quantity = terms.quantity;
  const { id, price, quantity } = item;
  note(world, { kind: 'itemSet', ...about(subscription, at), item: id, price, quantity });
}
