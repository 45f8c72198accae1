/** Stripe's own figures: what its lists say of each object. Nothing in its API sums them up. */
import { z } from 'zod';
import { FIGURES, type FigureKind } from '../../domain/reconcile/figures';
import type { Figures, FiguresPage } from '../provider';
import { NotNormalisable } from '../provider';
import type { Api, Params } from './client';
import { isGoneCursor } from './errors';
import { currency, instant, minor, orNull, parse, reference } from './normalise/shapes';

/** Stripe's own maximum. */
const PAGE_SIZE = 100;

const LISTS = {
  invoice: { path: '/v1/invoices', type: 'invoice' },
  payment: { path: '/v1/payment_intents', type: 'payment_intent' },
  refund: { path: '/v1/refunds', type: 'refund' },
} as const satisfies Record<FigureKind, { readonly path: string; readonly type: string }>;

/** Field names on the wire. */
const WIRE_NAMES: Readonly<Record<string, string>> = {
  totalMinor: 'total',
  amountDueMinor: 'amount_due',
  amountPaidMinor: 'amount_paid',
  amountMinor: 'amount',
  amountReceivedMinor: 'amount_received',
};

const shape = z.object({
  id: z.string(),
  customer: orNull(reference),
  status: z.string(),
  currency,
  created: instant,
});

const listShape = z.object({
  object: z.literal('list'),
  has_more: z.boolean(),
  data: z.array(z.looseObject({ id: z.string(), created: z.int() })),
});

/** `actFor` is the connected account whose data is read; null for the key's own. */
export const listedFigures = (api: Api, actFor: string | null): Figures => ({
  source: 'Stripe’s lists',
  mrr: null,
  readPage: async ({ kind, window, cursor, signal }) => {
    const { from, to } = window;
    const created = {
      ...(from === null ? {} : { gte: seconds(from) }),
      lt: seconds(to),
    };
    const [after, afterCreated] = cursor?.split(' ') ?? [];
    const ask = (params: Params) =>
      api.get(
        LISTS[kind].path,
        { limit: PAGE_SIZE, ...params },
        { subject: `${kind} objects`, signal, actFor },
      );
    const answer = await ask({
      created,
      ...(after === undefined ? {} : { starting_after: after }),
    }).catch((error: unknown) => {
      if (!isGoneCursor(error)) throw error;
      // The object was deleted meanwhile: its second is read again.
      return ask({ created: { ...created, lt: Number(afterCreated) + 1 } });
    });
    const list = listShape.safeParse(answer.body);
    const last = list.data?.data.at(-1);
    if (!list.success || (list.data.has_more && last === undefined)) throw api.notStripe();
    return {
      ...readFigures(kind, list.data.data),
      nextCursor: list.data.has_more && last ? `${last.id} ${String(last.created)}` : null,
    };
  },
});

function readFigures(
  kind: FigureKind,
  objects: readonly ({ id: string } & Record<string, unknown>)[],
): Pick<FiguresPage, 'figures' | 'unreadable'> {
  const { type } = LISTS[kind];
  const figures: FiguresPage['figures'][number][] = [];
  const unreadable: FiguresPage['unreadable'][number][] = [];
  for (const object of objects) {
    try {
      const { id, customer, status, currency: of, created } = parse(type, shape, object);
      const amounts = FIGURES[kind].map((name) => {
        const wire = WIRE_NAMES[name] ?? name;
        return [name, parse(`${type}.${wire}`, minor, object[wire])] as const;
      });
      figures.push({
        ...{ id, status, customerId: customer, createdAt: created },
        ...{ currency: of.code, exponent: of.exponent },
        amounts: Object.fromEntries(amounts),
      });
    } catch (thrown) {
      if (!(thrown instanceof NotNormalisable)) throw thrown;
      unreadable.push({ id: object.id, reason: thrown.message });
    }
  }
  return { figures, unreadable };
}

const seconds = (at: Date): number => Math.ceil(at.getTime() / 1000);
