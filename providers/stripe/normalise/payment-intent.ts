import { z } from 'zod';
import type { Normalised } from '../../provider';
import { currency, instant, minor, orNull, parse, reference, unknownOf } from './shapes';

const STATUSES = [
  'canceled',
  'processing',
  'requires_action',
  'requires_capture',
  'requires_confirmation',
  'requires_payment_method',
  'succeeded',
];

const shape = z.object({
  id: z.string(),
  customer: orNull(reference),
  status: z.string(),
  currency,
  amount: minor,
  amount_received: minor,
  created: instant,
  canceled_at: orNull(instant),
});

export function normalisePaymentIntent(value: unknown): Partial<Normalised> {
  const intent = parse('payment_intent', shape, value);
  return {
    records: [
      {
        kind: 'payment',
        id: intent.id,
        fields: {
          customerId: intent.customer,
          status: intent.status,
          currency: intent.currency.code,
          exponent: intent.currency.exponent,
          amountMinor: intent.amount,
          amountReceivedMinor: intent.amount_received,
          createdAt: intent.created,
          canceledAt: intent.canceled_at,
        },
      },
    ],
    unknowns: unknownOf('payment_intent.status', intent.status, STATUSES),
  };
}
