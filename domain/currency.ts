/** How many decimals a currency has: ISO 4217, from the published list. What a provider does otherwise, its own folder says. */
import { data } from 'currency-codes';

const EXPONENTS = new Map(data.map((currency) => [currency.code, currency.digits]));

/**
 * Decimals of the minor unit by ISO 4217: 2 for `EUR`, 0 for `JPY`, 3 for `KWD`. Takes the upper-case code; null for a code
 * that the list does not hold.
 */
export function isoExponent(code: string): number | null {
  return EXPONENTS.get(code) ?? null;
}
