import { DAY, HOUR, addMonths, periodAt } from './calendar';
import { amend, emit } from './events';
import { newId } from './ids';
import {
  createInvoice,
  DRAFT_SECONDS,
  finalizeInvoice,
  lineOf,
  voidInvoice,
  type LineDraft,
} from './invoices';
import type {
  Coupon,
  Customer,
  Discount,
  Interval,
  Invoice,
  InvoiceItem,
  Period,
  Price,
  Subscription,
  SubscriptionItem,
  World,
} from './model';
import { priceOf, shareKept, toMinor } from './money';
import { attemptOnSchedule } from './payments';
import { multiply, rational } from './rational';
import { endSubscription, expireSubscription, setStatus } from './subscription-status';
import { agendaOf, note } from './world';

/** A first invoice can be completed for so long. */
export const INCOMPLETE_SECONDS = 23 * HOUR;

/** A price and how many of it; null for metered prices. */
export interface Terms {
  price: Price;
  quantity: number | null;
}

export interface NewSubscription {
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
  finalizeInvoice(world, invoice, at);
  attemptOnSchedule(world, invoice, at);
  if (subscription.status === 'incomplete') {
    if (world.invoices.get(invoice.id).status === 'paid')
      setStatus(world, subscription, 'active', at);
    else
      agendaOf(world, customer.id).plan(at + INCOMPLETE_SECONDS, {
        kind: 'expireIncomplete',
        subscription: id,
      });
  }
  agendaOf(world, customer.id).plan(period.end, { kind: 'renew', subscription: id });
  return subscription;
}

/** Starts the next period of a subscription, or ends it where that was asked for. */
export function renew(world: World, subscription: Subscription, at: number): void {
  const previous = periodOf(subscription);
  if (isEnded(subscription) || previous.end !== at) return;
  if (subscription.cancelAtPeriodEnd) {
    endSubscription(world, subscription, { at, reason: 'cancellation_requested' });
    collectRest(world, subscription, { at, previous });
    return;
  }
  const period = periodAt(subscription.billingCycleAnchor, subscription.interval, at);
  amendSubscription(world, subscription, at, () => {
    for (const item of subscription.items) item.currentPeriod = period;
  });
  if (subscription.status === 'trialing') setStatus(world, subscription, 'active', at);
  const agenda = agendaOf(world, subscription.customer);
  agenda.plan(period.end, { kind: 'renew', subscription: subscription.id });
  const collects = subscription.status !== 'unpaid';
  const invoice = invoicePeriod(world, subscription, {
    at,
    previous,
    billingReason: 'subscription_cycle',
    autoAdvance: collects,
  });
  // Stripe voids at once what it invoices while collection is paused with behaviour `void`.
  if (subscription.pauseCollection !== null) voidInvoice(world, invoice, at);
  else if (collects) agenda.plan(at + DRAFT_SECONDS, { kind: 'finalize', invoice: invoice.id });
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

/** Gives a subscription one more discount. */
export function applyCoupon(
  world: World,
  subscription: Subscription,
  coupon: Coupon,
  at: number,
): Discount {
  let discount: Discount | undefined;
  amendSubscription(world, subscription, at, () => {
    discount = redeem(world, subscription, coupon, at);
  });
  if (discount === undefined) throw new Error('The discount was not made.');
  return discount;
}

/** Takes a discount away before its end. */
export function removeDiscount(world: World, discount: Discount, at: number): void {
  const subscription = world.subscriptions.get(discount.subscription);
  note(world, { kind: 'discountRemoved', ...about(subscription, at), discount: discount.id });
  dropDiscount(world, discount, at);
}

/** Takes a repeating discount off when it has run out; an ended subscription keeps what it had. */
export function expireDiscount(world: World, discount: Discount, at: number): void {
  if (discount.removedAt === null && !isEnded(world.subscriptions.get(discount.subscription))) {
    dropDiscount(world, discount, at);
  }
}

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

function redeem(world: World, subscription: Subscription, coupon: Coupon, at: number): Discount {
  const end = coupon.durationInMonths === null ? null : addMonths(at, coupon.durationInMonths);
  const discount = world.discounts.add({
    id: newId(agendaOf(world, subscription.customer).ids, 'di'),
    created: at,
    coupon: coupon.id,
    customer: subscription.customer,
    subscription: subscription.id,
    start: at,
    end,
    removedAt: null,
  });
  coupon.timesRedeemed += 1;
  subscription.discounts.push(discount.id);
  if (end !== null)
    agendaOf(world, subscription.customer).plan(end, {
      kind: 'expireDiscount',
      discount: discount.id,
    });
  note(world, {
    kind: 'discountApplied',
    ...about(subscription, at),
    discount: discount.id,
    coupon: coupon.id,
    start: at,
    end,
  });
  emit(world, { at, type: 'customer.discount.created', kind: 'discount', record: discount });
  return discount;
}

function dropDiscount(world: World, discount: Discount, at: number): void {
  const subscription = world.subscriptions.get(discount.subscription);
  discount.removedAt = at;
  amendSubscription(world, subscription, at, () => {
    subscription.discounts = subscription.discounts.filter((id) => id !== discount.id);
  });
  emit(world, { at, type: 'customer.discount.deleted', kind: 'discount', record: discount });
}

/** Coupons that a subscription has at an instant, in order. */
function couponsAt(world: World, subscription: Subscription, at: number): Coupon[] {
  return discountsAt(world, subscription, at).map((id) =>
    world.coupons.get(world.discounts.get(id).coupon),
  );
}

function discountsAt(world: World, subscription: Subscription, at: number): string[] {
  return subscription.discounts.filter((id) => {
    const { end } = world.discounts.get(id);
    return end === null || at < end;
  });
}

/** Invoices a period with everything pending, and uses up `once` discounts that took something off. */
function invoicePeriod(
  world: World,
  subscription: Subscription,
  {
    at,
    previous,
    billingReason,
    autoAdvance = true,
  }: {
    at: number;
    previous: Period | null;
    billingReason: Invoice['billingReason'];
    autoAdvance?: boolean;
  },
): Invoice {
  const lines = [
    ...pendingItems(world, subscription).map(lineOf),
    ...subscription.items.flatMap((item) => itemLine(world, subscription, item, { at, previous })),
  ];
  const discounts = discountsAt(world, subscription, at);
  const invoice = createInvoice(world, {
    at,
    customer: world.customers.get(subscription.customer),
    subscription: subscription.id,
    billingReason,
    period: previous === null ? { start: at, end: at } : { start: previous.start, end: at },
    lines,
    discounts,
    autoAdvance,
  });
  for (const id of discounts) {
    const discount = world.discounts.get(id);
    const used = invoice.lines.some((line) =>
      line.discountAmounts.some((part) => part.discount === id && part.amountMinor > 0),
    );
    if (used && world.coupons.get(discount.coupon).duration === 'once')
      dropDiscount(world, discount, at);
  }
  return invoice;
}

/** An item's line: the new period in advance, or the usage of the last one; nothing for a metered item's first. */
function itemLine(
  world: World,
  subscription: Subscription,
  item: SubscriptionItem,
  { at, previous }: { at: number; previous: Period | null },
): LineDraft[] {
  const price = world.prices.get(item.price);
  const shared = {
    proration: false,
    price: price.id,
    subscription: subscription.id,
    subscriptionItem: item.id,
    invoiceItem: null,
    discountable: true,
  };
  if (isMetered(price)) {
    if (previous === null) return [];
    const usage = agendaOf(world, subscription.customer).choices.integer(0, 400);
    const start = Math.max(previous.start, item.created);
    return [
      {
        ...shared,
        quantity: usage,
        amountMinor: toMinor(priceOf(price, usage), subscription.currency),
        period: { start, end: at },
        description: `${String(usage)} × ${productName(world, price)} (usage)`,
      },
    ];
  }
  const quantity = item.quantity ?? 1;
  const inTrial = subscription.status === 'trialing';
  return [
    {
      ...shared,
      quantity,
      amountMinor: inTrial ? 0 : toMinor(priceOf(price, quantity), subscription.currency),
      period: item.currentPeriod,
      description: inTrial
        ? `Trial period for ${productName(world, price)}`
        : `${String(quantity)} × ${productName(world, price)}`,
    },
  ];
}

/** What is still pending or used when a subscription has ended at its period's end goes on a last invoice. */
function collectRest(
  world: World,
  subscription: Subscription,
  { at, previous }: { at: number; previous: Period },
): void {
  const metered = subscription.items.filter((item) => isMetered(world.prices.get(item.price)));
  const lines = [
    ...pendingItems(world, subscription).map(lineOf),
    ...metered.flatMap((item) => itemLine(world, subscription, item, { at, previous })),
  ];
  if (lines.length === 0) return;
  const invoice = createInvoice(world, {
    at,
    customer: world.customers.get(subscription.customer),
    subscription: subscription.id,
    billingReason: 'subscription_cycle',
    period: { start: previous.start, end: at },
    lines,
    discounts: discountsAt(world, subscription, at),
  });
  agendaOf(world, subscription.customer).plan(at + DRAFT_SECONDS, {
    kind: 'finalize',
    invoice: invoice.id,
  });
}

/** Credits the unused time of an item as it was until now. */
function credit(
  world: World,
  subscription: Subscription,
  item: SubscriptionItem,
  at: number,
): void {
  prorate(world, subscription, item, { at, sign: -1 });
}

/** Charges the rest of the period for an item as it is from now on. */
function debit(world: World, subscription: Subscription, item: SubscriptionItem, at: number): void {
  prorate(world, subscription, item, { at, sign: 1 });
}

/**
 * Classic proration, to the second: the share of the period that is left, less percentage discounts, as a pending
 * invoice item. Amount discounts are not part of it, and neither are metered prices.
 */
function prorate(
  world: World,
  subscription: Subscription,
  item: SubscriptionItem,
  { at, sign }: { at: number; sign: 1 | -1 },
): void {
  const price = world.prices.get(item.price);
  if (isMetered(price)) return;
  const { start, end } = item.currentPeriod;
  const quantity = item.quantity ?? 1;
  const full = multiply(priceOf(price, quantity), shareKept(couponsAt(world, subscription, at)));
  const amountMinor = toMinor(
    multiply(full, rational(end - at, end - start)),
    subscription.currency,
  );
  const invoiceItem = world.invoiceItems.add({
    id: newId(agendaOf(world, subscription.customer).ids, 'ii'),
    created: at,
    customer: subscription.customer,
    currency: subscription.currency,
    invoice: null,
    subscription: subscription.id,
    subscriptionItem: item.id,
    price: price.id,
    quantity,
    // Adding 0 keeps a credit of nothing from being -0.
    amountMinor: sign * amountMinor + 0,
    period: { start: at, end },
    proration: true,
    discountable: false,
    description: `${sign < 0 ? 'Unused' : 'Remaining'} time on ${productName(world, price)}`,
  });
  agendaOf(world, subscription.customer).pendingItems.push(invoiceItem.id);
  emit(world, { at, type: 'invoiceitem.created', kind: 'invoiceItem', record: invoiceItem });
}

/** Puts everything pending on an invoice of its own and collects it at once. */
function invoiceProrations(world: World, subscription: Subscription, at: number): void {
  const lines = pendingItems(world, subscription).map(lineOf);
  if (lines.length === 0) return;
  const invoice = createInvoice(world, {
    at,
    customer: world.customers.get(subscription.customer),
    subscription: subscription.id,
    billingReason: 'subscription_update',
    period: { start: at, end: at },
    lines,
    discounts: discountsAt(world, subscription, at),
  });
  collectNow(world, invoice, at);
}

function collectNow(world: World, invoice: Invoice, at: number): void {
  finalizeInvoice(world, invoice, at);
  attemptOnSchedule(world, invoice, at);
}

/** Takes the pending invoice items of one subscription, oldest first. */
function pendingItems(world: World, subscription: Subscription): InvoiceItem[] {
  const agenda = agendaOf(world, subscription.customer);
  const items = agenda.pendingItems.map((id) => world.invoiceItems.get(id));
  agenda.pendingItems = items
    .filter((item) => item.subscription !== subscription.id)
    .map(({ id }) => id);
  return items.filter((item) => item.subscription === subscription.id);
}

function amendSubscription(
  world: World,
  subscription: Subscription,
  at: number,
  change: () => void,
): void {
  const type = 'customer.subscription.updated';
  amend(world, { at, type, kind: 'subscription', record: subscription }, change);
}

/** What every action on a subscription says. */
function about(
  subscription: Subscription,
  at: number,
): { at: number; customer: string; subscription: string } {
  return { at, customer: subscription.customer, subscription: subscription.id };
}

/** Whether the renewal of this very second is still to come: its invoice will show the change. */
function isBeforeRenewal(subscription: Subscription, at: number): boolean {
  return periodOf(subscription).end === at;
}

function productName(world: World, price: Price): string {
  return world.products.get(price.product).name;
}
