/** Exact rationals: the only numbers on the way from a price to the ledger. */
import Fraction from 'fraction.js';

export type Exact = Fraction;

export const ZERO: Exact = new Fraction(0);

/** A decimal string, a fraction like `365/12`, or an integer, exactly. JS numbers are refused by type. */
export const exact = (value: string | bigint): Exact => new Fraction(value);

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
