/** What an item at a price is worth a month. */
import type { JsonValue } from '../records';
import { exact, exactText, sum, ZERO, type Exact } from './exact';
import type { Basis, Fact } from './facts';
import { asList, asObject } from './plain';
import type { MetricPolicy } from './policy';
import type { Tell } from './steps';

/** An item at a price during [from, to), before discounts and tax. */
export interface PricedItem {
  readonly item: string;
  /** Minor units a month. */
  readonly value: Exact;
  /** Billing periods in a month. */
  readonly periodsPerMonth: Exact;
  readonly exponent: number;
  readonly from: Date;
  readonly to: Date | null;
  readonly basis: Basis;
  readonly inputs: readonly string[];
}

type Factors = Pick<MetricPolicy, 'dayFactor' | 'weekFactor'>;

/** How many of the interval one month holds; null for what is no interval. */
function intervalsPerMonth(interval: string | null, policy: Factors): Exact | null {
  switch (interval) {
    case 'day':
      return exact(policy.dayFactor);
    case 'week':
      return exact(policy.weekFactor);
    case 'month':
      return exact('1');
    case 'year':
      return exact('1/12');
    default:
      return null;
  }
}

/** How many billing periods of the price one month holds; null where the price does not recur. */
export function periodsPerMonth(
  price: Pick<Fact<'price'>, 'interval' | 'intervalCount'>,
  policy: Factors,
): Exact | null {
  const periods = intervalsPerMonth(price.interval, policy);
  return periods && periods.div(exact(BigInt(price.intervalCount ?? 1)));
}

/** Minor units a month, before discounts; null where the price says nothing about it (one-time, metered, unknown tiers). */
export function monthlyValue(options: {
  price: Fact<'price'>;
  quantity: string | null;
  policy: MetricPolicy;
  tell?: Tell | undefined;
}): Exact | null {
  const { price, quantity, policy, tell } = options;
  const periods = periodsPerMonth(price, policy);
  if (!periods || quantity === null || price.usage === 'metered') return null;
  const amount = amountOf(price, exact(quantity));
  if (!amount) return null;
  tell?.({ text: amountText(price, exact(quantity)), after: amount, records: [price.id] });
  return perMonth(amount, { price, periods, tell });
}

/** What is due for a billing period, by the month. */
export function perMonth(
  amount: Exact,
  options: { price: Fact<'price'>; periods: Exact; tell?: Tell | undefined },
): Exact {
  const { price, periods, tell } = options;
  const value = amount.mul(periods);
  const length = `${String(price.intervalCount ?? 1)} ${price.interval ?? ''}`;
  const text = `× ${periods.toFraction()}: a billing period is ${length}`;
  tell?.({ text, after: value, records: [] });
  return value;
}

function amountText(price: Fact<'price'>, quantity: Exact): string {
  const count = quantity.toFraction();
  if (price.scheme !== 'per_unit')
    return `${count} units by the ${price.scheme} tiers of ${price.id}`;
  const packages = packagesOf(price, quantity);
  const of = packages.equals(quantity) ? '' : ` packages for a quantity of ${count}`;
  return `${packages.toFraction()}${of} × ${exactText(exact(price.unitAmount ?? '0'), price.exponent)} (${price.id})`;
}

function amountOf(price: Fact<'price'>, quantity: Exact): Exact | null {
  if (price.scheme === 'per_unit') {
    return price.unitAmount === null
      ? null
      : exact(price.unitAmount).mul(packagesOf(price, quantity));
  }
  const tiers = tiersOf(price);
  if (price.scheme === 'volume') {
    const tier = tiers.find(({ upTo }) => upTo === null || quantity.lte(upTo));
    return tier ? tier.unitAmount.mul(quantity).add(tier.flatAmount) : null;
  }
  if (price.scheme === 'graduated' && tiers.length > 0) {
    // The flat amount of a tier is due as soon as one unit reaches it, that of the first tier always.
    return sum(
      tiers.map(({ upTo, unitAmount, flatAmount }, index) => {
        const below = index === 0 ? ZERO : (tiers[index - 1]?.upTo ?? ZERO);
        const reached = upTo === null || quantity.lt(upTo) ? quantity : upTo;
        if (index > 0 && reached.lte(below)) return ZERO;
        return unitAmount.mul(reached.sub(below)).add(flatAmount);
      }),
    );
  }
  return null;
}

/** Prices per package count begun (`up`) or full (`down`) packages. */
function packagesOf(price: Fact<'price'>, quantity: Exact): Exact {
  const { divideBy, round } = asObject(price.transformQuantity ?? undefined);
  if (typeof divideBy !== 'number') return quantity;
  const packages = quantity.div(exact(BigInt(divideBy)));
  return round === 'up' ? packages.ceil() : packages.floor();
}

interface Tier {
  readonly upTo: Exact | null;
  readonly unitAmount: Exact;
  readonly flatAmount: Exact;
}

function tiersOf(price: Fact<'price'>): Tier[] {
  return asList(price.tiers ?? undefined).map((tier) => {
    const { upTo, unitAmount, flatAmount } = asObject(tier);
    return {
      upTo: optional(upTo),
      unitAmount: optional(unitAmount) ?? ZERO,
      flatAmount: optional(flatAmount) ?? ZERO,
    };
  });
}

const optional = (value: JsonValue | undefined): Exact | null =>
  typeof value === 'string' ? exact(value) : null;
