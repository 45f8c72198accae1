import Stripe from 'stripe';
import type { InvoiceStory, Judgement } from '../../simulator/oracle/charges';
import {
  DEFAULT_API_KEY,
  startSimulator,
  type Simulator,
  type SimulatorOptions,
} from '../../simulator/server';
import type { ChangeKind } from '../../simulator/world/changes';

const NOW = new Date('2026-11-01T00:00:00Z');
const HOUR_MS = 3_600_000;

let simulator: Simulator;
let client: Stripe;
beforeEach(() => start());
afterEach(() => simulator.close());

async function start(options: Partial<SimulatorOptions> = {}): Promise<void> {
  simulator = await startSimulator({ seed: 5, customers: 60, asOf: NOW, now: NOW, ...options });
  simulator.clock.set(NOW, { stopped: true });
  const { hostname, port } = new URL(simulator.url);
  const address = { host: hostname, port, protocol: 'http' as const };
  client = new Stripe(DEFAULT_API_KEY, { ...address, maxNetworkRetries: 0, telemetry: false });
}

async function call<T>(path: string, body?: unknown): Promise<{ status: number; body: T }> {
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  const response = await fetch(simulator.url + path, init);
  return { status: response.status, body: (await response.json()) as T };
}

/** An open invoice of a subscription that runs, collected by the service, whose customer's card now works. */
function collectible(): string {
  const { world } = simulator;
  const found = world.invoices.all.find(
    ({ status, autoAdvance, collectionMethod, subscription }) =>
      status === 'open' &&
      autoAdvance &&
      collectionMethod === 'charge_automatically' &&
      subscription !== null &&
      world.subscriptions.get(subscription).status === 'past_due',
  );
  if (found === undefined) throw new Error('The world of this test has no such invoice.');
  simulator.change([{ kind: 'replaceCard', id: found.customer }]);
  return found.id;
}

/** The status of the answer, or how the connection ended. */
async function pay(invoice: string, idempotencyKey: string): Promise<number | string> {
  try {
    await client.invoices.pay(invoice, {}, { idempotencyKey });
    return 200;
  } catch (error) {
    if (!(error instanceof Stripe.errors.StripeError)) throw error;
    return error.statusCode ?? error.type;
  }
}

async function storyOf(invoice: string): Promise<InvoiceStory | undefined> {
  return (await call<InvoiceStory[]>(`/_oracle/ledger?invoice=${invoice}`)).body[0];
}

const judged = async (query = '') => (await call<Judgement>(`/_oracle/charges${query}`)).body;
const CLEAN: Judgement = { doubleCharges: [], forbiddenCharges: [] };

describe('What happens while a payment is asked for', () => {
  const made = async (invoice: string) =>
    (await storyOf(invoice))?.charges
      .filter(({ result }) => result === 'succeeded')
      .map(({ by }) => by);

  test.each([
    ['payInvoice', 'customer'],
    ['providerRetry', 'provider'],
  ] as const)('%s just before: the request is refused, the money is the %s’s', async (kind, by) => {
    const invoice = collectible();
    simulator.faults.add([{ kind: 'change-before', change: kind, times: 1 }]);
    expect((await client.invoices.retrieve(invoice)).status).toBe('open');
    expect(await pay(invoice, 'k')).toBe(400);
    expect(await made(invoice)).toEqual([by]);
    expect(await judged()).toEqual(CLEAN);
  });

  test.each(['payInvoice', 'providerRetry'] as const)(
    '%s just after, the answer lost as well: the charge is the API’s alone',
    async (kind) => {
      const invoice = collectible();
      simulator.faults.add([
        { kind: 'change-after', change: kind, times: 1 },
        { kind: '500-after-commit', times: 1 },
      ]);
      expect(await pay(invoice, 'k')).toBe(500);
      expect(await made(invoice)).toEqual(['api']);
      expect(await storyOf(invoice)).toMatchObject({
        status: 'paid',
        stops: [{ kind: 'paid', id: invoice }],
      });
    },
  );

  test.each([
    ['voidInvoice', 400],
    ['cancelSubscription', 200],
    ['deleteCustomer', 200],
  ] as const)(
    '%s just before: no client could know it, so nothing is forbidden',
    async (kind, status) => {
      const invoice = collectible();
      simulator.faults.add([{ kind: 'change-before', change: kind, times: 1 }]);
      expect(await pay(invoice, 'k')).toBe(status);
      expect(await judged()).toEqual(CLEAN);
    },
  );

  test('what cannot be done then is left out, and a wrong rule is refused by name', async () => {
    const invoice = collectible();
    simulator.faults.add([{ kind: 'change-before', change: 'takeBackCharge' }]);
    expect(await pay(invoice, 'k')).toBe(200);
    for (const rule of [
      { kind: 'change-before' },
      { kind: 'change-after', change: 'explode' },
      { kind: '500', change: 'payInvoice' },
    ]) {
      expect(await call('/_simulator/faults', { rules: [rule] })).toEqual({
        status: 400,
        body: { error: expect.stringMatching(/^rules\[0\]\.change goes with change-before/) },
      });
    }
  });
});

describe('The judge', () => {
  test.each(['cancelSubscription', 'deleteCustomer'] as const)(
    'forbids a charge after %s, and with grace forgives the same second',
    async (kind) => {
      const invoice = collectible();
      const { customer, subscription } = simulator.world.invoices.get(invoice);
      const id = kind === 'deleteCustomer' ? customer : (subscription ?? '');
      simulator.change([{ kind, id }]);
      expect(await pay(invoice, 'late')).toBe(200);
      const { forbiddenCharges } = await judged();
      expect(forbiddenCharges).toMatchObject([
        { invoice, result: 'succeeded', idempotencyKey: 'late', after: { id } },
      ]);
      expect(await judged('?graceSeconds=1')).toEqual(CLEAN);
    },
  );

  test.each([
    ['payInvoice', 'paid', 1],
    ['voidInvoice', 'voided', 0],
  ] as const)(
    'sees what a service without a guard does: a charge after %s',
    async (kind, stop, doubles) => {
      const invoice = collectible();
      simulator.change([{ kind, id: invoice }]);
      expect(await pay(invoice, 'refused')).toBe(400);
      expect(await judged()).toEqual(CLEAN);
      expect((await call('/_simulator/guards', { guard: false })).status).toBe(200);
      expect(await pay(invoice, 'twice')).toBe(200);
      const { doubleCharges, forbiddenCharges } = await judged();
      expect(forbiddenCharges).toMatchObject([
        { invoice, idempotencyKey: 'twice', after: { kind: stop, id: invoice } },
      ]);
      const { amountDueMinor: due, status } = simulator.world.invoices.get(invoice);
      expect(doubleCharges).toMatchObject(
        Array.from({ length: doubles }, () => ({
          invoice,
          dueMinor: String(due),
          succeededMinor: String(2 * due),
        })),
      );
      expect(status).toBe(kind === 'payInvoice' ? 'paid' : 'void');
    },
  );

  test('sees a dispute, and whether a charge was asked for before it', async () => {
    const invoice = collectible();
    await call('/_simulator/guards', { guard: false });
    expect(await pay(invoice, 'first')).toBe(200);
    const [charge] = (await storyOf(invoice))?.charges.filter((each) => each.by === 'api') ?? [];
    simulator.change([{ kind: 'disputeCharge', id: charge?.id ?? '' }]);
    expect((await judged()).forbiddenCharges).toEqual([]);
    await pay(invoice, 'second');
    expect((await storyOf(invoice))?.stops.map(({ kind }) => kind)).toEqual(['paid', 'disputed']);
    expect((await judged()).forbiddenCharges).toHaveLength(1);
  });

  test('tells who made each charge of an invoice, with what, and how it ended', async () => {
    const invoice = collectible();
    await pay(invoice, 'k');
    const story = await storyOf(invoice);
    const ours = story?.charges.at(-1);
    const { world } = simulator;
    const { paymentMethod } = world.charges.get(ours?.id ?? '');
    expect(ours).toMatchObject({
      by: 'api',
      idempotencyKey: 'k',
      request: expect.stringMatching(/^req_/),
      result: 'succeeded',
      credential: world.paymentMethods.get(paymentMethod).fingerprint,
    });
    const earlier = new Set(story?.charges.slice(0, -1).map(({ by }) => by));
    expect([...earlier]).toContain('provider');
    expect(story?.dueMinor).toBe(story?.paidMinor);
  });
});

describe('Faults before and after the money moved', () => {
  const [one, none] = [1, 0];
  test.each([
    ['409', 409, none],
    ['429', 429, none],
    ['500', 500, none],
    ['500-after-commit', 500, one],
  ] as const)(
    '%s answers %i with %i charges; only a 500 is kept for its key',
    async (kind, status, charges) => {
      const invoice = collectible();
      const before = simulator.world.charges.size;
      const { struck } = simulator.faults;
      simulator.faults.add([{ kind, times: 1 }]);
      expect(await pay(invoice, 'k')).toBe(status);
      expect(simulator.faults.struck - struck).toBe(one);
      expect(simulator.world.charges.size - before).toBe(charges);
      expect(await pay(invoice, 'k')).toBe(status === 500 ? 500 : 200);
      expect(simulator.world.charges.size - before).toBe(status === 500 ? charges : one);
    },
  );

  test('hang-after-commit charges and never answers; the key then gives the answer', async () => {
    const invoice = collectible();
    simulator.faults.add([{ kind: 'hang-after-commit', times: 1 }]);
    await expect(
      client.invoices.pay(invoice, {}, { idempotencyKey: 'k', timeout: 300 }),
    ).rejects.toMatchObject({ type: 'StripeConnectionError' });
    expect((await storyOf(invoice))?.status).toBe('paid');
    const again = await client.invoices.pay(invoice, {}, { idempotencyKey: 'k' });
    expect(again.lastResponse.headers['idempotent-replayed']).toBe('true');
  });

  test('a key forgets its 500 after a day by the service’s clock', async () => {
    const invoice = collectible();
    simulator.faults.add([{ kind: '500', times: 1 }]);
    expect(await pay(invoice, 'k')).toBe(500);
    simulator.clock.set(new Date(NOW.getTime() + 24 * HOUR_MS - 1000), { stopped: true });
    expect(await pay(invoice, 'k')).toBe(500);
    simulator.clock.set(new Date(NOW.getTime() + 24 * HOUR_MS), { stopped: true });
    expect(await pay(invoice, 'k')).toBe(200);
  });
});

test('lists lag by the service’s clock, each of them, and nothing read by its id does', async () => {
  const invoice = collectible();
  const { customer } = simulator.world.invoices.get(invoice);
  simulator.clock.set(new Date(NOW.getTime() + 60_000), { stopped: true });
  await call('/_simulator/lag', { objectSeconds: 45, eventSeconds: 90 });
  const [{ id: late } = { id: '' }] = simulator.change([{ kind: 'payPart', id: invoice }]);
  const { charges } = simulator.world;
  const charge = charges.all.at(-1);
  const intent = charge?.paymentIntent ?? '';
  const refunded = simulator.change([{ kind: 'refundCharge', id: charge?.id ?? '' }]);
  const created = simulator.change([{ kind: 'createInvoice', id: customer }])[0]?.id ?? '';
  expect(late).toBe(invoice);
  expect(refunded).toHaveLength(1);
  const seen = async () => ({
    charges: (await client.charges.list({ payment_intent: intent })).data.length,
    intents: (await client.paymentIntents.list({ customer })).data.filter(({ id }) => id === intent)
      .length,
    payments: (await client.invoicePayments.list({ invoice })).data.length - 1,
    refunds: (await client.refunds.list({ payment_intent: intent })).data.length,
    invoices: (await client.invoices.list({ customer })).data.filter(({ id }) => id === created)
      .length,
    events: (await client.events.list({ types: ['charge.succeeded'], limit: 100 })).data.filter(
      ({ data }) => (data.object as Stripe.Charge).id === charge?.id,
    ).length,
  });
  const nothing = { charges: 0, intents: 0, payments: 0, refunds: 0, invoices: 0, events: 0 };
  expect(await seen()).toEqual(nothing);
  expect((await client.charges.retrieve(charge?.id ?? '')).id).toBe(charge?.id);
  expect((await client.paymentIntents.retrieve(intent)).latest_charge).toBe(charge?.id);
  const { payments } = await client.invoices.retrieve(invoice, { expand: ['payments'] });
  expect(payments?.data).toHaveLength(2);
  const after = (seconds: number) =>
    simulator.clock.set(new Date(NOW.getTime() + 60_000 + seconds * 1000), { stopped: true });
  after(44);
  expect(await seen()).toEqual(nothing);
  after(45);
  const some = { charges: 1, intents: 1, payments: 1, refunds: 1, invoices: 1, events: 0 };
  expect(await seen()).toEqual(some);
  after(90);
  expect(await seen()).toEqual({ ...some, events: 1 });
});

test('a part that was paid lowers what is charged for the rest', async () => {
  const invoice = collectible();
  const { amountDueMinor: due } = simulator.world.invoices.get(invoice);
  simulator.change([{ kind: 'payPart', id: invoice }]);
  const open = await client.invoices.retrieve(invoice);
  expect(open.status).toBe('open');
  expect(open.amount_paid + open.amount_remaining).toBe(due);
  expect(open.amount_paid).toBeGreaterThan(0);
  const paid = await client.invoices.pay(invoice, { expand: ['payments'] });
  expect(paid).toMatchObject({ status: 'paid', amount_paid: due, amount_remaining: 0 });
  expect(paid.payments?.data.map(({ amount_paid }) => amount_paid)).toEqual([
    open.amount_remaining,
    open.amount_paid,
  ]);
  expect(await judged()).toEqual(CLEAN);
});

test('an invoice has its hosted link from its finalization on', async () => {
  const seen = new Set<string>();
  for await (const { status, hosted_invoice_url: url } of client.invoices.list({ limit: 100 })) {
    seen.add(String(status));
    if (status === 'draft') expect(url).toBeNull();
    else expect(url).toMatch(/^https:\/\/invoice\.stripe\.com\/i\/acct_/);
  }
  expect(seen.size).toBeGreaterThan(3);
});

test('its own retries are turned off over HTTP, and a wrong mode is refused', async () => {
  const invoice = collectible();
  simulator.change([{ kind: 'providerRetry', id: invoice }]);
  expect(await call('/_simulator/retries', { mode: 'off' })).toMatchObject({ status: 200 });
  for await (const each of client.invoices.list({ status: 'open', limit: 100 }))
    expect(each.next_payment_attempt).toBeNull();
  expect(await call('/_simulator/retries', { mode: 'sometimes' })).toEqual({
    status: 400,
    body: { error: 'mode must be one of on, off, scheduled_never_executed.' },
  });
});

test.each<ChangeKind>(['payPart', 'replaceCard', 'markUncollectible', 'providerRetry'])(
  '%s is only done when it is asked for by name',
  (kind) => {
    const drawn = simulator.change(Array.from({ length: 300 }, () => ({})));
    expect(drawn.map((done) => done.kind)).not.toContain(kind);
  },
);
