import { startSimulator, DEFAULT_API_KEY, type Simulator } from '../../simulator/server';
import { CHANGE_KINDS } from '../../simulator/world/changes';
import { describeUnless } from '../support/skip';
import { StripeSpec, whyNoStripeSpec } from '../support/stripe-spec';

const missing = whyNoStripeSpec();

const AS_OF = new Date('2026-11-01T00:00:00Z');

/** Each list with a query that shows what there is, and with everything expanded that a connector may want. */
const lists: [path: string, query: string, expand: string[]][] = [
  ['/v1/customers', '', ['data.invoice_settings.default_payment_method']],
  ['/v1/products', '', []],
  ['/v1/prices', 'active=true', ['data.tiers', 'data.product']],
  ['/v1/prices', 'active=false', ['data.tiers']],
  ['/v1/coupons', '', []],
  [
    '/v1/subscriptions',
    'status=all',
    [
      'data.discounts.source.coupon',
      'data.customer',
      'data.latest_invoice',
      'data.items.data.price',
    ],
  ],
  [
    '/v1/invoices',
    '',
    [
      'data.payments',
      'data.discounts.source.coupon',
      'data.lines.data.discounts',
      'data.customer',
      'data.parent.subscription_details.subscription',
      'data.total_discount_amounts.discount',
    ],
  ],
  ['/v1/invoices', 'status=draft', []],
  ['/v1/invoices', 'status=void', []],
  ['/v1/invoices', 'status=uncollectible', []],
  ['/v1/invoiceitems', '', ['data.invoice', 'data.customer']],
  ['/v1/invoice_payments', '', ['data.payment.payment_intent', 'data.invoice']],
  ['/v1/payment_intents', '', ['data.latest_charge', 'data.payment_method', 'data.customer']],
  ['/v1/charges', '', ['data.refunds', 'data.payment_intent', 'data.customer']],
  ['/v1/refunds', '', ['data.charge', 'data.payment_intent']],
  ['/v1/disputes', '', ['data.charge']],
  ['/v1/credit_notes', '', ['data.invoice', 'data.refunds.refund', 'data.customer']],
  ['/v1/events', '', []],
];

const named: Record<string, string> = {
  '/v1/customers': '/v1/customers/{customer}',
  '/v1/products': '/v1/products/{id}',
  '/v1/prices': '/v1/prices/{price}',
  '/v1/coupons': '/v1/coupons/{coupon}',
  '/v1/subscriptions': '/v1/subscriptions/{subscription_exposed_id}',
  '/v1/invoices': '/v1/invoices/{invoice}',
  '/v1/invoiceitems': '/v1/invoiceitems/{invoiceitem}',
  '/v1/invoice_payments': '/v1/invoice_payments/{invoice_payment}',
  '/v1/payment_intents': '/v1/payment_intents/{intent}',
  '/v1/charges': '/v1/charges/{charge}',
  '/v1/refunds': '/v1/refunds/{refund}',
  '/v1/disputes': '/v1/disputes/{dispute}',
  '/v1/credit_notes': '/v1/credit_notes/{id}',
  '/v1/events': '/v1/events/{id}',
};

describeUnless(missing, 'What the simulator answers fits Stripe’s specification', () => {
  let spec: StripeSpec;
  let simulator: Simulator;

  beforeAll(async () => {
    spec = new StripeSpec();
    simulator = await startSimulator({
      seed: 3,
      customers: 200,
      asOf: AS_OF,
      now: AS_OF,
      debitShare: 0.2,
    });
  }, 120_000);
  afterAll(() => simulator.close());

  interface Answer {
    status: number;
    body: { data: { id: string; object: string; type?: string }[]; has_more: boolean } & Record<
      string,
      unknown
    >;
  }
  async function ask(path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(simulator.url + path, {
      ...init,
      headers: { authorization: `Bearer ${DEFAULT_API_KEY}`, ...init.headers },
    });
    return { status: response.status, body: (await response.json()) as Answer['body'] };
  }
  const expandQuery = (paths: string[]) => paths.map((path) => `&expand[]=${path}`).join('');

  test.each(lists)(
    'every page of %s?%s, and an object of each page by id',
    async (path, query, expand) => {
      let cursor = '';
      const faults = new Set<string>();
      const note = (found: string[]) =>
        found.forEach((fault) => faults.add(fault.replace(/\/\d+/g, '/n')));
      for (let page = 0; page < 200; page += 1) {
        const { status, body } = await ask(`${path}?limit=100&${query}${cursor}`);
        expect(status).toBe(200);
        note(spec.faultsOf('get', path, status, body));
        const last = body.data.at(-1);
        const template = named[path];
        if (last === undefined || template === undefined) {
          throw new Error(`${path}?${query} shows nothing: the world is too small for this test.`);
        }
        const single = await ask(`${path}/${last.id}`);
        note(spec.faultsOf('get', template, single.status, single.body));
        if (!body.has_more) break;
        cursor = `&starting_after=${last.id}`;
      }
      const expanded = await ask(`${path}?limit=100&${query}${expandQuery(expand)}`);
      expect(expanded.status).toBe(200);
      note(spec.faultsOf('get', path, expanded.status, expanded.body));
      expect([...faults]).toEqual([]);
    },
  );

  test('the nested lists, the account and a payment method', async () => {
    const { world } = simulator;
    const id = (record: { id: string } | undefined): string => {
      if (record === undefined) throw new Error('The world is too small for this test.');
      return record.id;
    };
    const invoice = id(world.invoices.all[0]);
    const note = id(world.creditNotes.all[0]);
    const subscription = id(world.subscriptions.all[0]);
    const charge = id(world.charges.all[0]);
    for (const [template, path] of [
      [
        '/v1/invoices/{invoice}/lines',
        `/v1/invoices/${invoice}/lines?expand[]=data.discounts.source.coupon`,
      ],
      ['/v1/credit_notes/{credit_note}/lines', `/v1/credit_notes/${note}/lines`],
      ['/v1/subscription_items', `/v1/subscription_items?subscription=${subscription}`],
      ['/v1/charges/{charge}/refunds', `/v1/charges/${charge}/refunds`],
      [
        '/v1/payment_methods/{payment_method}',
        `/v1/payment_methods/${id(world.paymentMethods.all[0])}`,
      ],
      ['/v1/account', '/v1/account'],
      ['/v1/accounts/{account}', `/v1/accounts/${simulator.accountId}`],
    ] as const) {
      const { status, body } = await ask(path);
      expect(status).toBe(200);
      expect(spec.faultsOf('get', template, status, body)).toEqual([]);
    }
  });

  test('a deleted customer is a stub', async () => {
    const customer = simulator.world.customers.all[0];
    simulator.world.deleted.add(customer?.id ?? '');
    const { status, body } = await ask(`/v1/customers/${customer?.id}`);
    expect(body).toEqual({ id: customer?.id, object: 'customer', deleted: true });
    expect(spec.faultsOf('get', '/v1/customers/{customer}', status, body)).toEqual([]);
    simulator.world.deleted.clear();
  });

  test('every error body, and every outcome of paying an invoice', async () => {
    const seen = new Set<number>();
    const faults: string[] = [];
    const pay = '/v1/invoices/{invoice}/pay';
    const { all } = simulator.world.invoices;
    const unpaid = all.filter(({ status }) => status === 'open' || status === 'draft');
    for (const invoice of [...unpaid, ...all.slice(-20)]) {
      const { status, body } = await ask(`/v1/invoices/${invoice.id}/pay`, { method: 'POST' });
      seen.add(status);
      faults.push(...spec.faultsOf('post', pay, status, body));
    }
    expect([...seen].sort()).toEqual([200, 400, 402]);

    simulator.api.keys.set('rk_test_none', { permissions: {} });
    simulator.api.keys.set('sk_test_old', { permissions: 'all', revoked: true });
    for (const [status, query, key] of [
      [400, 'limit=101'],
      [400, 'starting_after=in_none'],
      [400, 'bogus=1'],
      [400, 'expand[]=data.bogus'],
      [401, '', 'sk_test_wrong'],
      [401, '', 'sk_test_old'],
      [403, '', 'rk_test_none'],
    ] as const) {
      const answer = await ask(`/v1/invoices?${query}`, {
        headers: { authorization: `Bearer ${key ?? DEFAULT_API_KEY}` },
      });
      expect(answer.status).toBe(status);
      faults.push(...spec.faultsOf('get', '/v1/invoices', answer.status, answer.body));
    }
    for (const kind of ['429', '500'] as const) {
      simulator.faults.add([{ kind, times: 1 }]);
      const answer = await ask('/v1/invoices');
      expect(answer.status).toBe(Number(kind));
      faults.push(...spec.faultsOf('get', '/v1/invoices', answer.status, answer.body));
    }
    expect(faults).toEqual([]);
  });

  test('the oracle itself sees a field of an older version, a missing field and a wrong type', async () => {
    const { body } = await ask('/v1/invoices?limit=1');
    const [invoice] = body.data;
    const faultsWith = (change: object) =>
      spec.faultsOf('get', '/v1/invoices/{invoice}', 200, { ...invoice, ...change });
    expect(faultsWith({})).toEqual([]);
    expect(faultsWith({ subscription: 'sub_1' })).toEqual(['/subscription is unknown to invoice']);
    expect(faultsWith({ payment_intent: 'pi_1' })).toHaveLength(1);
    expect(faultsWith({ total: '12' })).not.toEqual([]);
    expect(faultsWith({ lines: undefined })).not.toEqual([]);
    expect(faultsWith({ status: 'settled' })).not.toEqual([]);
  });

  test('the events of every kind of change', async () => {
    simulator.change(CHANGE_KINDS.map((kind) => ({ kind })));
    const { status, body } = await ask('/v1/events?limit=100');
    expect(new Set(body.data.map((event) => event.type))).toContain('coupon.deleted');
    expect(spec.faultsOf('get', '/v1/events', status, body)).toEqual([]);
  });
});
