import { z } from 'zod';
import type { Normalised } from '../../provider';
import { amounts, currency, instant, minor, orNull, parse, reference, unknownOf } from './shapes';

const shape = z.object({
  id: z.string(),
  invoice: reference,
  customer: orNull(reference),
  status: z.string(),
  reason: orNull(z.string()),
  currency,
  total: minor,
  total_taxes: amounts,
  created: instant,
  voided_at: orNull(instant),
});

export function normaliseCreditNote(value: unknown): Partial<Normalised> {
  const note = parse('credit_note', shape, value);
  return {
    records: [
      {
        kind: 'credit_note',
        id: note.id,
        fields: {
          invoiceId: note.invoice,
          customerId: note.customer,
          status: note.status,
          reason: note.reason,
          currency: note.currency.code,
          exponent: note.currency.exponent,
          totalMinor: note.total,
          taxMinor: note.total_taxes,
          createdAt: note.created,
          voidedAt: note.voided_at,
        },
      },
    ],
    unknowns: unknownOf('credit_note.status', note.status, ['issued', 'void']),
  };
}
