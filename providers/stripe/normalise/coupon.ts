import { z } from 'zod';
import type { Normalised } from '../../provider';
import { currency, decimalNumber, instant, minor, orNull, parse, unknownOf } from './shapes';

export const coupon = z.object({
  id: z.string(),
  name: orNull(z.string()),
  percent_off: orNull(decimalNumber),
  amount_off: orNull(minor),
  currency: orNull(currency),
  duration: z.string(),
  duration_in_months: orNull(z.int()),
  created: instant,
});

export type Coupon = z.infer<typeof coupon>;

export function normaliseCoupon(value: unknown): Partial<Normalised> {
  const parsed = parse('coupon', coupon, value);
  return {
    records: [
      {
        kind: 'coupon',
        id: parsed.id,
        fields: {
          name: parsed.name,
          ...toTerms(parsed),
          durationInMonths: parsed.duration_in_months,
          createdAt: parsed.created,
        },
      },
    ],
    unknowns: unknownsOf(parsed),
  };
}

/** What a coupon takes off, and for how long; the currency belongs to the amount. */
export function toTerms(coupon: Coupon) {
  const money = coupon.amount_off === null ? null : coupon.currency;
  return {
    percentOff: coupon.percent_off,
    amountOffMinor: coupon.amount_off,
    currency: money?.code ?? null,
    exponent: money?.exponent ?? null,
    duration: coupon.duration,
  };
}

export function unknownsOf({ duration }: Coupon): readonly string[] {
  return unknownOf('coupon.duration', duration, ['once', 'repeating', 'forever']);
}
