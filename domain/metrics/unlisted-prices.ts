/**
 * Prices that no list shows: Stripe makes one inline for a single customer, and once the item has another price only invoice
 * lines still name it. What such a price was follows from its lines of whole billing periods.
 */
import { DateTime } from 'luxon';
import { exact } from './exact';
import type { CustomerFacts, Fact } from './facts';

type Term = Pick<Fact<'price'>, 'interval' | 'intervalCount'>;

/** The facts with a price for each recurring line that names an unknown one, where its lines agree. */
export function withUnlistedPrices(facts: CustomerFacts): CustomerFacts {
  const known = new Set(facts.price.map(({ id }) => id));
  const lines = new Map<string, Fact<'invoice_line'>[]>();
  for (const line of facts.invoice_line) {
    // A line of a trial costs nothing, and its period is that of the trial.
    if (line.kind !== 'recurring' || line.amountMinor <= 0n) continue;
    if (line.priceId === null || known.has(line.priceId)) continue;
    const same = lines.get(line.priceId) ?? [];
    same.push(line);
    lines.set(line.priceId, same);
  }
  const concluded = [...lines].flatMap(([id, own]) => priceOf(id, own) ?? []);
  return concluded.length === 0 ? facts : { ...facts, price: [...facts.price, ...concluded] };
}

function priceOf(id: string, lines: readonly Fact<'invoice_line'>[]): Fact<'price'> | null {
  const [first] = lines;
  const term = termOf(lines);
  const units = new Set(
    lines.map(({ amountMinor, quantity }) =>
      Number(quantity) > 0
        ? exact(amountMinor)
            .div(exact(quantity ?? '1'))
            .toFraction()
        : '',
    ),
  );
  const [unitAmount] = units;
  // Lines that differ in the price of one unit are of tiers or packages, or of usage.
  if (!first || !term || !unitAmount || units.size > 1) return null;
  return {
    id,
    seenAt: first.seenAt,
    productId: null,
    active: false,
    currency: first.currency,
    exponent: first.exponent,
    scheme: 'per_unit',
    unitAmount,
    tiers: null,
    transformQuantity: null,
    ...term,
    usage: 'licensed',
    createdAt: first.periodStart,
  };
}

/** The billing interval whose periods all the lines are, months before weeks before days. */
function termOf(lines: readonly Fact<'invoice_line'>[]): Term | null {
  const spans = lines.map(({ periodStart, periodEnd }) => ({
    start: DateTime.fromJSDate(periodStart, { zone: 'UTC' }),
    end: DateTime.fromJSDate(periodEnd, { zone: 'UTC' }),
  }));
  const months = new Set(
    spans.map(({ start, end }) => {
      const count = (end.year - start.year) * 12 + end.month - start.month;
      // A period that begins or ends with a short month's last day keeps the day of its anchor.
      const isWhole =
        start.plus({ months: count }).equals(end) || end.minus({ months: count }).equals(start);
      return isWhole ? count : 0;
    }),
  );
  const days = new Set(spans.map(({ start, end }) => end.diff(start, 'days').days));
  const [[month = 0], [day = 0]] = [months, days];
  if (months.size === 1 && month > 0) return { interval: 'month', intervalCount: month };
  if (days.size !== 1 || day < 1 || !Number.isInteger(day)) return null;
  return day % 7 === 0
    ? { interval: 'week', intervalCount: day / 7 }
    : { interval: 'day', intervalCount: day };
}
