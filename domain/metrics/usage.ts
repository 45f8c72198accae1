/** What metered usage counts for, under policies that count it: what was billed for it. */
import { exact, exactText, sum } from './exact';
import type { CustomerFacts, Fact } from './facts';
import { compareText } from './plain';
import type { MetricPolicy } from './policy';
import { teller, type Step, type Workings } from './steps';
import { periodsPerMonth, perMonth, type PricedItem } from './value';

/** How many bills of an item its value is the average of; 0 where usage does not count. */
export const averagedBills = ({ metered }: Pick<MetricPolicy, 'metered'>): number =>
  metered === 'exclude' ? 0 : metered === 'last_invoice' ? 1 : metered.averageOfInvoices;

interface Bill {
  readonly item: string;
  readonly price: Fact<'price'>;
  readonly at: Date;
  readonly amountMinor: bigint;
  readonly lines: readonly string[];
}

/** Each bill counts from the end of its period until the next one comes. */
export function usageOf(
  subscription: Fact<'subscription'>,
  facts: CustomerFacts,
  policy: MetricPolicy,
  workings?: Workings,
): PricedItem[] {
  const averaged = averagedBills(policy);
  if (averaged === 0) return [];
  const present = new Set(facts.subscription_item.map(({ id }) => id));
  return [...billsByItem(subscription, facts)].flatMap(([item, bills]) =>
    bills.flatMap(({ price, at, lines }, index): PricedItem[] => {
      const periods = periodsPerMonth(price, policy);
      const next = bills[index + 1];
      // After the last bill of an item that is gone there is nothing to expect.
      if (!periods || (!next && !present.has(item) && subscription.endedAt === null)) return [];
      const past = bills.slice(Math.max(0, index + 1 - averaged), index + 1);
      const total = sum(past.map(({ amountMinor }) => exact(amountMinor)));
      const steps: Step[] = [];
      const tell = teller(workings, steps);
      const average = total.div(exact(BigInt(past.length)));
      const amounts = past
        .map(({ amountMinor }) => exactText(exact(amountMinor), price.exponent))
        .join(' + ');
      const text = `(${amounts}) / ${String(past.length)} billed for usage`;
      tell?.({ text, after: average, records: past.flatMap((bill) => bill.lines) });
      const priced: PricedItem = {
        item,
        value: perMonth(average, { price, periods, tell }),
        periodsPerMonth: periods,
        exponent: price.exponent,
        from: at,
        to: next?.at ?? null,
        basis: 'exact',
        inputs: [...lines, price.id],
      };
      workings?.set(priced, steps);
      return [priced];
    }),
  );
}

/** In order of time; the lines of one period, such as those of tiers, are one bill. */
function billsByItem(
  subscription: Fact<'subscription'>,
  facts: CustomerFacts,
): Map<string, Bill[]> {
  const metered = new Map(
    facts.price.filter(({ usage }) => usage === 'metered').map((price) => [price.id, price]),
  );
  const bills = new Map<string, Bill>();
  for (const line of facts.invoice_line) {
    const { kind, subscriptionId, subscriptionItemId: item, priceId, periodEnd } = line;
    const price = metered.get(priceId ?? '');
    if (kind !== 'recurring' || subscriptionId !== subscription.id || !item || !price) continue;
    const key = `${item} ${String(periodEnd.getTime())}`;
    const known = bills.get(key) ?? { item, price, at: periodEnd, amountMinor: 0n, lines: [] };
    bills.set(key, {
      ...known,
      amountMinor: known.amountMinor + line.amountMinor,
      lines: [...known.lines, line.id],
    });
  }
  const byItem = new Map<string, Bill[]>();
  for (const bill of [...bills.values()].sort((a, b) => a.at.getTime() - b.at.getTime())) {
    byItem.set(bill.item, [...(byItem.get(bill.item) ?? []), bill]);
  }
  return new Map([...byItem].sort(([a], [b]) => compareText(a, b)));
}
