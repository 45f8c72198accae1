/** Stripe's webhooks: whether one is genuine, and what it tells to read again. https://docs.stripe.com/webhooks/signature */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { WebhookDelivery, WebhookReading } from '../provider';
import { hintsOf, stripeEvent } from './changes';

/** How far the time of signing may be from now, either way: an older delivery may be a replay. Stripe's own libraries say so too. */
const TOLERANCE_SECONDS = 300;
/** The one scheme that live signatures have. */
const SCHEME = 'v1';

/** `account` is set in what a platform gets of accounts that are connected to it. */
const envelope = z.object({ id: z.string(), type: z.string(), account: z.string().optional() });

export function readWebhook(delivery: WebhookDelivery): WebhookReading {
  const { headers, body, secrets, externalId, now } = delivery;
  const signed = parseSignature(headers['stripe-signature'] ?? '');
  if (signed === null) return refused('It has no readable Stripe-Signature header.');
  const expected = secrets.map((secret) => digestOf(body, { secret, time: signed.time }));
  if (!anyEqual(expected, signed.digests)) return refused('No signature fits a secret.');
  if (Math.abs(now.getTime() / 1000 - Number(signed.time)) > TOLERANCE_SECONDS) {
    return refused(`It was signed more than ${TOLERANCE_SECONDS} s from now.`);
  }
  const value = parseJson(body);
  const event = envelope.safeParse(value);
  if (!event.success) return refused('It is no event.');
  const { id, type, account = externalId } = event.data;
  if (account !== externalId) return refused('It is of another account.');
  // Of kinds that are not read here (events of API v2, for one) nothing is to be done, and Stripe need not send them again.
  const known = stripeEvent.safeParse(value);
  return {
    ok: true,
    eventId: id,
    eventType: type,
    hints: known.success ? hintsOf(known.data) : [],
  };
}

const refused = (reason: string): WebhookReading => ({ ok: false, reason });

interface Signature {
  /** Unix seconds, as they stand in what is signed. */
  readonly time: string;
  /** One for each secret that the endpoint has: two while one is being replaced. */
  readonly digests: readonly Buffer[];
}

/** Of `t=1492774577,v1=5257a8…,v1=…,v0=…`; null where it has no time. */
function parseSignature(header: string): Signature | null {
  const parts = header.split(',').map((part) => part.trim().split('=', 2));
  const time = parts.find(([name]) => name === 't')?.[1] ?? '';
  if (!/^\d{1,12}$/.test(time)) return null;
  const digests = parts.flatMap(([name, digest = '']) =>
    name === SCHEME ? [Buffer.from(digest, 'hex')] : [],
  );
  return { time, digests };
}

function digestOf(body: Buffer, { secret, time }: { secret: string; time: string }): Buffer {
  return createHmac('sha256', secret).update(`${time}.`).update(body).digest();
}

/** Every pair is compared, each in constant time: how long it takes says nothing about which was nearly right. */
function anyEqual(expected: readonly Buffer[], given: readonly Buffer[]): boolean {
  const pairs = expected.flatMap((one) => given.map((other) => [one, other] as const));
  return pairs
    .map(([one, other]) => one.length === other.length && timingSafeEqual(one, other))
    .includes(true);
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}
