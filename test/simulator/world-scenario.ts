import { advance } from '../../simulator/world/advance';
import { addCoupon, addPrice, addProduct } from '../../simulator/world/catalog';
import { attachCard, createCustomer } from '../../simulator/world/customers';
import type {
  Coupon,
  Currency,
  Customer,
  Interval,
  Price,
  Subscription,
  SubscriptionItem,
} from '../../simulator/world/model';
import { Random } from '../../simulator/world/random';
import { subscribe } from '../../simulator/world/subscriptions';
import { emptyWorld, type World } from '../../simulator/world/world';

export const MONTH: Interval = { unit: 'month', count: 1 };
export const YEAR: Interval = { unit: 'year', count: 1 };

/** Unix seconds of an ISO instant; a bare date is midnight UTC. */
export function at(iso: string): number {
  const ms = Date.parse(iso);
  if (Number.isNaN(ms)) throw new Error(`${iso} is not an instant.`);
  return ms / 1000;
}

/** A world in which nothing happens but what a test does, from 2026-01-01 on. */
export class Scenario {
  readonly world: World = emptyWorld({ seed: 1, clock: at('2026-01-01'), eventsFrom: 0 });
  private readonly product = addProduct(this.world, {
    created: at('2026-01-01'),
    name: 'Plan',
    description: null,
    active: true,
  });

  /** Lets the service do its work up to and including an instant. */
  until(iso: string): void {
    advance(this.world, at(iso));
  }

  customer({
    since,
    currency = 'eur',
    taxPercentage,
    diesAt = null,
    deadDecline = 'expired_card',
  }: {
    since: string;
    currency?: Currency;
    taxPercentage?: string;
    /** The card is good until then; null is for ever. */
    diesAt?: string | null;
    deadDecline?: string;
  }): Customer {
    const stream = new Random(`scenario ${String(this.world.customers.size)}`);
    let taxRate: string | null = null;
    if (taxPercentage !== undefined) {
      taxRate = 'txr_scenario';
      this.world.taxRates.add({
        id: taxRate,
        created: at(since),
        displayName: 'VAT',
        country: 'DE',
        percentage: taxPercentage,
      });
    }
    const customer = createCustomer(
      this.world,
      {
        at: at(since),
        name: 'Ada Abel',
        email: 'ada@example.com',
        country: 'DE',
        timeZone: 'Europe/Berlin',
        currency,
        taxRate,
      },
      { stream },
    );
    this.card(customer, { since, diesAt, deadDecline });
    return customer;
  }

  card(
    customer: Customer,
    {
      since,
      diesAt = null,
      deadDecline = 'expired_card',
    }: { since: string; diesAt?: string | null; deadDecline?: string },
  ): void {
    attachCard(this.world, customer, {
      at: at(since),
      brand: 'visa',
      funding: 'debit',
      country: 'DE',
      last4: '4242',
      expMonth: 12,
      expYear: 2030,
      issuer: {
        seed: 'scenario',
        troubleRate: 0,
        diesAt: diesAt === null ? null : at(diesAt),
        deadDecline,
      },
    });
  }

  price(
    unitAmountDecimal: string,
    { interval = MONTH, ...facts }: Partial<Price> & { interval?: Interval } = {},
  ): Price {
    return addPrice(this.world, {
      created: at('2026-01-01'),
      product: this.product.id,
      currency: 'eur',
      active: true,
      archivedAt: null,
      inline: false,
      nickname: null,
      recurring: { interval, usageType: 'licensed', meter: null },
      scheme: 'per_unit',
      unitAmountDecimal,
      tiers: [],
      ...facts,
    });
  }

  /** Subscribes a customer on 2026-01-10 to a plan. */
  subscription(
    customer: Customer,
    { price, quantity = 1, coupons = [] }: { price: Price; quantity?: number; coupons?: Coupon[] },
  ): { subscription: Subscription; item: SubscriptionItem } {
    const items = [{ price, quantity }];
    const subscription = subscribe(this.world, { at: at('2026-01-10'), customer, items, coupons });
    const [item] = subscription.items;
    if (item === undefined) throw new Error('A subscription has an item.');
    return { subscription, item };
  }

  coupon(
    facts: Pick<Coupon, 'duration'> &
      Partial<Pick<Coupon, 'percentOffBp' | 'amountOffMinor' | 'durationInMonths'>>,
  ): Coupon {
    return addCoupon(this.world, {
      created: at('2026-01-01'),
      name: 'Coupon',
      percentOffBp: null,
      amountOffMinor: null,
      durationInMonths: null,
      currency: facts.amountOffMinor === undefined ? null : 'eur',
      ...facts,
    });
  }
}
