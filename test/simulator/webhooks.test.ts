import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import Stripe from 'stripe';
import { DEFAULT_API_KEY, startSimulator, type Simulator } from '../../simulator/server';
import type { WebhookEndpoint } from '../../simulator/webhooks';
import { sendJson, startHttpStub, type HttpStub } from '../support/http-stub';

const NOW = new Date('2026-11-01T00:00:00Z');
const SECRET = 'whsec_simulated';

const stripe = new Stripe(DEFAULT_API_KEY);
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

interface Received {
  /** Ids of the events in order of arrival, whatever was answered. */
  readonly ids: string[];
  readonly events: Stripe.Event[];
  readonly stub: HttpStub;
}

/** An endpoint that answers with these statuses in turn, and then with 200. */
async function endpoint(statuses: number[] = []): Promise<Received> {
  const events: Stripe.Event[] = [];
  const stub = await startHttpStub((request, response) => {
    void bodyOf(request).then((body) => {
      const header = String(request.headers['stripe-signature']);
      events.push(stripe.webhooks.constructEvent(body, header, SECRET));
      sendJson(response, statuses.shift() ?? 200, {});
    });
  });
  closing.push(() => stub.close());
  return {
    stub,
    events,
    get ids() {
      return events.map(({ id }) => id);
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(request, 'end');
  return Buffer.concat(chunks).toString('utf8');
}

async function start(plan: Omit<WebhookEndpoint, 'secret'>): Promise<Simulator> {
  const simulator = await startSimulator({ seed: 5, customers: 20, asOf: NOW, now: NOW });
  closing.push(() => simulator.close());
  simulator.clock.set(NOW, { stopped: true });
  simulator.webhooks.register({ secret: SECRET, ...plan });
  return simulator;
}

/** Ids of what has happened since the start, in order. */
function happened({ world }: Simulator, since: number): string[] {
  return world.events.all.slice(since).map(({ id }) => id);
}

test('every event arrives once, in order, signed as the official SDK wants it', async () => {
  const { events, stub } = await endpoint();
  const simulator = await start({ url: `${stub.base}/hook`, connect: true });
  const since = simulator.world.events.size;
  simulator.change([{ kind: 'createCustomer' }, { kind: 'updateCustomer' }]);
  await simulator.webhooks.settled();
  expect(events.length).toBeGreaterThan(5);
  expect(events.map(({ id }) => id)).toEqual(happened(simulator, since));
  expect(events[0]).toMatchObject({ object: 'event', account: simulator.accountId });
  expect(new Set(stub.requests)).toEqual(new Set(['/hook']));
});

test('a delivery that is refused comes again, five times at most', async () => {
  const received = await endpoint([500, 429, 302]);
  const simulator = await start({ url: received.stub.base });
  simulator.change([{ kind: 'updateCustomer' }]);
  await simulator.webhooks.settled();
  expect(received.ids).toHaveLength(4);
  expect(new Set(received.ids).size).toBe(1);

  const deaf = await endpoint([500, 500, 500, 500, 500]);
  simulator.webhooks.clear();
  simulator.webhooks.register({ url: deaf.stub.base, secret: SECRET });
  simulator.change([{ kind: 'updateCustomer' }]);
  await simulator.webhooks.settled();
  expect(simulator.webhooks.status()).toMatchObject([{ accepted: 0, failed: 1, attempts: 5 }]);
});

test('drops, doubles, reorders and holds what a seed says; flush sends what is held', async () => {
  const mishaps = { drop: 0.2, double: 0.2, reorder: 0.4, hold: 0.3, seed: 'eleven' };
  const runs: string[][] = [];
  for (let run = 0; run < 2; run += 1) {
    const received = await endpoint();
    const simulator = await start({ url: received.stub.base, ...mishaps });
    const since = simulator.world.events.size;
    for (let i = 0; i < 6; i += 1) {
      simulator.change([{ kind: 'createCustomer' }]);
      await simulator.webhooks.settled();
    }
    const all = happened(simulator, since);
    const early = received.ids;
    const [status] = simulator.webhooks.status();
    expect(status?.held).toBeGreaterThan(0);
    expect(status?.dropped).toBeGreaterThan(0);
    await simulator.webhooks.flush();
    const ids = received.ids;
    runs.push(ids.map((id) => String(all.indexOf(id))));
    expect(ids.length).toBe(early.length + (status?.held ?? 0));
    expect(new Set(ids).size).toBe(all.length - (status?.dropped ?? 0));
    expect(ids.length).toBeGreaterThan(new Set(ids).size);
    const inOrder = [...early].sort((a, b) => all.indexOf(a) - all.indexOf(b));
    expect(early).not.toEqual(inOrder);
  }
  expect(runs[0]).toEqual(runs[1]);
});

test('endpoints are registered and told over HTTP, and only on this machine', async () => {
  const received = await endpoint();
  const simulator = await start({ url: received.stub.base });
  const call = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${simulator.url}${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as unknown };
  };
  await call('DELETE', '/_simulator/webhooks');
  const url = `${received.stub.base}/two`;
  expect(await call('POST', '/_simulator/webhooks', { url, secret: SECRET, hold: 1 })).toEqual({
    status: 200,
    body: { url },
  });
  await call('POST', '/_simulator/change', { changes: [{ kind: 'updateCustomer' }] });
  expect(received.ids).toEqual([]);
  expect(await call('POST', '/_simulator/webhooks/flush')).toMatchObject({
    body: { endpoints: [{ url, accepted: 1, held: 0, waiting: 0 }] },
  });
  expect(received.ids).toHaveLength(1);
  for (const [body, message] of [
    [
      { url: 'http://example.com/', secret: SECRET },
      /^The endpoint\.url must be an address of this/,
    ],
    [{ url }, /^The endpoint\.secret must be a text\.$/],
    [{ url, secret: SECRET, drop: 2 }, /^The endpoint\.drop must be a number from 0 to 1\.$/],
  ] as const) {
    expect(await call('POST', '/_simulator/webhooks', body)).toMatchObject({
      status: 400,
      body: { error: expect.stringMatching(message) },
    });
  }
});
