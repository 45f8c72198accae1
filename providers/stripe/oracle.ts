/** The figures of a simulator that answers in Stripe's place: its oracle, which shares nothing with what it serves as lists. */
import { z } from 'zod';
import { DEFAULT_POLICY } from '../../domain/metrics/policy';
import { RecoupError } from '../../domain/errors';
import type { Figures } from '../provider';
import { stripeCurrency } from './currencies';

/** Of one request; the oracle looks through all that it has. */
const TIMEOUT_MS = 60_000;

const digits = z
  .string()
  .regex(/^-?\d+$/)
  .transform(BigInt);
const time = z.iso.datetime().transform((text) => new Date(text));
const currency = z.string().transform((code, context) => {
  const known = stripeCurrency(code.toLowerCase());
  if (known !== null) return known;
  context.addIssue({ code: 'custom', message: 'expected the code of a currency' });
  return z.NEVER;
});

const clockShape = z.strictObject({ now: time });
const objectsShape = z.object({
  objects: z.array(
    z.object({
      id: z.string(),
      customer: z.string().nullable(),
      created: time,
      currency,
      status: z.string(),
      amounts: z.record(z.string(), digits),
    }),
  ),
  hasMore: z.boolean(),
});
const mrrShape = z
  .array(
    z.object({
      mrr: z.array(z.object({ customer: z.string(), currency, mrrMinor: digits })),
    }),
  )
  .length(1);
const untracedShape = z.array(z.object({ customer: z.string(), reason: z.string() }));

/** Null where no simulator answers. No key is sent: the oracle asks for none. */
export async function openOracle(apiBase: string, signal: AbortSignal): Promise<Figures | null> {
  const base = apiBase.replace(/\/$/, '');
  if (!clockShape.safeParse(await ask(`${base}/_simulator/clock`, signal)).success) return null;

  const read = async <T extends z.ZodType>(
    shape: T,
    path: string,
    query: Readonly<Record<string, string>>,
    abort: AbortSignal,
  ): Promise<z.infer<T>> => {
    const search = new URLSearchParams(query).toString();
    const answer = shape.safeParse(await ask(`${base}/_oracle/${path}?${search}`, abort));
    if (answer.success) return answer.data;
    throw new RecoupError('provider_unavailable', `The simulator’s oracle does not tell ${path}.`);
  };

  return {
    source: 'the simulator’s oracle',
    readPage: async ({ kind, window, cursor, signal: abort }) => {
      const { objects, hasMore } = await read(
        objectsShape,
        'objects',
        {
          ...{ kind, from: wholeSecond(window.from ?? new Date(0)), to: wholeSecond(window.to) },
          ...(cursor !== null && { after: cursor }),
        },
        abort,
      );
      return {
        figures: objects.map(({ id, customer, created, currency: of, status, amounts }) => ({
          ...{ id, status, amounts, customerId: customer, createdAt: created },
          ...{ currency: of.code, exponent: of.exponent },
        })),
        unreadable: [],
        nextCursor: hasMore ? (objects.at(-1)?.id ?? null) : null,
      };
    },
    mrr: {
      policy: DEFAULT_POLICY,
      readAt: async (instant, abort) => {
        // The oracle tells of an instant what holds from then on; it counts in whole seconds.
        const before = new Date(Date.parse(wholeSecond(instant)) - 1000).toISOString();
        const [told] = await read(mrrShape, 'mrr', { at: before }, abort);
        return (told?.mrr ?? []).map(({ customer, currency: of, mrrMinor: minor }) => ({
          ...{ customer, minor, currency: of.code, exponent: of.exponent },
        }));
      },
      readUntraced: (abort) => read(untracedShape, 'untraced', {}, abort),
    },
  };
}

/** The first whole second that is not before it. */
const wholeSecond = (at: Date): string =>
  new Date(Math.ceil(at.getTime() / 1000) * 1000).toISOString();

/** Null for what is no JSON: something else answers there. */
async function ask(url: string, signal: AbortSignal): Promise<unknown> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  try {
    const response = await fetch(url, { signal: within, redirect: 'manual' });
    const text = await response.text();
    return response.ok ? parseJson(text) : null;
  } catch (cause) {
    signal.throwIfAborted();
    throw new RecoupError('provider_unavailable', 'The simulator does not answer.', { cause });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
