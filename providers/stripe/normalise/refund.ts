import { z } from 'zod';
import type { Normalised } from '../../provider';
import { currency, instant, minor, orNull, parse, reference, unknownOf } from './shapes';

const STATUSES = ['canceled', 'failed', 'pending', 'requires_action', 'succeeded'];

const shape = z.object({
  id: z.string(),
  charge: orNull(reference),
  payment_intent: orNull(reference),
  status: z.string(),
  reason: orNull(z.string()),
  currency,
  amount: minor,
  created: instant,
});

export function normaliseRefund(value: unknown): Partial<Normalised> {
  const refund = parse('refund', shape, value);
  return {
    records: [
      {
        kind: 'refund',
        id: refund.id,
        fields: {
          attemptId: refund.charge,
          paymentId: refund.payment_intent,
          status: refund.status,
          reason: refund.reason,
          currency: refund.currency.code,
          exponent: refund.currency.exponent,
          amountMinor: refund.amount,
          createdAt: refund.created,
        },
      },
    ],
    unknowns: unknownOf('refund.status', refund.status, STATUSES),
  };
}
