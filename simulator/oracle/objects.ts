/** The oracle on single objects: what the books say of each invoice, payment and refund. */
import type { Currency } from '../world/model';
import type { World } from '../world/world';
import { isoInstant } from './ledger';
import { isoCode } from './totals';

export interface Booked {
  id: string;
  customer: string | null;
  /** ISO instant. */
  created: string;
  /** ISO 4217. */
  currency: string;
  status: string;
  /** Decimal minor units. */
  amounts: Record<string, string>;
}

export interface BookedPage {
  /** Newest first. */
  objects: Booked[];
  hasMore: boolean;
}

const PAGE_SIZE = 1000;

export const BOOKED_KINDS = ['invoice', 'payment', 'refund'] as const;
export type BookedKind = (typeof BOOKED_KINDS)[number];

/** Those created in `[from, to)` (unix seconds), after the one that a page ended with. */
export function booked(
  world: World,
  wanted: { kind: BookedKind; from: number; to: number; after: string | null },
): BookedPage {
  const { kind, from, to, after } = wanted;
  const books = {
    invoice: () => pageOf(world, world.invoices.all, invoiceAmounts),
    payment: () => pageOf(world, world.paymentIntents.all, paymentAmounts),
    refund: () => pageOf(world, world.refunds.all, ({ amountMinor }) => ({ amountMinor })),
  };
  return books[kind]();

  function pageOf<R extends Entry>(
    { deleted }: World,
    oldestFirst: readonly R[],
    amountsOf: (record: R) => Record<string, number>,
  ): BookedPage {
    const end = after === null ? oldestFirst.length : oldestFirst.findIndex((r) => r.id === after);
    if (end < 0) throw new Error(`There is no ${kind} ${after}.`);
    const rest = oldestFirst
      .slice(0, end)
      .filter(({ id, created }) => from <= created && created < to && !deleted.has(id));
    const objects = rest
      .slice(-PAGE_SIZE)
      .reverse()
      .map((record) => ({
        id: record.id,
        customer: record.customer ?? null,
        created: isoInstant(record.created),
        currency: isoCode(record.currency),
        status: record.status,
        amounts: Object.fromEntries(
          Object.entries(amountsOf(record)).map(([name, minor]) => [name, String(minor)]),
        ),
      }));
    return { objects, hasMore: rest.length > PAGE_SIZE };
  }
}

interface Entry {
  id: string;
  created: number;
  customer?: string;
  currency: Currency;
  status: string;
}

const invoiceAmounts = (invoice: World['invoices']['all'][number]) => ({
  totalMinor: invoice.totalMinor,
  amountDueMinor: invoice.amountDueMinor,
  amountPaidMinor: invoice.amountPaidMinor,
});

const paymentAmounts = (payment: World['paymentIntents']['all'][number]) => ({
  amountMinor: payment.amountMinor,
  amountReceivedMinor: payment.amountReceivedMinor,
});
