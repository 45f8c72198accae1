import { z } from 'zod';
import { orNull } from './normalise/shapes';

/** Details of a line's parent; whatever else stands beside them names no item. */
const details = z
  .object({ invoice_item: orNull(z.string()) })
  .transform((parent) => parent.invoice_item)
  .catch(null);

const lines = z.object({
  data: z.array(z.object({ parent: orNull(z.record(z.string(), details)) })),
});

/** Ids of the invoice items that the lines of an invoice were made of, as far as they are shown. */
export function invoiceItemsOf(invoice: Readonly<Record<string, unknown>>): string[] {
  const shown = lines.safeParse(invoice['lines']).data?.data ?? [];
  return shown.flatMap(({ parent }) => Object.values(parent ?? {})).filter((id) => id !== null);
}
