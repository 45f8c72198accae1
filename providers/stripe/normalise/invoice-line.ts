import { z } from 'zod';
import type { CanonicalRecord } from '../../../domain/records';
import type { Currency } from '../currencies';
import { discounts } from './discount';
import { decimalText, instant, minor, orNull, reference, taxOnTop, unknownOf } from './shapes';

const PARENT_TYPES = ['invoice_item_details', 'subscription_item_details'];

export const period = z.object({ start: instant, end: instant });

/** What is sold, by whichever pricing it has. */
export const pricing = orNull(
  z.object({ price_details: orNull(z.object({ price: orNull(reference) })) }),
).transform((value) => value?.price_details?.price ?? null);

export const line = z.object({
  id: z.string(),
  amount: minor,
  discount_amounts: orNull(z.array(z.object({ amount: minor, discount: reference }))).transform(
    (list) => list ?? [],
  ),
  taxes: taxOnTop,
  discounts,
  /** Whole units, cut: the decimal beside it is exact where there is one. */
  quantity: orNull(z.int()),
  quantity_decimal: orNull(decimalText),
  period,
  pricing,
  parent: orNull(
    z.object({
      type: z.string(),
      subscription_item_details: orNull(
        z.object({
          subscription: orNull(z.string()),
          subscription_item: z.string(),
          invoice_item: orNull(z.string()),
          proration: z.boolean(),
        }),
      ),
      invoice_item_details: orNull(
        z.object({
          invoice_item: z.string(),
          subscription: orNull(z.string()),
          proration: z.boolean(),
        }),
      ),
    }),
  ),
});

type Line = z.infer<typeof line>;

interface Owner {
  readonly id: string;
  readonly customer: string | null;
  readonly currency: Currency;
}

export function toLine(entry: Line, invoice: Owner): CanonicalRecord<'invoice_line'> {
  return {
    kind: 'invoice_line',
    id: entry.id,
    fields: {
      invoiceId: invoice.id,
      customerId: invoice.customer,
      ...originOf(entry),
      priceId: entry.pricing,
      currency: invoice.currency.code,
      exponent: invoice.currency.exponent,
      amountMinor: entry.amount,
      discountMinor: entry.discount_amounts.reduce((sum, { amount }) => sum + amount, 0n),
      taxMinor: entry.taxes,
      quantity: quantityOf(entry),
      periodStart: entry.period.start,
      periodEnd: entry.period.end,
      discountIds: entry.discount_amounts.map(({ discount }) => discount),
    },
  };
}

/** Stripe keeps both details of a line in one place and says by `type` which of them counts. */
function originOf({ parent }: Line) {
  const item =
    parent?.type === 'subscription_item_details' ? parent.subscription_item_details : null;
  if (item) {
    return {
      subscriptionId: item.subscription,
      subscriptionItemId: item.subscription_item,
      invoiceItemId: item.invoice_item,
      kind: item.proration ? 'proration' : 'recurring',
    };
  }
  const extra = parent?.type === 'invoice_item_details' ? parent.invoice_item_details : null;
  return {
    subscriptionId: extra?.subscription ?? null,
    subscriptionItemId: null,
    invoiceItemId: extra?.invoice_item ?? null,
    kind: extra?.proration === true ? 'proration' : 'one_time',
  };
}

export function quantityOf(entry: {
  readonly quantity: number | null;
  readonly quantity_decimal: string | null;
}): string | null {
  return entry.quantity_decimal ?? (entry.quantity === null ? null : String(entry.quantity));
}

export function unknownsOfLine({ parent }: Line): readonly string[] {
  return unknownOf('line_item.parent.type', parent?.type ?? null, PARENT_TYPES);
}
