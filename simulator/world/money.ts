/** Exact amounts: tiers, tax, discounts, rounding. */
import type { Coupon, Currency, Price } from './model';
import {
  ONE,
  ZERO,
  add,
  multiply,
  parseDecimal,
  rational,
  roundTo,
  type Rational,
} from './rational';

/** Three-decimal currencies are charged in multiples of ten at Stripe. */
const ROUNDING_STEP: Record<Currency, bigint> = { eur: 1n, usd: 1n, jpy: 1n, kwd: 10n };

/** A chargeable amount in minor units. */
export function toMinor(value: Rational, currency: Currency): number {
  return Number(roundTo(value, ROUNDING_STEP[currency]));
}

/** What `quantity` units cost for one full period, exactly; flat amounts of every tier reached count in `graduated`. */
export function priceOf(price: Price, quantity: number): Rational {
  if (price.scheme === 'per_unit') {
    if (price.unitAmountDecimal === null) throw new Error(`The price ${price.id} has no amount.`);
    return multiply(parseDecimal(price.unitAmountDecimal), rational(quantity));
  }
  let total = ZERO;
  let from = 0;
  for (const tier of price.tiers) {
    const reached = tier.upTo === null || quantity <= tier.upTo;
    const upTo = tier.upTo === null ? quantity : Math.min(quantity, tier.upTo);
    const units = price.scheme === 'volume' ? quantity : upTo - from;
    if (price.scheme === 'graduated' || reached) {
      total = add(total, multiply(parseDecimal(tier.unitAmountDecimal), rational(units)));
      total = add(total, rational(tier.flatAmountMinor ?? 0));
    }
    if (reached) return total;
    from = upTo;
  }
  throw new Error(`The price ${price.id} has no unbounded last tier.`);
}

/** The share that stays after percentage coupons, compounded in order; amount coupons do not count here. */
export function shareKept(coupons: readonly Coupon[]): Rational {
  return coupons.reduce(
    (kept, coupon) => multiply(kept, rational(10_000 - (coupon.percentOffBp ?? 0), 10_000)),
    ONE,
  );
}

/**
 * What a coupon takes off each of `amounts`, so that the parts add up to one rounded discount: cumulative rounding in
 * the order given. Amounts must not be negative.
 */
export function allocateDiscount(
  amounts: readonly number[],
  coupon: Coupon,
  currency: Currency,
): number[] {
  const sum = amounts.reduce((total, amount) => total + amount, 0);
  if (sum <= 0) return amounts.map(() => 0);
  const off =
    coupon.percentOffBp === null
      ? Math.min(coupon.amountOffMinor ?? 0, sum)
      : toMinor(rational(BigInt(sum) * BigInt(coupon.percentOffBp), 10_000), currency);
  let [running, allocated] = [0, 0];
  return amounts.map((amount) => {
    running += amount;
    const upToHere = toMinor(rational(BigInt(off) * BigInt(running), sum), currency);
    const part = upToHere - allocated;
    allocated = upToHere;
    return part;
  });
}

/** Exclusive tax on a taxable amount. */
export function taxOn(taxableMinor: number, percentage: string, currency: Currency): number {
  return toMinor(
    multiply(rational(taxableMinor), multiply(parseDecimal(percentage), rational(1, 100))),
    currency,
  );
}
