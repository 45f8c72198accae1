import { z } from 'zod';
import type { Normalised } from '../../provider';
import { currency, instant, minor, orNull, parse, reference, unknownOf } from './shapes';

const STATUSES = ['canceled', 'open', 'paid'];
const PAYMENT_TYPES = ['charge', 'payment_intent', 'payment_record'];

const shape = z.object({
  id: z.string(),
  invoice: reference,
  payment: z.object({
    type: z.string(),
    payment_intent: orNull(reference),
    charge: orNull(reference),
  }),
  status: z.string(),
  currency,
  amount_requested: minor,
  amount_paid: orNull(minor),
  is_default: z.boolean(),
  created: instant,
});

export function normaliseInvoicePayment(value: unknown): Partial<Normalised> {
  const parsed = parse('invoice_payment', shape, value);
  const { payment, status } = parsed;
  return {
    records: [
      {
        kind: 'invoice_payment',
        id: parsed.id,
        fields: {
          invoiceId: parsed.invoice,
          paymentId: payment.payment_intent,
          attemptId: payment.charge,
          status,
          currency: parsed.currency.code,
          exponent: parsed.currency.exponent,
          amountRequestedMinor: parsed.amount_requested,
          amountPaidMinor: parsed.amount_paid,
          isDefault: parsed.is_default,
          createdAt: parsed.created,
        },
      },
    ],
    unknowns: [
      ...unknownOf('invoice_payment.status', status, STATUSES),
      ...unknownOf('invoice_payment.payment.type', payment.type, PAYMENT_TYPES),
    ],
  };
}
