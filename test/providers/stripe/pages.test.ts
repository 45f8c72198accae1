import type { IncomingMessage, ServerResponse } from 'node:http';
import { stripe } from '../../../providers/stripe/stripe';
import type { PageRequest } from '../../../providers/provider';
import { sendJson, startHttpStub, type HttpStub } from '../../support/http-stub';

const CREATED = 1_760_000_000;
const WINDOW = {
  from: new Date('2026-01-01T00:00:00.500Z'),
  to: new Date('2026-02-01T00:00:00.500Z'),
};

type Json = Record<string, unknown>;
type Route = (query: URLSearchParams, request: IncomingMessage) => Json;

let stub: HttpStub;
let routes: Record<string, Route>;

beforeAll(async () => {
  stub = await startHttpStub((request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '', 'http://stub');
    if (url.pathname === '/v1/account') {
      sendJson(response, 200, { id: 'acct_1', object: 'account' });
      return;
    }
    const route = routes[url.pathname];
    const body = route?.(url.searchParams, request) ?? missing('id');
    sendJson(response, route === undefined ? 404 : body['error'] === undefined ? 200 : 400, body);
  });
});
afterAll(() => stub.close());

const list = (data: Json[], more = false): Json => ({ object: 'list', has_more: more, data });
const object = (type: string, id: string, extra: Json = {}): Json => ({
  id,
  object: type,
  created: CREATED,
  ...extra,
});
const missing = (param: string): Json => ({
  error: { type: 'invalid_request_error', code: 'resource_missing', param },
});

const connect = () =>
  stripe.connect({ externalId: 'acct_1', secret: 'sk_test_1', apiBase: stub.base });

const request = (resource: string, more: Partial<PageRequest> = {}): PageRequest => ({
  resource,
  window: WINDOW,
  cursor: null,
  lastSeen: null,
  signal: new AbortController().signal,
  ...more,
});

const ids = (page: { objects: readonly { id: string }[] }): string[] =>
  page.objects.map(({ id }) => id);

test('a window is asked for in whole seconds, half-open, a hundred objects at a time', async () => {
  let asked = '';
  routes = {
    '/v1/charges': (query) => {
      asked = decodeURIComponent(query.toString());
      return list([]);
    },
  };
  await connect().fetchPage(request('payment_attempt'));
  expect(asked).toBe('limit=100&created[gte]=1767225601&created[lt]=1769904001');
});

test('pages follow each other by cursor until the list has no more', async () => {
  routes = {
    '/v1/charges': (query) =>
      query.get('starting_after') === null
        ? list([object('charge', 'ch_2'), object('charge', 'ch_1', { created: CREATED - 9 })], true)
        : list([object('charge', `after_${String(query.get('starting_after'))}`)]),
  };
  const client = connect();
  const first = await client.fetchPage(request('payment_attempt'));
  expect(ids(first)).toEqual(['ch_2', 'ch_1']);
  expect(first.oldestCreatedAt).toEqual(new Date((CREATED - 9) * 1000));
  expect(first.requests).toBe(1);
  const second = await client.fetchPage(
    request('payment_attempt', { cursor: first.nextCursor, lastSeen: first.oldestCreatedAt }),
  );
  expect(ids(second)).toEqual(['after_ch_1']);
  expect(second.nextCursor).toBeNull();
});

test('a page that promises more and holds nothing is refused: the walk would end too early', async () => {
  routes = { '/v1/charges': () => list([], true) };
  await expect(connect().fetchPage(request('payment_attempt'))).rejects.toMatchObject({
    code: 'not_the_provider',
  });
});

test('when the object behind the cursor is gone, the walk goes on from its second', async () => {
  routes = {
    '/v1/charges': (query) => {
      if (query.get('starting_after') !== null) return missing('starting_after');
      return list([object('charge', `from_${String(query.get('created[lte]'))}`)]);
    },
  };
  const page = await connect().fetchPage(
    request('payment_attempt', { cursor: '0:ch_gone', lastSeen: new Date(CREATED * 1000) }),
  );
  expect(ids(page)).toEqual([`from_${String(CREATED)}`]);
  expect(page.requests).toBe(2);
});

test('without a last seen object, a cursor that is gone is an error', async () => {
  routes = { '/v1/charges': () => missing('starting_after') };
  const fetched = connect().fetchPage(request('payment_attempt', { cursor: '0:ch_gone' }));
  await expect(fetched).rejects.toMatchObject({ code: 'request_refused' });
});

test('prices are walked twice: the active ones, then the others', async () => {
  routes = {
    '/v1/prices': (query) => {
      const kind = query.get('active') === 'true' ? 'active' : 'inactive';
      const after = query.get('starting_after');
      return list([object('price', `${kind}_${after ?? 'first'}`)], after === null);
    },
  };
  const client = connect();
  const seen: string[] = [];
  let cursor: string | null = null;
  const MAX_PAGES = 9;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const page = await client.fetchPage(request('price', { cursor }));
    seen.push(...ids(page));
    cursor = page.nextCursor;
    if (cursor === null) break;
  }
  expect(seen).toEqual([
    'active_first',
    'active_active_first',
    'inactive_first',
    'inactive_inactive_first',
  ]);
  expect(stripe.resources.find(({ name }) => name === 'price')?.splittable).toBe(false);
});

test('subscriptions are asked for in every status, events only for those of subscriptions', async () => {
  const asked: Record<string, string[]> = {};
  routes = {
    '/v1/subscriptions': (query) => {
      asked['status'] = query.getAll('status');
      return list([]);
    },
    '/v1/events': (query) => {
      asked['types'] = query.getAll('types[]');
      return list([]);
    },
  };
  await connect().fetchPage(request('subscription'));
  await connect().fetchPage(request('event'));
  expect(asked['status']).toEqual(['all']);
  expect(asked['types']).toContain('customer.subscription.updated');
});

test.each([
  ['price', '/v1/prices', ['data.tiers']],
  ['customer', '/v1/customers', ['data.discount.source.coupon']],
  [
    'subscription',
    '/v1/subscriptions',
    ['data.discounts.source.coupon', 'data.items.data.discounts'],
  ],
  ['invoice', '/v1/invoices', ['data.discounts.source.coupon', 'data.lines.data.discounts']],
])('%s objects come with what their records need expanded', async (name, path, expected) => {
  let asked: string[] = [];
  routes = {
    [path]: (query) => {
      asked = query.getAll('expand[]');
      return list([]);
    },
  };
  await connect().fetchPage(request(name));
  expect(asked).toEqual(expected);
});

test('the lines of an invoice that came cut are read to their end', async () => {
  const lines = Array.from({ length: 250 }, (_, index) => ({
    id: `il_${String(index)}`,
    object: 'line_item',
    discounts: [],
  }));
  routes = {
    '/v1/invoices': () =>
      list([
        object('invoice', 'in_1', { lines: { ...list(lines.slice(0, 10), true), url: '/x' } }),
      ]),
    '/v1/invoices/in_1/lines': (query) => {
      const from = lines.findIndex(({ id }) => id === query.get('starting_after')) + 1;
      return list(lines.slice(from, from + 100), from + 100 < lines.length);
    },
  };
  const page = await connect().fetchPage(request('invoice'));
  expect(page.objects[0]?.value['lines']).toEqual({ ...list(lines), url: '/x' });
  expect(page.requests).toBe(4);
});

test('whoever reads a cut list may stop before every further request', async () => {
  const lines = object('line_item', 'il_1');
  routes = {
    '/v1/invoices': () => list([object('invoice', 'in_1', { lines: list([], true) })]),
    '/v1/invoices/in_1/lines': () => list([lines], true),
  };
  const stopping = new AbortController();
  let asked = 0;
  const fetched = connect().fetchPage(
    request('invoice', {
      signal: stopping.signal,
      makeMore: (make) => {
        asked += 1;
        if (asked === 3) stopping.abort(new Error('Nobody wants it any more.'));
        return make();
      },
    }),
  );
  const before = stub.requests.length;
  await expect(fetched).rejects.toThrow('Nobody wants it any more.');
  // The account, the page, and two of its lines.
  expect(stub.requests.length - before).toBe(4);
});

test('the items of a subscription that came cut are read to their end', async () => {
  const item = { id: 'si_1', object: 'subscription_item', discounts: [] };
  routes = {
    '/v1/subscriptions': () => list([object('subscription', 'sub_1', { items: list([], true) })]),
    '/v1/subscription_items': (query) =>
      query.get('subscription') === 'sub_1' ? list([item]) : missing('subscription'),
  };
  const page = await connect().fetchPage(request('subscription'));
  expect(page.objects[0]?.value['items']).toEqual(list([item]));
});

test('an invoice that is deleted while its lines are read stays cut, and is refused by itself', async () => {
  const cut = object('invoice', 'in_gone', { lines: list([], true) });
  routes = { '/v1/invoices': () => list([cut, object('invoice', 'in_2')]) };
  const page = await connect().fetchPage(request('invoice'));
  expect(page.objects.map(({ value }) => value)).toEqual([cut, object('invoice', 'in_2')]);
});

describe('coupons of item-level discounts, which no expansion reaches', () => {
  const discounted = (id: string, coupon: string): Json =>
    object('subscription', id, {
      items: list([
        { id: `si_${id}`, discounts: [{ id: `di_${id}`, source: { type: 'coupon', coupon } }] },
      ]),
    });

  test('are read once each', async () => {
    let reads = 0;
    routes = {
      '/v1/subscriptions': () => list([discounted('a', 'SAVE'), discounted('b', 'SAVE')]),
      '/v1/coupons/SAVE': () => {
        reads += 1;
        return object('coupon', 'SAVE');
      },
    };
    const page = await connect().fetchPage(request('subscription'));
    expect(JSON.stringify(page.objects[1]?.value)).toContain('"coupon":{"id":"SAVE"');
    expect(reads).toBe(1);
  });

  test('stay ids when they were deleted', async () => {
    routes = { '/v1/subscriptions': () => list([discounted('a', 'GONE')]) };
    const page = await connect().fetchPage(request('subscription'));
    expect(JSON.stringify(page.objects[0]?.value)).toContain('"coupon":"GONE"');
  });
});

test('invoice items are dated by their `date`, since they have no `created`', async () => {
  routes = {
    '/v1/invoiceitems': () => list([{ id: 'ii_1', object: 'invoiceitem', date: CREATED }]),
  };
  const page = await connect().fetchPage(request('invoice_item'));
  expect(page.oldestCreatedAt).toEqual(new Date(CREATED * 1000));
});

test('a time of creation beyond what dates can say is none', async () => {
  routes = { '/v1/charges': () => list([object('charge', 'ch_1', { created: CREATED * 1e6 })]) };
  const page = await connect().fetchPage(request('payment_attempt'));
  expect(page.objects[0]?.createdAt).toBeNull();
});

test('the version of a page is the time at the provider when the request began', async () => {
  const DELAY_MS = 1_200;
  const slow = await startHttpStub((incoming, response) => {
    const date = { date: 'Tue, 01 Sep 2026 10:00:00 GMT' };
    if (incoming.url === '/v1/account') {
      sendJson(response, 200, { id: 'acct_1', object: 'account' }, date);
      return;
    }
    setTimeout(() => {
      sendJson(response, 200, list([]), date);
    }, DELAY_MS);
  });
  try {
    const client = stripe.connect({ externalId: 'acct_1', secret: 's', apiBase: slow.base });
    const page = await client.fetchPage(request('refund'));
    const behindMs = Date.parse('2026-09-01T10:00:00Z') - page.readAt.getTime();
    expect(behindMs).toBeGreaterThanOrEqual(DELAY_MS - 10);
  } finally {
    await slow.close();
  }
});

test.each(['nonsense', '7:in_1', ''])('"%s" is no cursor', async (cursor) => {
  const fetched = connect().fetchPage(request('invoice', { cursor }));
  await expect(fetched).rejects.toMatchObject({ code: 'invalid_input' });
});

test('a resource that Stripe does not have is refused', async () => {
  const fetched = connect().fetchPage(request('unicorn'));
  await expect(fetched).rejects.toMatchObject({ code: 'invalid_input' });
});

describe('one object by its id', () => {
  const fetchPrice = (id = 'price_1') =>
    connect().fetchObject({ resource: 'price', id, signal: new AbortController().signal });

  test('comes with what its records need expanded, and with the clock of its read', async () => {
    let asked: string[] = [];
    routes = {
      '/v1/prices/price_1': (query) => {
        asked = query.getAll('expand[]');
        return object('price', 'price_1', { active: false });
      },
    };
    const fetched = await fetchPrice();
    expect(asked).toEqual(['tiers']);
    expect(fetched?.object).toMatchObject({
      type: 'price',
      id: 'price_1',
      createdAt: new Date(CREATED * 1000),
      value: { active: false },
    });
    expect(fetched?.readAt).toBeInstanceOf(Date);
  });

  test('is read to the end of its embedded lists', async () => {
    routes = {
      '/v1/invoices/in_1': () =>
        object('invoice', 'in_1', { lines: list([object('line_item', 'il_1')], true) }),
      '/v1/invoices/in_1/lines': () =>
        list([object('line_item', 'il_1'), object('line_item', 'il_2')]),
    };
    const { signal } = new AbortController();
    const fetched = await connect().fetchObject({ resource: 'invoice', id: 'in_1', signal });
    expect(fetched?.object.value['lines']).toMatchObject({
      has_more: false,
      data: [{ id: 'il_1' }, { id: 'il_2' }],
    });
  });

  describe('which is an invoice', () => {
    const payment = (extra: Json): Json =>
      object('invoice_payment', 'inpay_1', { payment: { type: 'payment_intent', ...extra } });
    const parent = { type: 'x', invoice_item_details: { invoice_item: 'ii_1' } };
    const invoice = (lines: Json[]): Json => object('invoice', 'in_1', { lines: list(lines) });
    const fetchInvoice = () => {
      const { signal } = new AbortController();
      return connect().fetchObject({ resource: 'invoice', id: 'in_1', signal });
    };

    test('brings its payments and items along: they change with it, and nothing else tells', async () => {
      routes = {
        '/v1/invoices/in_1': () => invoice([object('line_item', 'il_1', { parent })]),
        '/v1/invoice_payments': (query) =>
          query.get('invoice') === 'in_1' && query.get('expand[]') === 'data.payment.payment_intent'
            ? list([payment({ payment_intent: object('payment_intent', 'pi_1') })])
            : missing('invoice'),
        '/v1/invoiceitems': (query) =>
          query.get('invoice') === 'in_1'
            ? list([{ id: 'ii_1', object: 'invoiceitem', date: CREATED }])
            : missing('invoice'),
      };
      const fetched = await fetchInvoice();
      expect(fetched?.companions.map(({ type, id }) => `${type} ${id}`)).toEqual([
        'payment_intent pi_1',
        'invoice_payment inpay_1',
        'invoiceitem ii_1',
      ]);
      // As the list shows it, so that its content is the same however it is read.
      expect(fetched?.companions[1]?.value).toEqual(payment({ payment_intent: 'pi_1' }));
    });

    test('says which of them the key may not read', async () => {
      routes = {
        '/v1/invoices/in_1': () => invoice([]),
        '/v1/invoice_payments': () => ({
          error: { type: 'invalid_request_error', code: 'parameter_unknown', param: 'expand' },
        }),
      };
      expect(await fetchInvoice()).toMatchObject({
        companions: [],
        refused: [{ resource: 'payment', error: { code: 'request_refused' } }],
      });
    });
  });

  test('is null when Stripe does not have it, or only says that it was deleted', async () => {
    routes = { '/v1/prices/deleted': () => object('price', 'deleted', { deleted: true }) };
    expect(await fetchPrice('price_1')).toBeNull();
    expect(await fetchPrice('deleted')).toBeNull();
  });

  test('is no other path of the API, whatever the id', async () => {
    routes = { '/v1/prices/..%2Fcharges%3Flimit%3D1': () => object('price', 'strange') };
    expect((await fetchPrice('../charges?limit=1'))?.object.id).toBe('strange');
  });

  test('is refused where the list would be, in the same words', async () => {
    routes = {
      '/v1/prices/price_1': () => ({
        error: { type: 'invalid_request_error', code: 'parameter_unknown', param: 'colour' },
      }),
    };
    await expect(fetchPrice()).rejects.toMatchObject({
      code: 'request_refused',
      message:
        'Stripe refuses the request for price objects (HTTP status 400: parameter_unknown, colour).',
    });
    routes = { '/v1/prices/price_1': () => ({ object: 'list' }) };
    await expect(fetchPrice()).rejects.toMatchObject({ code: 'not_the_provider' });
  });

  test('of a resource that Stripe does not have is the mistake of the caller', async () => {
    const { signal } = new AbortController();
    const fetched = connect().fetchObject({ resource: 'unicorn', id: 'u_1', signal });
    await expect(fetched).rejects.toMatchObject({ code: 'invalid_input' });
  });
});
