import { z } from 'zod';
import type { Normalised } from '../../provider';
import { instant, parse } from './shapes';

const shape = z.object({ id: z.string(), name: z.string(), active: z.boolean(), created: instant });

export function normaliseProduct(value: unknown): Partial<Normalised> {
  const { id, name, active, created } = parse('product', shape, value);
  return { records: [{ kind: 'product', id, fields: { name, active, createdAt: created } }] };
}
