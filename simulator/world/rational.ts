/** An exact number `n/d` in lowest terms, `d` positive. */
export interface Rational {
  readonly n: bigint;
  readonly d: bigint;
}

export function rational(n: bigint | number, d: bigint | number = 1n): Rational {
  let [num, den] = [BigInt(n), BigInt(d)];
  if (den === 0n) throw new Error('A rational cannot have the denominator 0.');
  if (den < 0n) [num, den] = [-num, -den];
  const divisor = gcd(num < 0n ? -num : num, den);
  return divisor > 1n ? { n: num / divisor, d: den / divisor } : { n: num, d: den };
}

/** Reads a plain decimal such as `12.5` exactly. */
export function parseDecimal(text: string): Rational {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (match === null) throw new Error(`"${text}" is not a plain decimal.`);
  const [, sign = '', whole = '', fraction = ''] = match;
  return rational(BigInt(`${sign}${whole}${fraction}`), 10n ** BigInt(fraction.length));
}

export const ZERO = rational(0);
export const ONE = rational(1);

export function add(a: Rational, b: Rational): Rational {
  return rational(a.n * b.d + b.n * a.d, a.d * b.d);
}

export function subtract(a: Rational, b: Rational): Rational {
  return rational(a.n * b.d - b.n * a.d, a.d * b.d);
}

export function multiply(a: Rational, b: Rational): Rational {
  return rational(a.n * b.n, a.d * b.d);
}

/** Rounds to a multiple of `step`, halves away from zero. */
export function roundTo(value: Rational, step = 1n): bigint {
  const [n, d] = [value.n, value.d * step];
  const magnitude = (2n * (n < 0n ? -n : n) + d) / (2n * d);
  return (n < 0n ? -magnitude : magnitude) * step;
}

function gcd(a: bigint, b: bigint): bigint {
  while (b > 0n) [a, b] = [b, a % b];
  return a;
}
