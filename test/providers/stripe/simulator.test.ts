/** Every list of a simulated account, walked to its end: nothing is missing, nothing is strange. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { PageRequest, RawObject } from '../../../providers/provider';
import { stripe } from '../../../providers/stripe/stripe';
import { totals } from '../../../simulator/oracle/totals';
import { startSimulator, type Simulator } from '../../../simulator/server';
import { connectTo, walkList } from '../../support/stripe-walk';

const AS_OF = new Date('2026-10-01T00:00:00Z');
const signal = new AbortController().signal;

let simulator: Simulator;

beforeAll(async () => {
  simulator = await startSimulator({
    seed: 7,
    customers: 150,
    asOf: AS_OF,
    now: AS_OF,
    // Small, so that embedded lists come cut.
    embeddedPageSize: 1,
  });
}, 120_000);
afterAll(() => simulator.close());

const connect = () => connectTo(simulator);
const walk = (resource: string, window: PageRequest['window']): Promise<RawObject[]> =>
  walkList(simulator, { resource, window });

const EVERYTHING = { from: null, to: new Date('2027-01-01T00:00:00Z') };
const names = stripe.resources.map(({ name }) => name);

/** How many objects a full walk must find, by the oracle; events by the world, of the last 30 days only. */
function expected(): Record<string, number> {
  const truth = totals(simulator.world);
  const horizon = AS_OF.getTime() / 1000 - 30 * 86_400;
  const events = simulator.world.events.all.filter(
    ({ created, type }) =>
      created >= horizon && /^customer\.subscription\.(updated|paused|resumed|deleted)$/.test(type),
  );
  return {
    product: truth.products.count,
    price: truth.prices.count - truth.prices.inline,
    coupon: truth.coupons.count,
    customer: truth.customers.count,
    subscription: truth.subscriptions.count,
    invoice: truth.invoices.count,
    invoice_item: truth.invoiceItems.count,
    invoice_payment: truth.invoicePayments.count,
    payment: truth.payments.count,
    payment_attempt: truth.charges.count,
    refund: truth.refunds.count,
    dispute: truth.disputes.count,
    credit_note: truth.creditNotes.count,
    event: events.length,
  };
}

test('connections leave nothing behind that slows the process down', async () => {
  const run = jest.spyOn(AsyncLocalStorage.prototype, 'run');
  for (let connection = 0; connection < 3; connection += 1) await connect().probe(signal);
  expect(new Set(run.mock.contexts).size).toBe(1);
  run.mockRestore();
});

test('the probe names the account', async () => {
  expect((await connect().probe(signal)).externalId).toBe(simulator.accountId);
});

test.each(names)(
  '%s: a walk finds every object once, and all of them are understood',
  async (name) => {
    const objects = await walk(name, EVERYTHING);
    expect(objects.length).toBe(expected()[name]);
    expect(objects.length).toBeGreaterThan(0);
    expect(new Set(objects.map(({ id }) => id)).size).toBe(objects.length);
    const unknowns = new Set(objects.flatMap((object) => stripe.normalise(object).unknowns));
    // Items of an event that came cut are all that cannot be completed.
    const cut = name === 'event' ? ['event.data.previous_attributes.items=cut'] : [];
    expect([...unknowns]).toEqual(cut);
  },
);

test.each(stripe.resources.filter(({ splittable }) => splittable).map(({ name }) => name))(
  '%s: two windows side by side hold what one holds',
  async (name) => {
    const all = await walk(name, EVERYTHING);
    const middle = all[Math.floor(all.length / 2)]?.createdAt ?? null;
    if (middle === null) throw new Error('Objects are dated.');
    const newer = await walk(name, { from: middle, to: EVERYTHING.to });
    const older = await walk(name, { from: null, to: middle });
    expect([...newer, ...older].map(({ id }) => id)).toEqual(all.map(({ id }) => id));
  },
);

test('invoices hold all of their lines though the lists came cut', async () => {
  const invoices = await walk('invoice', EVERYTHING);
  const lines = invoices
    .flatMap((object) => stripe.normalise(object).records)
    .filter(({ kind }) => kind === 'invoice_line');
  const truth = simulator.world.invoices.all.flatMap(({ lines }) => lines);
  expect(truth.length).toBeGreaterThan(invoices.length);
  expect(lines.map(({ id }) => id).sort()).toEqual(truth.map(({ id }) => id).sort());
});

test('a price that no list holds is had by its id', async () => {
  const listed = new Set((await walk('price', EVERYTHING)).map(({ id }) => id));
  const inline = simulator.world.prices.all.filter(({ id }) => !listed.has(id));
  expect(inline.length).toBeGreaterThan(0);
  const client = connect();
  for (const { id, unitAmountDecimal } of inline) {
    const fetched = await client.fetchObject({ resource: 'price', id, signal });
    if (fetched === null) throw new Error(`There is a price ${id}.`);
    expect(stripe.normalise(fetched.object).records).toMatchObject([
      { kind: 'price', id, fields: { unitAmount: unitAmountDecimal } },
    ]);
  }
  expect(await client.fetchObject({ resource: 'price', id: 'price_none', signal })).toBeNull();
});

test('a walk goes on when the object behind its cursor is deleted meanwhile', async () => {
  const client = connect();
  const request = { resource: 'coupon', window: EVERYTHING, cursor: null, lastSeen: null, signal };
  const [last] = (await client.fetchPage(request)).objects.slice(0, 1);
  if (last?.createdAt === undefined) throw new Error('There are coupons.');
  simulator.world.deleted.add(last.id);
  const rest = await client.fetchPage({
    ...request,
    cursor: `0:${last.id}`,
    lastSeen: last.createdAt,
  });
  expect(rest.objects.length).toBe(totals(simulator.world).coupons.count);
});
