import { exact, sum, ZERO, type Exact } from './exact';
import { compareText } from './plain';

/**
 * Splits a total over its parts in proportion, by largest remainder, ties by id: the shares always sum to the total, and come in
 * the order of the parts. Weights are not below 0; where all are 0, nothing can be split but 0.
 */
export function allocate(
  total: bigint,
  parts: readonly { readonly id: string; readonly weight: Exact }[],
): bigint[] {
  const whole = sum(parts.map(({ weight }) => weight));
  if (whole.equals(ZERO)) return parts.map(() => 0n);
  // A total below 0 is split as its mirror image.
  const sign = total < 0n ? -1n : 1n;
  const amount = exact(sign * total);
  const shares = parts.map(({ id, weight }, index) => {
    const share = amount.mul(weight).div(whole);
    const floor = share.floor();
    return { index, id, minor: floor.n, remainder: share.sub(floor) };
  });
  let left = sign * total - shares.reduce((given, { minor }) => given + minor, 0n);
  const byRemainder = [...shares].sort(
    (a, b) => b.remainder.compare(a.remainder) || compareText(a.id, b.id),
  );
  for (const share of byRemainder) {
    if (left === 0n) break;
    share.minor += 1n;
    left -= 1n;
  }
  return shares.map(({ minor }) => sign * minor);
}
