/** The payment of an invoice, apart from its attempts. */
import { emit } from './events';
import { newId } from './ids';
import type { Invoice, InvoicePayment, PaymentIntent } from './model';
import { agendaOf, type World } from './world';

/** Opens the default payment of a finalized invoice. */
export function openPayment(world: World, invoice: Invoice, at: number): void {
  const amountMinor = invoice.amountDueMinor;
  const payment = addPayment(world, invoice, { at, amountMinor, isDefault: true });
  invoice.paymentIntent = payment.paymentIntent.id;
  invoice.invoicePayment = payment.invoicePayment.id;
}

/** A payment of an invoice, or of a part of it: its payment intent, and the link between both. */
export function addPayment(
  world: World,
  invoice: Invoice,
  { at, amountMinor, isDefault }: { at: number; amountMinor: number; isDefault: boolean },
): { paymentIntent: PaymentIntent; invoicePayment: InvoicePayment } {
  const { ids } = agendaOf(world, invoice.customer);
  const paymentIntent = world.paymentIntents.add({
    id: newId(ids, 'pi'),
    created: at,
    customer: invoice.customer,
    invoice: invoice.id,
    currency: invoice.currency,
    status: 'requires_payment_method',
    amountMinor,
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
    amountRequestedMinor: amountMinor,
    amountPaidMinor: null,
    isDefault,
    paidAt: null,
    canceledAt: null,
  });
  emit(world, { at, type: 'payment_intent.created', kind: 'paymentIntent', record: paymentIntent });
  return { paymentIntent, invoicePayment };
}

/** Lowers what an open invoice's payment asks for to what is still due. */
export function adjustPayment(world: World, invoice: Invoice): void {
  if (invoice.paymentIntent === null || invoice.invoicePayment === null) return;
  world.paymentIntents.get(invoice.paymentIntent).amountMinor = invoice.amountRemainingMinor;
  world.invoicePayments.get(invoice.invoicePayment).amountRequestedMinor =
    invoice.amountRemainingMinor;
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
