import { z } from 'zod';
import type { Normalised } from '../../provider';
import { period, pricing, quantityOf } from './invoice-line';
import { priceHints } from './price';
import { currency, decimalText, instant, minor, orNull, parse, reference } from './shapes';

const shape = z.object({
  id: z.string(),
  customer: orNull(reference),
  /** Null while it waits for the next invoice. */
  invoice: orNull(reference),
  parent: orNull(
    z.object({
      subscription_details: orNull(
        z.object({ subscription: reference, subscription_item: orNull(z.string()) }),
      ),
    }),
  ),
  pricing,
  currency,
  amount: minor,
  quantity: orNull(z.int()),
  quantity_decimal: orNull(decimalText),
  proration: z.boolean(),
  period,
  /** When it was made: invoice items have no `created`. */
  date: instant,
});

export function normaliseInvoiceItem(value: unknown): Partial<Normalised> {
  const item = parse('invoiceitem', shape, value);
  const details = item.parent?.subscription_details ?? null;
  return {
    records: [
      {
        kind: 'invoice_item',
        id: item.id,
        fields: {
          customerId: item.customer,
          invoiceId: item.invoice,
          subscriptionId: details?.subscription ?? null,
          subscriptionItemId: details?.subscription_item ?? null,
          priceId: item.pricing,
          currency: item.currency.code,
          exponent: item.currency.exponent,
          amountMinor: item.amount,
          quantity: quantityOf(item),
          proration: item.proration,
          periodStart: item.period.start,
          periodEnd: item.period.end,
          createdAt: item.date,
        },
      },
    ],
    customerIds: item.customer === null ? [] : [item.customer],
    hints: priceHints([details === null ? null : item.pricing]),
  };
}
