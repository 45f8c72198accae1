import { z } from 'zod';
import type { Normalised } from '../../provider';
import { currency, instant, minor, orNull, parse, reference, unknownOf } from './shapes';

const STATUSES = ['failed', 'pending', 'succeeded'];
const OUTCOME_TYPES = ['authorized', 'blocked', 'invalid', 'issuer_declined', 'manual_review'];

const shape = z.object({
  id: z.string(),
  payment_intent: orNull(reference),
  customer: orNull(reference),
  status: z.string(),
  currency,
  amount: minor,
  amount_refunded: minor,
  created: instant,
  failure_code: orNull(z.string()),
  outcome: orNull(
    z.object({
      type: orNull(z.string()),
      reason: orNull(z.string()),
      advice_code: orNull(z.string()),
      network_decline_code: orNull(z.string()),
      network_advice_code: orNull(z.string()),
    }),
  ),
  payment_method: orNull(reference),
  payment_method_details: orNull(
    z.looseObject({
      type: orNull(z.string()),
      card: orNull(
        z.looseObject({
          brand: orNull(z.string()),
          funding: orNull(z.string()),
          country: orNull(z.string()),
        }),
      ),
    }),
  ),
  disputed: z.boolean(),
});

/** Under the name of its type: cards have a fingerprint, and so have the bank accounts of direct debits. */
const methodShape = z.looseObject({ fingerprint: orNull(z.string()) });

export function normaliseCharge(value: unknown): Partial<Normalised> {
  const charge = parse('charge', shape, value);
  const { outcome, payment_method_details: method, status } = charge;
  const details = methodShape.safeParse(method?.[method.type ?? '']).data;
  return {
    records: [
      {
        kind: 'payment_attempt',
        id: charge.id,
        fields: {
          paymentId: charge.payment_intent,
          customerId: charge.customer,
          status,
          currency: charge.currency.code,
          exponent: charge.currency.exponent,
          amountMinor: charge.amount,
          amountRefundedMinor: charge.amount_refunded,
          createdAt: charge.created,
          failureCode: charge.failure_code,
          // A charge has no decline code of its own: the reason of a failed one's outcome is it.
          declineCode: status === 'failed' ? (outcome?.reason ?? null) : null,
          adviceCode: outcome?.advice_code ?? null,
          networkDeclineCode: outcome?.network_decline_code ?? null,
          networkAdviceCode: outcome?.network_advice_code ?? null,
          outcomeType: outcome?.type ?? null,
          paymentMethodId: charge.payment_method,
          methodType: method?.type ?? null,
          cardBrand: method?.card?.brand ?? null,
          cardFunding: method?.card?.funding ?? null,
          cardCountry: method?.card?.country ?? null,
          cardFingerprint: details?.fingerprint ?? null,
          disputed: charge.disputed,
        },
      },
    ],
    unknowns: [
      ...unknownOf('charge.status', status, STATUSES),
      ...unknownOf('charge.outcome.type', outcome?.type ?? null, OUTCOME_TYPES),
    ],
  };
}
