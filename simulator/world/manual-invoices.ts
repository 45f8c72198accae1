/** Invoices that belong to no subscription. */
import { DAY } from './calendar';
import { emit } from './events';
import { newId } from './ids';
import { createInvoice, DRAFT_SECONDS, lineOf } from './invoices';
import type { Customer, Invoice, Price } from './model';
import { priceOf, toMinor } from './money';
import { agendaOf, type World } from './world';

const DAYS_UNTIL_DUE = 30;

interface ManualInvoice {
  at: number;
  customer: Customer;
  /** One-time prices. */
  lines: { price: Price; quantity: number }[];
  collectionMethod: Invoice['collectionMethod'];
}

/** Invoices one-time prices, outside any subscription; finalized an hour later. */
export function invoiceByHand(
  world: World,
  { at, customer, lines, collectionMethod }: ManualInvoice,
): Invoice {
  const agenda = agendaOf(world, customer.id);
  const items = lines.map(({ price, quantity }) => {
    const item = world.invoiceItems.add({
      id: newId(agenda.ids, 'ii'),
      created: at,
      customer: customer.id,
      currency: customer.currency,
      invoice: null,
      subscription: null,
      subscriptionItem: null,
      price: price.id,
      quantity,
      amountMinor: toMinor(priceOf(price, quantity), customer.currency),
      period: { start: at, end: at },
      proration: false,
      discountable: true,
      description: world.products.get(price.product).name,
    });
    emit(world, { at, type: 'invoiceitem.created', kind: 'invoiceItem', record: item });
    return item;
  });
  const invoice = createInvoice(world, {
    at,
    customer,
    subscription: null,
    billingReason: 'manual',
    period: { start: at, end: at },
    lines: items.map(lineOf),
    discounts: [],
    collectionMethod,
    dueDate: collectionMethod === 'send_invoice' ? at + DAYS_UNTIL_DUE * DAY : null,
  });
  agenda.plan(at + DRAFT_SECONDS, { kind: 'finalize', invoice: invoice.id });
  return invoice;
}
