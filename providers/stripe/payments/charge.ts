/** A charge as far as an attempt goes: what became of it, and why. */
import { z } from 'zod';
import type { DeclineCodes } from '../../../domain/recovery/decline';
import type { PaymentOutcome } from '../../provider';
import { instant, minor, orNull, reference } from '../normalise/shapes';
import { pathOf, type Reader } from './reader';

const text = orNull(z.string());

const methodShape = z.looseObject({
  type: text,
  card: orNull(z.looseObject({ brand: text, country: text })),
});

export const chargeShape = z.object({
  id: z.string(),
  created: instant,
  status: z.string(),
  amount: minor,
  payment_intent: orNull(reference),
  failure_code: text,
  outcome: orNull(
    z.object({
      type: text,
      reason: text,
      advice_code: text,
      network_decline_code: text,
      network_advice_code: text,
    }),
  ),
  payment_method_details: orNull(methodShape),
  disputed: z.boolean(),
  refunded: z.boolean(),
});
export type ChargeSeen = z.infer<typeof chargeShape>;

/** Null when Stripe does not have it, or shows it in a form that says nothing. */
export async function readCharge(reader: Reader, id: string): Promise<ChargeSeen | null> {
  const answer = await reader.byId(pathOf('/v1/charges', id), { subject: 'charges' });
  return chargeShape.safeParse(answer?.body).data ?? null;
}

/** Null for a status that this edition does not know. */
export function outcomeOf(charge: ChargeSeen): PaymentOutcome | null {
  switch (charge.status) {
    case 'succeeded':
      return { kind: 'succeeded', chargeId: charge.id, amountMinor: charge.amount };
    case 'pending':
      return { kind: 'pending', chargeId: charge.id };
    case 'failed':
      return { kind: 'declined', chargeId: charge.id, codes: codesOf(charge) };
    default:
      return null;
  }
}

/** The same fields as in the canonical record of the charge. */
function codesOf({
  failure_code,
  outcome,
  payment_method_details: method,
}: ChargeSeen): DeclineCodes {
  return {
    cardBrand: method?.card?.brand ?? null,
    cardCountry: method?.card?.country ?? null,
    methodType: method?.type ?? null,
    networkAdviceCode: outcome?.network_advice_code ?? null,
    networkDeclineCode: outcome?.network_decline_code ?? null,
    adviceCode: outcome?.advice_code ?? null,
    declineCode: outcome?.reason ?? null,
    failureCode: failure_code,
    outcomeType: outcome?.type ?? null,
  };
}

const errorShape = z.object({
  charge: orNull(reference),
  code: text,
  decline_code: text,
  advice_code: text,
  network_decline_code: text,
  network_advice_code: text,
  payment_method: orNull(methodShape).catch(null),
});

/** Stripe's word for a payment intent that waits for its customer: the charge, if there is one, says `authentication_required`. */
const REQUIRES_ACTION = 'invoice_payment_intent_requires_action';

/** What a card error says by itself: all but what the charge alone has. */
export function readCardError(error: unknown): { chargeId: string | null; codes: DeclineCodes } {
  const said = errorShape.parse(error);
  const needsCustomer = said.code === REQUIRES_ACTION;
  return {
    chargeId: said.charge,
    codes: {
      cardBrand: said.payment_method?.card?.brand ?? null,
      cardCountry: said.payment_method?.card?.country ?? null,
      methodType: said.payment_method?.type ?? null,
      networkAdviceCode: said.network_advice_code,
      networkDeclineCode: said.network_decline_code,
      adviceCode: said.advice_code,
      declineCode: said.decline_code,
      failureCode: needsCustomer ? 'authentication_required' : said.code,
      outcomeType: null,
    },
  };
}

/** Fills what is missing in the first from the second. */
export function mergeCodes(first: DeclineCodes, second: DeclineCodes): DeclineCodes {
  const merged = Object.entries(first).map(([name, code]) => [
    name,
    code ?? second[name as keyof DeclineCodes],
  ]);
  return Object.fromEntries(merged) as unknown as DeclineCodes;
}
