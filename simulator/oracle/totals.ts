/** The oracle on completeness: how many objects of each kind there are, and what they sum up to. */
import type { Currency } from '../world/model';
import type { World } from '../world/world';

/** Counts and sums per ISO currency code; sums of minor units as decimal strings, since they may outgrow JSON numbers. */
export interface Totals {
  customers: { count: number };
  products: { count: number };
  /** `inline` prices are in no list. */
  prices: { count: number; active: number; inline: number };
  coupons: { count: number };
  discounts: { count: number };
  subscriptions: { count: number; byStatus: Record<string, number> };
  invoiceItems: { count: number; pending: number };
  invoices: ByCurrency<InvoiceTotals & { byStatus: Record<string, InvoiceTotals> }>;
  invoiceLines: ByCurrency<Amount>;
  invoicePayments: ByCurrency<Amount>;
  /** Payment intents. */
  payments: ByCurrency<Amount>;
  charges: ByCurrency<
    Amount & {
      succeededCount: number;
      succeededMinor: string;
      failedCount: number;
      failedMinor: string;
    }
  >;
  refunds: ByCurrency<Amount>;
  disputes: ByCurrency<Amount>;
  creditNotes: ByCurrency<Amount>;
}

interface ByCurrency<T> {
  count: number;
  byCurrency: Record<string, T>;
}

export interface Amount {
  count: number;
  amountMinor: string;
}

interface InvoiceTotals {
  count: number;
  totalMinor: string;
  amountDueMinor: string;
  amountPaidMinor: string;
}

/** What a complete sync must have found, counted from the world's own records. */
export function totals(world: World): Totals {
  const served = <R extends { id: string }>({ all }: { all: readonly R[] }): R[] =>
    all.filter(({ id }) => !world.deleted.has(id));
  const invoices = served(world.invoices);
  const invoiceItems = served(world.invoiceItems);
  return {
    customers: { count: served(world.customers).length },
    products: { count: world.products.size },
    prices: {
      count: world.prices.size,
      active: world.prices.all.filter(({ active }) => active).length,
      inline: world.prices.all.filter(({ inline }) => inline).length,
    },
    coupons: { count: served(world.coupons).length },
    discounts: { count: world.discounts.size },
    subscriptions: {
      count: world.subscriptions.size,
      byStatus: mapValues(
        groupBy(world.subscriptions.all, ({ status }) => status),
        (group) => group.length,
      ),
    },
    invoiceItems: {
      count: invoiceItems.length,
      pending: invoiceItems.filter(({ invoice }) => invoice === null).length,
    },
    invoices: byCurrency(invoices, (group) => ({
      ...invoiceTotals(group),
      byStatus: mapValues(
        groupBy(group, ({ status }) => status),
        invoiceTotals,
      ),
    })),
    invoiceLines: byCurrency(
      invoices.flatMap(({ currency, lines }) =>
        lines.map(({ amountMinor }) => ({ currency, amountMinor })),
      ),
      amount,
    ),
    invoicePayments: byCurrency(
      world.invoicePayments.all.map((each) => ({
        ...each,
        amountMinor: each.amountRequestedMinor,
      })),
      amount,
    ),
    payments: byCurrency(world.paymentIntents.all, amount),
    charges: byCurrency(world.charges.all, (group) => {
      const succeeded = amount(group.filter(({ status }) => status === 'succeeded'));
      const failed = amount(group.filter(({ status }) => status === 'failed'));
      return {
        ...amount(group),
        succeededCount: succeeded.count,
        succeededMinor: succeeded.amountMinor,
        failedCount: failed.count,
        failedMinor: failed.amountMinor,
      };
    }),
    refunds: byCurrency(world.refunds.all, amount),
    disputes: byCurrency(world.disputes.all, amount),
    creditNotes: byCurrency(
      world.creditNotes.all.map(({ currency, totalMinor }) => ({
        currency,
        amountMinor: totalMinor,
      })),
      amount,
    ),
  };
}

/** The ISO 4217 code of a currency. */
export function isoCode(currency: Currency): string {
  return currency.toUpperCase();
}

function byCurrency<R extends { currency: Currency }, T>(
  records: readonly R[],
  summarize: (group: R[]) => T,
): ByCurrency<T> {
  const groups = groupBy(records, ({ currency }) => isoCode(currency));
  return { count: records.length, byCurrency: mapValues(groups, summarize) };
}

function amount(group: readonly { amountMinor: number }[]): Amount {
  return { count: group.length, amountMinor: sum(group, (each) => each.amountMinor) };
}

function invoiceTotals(
  group: readonly { totalMinor: number; amountDueMinor: number; amountPaidMinor: number }[],
): InvoiceTotals {
  return {
    count: group.length,
    totalMinor: sum(group, (each) => each.totalMinor),
    amountDueMinor: sum(group, (each) => each.amountDueMinor),
    amountPaidMinor: sum(group, (each) => each.amountPaidMinor),
  };
}

function sum<R>(records: readonly R[], value: (record: R) => number): string {
  return String(records.reduce((total, record) => total + BigInt(value(record)), 0n));
}

function groupBy<R>(records: readonly R[], key: (record: R) => string): Map<string, R[]> {
  const groups = new Map<string, R[]>();
  for (const record of records) {
    const group = groups.get(key(record));
    if (group === undefined) groups.set(key(record), [record]);
    else group.push(record);
  }
  return groups;
}

/** As a plain object with its keys in order. */
function mapValues<R, T>(groups: Map<string, R>, map: (group: R) => T): Record<string, T> {
  const keys = [...groups.keys()].sort();
  return Object.fromEntries(
    keys.flatMap((key) => (groups.has(key) ? [[key, map(groups.get(key) as R)]] : [])),
  );
}
