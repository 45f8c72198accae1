import type Stripe from 'stripe';

import type { InvoicePayment } from '../../world/model';
import { reference, type ObjectType } from '../object-type';
import type { Wire } from '../wire';

export const invoicePayment: ObjectType<InvoicePayment> = {
  noun: 'invoice_payment',
  permission: 'invoice',
  find: (id, world) => world.invoicePayments.find(id),
  render: renderInvoicePayment,
  expandable: {
    invoice: reference('invoice'),
    'payment.payment_intent': reference('payment_intent'),
  },
};

export function renderInvoicePayment(record: InvoicePayment) {
  return {
    id: record.id,
    object: 'invoice_payment',
    amount_paid: record.amountPaidMinor,
    amount_requested: record.amountRequestedMinor,
    created: record.created,
    currency: record.currency,
    invoice: record.invoice,
    is_default: record.isDefault,
    livemode: false,
    payment: { payment_intent: record.paymentIntent, type: 'payment_intent' },
    status: record.status,
    status_transitions: { canceled_at: record.canceledAt, paid_at: record.paidAt },
  } satisfies Wire<Stripe.InvoicePayment>;
}
