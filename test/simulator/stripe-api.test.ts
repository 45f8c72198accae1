import Stripe from 'stripe';

import {
  DEFAULT_API_KEY,
  startSimulator,
  type Simulator,
  type SimulatorOptions,
} from '../../simulator/server';
import type { Invoice } from '../../simulator/world/model';

const AS_OF = new Date('2026-11-01T00:00:00Z');
const DAY_MS = 86_400_000;

const running: Simulator[] = [];

async function start(options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  const simulator = await startSimulator({
    seed: 1,
    customers: 60,
    asOf: AS_OF,
    now: AS_OF,
    ...options,
  });
  running.push(simulator);
  return simulator;
}

function clientOf(simulator: Simulator, key = DEFAULT_API_KEY): Stripe {
  const { hostname, port } = new URL(simulator.url);
  return new Stripe(key, {
    host: hostname,
    port,
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
  });
}

interface ErrorAnswer {
  status: number;
  headers: Headers;
  error: { type: string; code?: string; param?: string; message: string; decline_code?: string };
}

/** A request by hand, for what the SDK would not send. */
async function refusalOf(
  simulator: Simulator,
  path: string,
  init: RequestInit = {},
): Promise<ErrorAnswer> {
  const response = await fetch(simulator.url + path, {
    ...init,
    headers: { authorization: `Bearer ${DEFAULT_API_KEY}`, ...init.headers },
  });
  const { error } = (await response.json()) as Pick<ErrorAnswer, 'error'>;
  return { status: response.status, headers: response.headers, error };
}

async function countOf(list: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const element of list) count += element === undefined ? 0 : 1;
  return count;
}

function first<T>(records: readonly T[], isWanted: (record: T) => boolean = () => true): T {
  const found = records.find(isWanted);
  if (found === undefined) throw new Error('The world of this test has no such record.');
  return found;
}

/** `code param`, as a line to compare. */
const told = ({ status, error }: ErrorAnswer) => [status, error.code, error.param, error.message];

let simulator: Simulator;
let stripe: Stripe;
beforeAll(async () => {
  simulator = await start();
  stripe = clientOf(simulator);
}, 120_000);
afterAll(() => Promise.all(running.map((each) => each.close())));

describe('The official stripe package', () => {
  test('walks every list and finds exactly what the world holds', async () => {
    const { world } = simulator;
    const page = { limit: 100 };
    const horizon = world.clock - 30 * 86_400;
    const counts = {
      customers: await countOf(stripe.customers.list(page)),
      products: await countOf(stripe.products.list(page)),
      pricesActive: await countOf(stripe.prices.list({ ...page, active: true })),
      pricesInactive: await countOf(stripe.prices.list({ ...page, active: false })),
      coupons: await countOf(stripe.coupons.list(page)),
      subscriptions: await countOf(stripe.subscriptions.list({ ...page, status: 'all' })),
      invoices: await countOf(stripe.invoices.list(page)),
      invoiceItems: await countOf(stripe.invoiceItems.list(page)),
      invoicePayments: await countOf(stripe.invoicePayments.list(page)),
      paymentIntents: await countOf(stripe.paymentIntents.list(page)),
      charges: await countOf(stripe.charges.list(page)),
      refunds: await countOf(stripe.refunds.list(page)),
      disputes: await countOf(stripe.disputes.list(page)),
      creditNotes: await countOf(stripe.creditNotes.list(page)),
      events: await countOf(stripe.events.list(page)),
    };
    const listed = world.prices.all.filter(({ inline }) => !inline);
    expect(counts).toEqual({
      customers: world.customers.size,
      products: world.products.size,
      pricesActive: listed.filter(({ active }) => active).length,
      pricesInactive: listed.filter(({ active }) => !active).length,
      coupons: world.coupons.size,
      subscriptions: world.subscriptions.size,
      invoices: world.invoices.size,
      invoiceItems: world.invoiceItems.size,
      invoicePayments: world.invoicePayments.size,
      paymentIntents: world.paymentIntents.size,
      charges: world.charges.size,
      refunds: world.refunds.size,
      disputes: world.disputes.size,
      creditNotes: world.creditNotes.size,
      events: world.events.all.filter(({ created }) => created >= horizon).length,
    });
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(0);
  });

  test('sums up to the oracle', async () => {
    const response = await fetch(`${simulator.url}/_oracle/totals`);
    const totals = (await response.json()) as {
      invoices: { byCurrency: Record<string, { totalMinor: string; amountPaidMinor: string }> };
    };
    const sums: Record<string, { total: bigint; paid: bigint }> = {};
    for await (const { currency, total, amount_paid } of stripe.invoices.list({ limit: 100 })) {
      const sum = (sums[currency.toUpperCase()] ??= { total: 0n, paid: 0n });
      sum.total += BigInt(total);
      sum.paid += BigInt(amount_paid);
    }
    expect(
      Object.fromEntries(
        Object.entries(sums).map(([currency, { total, paid }]) => [
          currency,
          [`${total}`, `${paid}`],
        ]),
      ),
    ).toEqual(
      Object.fromEntries(
        Object.entries(totals.invoices.byCurrency).map(([currency, sum]) => [
          currency,
          [sum.totalMinor, sum.amountPaidMinor],
        ]),
      ),
    );
  });

  test('reads the same objects by id as in lists', async () => {
    const [customer] = (await stripe.customers.list({ limit: 1 })).data;
    const [invoice] = (await stripe.invoices.list({ limit: 1 })).data;
    const [subscription] = (await stripe.subscriptions.list({ limit: 1 })).data;
    expect(await stripe.customers.retrieve(customer?.id ?? '')).toMatchObject({ ...customer });
    expect(await stripe.invoices.retrieve(invoice?.id ?? '')).toMatchObject({ ...invoice });
    expect(await stripe.subscriptions.retrieve(subscription?.id ?? '')).toMatchObject({
      ...subscription,
    });
  });

  test('gets decimals, the account, and the version that it asked for', async () => {
    const [price] = (await stripe.prices.list({ limit: 1 })).data;
    expect(price?.unit_amount_decimal?.toString()).toMatch(/^\d+(\.\d+)?$/);
    const account = await stripe.accounts.retrieveCurrent();
    expect(account.id).toBe(simulator.accountId);
    expect((await stripe.accounts.retrieve(account.id)).id).toBe(account.id);
    expect(account.lastResponse.apiVersion).toBe('2026-10-28.endive');
    expect(account.lastResponse.requestId).toMatch(/^req_/);
    expect(new Date(account.lastResponse.headers['date'] ?? '').getTime()).toBeLessThan(
      AS_OF.getTime() + DAY_MS,
    );
  });
});

describe('The holes of Stripe’s lists', () => {
  test('prices: active ones only unless asked, inline ones never, tiers only when expanded', async () => {
    const { world } = simulator;
    const inline = first(world.prices.all, (price) => price.inline);
    const tiered = first(world.prices.all, (price) => price.active && price.scheme !== 'per_unit');
    const ids = (await stripe.prices.list({ limit: 100 })).data.map(({ id }) => id);
    expect(world.prices.all.filter(({ active, id }) => !active && ids.includes(id))).toEqual([]);
    expect(ids).not.toContain(inline.id);
    expect((await stripe.prices.retrieve(inline.id)).id).toBe(inline.id);
    expect(await stripe.prices.retrieve(tiered.id)).not.toHaveProperty('tiers');
    const { tiers } = await stripe.prices.retrieve(tiered.id, { expand: ['tiers'] });
    expect(tiers).toHaveLength(tiered.tiers.length);
    expect(tiers?.at(-1)?.up_to).toBeNull();
    const flat = first(world.prices.all, ({ scheme }) => scheme === 'per_unit');
    expect(await stripe.prices.retrieve(flat.id, { expand: ['tiers'] })).not.toHaveProperty(
      'tiers',
    );
  });

  test('subscriptions: cancelled ones only with a status', async () => {
    const { all } = simulator.world.subscriptions;
    const countWith = (status?: 'all' | 'ended' | 'canceled') =>
      countOf(stripe.subscriptions.list({ limit: 100, ...(status !== undefined && { status }) }));
    const having = (...statuses: string[]) =>
      all.filter(({ status }) => statuses.includes(status)).length;
    expect(having('canceled')).toBeGreaterThan(0);
    expect(await countWith()).toBe(all.length - having('canceled'));
    expect(await countWith('all')).toBe(all.length);
    expect(await countWith('canceled')).toBe(having('canceled'));
    expect(await countWith('ended')).toBe(having('canceled', 'incomplete_expired'));
  });

  test('embedded items and lines are cut off, and the rest is at their url', async () => {
    const small = await start({ embeddedPageSize: 1 });
    const client = clientOf(small);
    const subscription = first(small.world.subscriptions.all, ({ items }) => items.length > 1);
    const invoice = first(small.world.invoices.all, ({ lines }) => lines.length > 2);
    const { items } = await client.subscriptions.retrieve(subscription.id);
    expect([items.data.length, items.has_more]).toEqual([1, true]);
    expect(
      await countOf(client.subscriptionItems.list({ subscription: subscription.id, limit: 1 })),
    ).toBe(subscription.items.length);
    const { lines } = await client.invoices.retrieve(invoice.id);
    expect([lines.data.length, lines.has_more]).toEqual([1, true]);
    const ids: string[] = [];
    for await (const line of client.invoices.listLineItems(invoice.id, { limit: 2 }))
      ids.push(line.id);
    expect(ids).toEqual(invoice.lines.map(({ id }) => id));
  });

  test('an invoice has no payments, a charge no refunds, a discount no object, unless expanded', async () => {
    const { world } = simulator;
    const paid = first(world.invoices.all, ({ paymentIntent }) => paymentIntent !== null);
    expect(await stripe.invoices.retrieve(paid.id)).not.toHaveProperty('payments');
    const { payments } = await stripe.invoices.retrieve(paid.id, { expand: ['payments'] });
    expect(payments?.data[0]?.payment.payment_intent).toBe(paid.paymentIntent);

    const refund = first(world.refunds.all);
    expect(await stripe.charges.retrieve(refund.charge)).not.toHaveProperty('refunds');
    const charge = await stripe.charges.retrieve(refund.charge, { expand: ['refunds'] });
    expect(charge.refunds?.data.map(({ id }) => id)).toContain(refund.id);

    const discounted = first(world.invoices.all, ({ discounts }) => discounts.length > 0);
    expect((await stripe.invoices.retrieve(discounted.id)).discounts).toEqual(discounted.discounts);
    const { discounts } = await stripe.invoices.retrieve(discounted.id, {
      expand: ['discounts.source.coupon'],
    });
    expect(discounts[0]).toMatchObject({
      object: 'discount',
      source: { coupon: { object: 'coupon' } },
    });
  });

  test('events end 30 days ago by the service’s clock', async () => {
    const later = await start();
    const events = later.world.events.all;
    const middle = events[Math.floor(events.length / 2)]?.created ?? 0;
    later.clock.set(new Date((middle + 30 * 86_400) * 1000));
    const client = clientOf(later);
    // The clock runs on while the pages are read, by less than two minutes.
    const since = (instant: number) => events.filter(({ created }) => created >= instant).length;
    const listed = await countOf(client.events.list({ limit: 100 }));
    expect(listed).toBeLessThanOrEqual(since(middle));
    expect(listed).toBeGreaterThanOrEqual(since(middle + 120));
    expect(since(middle)).toBeLessThan(events.length);
    await expect(client.events.retrieve(first(events).id)).rejects.toMatchObject({
      statusCode: 404,
    });
    await expect(client.events.list({ starting_after: first(events).id })).rejects.toMatchObject({
      code: 'resource_missing',
    });
  });

  test('events are filtered by type, wildcard or types, and tell what was before', async () => {
    const types = async (params: Stripe.EventListParams) => {
      const seen = new Set<string>();
      for await (const { type } of stripe.events.list({ limit: 100, ...params })) seen.add(type);
      return [...seen].sort();
    };
    expect(await types({ type: 'invoice.paid' })).toEqual(['invoice.paid']);
    expect(await types({ types: ['invoice.paid', 'charge.failed'] })).toEqual([
      'charge.failed',
      'invoice.paid',
    ]);
    for (const type of await types({ type: 'invoice.*' })) expect(type).toMatch(/^invoice\./);
    const [updated] = (await stripe.events.list({ type: 'invoice.updated', limit: 1 })).data;
    expect(Object.keys(updated?.data.previous_attributes ?? {})).not.toEqual([]);
    expect(updated?.data.object).not.toHaveProperty('payments');
  });

  test('a cursor whose object was deleted is refused, and the object is gone', async () => {
    const other = await start();
    const client = clientOf(other);
    const [, cursor] = (await client.invoices.list()).data;
    const id = cursor?.id ?? '';
    const deleted = await fetch(`${other.url}/_simulator/delete`, {
      method: 'POST',
      body: JSON.stringify({ id }),
    });
    expect(deleted.status).toBe(200);
    await expect(client.invoices.list({ starting_after: id })).rejects.toMatchObject({
      statusCode: 400,
      code: 'resource_missing',
      param: 'starting_after',
      message: `No such invoice: '${id}'`,
    });
    await expect(client.invoices.retrieve(id)).rejects.toMatchObject({ statusCode: 404 });
    expect(await countOf(client.invoices.list({ limit: 100 }))).toBe(other.world.invoices.size - 1);
  });
});

describe('What Stripe refuses', () => {
  test.each([
    [
      '/v1/charges?limit=0',
      'parameter_invalid_integer',
      'limit',
      'This value must be greater than or equal to 1.',
    ],
    [
      '/v1/charges?limit=101',
      'parameter_invalid_integer',
      'limit',
      "This value must be less than or equal to 100 (it currently is '101').",
    ],
    ['/v1/charges?limit=ten', 'parameter_invalid_integer', 'limit', 'Invalid integer: ten'],
    [
      '/v1/charges?created[gte]=soon',
      'parameter_invalid_integer',
      'created[gte]',
      'Invalid integer: soon',
    ],
    [
      '/v1/charges?created[from]=1',
      'parameter_unknown',
      'created[from]',
      'Received unknown parameter: created[from]',
    ],
    [
      '/v1/charges?status=failed',
      'parameter_unknown',
      'status',
      'Received unknown parameter: status',
    ],
    [
      '/v1/charges?starting_after=ch_no',
      'resource_missing',
      'starting_after',
      "No such charge: 'ch_no'",
    ],
    [
      '/v1/charges?ending_before=ch_no',
      'resource_missing',
      'ending_before',
      "No such charge: 'ch_no'",
    ],
    [
      '/v1/charges?expand[]=data.invoice',
      undefined,
      'expand',
      'This property cannot be expanded (data.invoice).',
    ],
    [
      '/v1/charges?expand[]=refunds',
      undefined,
      'expand',
      "This property cannot be expanded (refunds). You may want to try expanding 'data.refunds' instead.",
    ],
    [
      '/v1/invoices?expand[]=data.payments.data.payment.payment_intent',
      undefined,
      'expand',
      'You cannot expand more than 4 levels of a property. Property: data.payments.data.payment.payment_intent',
    ],
    [
      '/v1/invoices?status=settled',
      undefined,
      'status',
      'Invalid status: must be one of draft, open, paid, uncollectible, void',
    ],
    ['/v1/prices?active=yes', undefined, 'active', 'Invalid boolean: yes'],
    [
      '/v1/subscription_items',
      'parameter_missing',
      'subscription',
      'Missing required param: subscription.',
    ],
    [
      '/v1/charges?starting_after=a&ending_before=b',
      'parameters_exclusive',
      undefined,
      'Received both ending_before and starting_after parameters. Please pass in only one.',
    ],
  ])('%s', async (path, code, param, message) => {
    const answer = await refusalOf(simulator, path);
    expect(told(answer)).toEqual([400, code, param, message]);
    expect(answer.error.type).toBe('invalid_request_error');
  });

  test('an object that does not exist, and a path that is no endpoint', async () => {
    expect(told(await refusalOf(simulator, '/v1/invoices/in_no'))).toEqual([
      404,
      'resource_missing',
      'id',
      "No such invoice: 'in_no'",
    ]);
    const { status, error } = await refusalOf(simulator, '/v1/payouts');
    expect([status, error.message]).toEqual([
      404,
      expect.stringContaining('Unrecognized request URL (GET: /v1/payouts)'),
    ]);
  });

  test('no key, a wrong key, a revoked key, and someone else’s account', async () => {
    simulator.api.keys.set('sk_test_old', { permissions: 'all', revoked: true });
    const none = await refusalOf(simulator, '/v1/charges', { headers: { authorization: '' } });
    expect([none.status, none.error.message]).toEqual([
      401,
      expect.stringContaining('You did not provide an API key.'),
    ]);
    await expect(clientOf(simulator, 'sk_test_wrong1234').charges.list()).rejects.toMatchObject({
      type: 'StripeAuthenticationError',
      message: 'Invalid API Key provided: sk_test_*****1234',
    });
    await expect(clientOf(simulator, 'sk_test_old').charges.list()).rejects.toMatchObject({
      statusCode: 401,
      code: 'api_key_expired',
    });
    await expect(stripe.accounts.retrieve('acct_other')).rejects.toMatchObject({
      type: 'StripePermissionError',
      code: 'account_invalid',
    });
  });

  test('a restricted key what it was not given, by list, by expansion and by writing', async () => {
    const response = await fetch(`${simulator.url}/_simulator/keys`, {
      method: 'POST',
      body: JSON.stringify({ keys: { rk_test_reader1: { permissions: { invoice: 'read' } } } }),
    });
    expect(response.status).toBe(200);
    const reader = clientOf(simulator, 'rk_test_reader1');
    expect((await reader.invoices.list()).data).not.toEqual([]);
    await expect(reader.charges.list()).rejects.toMatchObject({
      type: 'StripePermissionError',
      statusCode: 403,
      message: `The provided key 'rk_test_***der1' does not have the required permissions for this endpoint on account '${simulator.accountId}'. Having the 'rak_charge_read' permission would allow this request to continue.`,
    });
    await expect(reader.invoices.list({ expand: ['data.customer'] })).rejects.toMatchObject({
      message: expect.stringContaining('rak_customer_read') as string,
    });
    await expect(reader.invoices.pay(first(simulator.world.invoices.all).id)).rejects.toMatchObject(
      {
        message: expect.stringContaining('rak_invoice_write') as string,
      },
    );
  });

  test('a malformed version', async () => {
    const { status, error } = await refusalOf(simulator, '/v1/charges', {
      headers: { 'stripe-version': 'latest' },
    });
    expect([status, error.message]).toEqual([400, 'Invalid Stripe API version: latest']);
  });
});

describe('Paying an invoice', () => {
  /** Invoices that can be paid, by what their customer's card will answer now. */
  function open(from: Simulator): Invoice[] {
    return from.world.invoices.all.filter(({ status }) => status === 'open');
  }

  test('succeeds or is declined with Stripe’s codes, with a new charge of the same intent either way', async () => {
    const own = await start({ customers: 200 });
    const client = clientOf(own);
    const outcomes = new Set<string>();
    for (const invoice of open(own)) {
      const before = own.world.charges.size;
      try {
        const paid = await client.invoices.pay(invoice.id, { expand: ['payments'] });
        expect(paid.status).toBe('paid');
        expect(paid.payments?.data.at(-1)?.status).toBe('paid');
        outcomes.add('paid');
      } catch (error) {
        if (!(error instanceof Stripe.errors.StripeCardError)) throw error;
        const charge = await client.charges.retrieve(error.charge ?? '');
        expect(error.statusCode).toBe(402);
        expect(charge).toMatchObject({
          status: 'failed',
          failure_code: error.code,
          payment_intent: error.payment_intent?.id,
          outcome: { reason: error.decline_code },
        });
        expect(error.payment_intent).toMatchObject({
          status: 'requires_payment_method',
          last_payment_error: { charge: charge.id, decline_code: error.decline_code },
        });
        outcomes.add('declined');
      }
      expect(own.world.charges.size).toBe(before + 1);
    }
    expect([...outcomes].sort()).toEqual(['declined', 'paid']);
  });

  test('is refused when it is paid or void', async () => {
    for (const [status, message] of [
      ['paid', 'Invoice is already paid'],
      ['void', 'You can only pay an invoice that is open or uncollectible; this invoice is void.'],
    ]) {
      const { id } = first(simulator.world.invoices.all, (invoice) => invoice.status === status);
      await expect(stripe.invoices.pay(id)).rejects.toMatchObject({ statusCode: 400, message });
    }
  });

  test('is refused with someone else’s card', async () => {
    const [invoice] = open(simulator);
    const card = first(
      simulator.world.paymentMethods.all,
      ({ customer }) => customer !== invoice?.customer,
    );
    await expect(
      stripe.invoices.pay(invoice?.id ?? '', { payment_method: card.id }),
    ).rejects.toMatchObject({ statusCode: 400, code: 'resource_missing', param: 'payment_method' });
  });

  test('writes events that name the request and its key', async () => {
    const own = await start();
    const client = clientOf(own);
    const [invoice] = open(own);
    await client.invoices
      .pay(invoice?.id ?? '', {}, { idempotencyKey: 'attempt-1' })
      .catch(() => undefined);
    const [event] = (await client.events.list({ type: 'charge.*', limit: 1 })).data;
    expect(event?.request).toEqual({
      id: expect.stringMatching(/^req_/) as string,
      idempotency_key: 'attempt-1',
    });
  });
});

describe('Idempotency keys', () => {
  async function setUp(options: Partial<SimulatorOptions> = {}) {
    const own = await start(options);
    const invoices = own.world.invoices.all.filter(({ status }) => status === 'open');
    const pay = (place: number, key: string, body = '') =>
      refusalOf(own, `/v1/invoices/${invoices[place]?.id}/pay`, {
        method: 'POST',
        body,
        headers: { 'idempotency-key': key, 'content-type': 'application/x-www-form-urlencoded' },
      });
    return { own, pay, charges: () => own.world.charges.size };
  }

  test('replay status and body, a decline included, without a second charge', async () => {
    const { pay, charges } = await setUp();
    const before = charges();
    const once = await pay(0, 'k');
    const again = await pay(0, 'k');
    expect([again.status, again.error]).toEqual([once.status, once.error]);
    expect(once.headers.get('idempotent-replayed')).toBeNull();
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.headers.get('original-request')).toBe(once.headers.get('request-id'));
    expect(charges()).toBe(before + 1);
  });

  test('refuse other parameters and another path', async () => {
    const { pay, charges } = await setUp();
    await pay(0, 'k');
    const before = charges();
    for (const answer of [await pay(0, 'k', 'off_session=true'), await pay(1, 'k')]) {
      expect([answer.status, answer.error.type]).toEqual([400, 'idempotency_error']);
    }
    expect(charges()).toBe(before);
  });

  test('answer 409 while the first request is under way', async () => {
    const { pay, charges } = await setUp({ latencyMs: 300 });
    const before = charges();
    const [one, two] = await Promise.all([pay(0, 'k'), pay(0, 'k')]);
    const conflict = one.status === 409 ? one : two;
    expect([conflict.status, conflict.error.code]).toEqual([409, 'idempotency_key_in_use']);
    expect(charges()).toBe(before + 1);
    expect((await pay(0, 'k')).status).not.toBe(409);
  });

  test('do not keep a validation error', async () => {
    const { pay, charges } = await setUp();
    const before = charges();
    expect((await pay(0, 'k', 'bogus=1')).error.code).toBe('parameter_unknown');
    expect((await pay(0, 'k')).error?.code).not.toBe('parameter_unknown');
    expect(charges()).toBe(before + 1);
  });

  test('keep a 500 that came after the charge', async () => {
    const { own, pay, charges } = await setUp();
    const before = charges();
    own.faults.add([{ kind: '500-after-commit', times: 1, match: { method: 'POST' } }]);
    expect((await pay(0, 'k')).status).toBe(500);
    const again = await pay(0, 'k');
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([500, 'true']);
    expect(charges()).toBe(before + 1);
  });

  test('end after a day by the service’s clock', async () => {
    const { own, pay } = await setUp();
    await pay(0, 'k');
    own.clock.set(new Date(AS_OF.getTime() + DAY_MS + 60_000));
    expect((await pay(0, 'k')).headers.get('idempotent-replayed')).toBeNull();
  });
});

describe('Rate limits', () => {
  test('refuse what is beyond the limit of one endpoint, and only there', async () => {
    const own = await start({ customers: 5, rateLimits: { endpointPerSecond: 3 } });
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => refusalOf(own, '/v1/charges')),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(answers.length - refused.length).toBeGreaterThanOrEqual(3);
    expect(refused[0]?.error.code).toBe('rate_limit');
    expect(refused[0]?.headers.get('stripe-rate-limited-reason')).toBe('endpoint-rate');
    expect((await refusalOf(own, '/v1/invoices')).status).toBe(200);
    expect(own.requests.counts().answered429).toBe(refused.length);
  });

  test('refuse what is beyond the limit of all endpoints together', async () => {
    const own = await start({ customers: 5, rateLimits: { allPerSecond: 2 } });
    const paths = ['/v1/charges', '/v1/invoices', '/v1/customers', '/v1/prices', '/v1/events'];
    const answers = await Promise.all(paths.map((path) => refusalOf(own, path)));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]?.headers.get('stripe-rate-limited-reason')).toBe('global-rate');
  });
});

describe('The fault plan', () => {
  let own: Simulator;
  let client: Stripe;
  beforeAll(async () => {
    own = await start();
    client = clientOf(own);
  });
  beforeEach(() => own.faults.clear());

  test('is set over HTTP, and a wrong rule is refused by name', async () => {
    const post = (rules: unknown) =>
      fetch(`${own.url}/_simulator/faults`, { method: 'POST', body: JSON.stringify({ rules }) });
    expect((await post([{ kind: '429', times: 1, retryAfterSeconds: 7 }])).status).toBe(200);
    await expect(client.charges.list()).rejects.toMatchObject({
      type: 'StripeRateLimitError',
      headers: expect.objectContaining({ 'retry-after': '7' }) as object,
    });
    expect((await client.charges.list()).data).not.toEqual([]);
    const wrong = await post([{ kind: '429' }, { kind: 'slow' }]);
    expect([wrong.status, await wrong.json()]).toEqual([
      400,
      { error: expect.stringContaining('rules[1].kind must be one of') as string },
    ]);
  });

  test('counts matching requests only: after, every nth, times', async () => {
    own.faults.add([
      {
        kind: '500',
        match: { path: '/v1/charges', method: 'GET' },
        after: 1,
        everyNth: 2,
        times: 2,
      },
    ]);
    const statuses: number[] = [];
    for (let i = 0; i < 8; i += 1) {
      expect((await refusalOf(own, '/v1/invoices')).status).toBe(200);
      statuses.push((await refusalOf(own, '/v1/charges')).status);
    }
    expect(statuses).toEqual([200, 200, 500, 200, 500, 200, 200, 200]);
  });

  test('can answer HTML', async () => {
    for (const [kind, status] of [
      ['html-200', 200],
      ['html-502', 502],
    ] as const) {
      own.faults.add([{ kind, times: 1 }]);
      const response = await fetch(`${own.url}/v1/charges`);
      expect([response.status, response.headers.get('content-type')]).toEqual([
        status,
        'text/html; charset=utf-8',
      ]);
    }
  });

  test('can lose an answer on the way, before or after the charge was made', async () => {
    for (const [kind, made] of [
      ['reset', 0],
      ['reset-after-commit', 1],
      ['truncate', 1],
    ] as const) {
      const { id } = first(own.world.invoices.all, ({ status }) => status === 'open');
      const before = own.world.charges.size;
      own.faults.add([{ kind, times: 1 }]);
      const answer = fetch(`${own.url}/v1/invoices/${id}/pay`, {
        method: 'POST',
        headers: { authorization: `Bearer ${DEFAULT_API_KEY}` },
      }).then((response) => response.text());
      await expect(answer).rejects.toThrow();
      expect([kind, own.world.charges.size - before]).toEqual([kind, made]);
    }
  });

  test('can leave a request hanging, which closing the service ends', async () => {
    const other = await start({ customers: 2 });
    other.faults.add([{ kind: 'hang' }]);
    const answer = fetch(`${other.url}/v1/charges`);
    const ended = expect(answer).rejects.toThrow();
    while (other.requests.counts().total === 0) await new Promise(setImmediate);
    await other.close();
    running.splice(running.indexOf(other), 1);
    await ended;
  });
});

describe('The control endpoints', () => {
  test('count requests by endpoint and show the latest', async () => {
    const own = await start({ customers: 5 });
    const control = async (path: string, method = 'GET') =>
      (await (await fetch(own.url + path, { method })).json()) as Record<string, unknown>;
    await refusalOf(own, '/v1/charges?limit=1');
    await refusalOf(own, '/v1/invoices/in_no');
    expect(await control('/_simulator/requests?last=1')).toEqual({
      total: 2,
      byEndpoint: { 'GET /v1/charges': 1, 'GET /v1/invoices/:id': 1 },
      answered429: 0,
      last: [{ method: 'GET', path: '/v1/invoices/in_no', query: '', status: 404 }],
    });
    await control('/_simulator/requests/reset', 'POST');
    expect(await control('/_simulator/requests')).toMatchObject({ total: 0, byEndpoint: {} });
  });

  test('move the clock, and what falls due until then happens', async () => {
    const own = await start({ customers: 40 });
    const before = own.world.invoices.size;
    const move = (now: string) =>
      fetch(`${own.url}/_simulator/clock`, { method: 'POST', body: JSON.stringify({ now }) });
    expect((await move('2026-12-01T00:00:00Z')).status).toBe(200);
    expect(own.world.invoices.size).toBeGreaterThan(before);
    const response = await refusalOf(own, '/v1/charges');
    expect(response.headers.get('date')).toMatch(/^Tue, 01 Dec 2026 00:00/);
    expect((await move('2026-11-15T00:00:00Z')).status).toBe(400);
    expect((await move('soon')).status).toBe(400);
  });

  test('show the oracle’s MRR as steps and at instants', async () => {
    const read = async (path: string) =>
      (await (await fetch(simulator.url + path)).json()) as unknown;
    expect(await read('/_oracle/mrr')).toMatchObject({ customers: expect.any(Array) as unknown[] });
    const month = '2026-10-31T23:59:59Z';
    const answer = (await read(`/_oracle/mrr?at=${month}`)) as { at: string; mrr: unknown[] }[];
    expect(answer).toHaveLength(1);
    expect(answer[0]?.mrr.length).toBeGreaterThan(0);
    expect(await read('/_oracle/ledger')).toEqual(expect.any(Array));
  });
});
