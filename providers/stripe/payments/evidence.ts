/** What proves who made a charge, and what became of an attempt of ours: reads alone. */
import { z } from 'zod';
import { RecoupError } from '../../../domain/errors';
import type { PaymentFinding, PaymentOutcome, PaymentSearch } from '../../provider';
import { orNull } from '../normalise/shapes';
import { chargeShape, outcomeOf, readCharge, type ChargeSeen } from './charge';
import { latestChargeOf, readInvoice, type InvoiceSeen } from './invoice';
import { secondsOf, type Reader } from './reader';

/** How far the clock of who intended a payment may be from the provider's. Wide: what it lets in is told by its event. */
const CLOCK_SLACK_MS = 5 * 60_000;
/** The event that tells of a charge is written with it, or soon after. */
const EVENT_DELAY_MS = 5 * 60_000;

/** A charge is told of by one of these when it is made; a direct debit by another one when it is settled. */
const CHARGE_EVENTS = ['charge.succeeded', 'charge.failed', 'charge.pending'];

const eventShape = z.object({
  data: z.object({ object: z.looseObject({ id: z.string() }) }),
  request: orNull(z.object({ id: orNull(z.string()), idempotency_key: orNull(z.string()) })),
});

/** The request that made a charge; both null for what Stripe does by itself. */
interface Maker {
  readonly requestId: string | null;
  readonly key: string | null;
}

type Finding =
  | (PaymentOutcome & { readonly requestId: string | null })
  | { readonly kind: 'absent' }
  | { readonly kind: 'unclear'; readonly because: string };

/**
 * Looks for one attempt by its key. `/pay` confirms the payment intent of the invoice's default payment, which names the new
 * charge as its latest: read by id, that is true at once, while lists and events may come late. A later charge hides an earlier
 * one, though, so that a charge of somebody else's proves nothing about ours by itself.
 *
 * | latest charges of the invoice's payments, by id | charges since, listed           | events of these charges       | finding                 |
 * | ----------------------------------------------- | ------------------------------- | ----------------------------- | ----------------------- |
 * | as before, or older than the attempt            | –                               | –                             | absent                  |
 * | the same, but a payment is being processed      | –                               | –                             | unclear                 |
 * | a new one                                       | any                             | one has our key               | what that charge says   |
 * | a new one                                       | show it, so the older ones, too | each is of another request    | absent                  |
 * | a new one                                       | do not show it yet              | none has our key              | unclear                 |
 * | a new one                                       | show it                         | one is late, or forgotten     | unclear                 |
 *
 * Absent means that nothing is there: it proves that nothing happened only once Stripe has had time to finish, and whoever asks
 * must know when that is. Whether the invoice has been paid meanwhile, by whatever way, makes no difference to our attempt.
 * Errors: those of `fetchPage`; request_refused also when the invoice is gone.
 */
export async function find(reader: Reader, search: PaymentSearch): Promise<PaymentFinding> {
  const seen = await readInvoice(reader, search.invoiceId);
  if (seen === null) {
    throw new RecoupError(
      'request_refused',
      `Stripe does not have the invoice ${search.invoiceId} any more.`,
    );
  }
  return { ...(await judge(reader, search, seen.invoice)), readAt: seen.readAt };
}

async function judge(
  reader: Reader,
  { idempotencyKey, intendedAt, chargeBefore }: PaymentSearch,
  { payments }: InvoiceSeen,
): Promise<Finding> {
  const since = new Date(intendedAt.getTime() - CLOCK_SLACK_MS);
  const latest: ChargeSeen[] = [];
  for (const payment of payments.data) {
    const id = latestChargeOf(payment);
    if (id === null || id === chargeBefore) continue;
    const charge = await readCharge(reader, id);
    if (charge === null) return unclear(`The charge ${id} cannot be read.`);
    if (charge.created >= since) latest.push(charge);
  }
  if (latest.length === 0) {
    return payments.data.some(({ payment }) => payment.payment_intent?.status === 'processing')
      ? unclear('A payment of the invoice is being processed.')
      : { kind: 'absent' };
  }

  const listed = await listSince(reader, latest, since);
  const candidates = [
    ...latest,
    ...listed.filter(({ id }) => !latest.some((seen) => seen.id === id)),
  ];
  const untold: string[] = [];
  for (const { id, created } of candidates.filter((charge) => charge.id !== chargeBefore)) {
    const { makers } = await makersOf(reader, { id, created });
    const ours = makers.find(({ key }) => key === idempotencyKey);
    if (ours !== undefined) {
      const charge = await readCharge(reader, id);
      const outcome = charge && outcomeOf(charge);
      return outcome === null
        ? unclear(`The charge ${id} is ours, and its status is not known.`)
        : { ...outcome, requestId: ours.requestId };
    }
    if (makers.length === 0) untold.push(id);
  }
  if (untold.length > 0) {
    return unclear(
      `Stripe does not tell, yet or any more, who made the charge ${untold.join(', ')}.`,
    );
  }
  const hidden = latest.filter(({ id }) => !listed.some((charge) => charge.id === id));
  return hidden.length > 0
    ? unclear('The list of charges is behind: one of ours may lie under a later one.')
    : { kind: 'absent' };
}

const unclear = (because: string): Finding => ({ kind: 'unclear', because });

/** What lists show of the charges under the same payment intents. */
async function listSince(
  reader: Reader,
  latest: readonly ChargeSeen[],
  since: Date,
): Promise<ChargeSeen[]> {
  const listed: ChargeSeen[] = [];
  for (const intent of new Set(latest.map((charge) => charge.payment_intent))) {
    if (intent === null) continue;
    const { objects } = await reader.list('payment_attempt', {
      payment_intent: intent,
      created: { gte: secondsOf(since) },
    });
    listed.push(...objects.map(({ value }) => chargeShape.parse(value)));
  }
  return listed;
}

/** The requests that events name for a charge: none when they are late, or forgotten, which Stripe does after 30 days. */
async function makersOf(
  reader: Reader,
  { id, created }: Pick<ChargeSeen, 'id' | 'created'>,
): Promise<{ readonly makers: readonly Maker[]; readonly readAt: Date }> {
  const { objects, readAt } = await reader.list('change', {
    types: CHARGE_EVENTS,
    created: { gte: secondsOf(created), lte: secondsOf(created) + EVENT_DELAY_MS / 1000 },
  });
  const makers = objects.flatMap(({ value }) => {
    const event = eventShape.safeParse(value).data;
    if (event?.data.object.id !== id) return [];
    const { request } = event;
    return [{ requestId: request?.id ?? null, key: request?.idempotency_key ?? null }];
  });
  return { makers, readAt };
}

/**
 * What Stripe does by itself has neither request nor key; a customer's payment by link and a person's in the dashboard are
 * requests like any other. While the event that tells may still come, nobody can say; where it did not, or is forgotten, nobody may
 * claim that it was the provider.
 */
export async function findPayer(
  reader: Reader,
  chargeId: string,
): Promise<'provider' | 'elsewhere' | null> {
  const charge = await readCharge(reader, chargeId);
  if (charge === null) return 'elsewhere';
  const { makers, readAt } = await makersOf(reader, charge);
  if (makers.length === 0) {
    const mayCome = readAt.getTime() < charge.created.getTime() + EVENT_DELAY_MS;
    return mayCome ? null : 'elsewhere';
  }
  const isOwn = ({ requestId, key }: Maker): boolean => requestId === null && key === null;
  return makers.every(isOwn) ? 'provider' : 'elsewhere';
}
