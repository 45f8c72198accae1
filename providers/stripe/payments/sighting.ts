/** What can be said of an invoice before it is charged. */
import { z } from 'zod';
import type { Credential, InvoiceSighting } from '../../provider';
import { isRecord } from '../client';
import { orNull, reference } from '../normalise/shapes';
import { readCharge, type ChargeSeen } from './charge';
import { defaultPayment, latestChargeOf, readInvoice, type InvoiceSeen } from './invoice';
import { pathOf, type Reader } from './reader';

/** Statuses of a payment intent that has taken a payment and does not know yet what comes of it. */
const SETTLING = new Set(['processing', 'requires_capture']);

export async function readSighting(
  reader: Reader,
  invoiceId: string,
): Promise<InvoiceSighting | null> {
  const seen = await readInvoice(reader, invoiceId, [
    'customer',
    'parent.subscription_details.subscription',
  ]);
  if (seen === null) return null;
  const { invoice, readAt } = seen;
  const payments = invoice.payments.data;
  const charges = await readPaid(reader, invoice);
  return {
    status: invoice.status,
    customerId: reference.nullable().parse(invoice.customer),
    customerDeleted: isRecord(invoice.customer) && invoice.customer['deleted'] === true,
    currency: invoice.currency.code,
    amountDueMinor: invoice.amount_due,
    amountPaidMinor: invoice.amount_paid,
    amountRemainingMinor: invoice.amount_remaining,
    credential: await readCredential(reader, invoice),
    providerRetryAt: invoice.next_payment_attempt,
    paymentPageUrl: invoice.hosted_invoice_url,
    isSettling: payments.some(({ payment }) => SETTLING.has(payment.payment_intent?.status ?? '')),
    latestChargeId: latestChargeOf(defaultPayment(invoice)),
    isDisputed: charges.some(({ disputed }) => disputed),
    isRefunded: charges.some(({ refunded }) => refunded),
    isCanceled: isCanceled(invoice),
    readAt,
  };
}

/** The charges that brought money: once one has, it is the latest of its payment. */
async function readPaid(reader: Reader, { payments }: InvoiceSeen): Promise<ChargeSeen[]> {
  const charges: ChargeSeen[] = [];
  for (const payment of payments.data) {
    const isPaid =
      (payment.amount_paid ?? 0n) > 0n ||
      (payment.payment.payment_intent?.amount_received ?? 0n) > 0n;
    const id = latestChargeOf(payment);
    const charge = isPaid && id !== null ? await readCharge(reader, id) : null;
    if (charge !== null) charges.push(charge);
  }
  return charges;
}

const canceled = z.looseObject({
  status: z.literal('canceled'),
  cancellation_details: z.looseObject({ reason: z.literal('cancellation_requested') }),
});

const isCanceled = ({ parent }: InvoiceSeen): boolean =>
  canceled.safeParse(parent?.subscription_details?.subscription).success;

const defaults = z.looseObject({
  default_payment_method: orNull(reference),
  default_source: orNull(reference),
  invoice_settings: orNull(z.looseObject({ default_payment_method: orNull(reference) })),
});

/** Stripe's own precedence: https://docs.stripe.com/billing/subscriptions/payment-methods-setting#payment-method-priority */
function methodIdOf({ parent, customer, ...invoice }: InvoiceSeen): string | null {
  const subscription = defaults.safeParse(parent?.subscription_details?.subscription).data;
  const owner = defaults.safeParse(customer).data;
  return (
    defaults.parse(invoice).default_payment_method ??
    defaults.parse(invoice).default_source ??
    subscription?.default_payment_method ??
    subscription?.default_source ??
    owner?.invoice_settings?.default_payment_method ??
    owner?.default_source ??
    null
  );
}

const methodShape = z.looseObject({
  id: z.string(),
  type: z.string(),
  customer: orNull(reference),
});
const detailsShape = z.looseObject({
  brand: orNull(z.string()),
  country: orNull(z.string()),
  fingerprint: orNull(z.string()),
  funding: orNull(z.string()),
});

/** Null also for a payment method that was detached: nothing can be charged to it. */
async function readCredential(reader: Reader, invoice: InvoiceSeen): Promise<Credential | null> {
  const id = methodIdOf(invoice);
  if (id === null) return null;
  // Cards and bank accounts of the older kind are had there, too, in the same form.
  const answer = await reader.byId(pathOf('/v1/payment_methods', id), {
    subject: 'payment methods',
  });
  const method = methodShape.safeParse(answer?.body).data;
  if (method === undefined || method.customer === null) return null;
  const details = detailsShape.safeParse(method[method.type]).data;
  return {
    id,
    key: details?.fingerprint ?? id,
    methodType: method.type,
    network: details?.brand?.toLowerCase() ?? null,
    country: details?.country ?? null,
    funding: details?.funding ?? null,
  };
}
