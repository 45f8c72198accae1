import type { IncomingMessage, ServerResponse } from 'node:http';
import { RecoupError } from '../../../domain/errors';
import { createApi } from '../../../providers/stripe/client';
import { stripe } from '../../../providers/stripe/stripe';
import { sendJson, startHttpStub, type HttpStub } from '../../support/http-stub';

const SECRET = 'rk_test_very_secret_key';
const never = new AbortController().signal;

let stub: HttpStub;
type Answer = (request: IncomingMessage, response: ServerResponse) => void;
/** To everything but the question whose key it is. */
let answer: Answer;
/** To that question; null for the same. */
let answerAccount: Answer | null;

const owner =
  (id: string, headers: Record<string, string> = {}): Answer =>
  (_, response) => {
    const settings = { dashboard: { display_name: 'Shop' } };
    sendJson(response, 200, { id, object: 'account', settings }, headers);
  };

beforeAll(async () => {
  stub = await startHttpStub((request, response) => {
    const isAccount = request.url === '/v1/account';
    (isAccount ? (answerAccount ?? answer) : answer)(request, response);
  });
});
beforeEach(() => {
  answerAccount = owner('acct_1');
});
afterAll(() => stub.close());

const client = (apiBase: string | null = stub.base) =>
  stripe.connect({ externalId: 'acct_1', secret: SECRET, apiBase });

const fetchInvoices = (apiBase?: string, signal: AbortSignal = never) =>
  client(apiBase).fetchPage({
    resource: 'invoice',
    window: { from: null, to: new Date() },
    cursor: null,
    lastSeen: null,
    signal,
  });

async function failure(work: Promise<unknown>): Promise<RecoupError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof RecoupError) return error;
    throw error;
  }
  throw new Error('It did not fail.');
}

const stripeError =
  (status: number, error: Record<string, unknown>, headers: Record<string, string> = {}) =>
  (_: IncomingMessage, response: ServerResponse): void => {
    sendJson(response, status, { error: { type: 'invalid_request_error', ...error } }, headers);
  };

const html =
  (status: number) =>
  (_: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(status, { 'content-type': 'text/html' });
    response.end('<html><title>Welcome</title></html>');
  };

describe('what Stripe says becomes a code of the taxonomy', () => {
  test('401: the key is rejected', async () => {
    answer = stripeError(401, { message: 'Invalid API Key provided: rk_test_****_key' });
    const error = await failure(fetchInvoices());
    expect(error.code).toBe('credentials_rejected');
    expect(error.message).toBe('Stripe rejects the key (HTTP status 401).');
  });

  test('403: a permission is missing, and it is named', async () => {
    answer = stripeError(403, {
      message:
        "The provided key 'rk_test_****_key' does not have the required permissions for this endpoint. Having the 'rak_invoice_read' permission would allow this request to continue.",
    });
    const error = await failure(fetchInvoices());
    expect(error.code).toBe('permission_missing');
    expect(error.message).toBe(
      'The key may not read invoice objects: it lacks the permission rak_invoice_read.',
    );
  });

  test('403 because the whole access was revoked: the credentials are rejected', async () => {
    answer = stripeError(403, {
      code: 'account_invalid',
      message: "The provided key does not have access to account 'acct_1'.",
    });
    expect((await failure(fetchInvoices())).code).toBe('credentials_rejected');
  });

  test('429: slow down, for as long as Retry-After says', async () => {
    answer = stripeError(429, { code: 'rate_limit' }, { 'retry-after': '2' });
    const error = await failure(fetchInvoices());
    expect(error.code).toBe('rate_limited');
    expect(error.retryAfterMs).toBe(2_000);
  });

  test('429 without Retry-After names no delay', async () => {
    answer = stripeError(429, { code: 'rate_limit' });
    expect((await failure(fetchInvoices())).retryAfterMs).toBeUndefined();
  });

  test.each([400, 404])('%i: the request is refused, with code and parameter', async (status) => {
    answer = stripeError(status, { code: 'parameter_unknown', param: 'colour', message: 'Jane' });
    const error = await failure(fetchInvoices());
    expect(error.code).toBe('request_refused');
    expect(error.message).toBe(
      `Stripe refuses the request for invoice objects (HTTP status ${String(status)}: parameter_unknown, colour).`,
    );
  });

  test('500: Stripe is unavailable, and the request is made once', async () => {
    answer = stripeError(500, { type: 'api_error' });
    const before = stub.requests.length;
    const error = await failure(fetchInvoices());
    expect(error.code).toBe('provider_unavailable');
    const sent = stub.requests.slice(before).filter((path) => path.startsWith('/v1/invoices'));
    expect(sent).toHaveLength(1);
  });
});

describe('what answers in place of Stripe', () => {
  beforeEach(() => {
    answerAccount = null;
  });

  test.each([200, 302, 401, 403, 404])(
    'HTML with status %i is not the provider',
    async (status) => {
      answer = html(status);
      for (const work of [fetchInvoices(), client().probe(never)]) {
        const error = await failure(work);
        expect(error.code).toBe('not_the_provider');
        expect(error.message).toContain(stub.base.replace('http://', ''));
        expect(error.message).toContain(String(status));
      }
    },
  );

  test.each([502, 503])(
    'HTML with status %i is a gateway: Stripe is unavailable',
    async (status) => {
      answer = html(status);
      expect((await failure(fetchInvoices())).code).toBe('provider_unavailable');
    },
  );

  test('a redirect is not followed with the key in hand', async () => {
    const before = stub.requests.length;
    answer = (_, response) => {
      response.writeHead(302, { location: '/v1/elsewhere', 'content-type': 'text/html' });
      response.end();
    };
    expect((await failure(fetchInvoices())).code).toBe('not_the_provider');
    expect(stub.requests.slice(before)).toEqual(['/v1/account']);
  });

  test('429 in HTML is still a rate limit', async () => {
    answer = (_, response) => {
      response.writeHead(429, { 'content-type': 'text/html', 'retry-after': '3' });
      response.end('<html></html>');
    };
    const error = await failure(fetchInvoices());
    expect([error.code, error.retryAfterMs]).toEqual(['rate_limited', 3_000]);
  });

  test.each([
    ['null', 200, null],
    ['a list', 200, []],
    ['an object that is no list', 200, { hello: 'world' }],
    ['a foreign error', 404, { message: 'no route' }],
  ])('JSON of another service (%s) is not the provider', async (_, status, body) => {
    answer = (_request, response) => {
      sendJson(response, status, body);
    };
    expect((await failure(fetchInvoices())).code).toBe('not_the_provider');
    expect((await failure(client().probe(never))).code).toBe('not_the_provider');
  });

  test('a foreign error of status 500 is an outage', async () => {
    answer = (_, response) => {
      sendJson(response, 500, { message: 'oops' });
    };
    expect((await failure(fetchInvoices())).code).toBe('provider_unavailable');
  });
});

describe('the wire', () => {
  test('JSON that ends in the middle is an outage', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"object":"list","data":[{"id":"in_1"');
    };
    expect((await failure(fetchInvoices())).code).toBe('provider_unavailable');
  });

  test('a body that the connection cuts is an outage', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"object":"list",');
      setImmediate(() => response.destroy());
    };
    expect((await failure(fetchInvoices())).code).toBe('provider_unavailable');
  });

  test('a connection that is reset is an outage', async () => {
    answer = (request) => {
      request.socket.resetAndDestroy();
    };
    const error = await failure(fetchInvoices());
    expect(error.code).toBe('provider_unavailable');
    expect(error.message).toContain(stub.base.replace('http://', ''));
  });

  test('a refused connection is an outage that names host and port', async () => {
    const gone = await startHttpStub(() => undefined);
    await gone.close();
    const error = await failure(fetchInvoices(gone.base));
    expect(error.code).toBe('provider_unavailable');
    expect(error.message).toBe(
      `Stripe does not answer at ${gone.base.replace('http://', '')} (ECONNREFUSED).`,
    );
  });

  test('a host that does not exist is an outage', async () => {
    const error = await failure(fetchInvoices('http://stripe.invalid'));
    expect(error.code).toBe('provider_unavailable');
    expect(error.message).toContain('stripe.invalid:80');
  });

  test('silence ends with the timeout', async () => {
    answerAccount = () => undefined;
    const connection = { externalId: 'acct_1', secret: SECRET, apiBase: stub.base };
    const api = createApi(connection, { timeoutMs: 50 });
    const error = await failure(api.get('/v1/account', {}, { subject: 'it', signal: never }));
    expect(error.code).toBe('provider_unavailable');
    expect(error.message).toContain('ETIMEDOUT');
  });

  test('an aborted signal ends a request under way, with its reason', async () => {
    const reason = new Error('pause');
    const abort = new AbortController();
    answer = () => {
      abort.abort(reason);
    };
    await expect(fetchInvoices(stub.base, abort.signal)).rejects.toBe(reason);
  });

  test('an aborted signal sends nothing', async () => {
    const before = stub.requests.length;
    await expect(fetchInvoices(stub.base, AbortSignal.abort())).rejects.toThrow();
    expect(stub.requests.length).toBe(before);
  });
});

test('no message holds the key or what Stripe says in words', async () => {
  const words = `for jane@example.com with ${SECRET}`;
  for (const status of [400, 401, 403, 404, 429, 500]) {
    answer = stripeError(status, { message: words });
    const { message } = await failure(fetchInvoices());
    expect(message).not.toContain('jane');
    expect(message).not.toContain('secret');
  }
});

test.each([
  'ftp://example.com',
  'example.com',
  'https://example.com/v1',
  'https://a:b@example.com',
])('the API base %s is refused', (apiBase) => {
  expect(() => client(apiBase)).toThrow('The API base must be');
});

test.each(['', ' ', 'sk_test_1\nsk_test_2', 'sk_tést'])(
  'the key %j is rejected unsent',
  (secret) => {
    const connect = () => stripe.connect({ externalId: 'acct_1', secret, apiBase: stub.base });
    expect(connect).toThrow('The key is empty, or holds characters that no key of Stripe has.');
  },
);

describe('whose key it is', () => {
  const DATE = { date: 'Tue, 01 Sep 2026 10:00:00 GMT' };

  test('the probe tells the account, its name and the time at the provider', async () => {
    answerAccount = owner('acct_1', DATE);
    const probe = await client().probe(never);
    expect(probe).toMatchObject({ externalId: 'acct_1', displayName: 'Shop' });
    const behindMs = Date.parse('2026-09-01T10:00:00Z') - probe.providerTime.getTime();
    expect(behindMs).toBeGreaterThan(0);
    expect(behindMs).toBeLessThan(10_000);
  });

  test('a key that may not read its own account is valid all the same', async () => {
    answerAccount = stripeError(403, { message: 'no' }, DATE);
    const probe = await client().probe(never);
    expect(probe).toMatchObject({ externalId: 'acct_1', displayName: null });
    expect(probe.providerTime.getUTCFullYear()).toBe(2026);
  });

  test('a key of another account is told by the probe, and reads nothing', async () => {
    answerAccount = owner('acct_2');
    answer = stripeError(403, { code: 'account_invalid' });
    expect((await client().probe(never)).externalId).toBe('acct_2');
    const before = stub.requests.length;
    const error = await failure(fetchInvoices());
    expect(error.code).toBe('credentials_rejected');
    expect(error.message).toBe('The key belongs to acct_2, not to acct_1.');
    expect(stub.requests.slice(before)).toEqual(['/v1/account', '/v1/accounts/acct_1']);
  });

  test('the key of a platform reads the connected account, and names it in every request', async () => {
    answerAccount = owner('acct_platform');
    const contexts: unknown[] = [];
    answer = (request, response) => {
      if (request.url === '/v1/accounts/acct_1') {
        owner('acct_1')(request, response);
        return;
      }
      contexts.push(request.headers['stripe-context']);
      sendJson(response, 200, { object: 'list', has_more: false, data: [] });
    };
    await fetchInvoices();
    expect(contexts).toEqual(['acct_1']);
  });
});
