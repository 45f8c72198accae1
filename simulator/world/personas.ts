/** Customers with written stories. */
import type { SubscriptionAct, SubscriptionWish } from './agenda';
import { DAILY, QUARTERLY, WEEKLY, YEARLY } from './catalog';
import type { Coupon, Currency } from './model';

/** A customer whose story is written, so that a small world shows every feature too. Days are counted back from the clock. */
export interface Persona {
  since: number;
  /** Starts on the last 31st before `since`. */
  monthEnd?: boolean;
  currency?: Currency;
  taxed?: boolean;
  wish?: Omit<SubscriptionWish, 'acts' | 'coupons'>;
  /** Which coupons, percentages first. */
  coupons?: Partial<Coupon>[];
  /** Seven hours later in the day than everything else, so that none falls on a renewal. */
  acts?: [daysAgo: number, SubscriptionAct][];
  /** Pauses collection at the renewal of that day. */
  pauseAtRenewal?: number;
  /** The first card stops working so many days ago; what the issuer says then. */
  cardDies?: [daysAgo: number, declineCode: string];
  newCard?: number;
  manualInvoices?: number[];
  /** A second subscription, so many days ago. */
  again?: number;
  /** What happens to the first charge, so many days ago. */
  firstCharge?: [daysAgo: number, 'refund' | 'dispute'];
  /** Credits the first invoice, so many days ago. */
  credit?: number;
}

const PERCENT = { percentOffBp: 2000, duration: 'repeating', durationInMonths: 3 } as const;
const FOREVER = { percentOffBp: 1000, duration: 'forever' } as const;
const ONCE = { percentOffBp: 5000, duration: 'once' } as const;

/** One customer each, first in every world. */
export const PERSONAS: Persona[] = [
  {
    since: 200,
    taxed: true,
    acts: [
      [185, 'upgrade'],
      [120, 'changeQuantity'],
      [60, 'downgrade'],
    ],
  },
  {
    since: 100,
    acts: [
      [4, 'upgrade'],
      [3, 'changeQuantity'],
    ],
  },
  {
    since: 300,
    wish: { items: 2 },
    acts: [
      [285, 'addItem'],
      [220, 'removeItem'],
      [110, 'addItem'],
    ],
  },
  { since: 150, wish: { trialDays: 14, items: 1 } },
  { since: 5, wish: { trialDays: 30 } },
  {
    since: 340,
    currency: 'eur',
    taxed: true,
    coupons: [FOREVER, { amountOffMinor: 200, duration: 'forever' }],
  },
  { since: 260, coupons: [PERCENT] },
  { since: 250, coupons: [ONCE], acts: [[130, 'applyCoupon']] },
  { since: 95, coupons: [FOREVER], acts: [[7, 'removeCoupon']] },
  // Paused from a renewal on, and lately in the middle of a period.
  { since: 401, wish: { interval: { unit: 'day', count: 30 } }, pauseAtRenewal: 311 },
  {
    since: 130,
    acts: [
      [12, 'pause'],
      [6, 'resumeNow'],
    ],
  },
  { since: 190, acts: [[80, 'cancelNow']] },
  { since: 210, acts: [[100, 'cancelAtPeriodEnd']], again: 20 },
  { since: 75, acts: [[2, 'cancelAtPeriodEnd']] },
  {
    since: 160,
    acts: [
      [90, 'cancelAtPeriodEnd'],
      [88, 'keepAfterAll'],
    ],
  },
  { since: 320, cardDies: [250, 'lost_card'] },
  { since: 330, cardDies: [260, 'expired_card'], newCard: 235 },
  { since: 33, cardDies: [20, 'expired_card'] },
  { since: 140, cardDies: [141, 'invalid_account'], newCard: 138, again: 137 },
  { since: 170, currency: 'usd', taxed: true, manualInvoices: [150, 100, 70, 50, 20] },
  { since: 180, firstCharge: [170, 'refund'] },
  { since: 175, firstCharge: [150, 'dispute'] },
  { since: 165, firstCharge: [10, 'dispute'] },
  { since: 155, taxed: true, credit: 140 },
  {
    since: 500,
    wish: { interval: YEARLY },
    acts: [
      [400, 'changeQuantity'],
      [90, 'upgrade'],
    ],
  },
  { since: 280, wish: { interval: QUARTERLY } },
  { since: 90, wish: { interval: WEEKLY } },
  { since: 25, wish: { interval: DAILY } },
  { since: 240, again: 115 },
  { since: 270, wish: { items: 1, scheme: 'per_unit' }, acts: [[195, 'switchToYearly']] },
  { since: 420, monthEnd: true, currency: 'eur' },
  { since: 230, wish: { scheme: 'graduated', items: 1 }, acts: [[140, 'changeQuantity']] },
  { since: 225, wish: { scheme: 'volume', items: 1 }, acts: [[135, 'changeQuantity']] },
  { since: 215, wish: { metered: true } },
  {
    since: 205,
    currency: 'kwd',
    taxed: true,
    wish: { items: 2 },
    acts: [
      [110, 'upgrade'],
      [50, 'downgrade'],
    ],
  },
  { since: 195, currency: 'jpy', taxed: true, coupons: [FOREVER], acts: [[90, 'changeQuantity']] },
  { since: 185, wish: { inline: true, items: 1 }, acts: [[95, 'upgrade']] },
];
