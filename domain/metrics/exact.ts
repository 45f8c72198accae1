/** Exact rationals: the only numbers on the way from a price to the ledger. */
import Fraction from 'fraction.js';

export type Exact = Fraction;

export const ZERO: Exact = new Fraction(0);

/** A decimal string, a fraction like `365/12`, or an integer, exactly. JS numbers are refused by type. */
export const exact = (value: string | bigint): Exact =>
  // Most are whole: reading those as integers is a good deal faster than looking for a point or a stroke.
  new Fraction(typeof value === 'string' && isWhole(value) ? BigInt(value) : value);

/** Whether a decimal is written as a whole number, in the only way there is. */
export const isWhole = (value: string): boolean => /^(0|[1-9]\d*)$/.test(value);

export const sum = (values: Iterable<Exact>): Exact => {
  let total = ZERO;
  for (const value of values) total = total.add(value);
  return total;
};

/** The ledger's one rounding mode: to the nearest integer, halves up. */
export const roundHalfUp = (value: Exact): bigint => {
  const doubled = 2n * value.s * value.n + value.d;
  const divisor = 2n * value.d;
  const quotient = doubled / divisor;
  return doubled < 0n && doubled % divisor !== 0n ? quotient - 1n : quotient;
};

/** Digits shown beyond the minor unit. */
const SHOWN_DIGITS = 4;

/** Minor units in decimals, as far as they are told: `30.3333…`, `20.00`. */
export function exactText(minor: Exact, exponent: number): string {
  const digits = exponent + SHOWN_DIGITS;
  const scaled = minor.mul(10n ** BigInt(SHOWN_DIGITS));
  const whole = scaled.n / scaled.d;
  const text = whole.toString().padStart(digits + 1, '0');
  const rest = scaled.n % scaled.d === 0n ? '' : '…';
  const fraction = text
    .slice(-digits)
    .replace(/0+$/, '')
    .padEnd(rest ? digits : exponent, '0');
  const sign = minor.s < 0n ? '-' : '';
  return `${sign}${text.slice(0, -digits)}${fraction === '' ? '' : `.${fraction}`}${rest}`;
}
