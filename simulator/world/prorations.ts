/** Prorations, to the second. */
import { couponsAt, discountsAt } from './discounts';
import { emit } from './events';
import { newId } from './ids';
import { createInvoice, lineOf } from './invoices';
import type { InvoiceItem, Subscription, SubscriptionItem } from './model';
import { priceOf, shareKept, toMinor } from './money';
import { collectNow } from './payments';
import { multiply, rational } from './rational';
import { isMetered, productName } from './subscription-parts';
import { agendaOf, type World } from './world';

/** Credits the unused time of an item as it was until now. */
export function credit(
  world: World,
  subscription: Subscription,
  item: SubscriptionItem,
  at: number,
): void {
  prorate(world, subscription, item, { at, sign: -1 });
}

/** Charges the rest of the period for an item as it is from now on. */
export function debit(
  world: World,
  subscription: Subscription,
  item: SubscriptionItem,
  at: number,
): void {
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
export function invoiceProrations(world: World, subscription: Subscription, at: number): void {
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

/** Takes the pending invoice items of one subscription, oldest first. */
export function pendingItems(world: World, subscription: Subscription): InvoiceItem[] {
  const agenda = agendaOf(world, subscription.customer);
  const items = agenda.pendingItems.map((id) => world.invoiceItems.get(id));
  agenda.pendingItems = items
    .filter((item) => item.subscription !== subscription.id)
    .map(({ id }) => id);
  return items.filter((item) => item.subscription === subscription.id);
}
