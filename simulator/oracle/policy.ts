/** What may count as recurring revenue, as far as the oracle can tell the truth about it. */
import type { Invoice } from '../world/model';
import { DAY } from '../world/calendar';
import { parseDecimal, rational, type Rational } from '../world/rational';
import type { World } from '../world/world';

export interface OraclePolicy {
  /** How many days a month holds. */
  day: Rational;
  week: Rational;
  /** `recurring` are all but those of one invoice. */
  discounts: 'none' | 'recurring' | 'all';
  /** After so many days what is not paid counts no more; null is never. */
  pastDueDays: number | null;
  churnDate: 'ended' | 'canceled' | 'paid_period_end';
}

export const DEFAULT_ORACLE_POLICY: OraclePolicy = {
  day: rational(365, 12),
  week: rational(52, 12),
  discounts: 'recurring',
  pastDueDays: null,
  churnDate: 'ended',
};

/** From a query such as `day=30&weeks=4.33&discounts=all&pastDueDays=30&churnDate=canceled`; what is left out is the default. */
export function policyFrom(query: URLSearchParams): OraclePolicy {
  const given = { ...DEFAULT_ORACLE_POLICY };
  const [day, week, days] = ['day', 'week', 'pastDueDays'].map((name) => query.get(name));
  if (typeof day === 'string') given.day = parseDecimal(day);
  if (typeof week === 'string') given.week = parseDecimal(week);
  if (typeof days === 'string') given.pastDueDays = Number(days);
  given.discounts = wordOf(query, 'discounts', ['none', 'recurring', 'all'], given.discounts);
  const dates = ['ended', 'canceled', 'paid_period_end'] as const;
  given.churnDate = wordOf(query, 'churnDate', dates, given.churnDate);
  return given;
}

function wordOf<W extends string>(
  query: URLSearchParams,
  name: string,
  words: readonly W[],
  otherwise: W,
): W {
  const given = query.get(name);
  const word = given === null ? otherwise : words.find((known) => known === given);
  if (word === undefined) throw new Error(`${name} must be one of ${words.join(', ')}.`);
  return word;
}

export interface Span {
  from: number;
  /** Null: it lasts. */
  to: number | null;
}

/** What was invoiced for each subscription. */
export class Invoiced {
  private readonly bySubscription = new Map<string, Invoice[]>();

  constructor(private readonly world: World) {
    for (const invoice of world.invoices.all) {
      const { subscription } = invoice;
      if (subscription === null) continue;
      const own = this.bySubscription.get(subscription);
      if (own === undefined) this.bySubscription.set(subscription, [invoice]);
      else own.push(invoice);
    }
  }

  /** When something of it had been due for too long. */
  arrears(subscription: string, days: number): Span[] {
    return this.of(subscription).flatMap(({ statusTransitions, dueDate, amountDueMinor }) => {
      const { finalizedAt, paidAt, voidedAt, markedUncollectibleAt } = statusTransitions;
      if (finalizedAt === null || amountDueMinor <= 0) return [];
      const from = (dueDate ?? finalizedAt) + days * DAY;
      const to = paidAt ?? voidedAt ?? markedUncollectibleAt;
      return to !== null && to <= from ? [] : [{ from, to }];
    });
  }

  /** When a subscription that has ended had used up what was paid for it; its end where that was credited, or never paid. */
  usedUpAt(subscription: string, endedAt: number): number {
    const invoices = this.of(subscription);
    const waiting = this.world.invoiceItems.all.filter(
      (item) => item.subscription === subscription,
    );
    const credits = [...invoices.flatMap(({ lines }) => lines), ...waiting].filter(
      ({ amountMinor, period }) => amountMinor < 0 && period.start === endedAt,
    );
    if (credits.length > 0) return endedAt;
    const ends = invoices
      .filter(({ status }) => status === 'paid')
      .flatMap(({ lines }) => lines)
      .filter(({ proration, price, period, subscription: of }) => {
        const { recurring } = this.world.prices.get(price);
        const isLicensed = recurring?.usageType === 'licensed';
        return of === subscription && !proration && isLicensed && period.start < endedAt;
      })
      .map(({ period }) => period.end);
    return ends.length === 0 ? endedAt : Math.max(...ends);
  }

  private of(subscription: string): readonly Invoice[] {
    return this.bySubscription.get(subscription) ?? [];
  }
}
