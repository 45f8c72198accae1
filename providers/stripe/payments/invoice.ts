/** An invoice with its payments as they are now, all of it by id. */
import { z } from 'zod';
import { RecoupError } from '../../../domain/errors';
import { currency, instant, minor, orNull, reference } from '../normalise/shapes';
import { pathOf, type Reader } from './reader';

const intentShape = z.object({
  id: z.string(),
  status: z.string(),
  amount_received: minor,
  latest_charge: orNull(reference),
});

const paymentShape = z.object({
  is_default: z.boolean(),
  amount_paid: orNull(minor),
  payment: z.object({
    /** Absent for what was paid by a charge alone, or outside of Stripe. */
    payment_intent: orNull(intentShape),
    charge: orNull(reference),
  }),
});

/** An object that may have been expanded, and deleted. */
const expandable = orNull(z.union([z.string(), z.looseObject({ id: z.string() })]));

const invoiceShape = z.object({
  id: z.string(),
  object: z.literal('invoice'),
  status: z.enum(['draft', 'open', 'paid', 'void', 'uncollectible']),
  customer: expandable,
  currency,
  amount_due: minor,
  amount_paid: minor,
  amount_remaining: minor,
  next_payment_attempt: orNull(instant),
  hosted_invoice_url: orNull(z.string()),
  default_payment_method: expandable,
  default_source: expandable,
  parent: orNull(
    z.looseObject({ subscription_details: orNull(z.looseObject({ subscription: expandable })) }),
  ),
  payments: z.object({ data: z.array(paymentShape), has_more: z.boolean() }),
});

export type InvoiceSeen = z.infer<typeof invoiceShape>;
export type PaymentSeen = z.infer<typeof paymentShape>;

/** Stripe expands four levels deep: the charges below are ids. */
export const EXPAND_PAYMENTS = 'payments.data.payment.payment_intent';

/** Null for what is no invoice with all of its payments. */
export function parseInvoice(body: unknown): InvoiceSeen | null {
  const invoice = invoiceShape.safeParse(body).data ?? null;
  // An invoice shows its ten newest payments, and hardly ever has a second one.
  return invoice === null || invoice.payments.has_more ? null : invoice;
}

/** Null when Stripe does not have it. Errors: those of `fetchPage`; request_refused for one that cannot be understood. */
export async function readInvoice(
  reader: Reader,
  id: string,
  expand: readonly string[] = [],
): Promise<{ invoice: InvoiceSeen; readAt: Date } | null> {
  const answer = await reader.byId(pathOf('/v1/invoices', id), {
    subject: 'invoices',
    expand: [EXPAND_PAYMENTS, ...expand],
  });
  if (answer === null) return null;
  const invoice = parseInvoice(answer.body);
  if (invoice === null) {
    throw new RecoupError(
      'request_refused',
      `The invoice ${id} has more payments than it shows, or a form that is not known.`,
    );
  }
  return { invoice, readAt: answer.readAt };
}

/** What paying an invoice pays by: Stripe makes it when the invoice is finalized. */
export const defaultPayment = ({ payments }: InvoiceSeen): PaymentSeen | null =>
  payments.data.find((payment) => payment.is_default) ?? null;

export const latestChargeOf = (payment: PaymentSeen | null): string | null =>
  payment?.payment.payment_intent?.latest_charge ?? payment?.payment.charge ?? null;
