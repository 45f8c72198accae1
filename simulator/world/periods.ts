/** The turn of a subscription’s period. */
import { periodAt } from './calendar';
import { dropDiscount, discountsAt } from './discounts';
import { createInvoice, DRAFT_SECONDS, lineOf, voidInvoice, type LineDraft } from './invoices';
import type { Invoice, Period, Subscription, SubscriptionItem } from './model';
import { priceOf, toMinor } from './money';
import { pendingItems } from './prorations';
import {
  about,
  periodOf,
  isEnded,
  isMetered,
  amendSubscription,
  productName,
} from './subscription-parts';
import { endSubscription, setStatus } from './subscription-status';
import { agendaOf, note, type World } from './world';

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

/** Invoices a period with everything pending, and uses up `once` discounts that took something off. */
export function invoicePeriod(
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
    if (!used || world.coupons.get(discount.coupon).duration !== 'once') continue;
    const until = periodOf(subscription).end;
    note(world, { kind: 'discountUsed', ...about(subscription, at), discount: id, until });
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
