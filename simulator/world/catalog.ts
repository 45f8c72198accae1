/** What the merchant sells: products, prices, tax rates and coupons. */
import { DAY } from './calendar';
import { emit } from './events';
import { newCouponId, newId } from './ids';
import type { Coupon, Currency, Interval, Price, PriceTier, Product } from './model';
import { parseDecimal, multiply, rational, roundTo } from './rational';
import type { World } from './world';

const CURRENCIES: readonly Currency[] = ['eur', 'usd', 'jpy', 'kwd'];

export const DAILY: Interval = { unit: 'day', count: 1 };
export const WEEKLY: Interval = { unit: 'week', count: 1 };
export const MONTHLY: Interval = { unit: 'month', count: 1 };
export const QUARTERLY: Interval = { unit: 'month', count: 3 };
export const YEARLY: Interval = { unit: 'year', count: 1 };

interface Plan {
  name: string;
  description: string;
  scheme?: Price['scheme'];
  metered?: boolean;
  archived?: boolean;
  /** Euro cents per unit and period; tiers as `[upTo, unit, flat]`. */
  prices: [Interval, string | [number | null, string, number | null][]][];
}

/** What the merchant sells, in euro cents; other currencies are derived below. */
const PLANS: Plan[] = [
  {
    name: 'Starter',
    description: 'One workspace',
    prices: [
      [MONTHLY, '900'],
      [YEARLY, '9000'],
      [QUARTERLY, '2500'],
      [WEEKLY, '250'],
    ],
  },
  {
    name: 'Team',
    description: 'Per seat',
    prices: [
      [MONTHLY, '1500'],
      [YEARLY, '15000'],
      [QUARTERLY, '4200'],
      [{ unit: 'day', count: 30 }, '1480'],
    ],
  },
  {
    name: 'Seats',
    description: 'Per seat, cheaper as you grow',
    scheme: 'graduated',
    prices: [
      [
        MONTHLY,
        [
          [5, '1200', null],
          [20, '1000', null],
          [null, '800', null],
        ],
      ],
      [
        YEARLY,
        [
          [5, '12000', null],
          [20, '10000', null],
          [null, '8000', null],
        ],
      ],
    ],
  },
  {
    name: 'Business',
    description: 'Per seat by company size',
    scheme: 'volume',
    prices: [
      [
        MONTHLY,
        [
          [10, '2000', null],
          [50, '1700', 5000],
          [null, '1400', 9000],
        ],
      ],
      [
        YEARLY,
        [
          [10, '20000', null],
          [50, '17000', 50000],
          [null, '14000', 90000],
        ],
      ],
      [
        QUARTERLY,
        [
          [10, '5700', null],
          [50, '4900', 14000],
          [null, '4000', 25000],
        ],
      ],
    ],
  },
  {
    name: 'Analytics',
    description: 'Add-on',
    prices: [
      [MONTHLY, '700'],
      [YEARLY, '7100'],
      [QUARTERLY, '2000'],
      [WEEKLY, '190'],
      [DAILY, '35'],
    ],
  },
  {
    name: 'Messages',
    description: 'Prepaid messages',
    prices: [
      [MONTHLY, '12.5'],
      [YEARLY, '131.25'],
    ],
  },
  { name: 'Community', description: 'Free plan', prices: [[MONTHLY, '0']] },
  {
    name: 'Digest',
    description: 'Weekly report',
    prices: [
      [WEEKLY, '300'],
      [{ unit: 'week', count: 2 }, '550'],
    ],
  },
  { name: 'Day pass', description: 'Billed each day', prices: [[DAILY, '150']] },
  {
    name: 'Classic',
    description: 'No longer sold',
    archived: true,
    prices: [
      [MONTHLY, '1190'],
      [YEARLY, '11900'],
    ],
  },
  {
    name: 'API calls',
    description: 'By usage',
    metered: true,
    prices: [
      [MONTHLY, '0.35'],
      [QUARTERLY, '0.33'],
      [YEARLY, '0.3'],
    ],
  },
];

const ONE_TIME: [string, string][] = [
  ['Setup', '25000'],
  ['Training day', '98000'],
  ['Data import', '12900'],
];

/** Currency units per euro cent, and what prices are rounded to. */
const FACTORS: Record<Currency, { factor: [number, number]; step: bigint }> = {
  eur: { factor: [1, 1], step: 1n },
  usd: { factor: [11, 10], step: 5n },
  jpy: { factor: [8, 5], step: 10n },
  kwd: { factor: [7, 2], step: 10n },
};

/** Percent in hundredths, duration, months. */
const PERCENT_COUPONS: [string, number, Coupon['duration'], number | null][] = [
  ['Welcome 50', 5000, 'once', null],
  ['First month free', 10_000, 'once', null],
  ['Spring 20', 2000, 'repeating', 3],
  ['Half a year 25', 2500, 'repeating', 6],
  ['Year 15', 1500, 'repeating', 12],
  ['Partner 10', 1000, 'forever', null],
  ['Non-profit 12.5', 1250, 'forever', null],
  ['Friends', 10_000, 'forever', null],
];

/** Euro cents, duration, months; one coupon per currency. */
const AMOUNT_COUPONS: [string, string, Coupon['duration'], number | null][] = [
  ['Voucher', '500', 'once', null],
  ['Three months off', '300', 'repeating', 3],
  ['Loyalty', '200', 'forever', null],
];

/** Fills an empty world with what the merchant sells: `opened` is when, unix seconds. */
export function stockCatalog(
  world: World,
  { opened, archivedAt }: { opened: number; archivedAt: number },
): void {
  let at = opened;
  const tick = (): number => (at += 7 * 60);
  for (const plan of PLANS) {
    const product = addProduct(world, {
      created: tick(),
      name: plan.name,
      description: plan.description,
      active: plan.archived !== true,
    });
    for (const currency of CURRENCIES) {
      for (const [interval, amount] of plan.prices) {
        const metered = plan.metered === true;
        addPrice(world, {
          created: tick(),
          product: product.id,
          currency,
          active: plan.archived !== true,
          archivedAt: plan.archived === true ? archivedAt : null,
          inline: false,
          nickname: `${plan.name} per ${String(interval.count)} ${interval.unit}`,
          recurring: {
            interval,
            usageType: metered ? 'metered' : 'licensed',
            meter: metered ? newId(world.ids, 'mtr') : null,
          },
          scheme: plan.scheme ?? 'per_unit',
          unitAmountDecimal: typeof amount === 'string' ? localize(amount, currency) : null,
          tiers:
            typeof amount === 'string' ? [] : amount.map((tier) => localizeTier(tier, currency)),
        });
      }
    }
  }
  for (const [name, amount] of ONE_TIME) {
    const product = addProduct(world, { created: tick(), name, description: null, active: true });
    for (const currency of CURRENCIES) {
      const unitAmountDecimal = localize(amount, currency);
      addPrice(world, {
        created: tick(),
        product: product.id,
        currency,
        active: true,
        archivedAt: null,
        inline: false,
        nickname: null,
        recurring: null,
        scheme: 'per_unit',
        unitAmountDecimal,
        tiers: [],
      });
    }
  }
  for (const [name, percentOffBp, duration, durationInMonths] of PERCENT_COUPONS) {
    addCoupon(world, {
      created: tick(),
      name,
      percentOffBp,
      amountOffMinor: null,
      currency: null,
      duration,
      durationInMonths,
    });
  }
  for (const [name, amount, duration, durationInMonths] of AMOUNT_COUPONS) {
    for (const currency of CURRENCIES) {
      const amountOffMinor = Number(localize(amount, currency));
      addCoupon(world, {
        created: tick(),
        name: `${name} ${currency.toUpperCase()}`,
        percentOffBp: null,
        amountOffMinor,
        currency,
        duration,
        durationInMonths,
      });
    }
  }
}

export function addProduct(world: World, facts: Omit<Product, 'id'>): Product {
  const product = world.products.add({ id: newId(world.ids, 'prod'), ...facts });
  emit(world, { at: product.created, type: 'product.created', kind: 'product', record: product });
  return product;
}

/** Adds a price; an inline one belongs to the customer whose stream is given. */
export function addPrice(world: World, facts: Omit<Price, 'id'>, ids = world.ids): Price {
  const price = world.prices.add({ ...facts, id: newId(ids, 'price') });
  emit(world, { at: price.created, type: 'price.created', kind: 'price', record: price });
  return price;
}

export function addCoupon(
  world: World,
  facts: Omit<Coupon, 'id' | 'valid' | 'timesRedeemed'>,
): Coupon {
  const coupon = world.coupons.add({
    id: newCouponId(world.ids),
    ...facts,
    valid: true,
    timesRedeemed: 0,
  });
  emit(world, { at: coupon.created, type: 'coupon.created', kind: 'coupon', record: coupon });
  return coupon;
}

/** Tax rates by country, percent; always on top of the price. */
const TAX: [string, string, string][] = [
  ['DE', 'USt', '19'],
  ['FR', 'TVA', '20'],
  ['NL', 'BTW', '21'],
  ['ES', 'IVA', '21'],
  ['IT', 'IVA', '22'],
  ['US', 'Sales tax', '8.875'],
  ['JP', 'Consumption tax', '10'],
  ['KW', 'Levy', '5'],
];

export function addTaxRates(world: World, created: number): void {
  for (const [country, displayName, percentage] of TAX) {
    world.taxRates.add({ id: newId(world.ids, 'txr'), created, displayName, country, percentage });
  }
}

/** Euro cents in another currency. Amounts below a unit keep their decimals. */
function localize(euroCents: string, currency: Currency): string {
  const { factor, step } = FACTORS[currency];
  const value = multiply(parseDecimal(euroCents), rational(...factor));
  if (value.n === 0n) return '0';
  if (parseDecimal(euroCents).d === 1n) return String(roundTo(value, step));
  const thousandths = String(roundTo(multiply(value, rational(1000)))).padStart(4, '0');
  return `${thousandths.slice(0, -3)}.${thousandths.slice(-3)}`.replace(/\.?0+$/, '');
}

function localizeTier(
  [upTo, unit, flat]: [number | null, string, number | null],
  currency: Currency,
): PriceTier {
  return {
    upTo,
    unitAmountDecimal: localize(unit, currency),
    flatAmountMinor: flat === null ? null : Number(localize(String(flat), currency)),
  };
}

/** When the catalogue opened before the first customer could come. */
export const CATALOG_LEAD = 60 * DAY;
