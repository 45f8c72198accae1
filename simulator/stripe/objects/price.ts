import type Stripe from 'stripe';

import type { Price, PriceTier } from '../../world/model';
import { reference, type ObjectType } from '../object-type';
import type { Wire } from '../wire';

export const price: ObjectType<Price> = {
  noun: 'price',
  permission: 'plan',
  find: (id, world) => world.prices.find(id),
  render: renderPrice,
  expandable: {
    product: reference('product'),
    tiers: {
      kind: 'included',
      to: null,
      load: (id, { world }) => {
        const { scheme, tiers } = world.prices.get(id);
        return scheme === 'per_unit' ? undefined : tiers.map(renderTier);
      },
    },
  },
};

export function renderPrice(record: Price) {
  return {
    id: record.id,
    object: 'price',
    active: record.active,
    billing_scheme: record.scheme === 'per_unit' ? 'per_unit' : 'tiered',
    created: record.created,
    currency: record.currency,
    custom_unit_amount: null,
    livemode: false,
    lookup_key: null,
    metadata: {},
    nickname: record.nickname,
    product: record.product,
    recurring:
      record.recurring === null
        ? null
        : {
            interval: record.recurring.interval.unit,
            interval_count: record.recurring.interval.count,
            meter: record.recurring.meter,
            trial_period_days: null,
            usage_type: record.recurring.usageType,
          },
    tax_behavior: 'exclusive',
    tiers_mode: record.scheme === 'per_unit' ? null : record.scheme,
    transform_quantity: null,
    type: record.recurring === null ? 'one_time' : 'recurring',
    unit_amount: wholeOrNull(record.unitAmountDecimal),
    unit_amount_decimal: record.unitAmountDecimal,
  } satisfies Wire<Stripe.Price>;
}

function renderTier(tier: PriceTier) {
  return {
    flat_amount: tier.flatAmountMinor,
    flat_amount_decimal: tier.flatAmountMinor === null ? null : String(tier.flatAmountMinor),
    unit_amount: wholeOrNull(tier.unitAmountDecimal),
    unit_amount_decimal: tier.unitAmountDecimal,
    up_to: tier.upTo,
  } satisfies Wire<Stripe.Price.Tier>;
}

/** Stripe leaves `unit_amount` null where the decimal has a fraction. */
function wholeOrNull(decimal: string | null): number | null {
  return decimal !== null && Number.isInteger(Number(decimal)) ? Number(decimal) : null;
}
