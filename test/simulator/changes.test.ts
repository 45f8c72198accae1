import Stripe from 'stripe';
import { totals } from '../../simulator/oracle/totals';
import { DEFAULT_API_KEY, startSimulator, type Simulator } from '../../simulator/server';
import { CHANGE_KINDS, type ChangeKind } from '../../simulator/world/changes';

const NOW = new Date('2026-11-01T00:00:00Z');
const SECOND_MS = 1000;

let simulator: Simulator;
let client: Stripe;

beforeEach(async () => {
  simulator = await startSimulator({
    seed: 5,
    customers: 60,
    asOf: NOW,
    now: NOW,
    debitShare: 0.3,
  });
  const { hostname, port } = new URL(simulator.url);
  client = new Stripe(DEFAULT_API_KEY, { host: hostname, port, protocol: 'http' });
  // What some kinds of change need: a pending item, a draft.
  moveTo(NOW);
  simulator.change([
    { kind: 'createInvoice' },
    { kind: 'changeQuantity' },
    { kind: 'changePrice' },
  ]);
});
afterEach(() => simulator.close());

function moveTo(at: Date): void {
  simulator.clock.set(at, { stopped: true });
}

async function post(path: string, body: unknown): Promise<{ status: number; body: unknown }> {
  const response = await fetch(simulator.url + path, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

/** Everything that the lists show, by id. */
async function listed(): Promise<Map<string, { object: string; [field: string]: unknown }>> {
  const found = new Map<string, { object: string }>();
  const lists = [
    client.customers.list({ limit: 100 }),
    client.products.list({ limit: 100 }),
    client.coupons.list({ limit: 100 }),
    client.subscriptions.list({ limit: 100, status: 'all' }),
    client.invoices.list({ limit: 100 }),
    client.invoiceItems.list({ limit: 100 }),
    client.invoicePayments.list({ limit: 100 }),
    client.paymentIntents.list({ limit: 100 }),
    client.charges.list({ limit: 100 }),
    client.refunds.list({ limit: 100 }),
    client.disputes.list({ limit: 100 }),
  ] as AsyncIterable<{ id: string; object: string }>[];
  for (const list of lists) for await (const each of list) found.set(each.id, each);
  return found;
}

/** Of Stripe's own silence: fields that change although no event is about their object. */
const UNTOLD: Partial<Record<string, ChangeKind[]>> = {
  charge: ['disputeCharge', 'takeBackCharge'],
  invoice_payment: ['voidInvoice', 'payPart'],
  payment_intent: ['payPart'],
};
/** Counters, and copies of what the customer is called. */
const BESIDE = new Set([
  'times_redeemed',
  'next_invoice_sequence',
  'customer_name',
  'billing_details',
]);
const facts = (object: object | undefined): string =>
  JSON.stringify(object, (key, value: unknown) => (BESIDE.has(key) ? undefined : value));

test.each(CHANGE_KINDS)(
  '%s: what it changes in the lists is what its events tell, and the oracle counts it',
  async (kind) => {
    const before = await listed();
    moveTo(new Date(NOW.getTime() + 60 * SECOND_MS));
    const since = simulator.world.events.size;
    const [done] = simulator.change([{ kind }]);
    expect(done?.kind).toBe(kind);

    const after = await listed();
    const { data: events } = await client.events.list({
      limit: 100,
      created: { gte: NOW.getTime() / SECOND_MS + 60 },
    });
    expect(events).toHaveLength(simulator.world.events.size - since);
    expect(events.length).toBeGreaterThan(0);
    const told = new Set(events.map(({ data }) => (data.object as { id: string }).id));
    expect([...after.keys(), ...before.keys()]).toContain(done?.id);
    const ids = new Set([...before.keys(), ...after.keys()]);
    const untold = [...ids].filter((id) => {
      const object = (after.get(id) ?? before.get(id))?.object ?? '';
      if (UNTOLD[object]?.includes(kind)) return false;
      return facts(before.get(id)) !== facts(after.get(id)) && !told.has(id);
    });
    expect(untold).toEqual([]);

    const count = (object: string) => [...after.values()].filter((o) => o.object === object).length;
    const truth = totals(simulator.world);
    expect({
      customers: count('customer'),
      coupons: count('coupon'),
      invoices: count('invoice'),
      invoiceItems: count('invoiceitem'),
      refunds: count('refund'),
    }).toEqual({
      customers: truth.customers.count,
      coupons: truth.coupons.count,
      invoices: truth.invoices.count,
      invoiceItems: truth.invoiceItems.count,
      refunds: truth.refunds.count,
    });
  },
);

test('an update tells what was before; what is deleted is gone from its list and by id', async () => {
  const { id: customer } = simulator.world.customers.get(
    simulator.world.customers.all[3]?.id ?? '',
  );
  const { name } = simulator.world.customers.get(customer);
  simulator.change([{ kind: 'updateCustomer', id: customer }]);
  const [event] = (await client.events.list({ type: 'customer.updated', limit: 1 })).data;
  expect(event?.data).toMatchObject({
    object: { id: customer },
    previous_attributes: { name },
  });
  simulator.change([{ kind: 'deleteCustomer', id: customer }]);
  expect(await client.customers.retrieve(customer)).toMatchObject({ deleted: true });
  const [draft] = simulator.change([{ kind: 'deleteInvoice' }]);
  await expect(client.invoices.retrieve(draft?.id ?? '')).rejects.toMatchObject({
    statusCode: 404,
  });
  await expect(client.invoices.list({ starting_after: draft?.id ?? '' })).rejects.toMatchObject({
    statusCode: 400,
  });
});

test('two changes of one object in the same second are two events of that second', async () => {
  const id = simulator.world.customers.all[3]?.id;
  const kind = 'updateCustomer';
  const { status, body } = await post('/_simulator/change', {
    changes: [
      { kind, id },
      { kind, id },
    ],
  });
  expect({ status, body }).toEqual({
    status: 200,
    body: {
      done: [
        { kind, id },
        { kind, id },
      ],
    },
  });
  const [second, first] = (await client.events.list({ type: 'customer.updated', limit: 2 })).data;
  expect(second?.created).toBe(first?.created);
  expect(second?.data.previous_attributes).toEqual({
    name: (first?.data.object as Stripe.Customer).name,
  });
});

test('the same seed draws the same changes, and what was not asked for is refused by name', async () => {
  const twin = await startSimulator({
    seed: 5,
    customers: 60,
    asOf: NOW,
    now: NOW,
    debitShare: 0.3,
  });
  twin.clock.set(NOW, { stopped: true });
  twin.change([{ kind: 'createInvoice' }, { kind: 'changeQuantity' }, { kind: 'changePrice' }]);
  const wishes = Array.from({ length: 40 }, () => ({}));
  expect(simulator.change(wishes)).toEqual(twin.change(wishes));
  expect(simulator.world.events.all).toEqual(twin.world.events.all);
  await twin.close();

  for (const [body, message] of [
    [{ changes: {} }, 'changes must be an array of at most 1000.'],
    [{ changes: [{ kind: 'explode' }] }, /^changes\[0\]\.kind must be one of createCustomer, /],
    [{ changes: [{ what: 1 }] }, 'changes[0].what is not known; use kind, id.'],
    [{ changes: [{ kind: 'renameProduct', id: 'p' }] }, 'renameProduct cannot be done to p now.'],
  ] as const) {
    expect(await post('/_simulator/change', body)).toEqual({
      status: 400,
      body: { error: typeof message === 'string' ? message : expect.stringMatching(message) },
    });
  }
});

test('a list that lags shows what is new only later; by its id it is there at once', async () => {
  await post('/_simulator/lag', { objectSeconds: 45, eventSeconds: 1800 });
  const at = new Date(NOW.getTime() + 60 * SECOND_MS);
  moveTo(at);
  const [made] = simulator.change([{ kind: 'createCustomer' }]);
  const shown = async () => ({
    customer: (await client.customers.list({ limit: 1 })).data[0]?.id === made?.id,
    events:
      (await client.events.list({ created: { gte: at.getTime() / SECOND_MS } })).data.length > 0,
  });
  expect(await client.customers.retrieve(made?.id ?? '')).toMatchObject({ id: made?.id });
  expect(await shown()).toEqual({ customer: false, events: false });
  moveTo(new Date(at.getTime() + 45 * SECOND_MS));
  expect(await shown()).toEqual({ customer: true, events: false });
  moveTo(new Date(at.getTime() + 1800 * SECOND_MS));
  expect(await shown()).toEqual({ customer: true, events: true });
});
