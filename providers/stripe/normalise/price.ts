import { z } from 'zod';
import type { CanonicalRecord } from '../../../domain/records';
import { NotNormalisable, type Hint, type Normalised } from '../../provider';
import { currency, decimalText, instant, orNull, parse, reference, unknownOf } from './shapes';

const tier = z.object({
  /** Null for the last one. */
  up_to: z.int().nullable(),
  unit_amount_decimal: orNull(decimalText),
  flat_amount_decimal: orNull(decimalText),
});

export const price = z.object({
  id: z.string(),
  product: orNull(reference),
  active: z.boolean(),
  currency,
  billing_scheme: z.string(),
  /** Absent unless expanded. */
  tiers: orNull(z.array(tier)),
  tiers_mode: orNull(z.string()),
  /** Null for tiers, and for amounts that the customer chooses. */
  unit_amount_decimal: orNull(decimalText),
  transform_quantity: orNull(z.object({ divide_by: z.int().positive(), round: z.string() })),
  recurring: orNull(
    z.object({
      interval: z.string(),
      interval_count: z.int().positive(),
      usage_type: z.string(),
    }),
  ),
  created: instant,
});

type Price = z.infer<typeof price>;

export function normalisePrice(value: unknown): Partial<Normalised> {
  const parsed = parse('price', price, value);
  const record = toPrice(parsed);
  if (record === null) throw new NotNormalisable('price.tiers: expected the tiers of the price');
  return { records: [record], unknowns: unknownsOf(parsed) };
}

/**
 * Prices that records name: one that was made inline for a customer is in no list, and is read by its id. One-time prices may be
 * as many as invoices, and count 0 whatever they say: what names those asks for none.
 */
export const priceHints = (ids: readonly (string | null)[]): readonly Hint[] =>
  [...new Set(ids)].flatMap((id) =>
    id === null ? [] : [{ resource: 'price', id, changedAt: null }],
  );

/** Null for a tiered price without its tiers: inside an item they lie below the depth of expansions. */
export function toPrice(price: Price): CanonicalRecord<'price'> | null {
  const isTiered = price.billing_scheme === 'tiered';
  if (isTiered && (price.tiers ?? []).length === 0) return null;
  return {
    kind: 'price',
    id: price.id,
    fields: {
      productId: price.product,
      active: price.active,
      currency: price.currency.code,
      exponent: price.currency.exponent,
      scheme: (isTiered ? price.tiers_mode : null) ?? price.billing_scheme,
      unitAmount: isTiered ? null : price.unit_amount_decimal,
      tiers: isTiered ? toTiers(price) : null,
      transformQuantity:
        price.transform_quantity === null
          ? null
          : {
              divideBy: price.transform_quantity.divide_by,
              round: price.transform_quantity.round,
            },
      interval: price.recurring?.interval ?? null,
      intervalCount: price.recurring?.interval_count ?? null,
      usage: price.recurring?.usage_type ?? null,
      createdAt: price.created,
    },
  };
}

function toTiers({ tiers }: Price) {
  return (tiers ?? []).map((tier) => ({
    upTo: tier.up_to === null ? null : String(tier.up_to),
    unitAmount: tier.unit_amount_decimal ?? '0',
    flatAmount: tier.flat_amount_decimal ?? '0',
  }));
}

function unknownsOf(price: Price): readonly string[] {
  const { recurring } = price;
  return [
    ...unknownOf('price.billing_scheme', price.billing_scheme, ['per_unit', 'tiered']),
    ...unknownOf('price.tiers_mode', price.tiers_mode, ['graduated', 'volume']),
    ...unknownOf('price.recurring.interval', recurring?.interval ?? null, [
      'day',
      'week',
      'month',
      'year',
    ]),
    ...unknownOf('price.recurring.usage_type', recurring?.usage_type ?? null, [
      'licensed',
      'metered',
    ]),
    ...unknownOf('price.transform_quantity.round', price.transform_quantity?.round ?? null, [
      'down',
      'up',
    ]),
  ];
}
