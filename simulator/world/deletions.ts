/** Deletions: from then on the provider serves the object no more. The event shows it as it was. */
import { emit } from './events';
import type { Coupon, Customer, EventObject, Invoice, InvoiceItem, RecordOf } from './model';
import { isEnded } from './subscription-parts';
import { cancelNow } from './subscriptions';
import { agendaOf, type World } from './world';

/** Deletes a customer for good: subscriptions end at once, invoices and payments stay, and nothing else happens by itself. */
export function deleteCustomer(world: World, customer: Customer, at: number): void {
  for (const subscription of world.subscriptions.all) {
    if (subscription.customer === customer.id && !isEnded(subscription))
      cancelNow(world, subscription, at);
  }
  agendaOf(world, customer.id).clear();
  remove(world, { at, type: 'customer.deleted', kind: 'customer', record: customer });
}

/** Deletes a draft that belongs to no subscription, with its items. */
export function deleteDraft(world: World, invoice: Invoice, at: number): void {
  if (invoice.status !== 'draft' || invoice.subscription !== null)
    throw new Error(`The ${invoice.status} invoice ${invoice.id} cannot be deleted.`);
  for (const { invoiceItem } of invoice.lines) {
    if (invoiceItem !== null) removeItem(world, world.invoiceItems.get(invoiceItem), at);
  }
  remove(world, { at, type: 'invoice.deleted', kind: 'invoice', record: invoice });
}

/** Deletes an item that waits for its invoice. */
export function deleteInvoiceItem(world: World, item: InvoiceItem, at: number): void {
  if (item.invoice !== null) throw new Error(`The invoice item ${item.id} is on ${item.invoice}.`);
  const agenda = agendaOf(world, item.customer);
  agenda.pendingItems = agenda.pendingItems.filter((id) => id !== item.id);
  removeItem(world, item, at);
}

/** Deletes a coupon: nobody can redeem it any more, and the discounts that it gave go on. */
export function deleteCoupon(world: World, coupon: Coupon, at: number): void {
  remove(world, { at, type: 'coupon.deleted', kind: 'coupon', record: coupon });
}

function removeItem(world: World, item: InvoiceItem, at: number): void {
  remove(world, { at, type: 'invoiceitem.deleted', kind: 'invoiceItem', record: item });
}

function remove<K extends EventObject['kind']>(
  world: World,
  about: { at: number; type: string; kind: K; record: RecordOf<K> },
): void {
  world.deleted.add(about.record.id);
  emit(world, about);
}
