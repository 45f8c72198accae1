import { z } from 'zod';
import type { Normalised } from '../../provider';
import { currency, instant, minor, orNull, parse, reference, unknownOf } from './shapes';

const STATUSES = [
  'appeal_needs_response',
  'appeal_under_review',
  'lost',
  'needs_response',
  'prevented',
  'under_review',
  'warning_closed',
  'warning_needs_response',
  'warning_under_review',
  'won',
];

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

export function normaliseDispute(value: unknown): Partial<Normalised> {
  const dispute = parse('dispute', shape, value);
  return {
    records: [
      {
        kind: 'dispute',
        id: dispute.id,
        fields: {
          attemptId: dispute.charge,
          paymentId: dispute.payment_intent,
          status: dispute.status,
          reason: dispute.reason,
          currency: dispute.currency.code,
          exponent: dispute.currency.exponent,
          amountMinor: dispute.amount,
          createdAt: dispute.created,
        },
      },
    ],
    unknowns: unknownOf('dispute.status', dispute.status, STATUSES),
  };
}
