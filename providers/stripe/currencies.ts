import { isoExponent } from '../../domain/currency';

/**
 * Where the amounts that Stripe sends do not follow ISO 4217. UGX and ISK have no minor unit, but are sent with two decimals;
 * MGA has one, but is sent without. HUF and TWD are special in payouts only.
 * Source: https://docs.stripe.com/currencies (zero-decimal currencies, special cases).
 */
const SPECIAL_CASES: Readonly<Record<string, number>> = { UGX: 2, ISK: 2, MGA: 0 };

export interface Currency {
  /** ISO 4217, upper case. */
  readonly code: string;
  /** Decimals of the amounts as Stripe sends them. */
  readonly exponent: number;
}

/** The currency behind Stripe's lower-case code; null when there is no such currency. */
export function stripeCurrency(lowerCaseCode: string): Currency | null {
  const code = lowerCaseCode.toUpperCase();
  const exponent = SPECIAL_CASES[code] ?? isoExponent(code);
  return exponent === null ? null : { code, exponent };
}
