/** The payment of an invoice, apart from its attempts. */
import { emit } from './events';
import { newId } from './ids';
import type { Invoice } from './model';
import { agendaOf, type World } from './world';

/** Opens the default payment of a finalized invoice: its payment intent, and the link between both. */
export function openPayment(world: World, invoice: Invoice, at: number): void {
  const { ids } = agendaOf(world, invoice.customer);
  const paymentIntent = world.paymentIntents.add({
    id: newId(ids, 'pi'),
    created: at,
    customer: invoice.customer,
    invoice: invoice.id,
    currency: invoice.currency,
    status: 'requires_payment_method',
    amountMinor: invoice.amountDueMinor,
    amountReceivedMinor: 0,
    latestCharge: null,
    paymentMethod: null,
    lastPaymentError: null,
    canceledAt: null,
  });
  const invoicePayment = world.invoicePayments.add({
    id: newId(ids, 'inpay'),
    created: at,
    invoice: invoice.id,
    currency: invoice.currency,
    paymentIntent: paymentIntent.id,
    status: 'open',
    amountRequestedMinor: invoice.amountDueMinor,
    amountPaidMinor: null,
    isDefault: true,
    paidAt: null,
    canceledAt: null,
  });
  invoice.paymentIntent = paymentIntent.id;
  invoice.invoicePayment = invoicePayment.id;
  emit(world, { at, type: 'payment_intent.created', kind: 'paymentIntent', record: paymentIntent });
}

/** Lowers what an open invoice's payment asks for to what is still due. */
export function adjustPayment(world: World, invoice: Invoice): void {
  if (invoice.paymentIntent === null || invoice.invoicePayment === null) return;
  world.paymentIntents.get(invoice.paymentIntent).amountMinor = invoice.amountDueMinor;
  world.invoicePayments.get(invoice.invoicePayment).amountRequestedMinor = invoice.amountDueMinor;
}

/** Cancels what an invoice's payment still asks for; nothing happens when there is none. */
export function cancelPayment(world: World, invoice: Invoice, at: number): void {
  if (invoice.paymentIntent === null || invoice.invoicePayment === null) return;
  const paymentIntent = world.paymentIntents.get(invoice.paymentIntent);
  const invoicePayment = world.invoicePayments.get(invoice.invoicePayment);
  paymentIntent.status = 'canceled';
  paymentIntent.canceledAt = at;
  invoicePayment.status = 'canceled';
  invoicePayment.canceledAt = at;
  emit(world, {
    at,
    type: 'payment_intent.canceled',
    kind: 'paymentIntent',
    record: paymentIntent,
  });
}
