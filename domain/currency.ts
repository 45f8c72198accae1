/** How many decimals a currency has: ISO 4217, from the published list. What a provider does otherwise, its own folder says. */
import { data } from 'currency-codes';

/** What the list of 25 June 2024 lacks: the newest, and those withdrawn before it that old bills are still in. */
const BESIDE_THE_LIST: readonly (readonly [string, number])[] = [
  ['XCG', 2],
  ...['EEK', 'HRK', 'LTL', 'LVL', 'MRO', 'SLL', 'STD', 'VEF'].map((code) => [code, 2] as const),
];

const EXPONENTS = new Map([
  ...BESIDE_THE_LIST,
  ...data.map((currency) => [currency.code, currency.digits] as const),
]);

/**
 * Decimals of the minor unit by ISO 4217: 2 for `EUR`, 0 for `JPY`, 3 for `KWD`. Takes the upper-case code; null for a code
 * that the list does not hold.
 */
export function isoExponent(code: string): number | null {
  return EXPONENTS.get(code) ?? null;
}
