/**
 * Webhooks as Stripe sends them: each event to each registered endpoint, signed, and again until it is accepted. What goes wrong
 * on the way (lost, twice, out of order, late) is drawn from a seed.
 */
import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fieldsOf, shareOf, textOf } from './input';
import type { WorldEvent } from './world/model';
import { Random } from './world/random';

/** Attempts of one delivery, the first included. */
const MAX_ATTEMPTS = 5;
/** Before the second attempt; doubles with each one after it. */
const RETRY_DELAY_MS = 100;
const ANSWER_TIMEOUT_MS = 5_000;
const MAX_ENDPOINTS = 16;
/** Deliveries that wait at one endpoint, held ones included; what is more is lost. */
const MAX_WAITING = 10_000;
const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];

/** The shares of deliveries, from 0 to 1, that go astray. */
const MISHAPS = ['drop', 'double', 'reorder', 'hold'] as const;

export interface WebhookEndpoint {
  url: string;
  secret: string;
  /** Whether events carry the account's id, as those do that a platform gets of accounts connected to it. */
  connect?: boolean;
  /** What the mishaps are drawn from. */
  seed?: string;
  /** Never arrives. */
  drop?: number;
  /** Arrives twice. */
  double?: number;
  /** Arrives before others of the same operation. */
  reorder?: number;
  /** Waits for `flush`. */
  hold?: number;
}

interface Counts {
  /** Answered with 2xx. */
  accepted: number;
  /** Given up after the last attempt. */
  failed: number;
  attempts: number;
  dropped: number;
}

interface Delivery {
  event: WorldEvent;
  attempt: number;
}

interface Destination {
  endpoint: WebhookEndpoint;
  luck: Random;
  /** Of the operation at hand; sent when it is done. */
  batch: Delivery[];
  queue: Delivery[];
  held: Delivery[];
  sending: Promise<void> | null;
  counts: Counts;
}

export class Webhooks {
  private readonly destinations = new Map<string, Destination>();
  private readonly closed = new AbortController();

  /** `render` gives the event as it is on the wire. */
  constructor(private readonly options: { accountId: string; render(event: WorldEvent): object }) {}

  /** Sends what happens from now on to this endpoint too; an endpoint of the same URL is replaced. */
  register(endpoint: WebhookEndpoint): void {
    const { url, seed = url } = endpoint;
    if (this.destinations.size >= MAX_ENDPOINTS && !this.destinations.has(url))
      throw new Error(`There are ${MAX_ENDPOINTS} endpoints already.`);
    this.destinations.set(url, {
      endpoint,
      luck: new Random(`${seed}/webhooks`),
      batch: [],
      queue: [],
      held: [],
      sending: null,
      counts: { accepted: 0, failed: 0, attempts: 0, dropped: 0 },
    });
  }

  clear(): void {
    this.destinations.clear();
  }

  /** An event has happened. */
  tell(event: WorldEvent): void {
    for (const destination of this.destinations.values()) {
      const { endpoint, luck, batch, queue, held, counts } = destination;
      const { drop = 0, double = 0, reorder = 0, hold = 0 } = endpoint;
      // All are drawn each time, so that one share does not shift the fate of other events.
      const [lost, twice, early, late] = [drop, double, reorder, hold].map((p) => luck.chance(p));
      const place = luck.integer(0, batch.length);
      if (lost || batch.length + queue.length + held.length >= MAX_WAITING) {
        counts.dropped += 1;
        continue;
      }
      const deliveries = Array.from({ length: twice ? 2 : 1 }, () => ({ event, attempt: 1 }));
      if (late) held.push(...deliveries);
      else batch.splice(early ? place : batch.length, 0, ...deliveries);
      destination.sending ??= this.send(destination);
    }
  }

  /** Sends what was held back, latest first; resolves when nothing waits any more. */
  async flush(): Promise<void> {
    for (const destination of this.destinations.values()) {
      destination.queue.push(...destination.held.splice(0).reverse());
      destination.sending ??= this.send(destination);
    }
    await this.settled();
  }

  /** Resolves when all that is not held back was accepted or given up. */
  async settled(): Promise<void> {
    for (const destination of this.destinations.values()) await destination.sending;
  }

  status(): (Counts & { url: string; waiting: number; held: number })[] {
    return [...this.destinations.values()].map(({ endpoint, batch, queue, held, counts }) => ({
      url: endpoint.url,
      ...counts,
      waiting: batch.length + queue.length,
      held: held.length,
    }));
  }

  async close(): Promise<void> {
    this.closed.abort();
    await this.settled();
  }

  private async send(destination: Destination): Promise<void> {
    const { queue, batch, counts } = destination;
    // The operation that tells goes on without a pause: what comes after this line is after its last event.
    await Promise.resolve();
    for (;;) {
      queue.push(...batch.splice(0));
      const delivery = queue.shift();
      if (delivery === undefined || this.closed.signal.aborted) break;
      const { attempt } = delivery;
      if (attempt > 1) await this.pause(RETRY_DELAY_MS * 2 ** (attempt - 2));
      counts.attempts += 1;
      if (await this.post(destination.endpoint, delivery.event)) counts.accepted += 1;
      else if (attempt < MAX_ATTEMPTS) queue.push({ ...delivery, attempt: attempt + 1 });
      else counts.failed += 1;
    }
    destination.sending = null;
  }

  private async pause(delayMs: number): Promise<void> {
    await sleep(delayMs, undefined, { signal: this.closed.signal }).catch(() => undefined);
  }

  /** Whether it was accepted. */
  private async post({ url, secret, connect }: WebhookEndpoint, event: WorldEvent) {
    const rendered = this.options.render(event);
    const body = JSON.stringify(
      connect ? { ...rendered, account: this.options.accountId } : rendered,
    );
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'stripe-signature': signature({ body, secret, at: new Date() }),
        },
        body,
        redirect: 'manual',
        signal: AbortSignal.any([this.closed.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
      });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  }
}

/** The header `Stripe-Signature`. `at` is machine time: receivers check it against their own clock. */
export function signature({
  body,
  secret,
  at,
}: {
  body: string;
  secret: string;
  at: Date;
}): string {
  const t = Math.floor(at.getTime() / 1000);
  return `t=${t},v1=${createHmac('sha256', secret).update(`${t}.${body}`).digest('hex')}`;
}

/** Reads the body of `POST /_simulator/webhooks`; throws an Error that names the wrong field. */
export function parseEndpoint(input: unknown): WebhookEndpoint {
  const at = 'The endpoint';
  const fields = fieldsOf(input, at, ['url', 'secret', 'connect', 'seed', ...MISHAPS]);
  const url = textOf(fields['url'], `${at}.url`);
  if (!URL.canParse(url) || !LOOPBACK.includes(new URL(url).hostname))
    throw new Error(
      `${at}.url must be an address of this machine, such as http://127.0.0.1:8080/.`,
    );
  const endpoint: WebhookEndpoint = { url, secret: textOf(fields['secret'], `${at}.secret`) };
  if (fields['connect'] !== undefined) endpoint.connect = fields['connect'] === true;
  if (fields['seed'] !== undefined) endpoint.seed = String(fields['seed']);
  for (const name of MISHAPS) {
    if (fields[name] !== undefined) endpoint[name] = shareOf(fields[name], `${at}.${name}`);
  }
  return endpoint;
}
