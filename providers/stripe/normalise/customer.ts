import { z } from 'zod';
import type { Normalised } from '../../provider';
import { discount, toDiscounts } from './discount';
import { currency, instant, orNull, parse } from './shapes';

const shape = z.object({
  id: z.string(),
  name: orNull(z.string()),
  email: orNull(z.string()),
  currency: orNull(currency),
  address: orNull(z.object({ country: orNull(z.string()) })),
  discount: orNull(discount),
  created: instant,
});

export function normaliseCustomer(value: unknown): Partial<Normalised> {
  const customer = parse('customer', shape, value);
  const discounts = toDiscounts(customer.discount === null ? [] : [customer.discount]);
  return {
    records: [
      {
        kind: 'customer',
        id: customer.id,
        fields: {
          name: customer.name,
          email: customer.email,
          currency: customer.currency?.code ?? null,
          country: customer.address?.country ?? null,
          createdAt: customer.created,
        },
      },
      ...discounts.records,
    ],
    customerIds: [customer.id],
    unknowns: discounts.unknowns,
  };
}
