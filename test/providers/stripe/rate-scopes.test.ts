import type { Pace, RateScope } from '../../../providers/provider';
import { createApi } from '../../../providers/stripe/client';
import { exceededScopes, rateScopes } from '../../../providers/stripe/rate-scopes';
import { sendJson, startHttpStub } from '../../support/http-stub';

const INVOICES = { method: 'GET', path: '/v1/invoices' } as const;
const never = new AbortController().signal;
const names = (scopes: readonly RateScope[]) => scopes.map(({ name }) => name);

test.each([
  ['GET', '/v1/invoices', 'GET /v1/invoices'],
  ['GET', '/v1/invoices/in_1', 'GET /v1/invoices/:id'],
  ['GET', '/v1/invoices/in_1/lines', 'GET /v1/invoices/:id/lines'],
  ['GET', '/v1/account', 'GET /v1/account'],
  ['POST', '/v1/invoices/in_1/pay', 'POST /v1/invoices/:id/pay'],
] as const)('a %s of %s counts towards its endpoint and towards all', (method, path, endpoint) => {
  expect(names(rateScopes({ method, path }, 'sk_live_1'))).toEqual([endpoint, 'all']);
});

test.each([
  ['sk_live_1', 100],
  ['rk_live_1', 100],
  ['sk_test_1', 25],
  ['rk_test_1', 25],
])('an account read with %s may make %i requests a second in all', (secret, perSecond) => {
  expect(rateScopes(INVOICES, secret)[1]).toMatchObject({ kind: 'account', perSecond });
});

test.each([
  ['global-rate', ['all']],
  ['global-concurrency', ['all']],
  ['endpoint-rate', ['GET /v1/invoices']],
  ['endpoint-concurrency', ['GET /v1/invoices']],
  ['resource-specific', []],
  ['something-new', ['GET /v1/invoices', 'all']],
  [null, ['GET /v1/invoices', 'all']],
])('a 429 for %s slows %j', (reason, slowed) => {
  expect(names(exceededScopes(rateScopes(INVOICES, 'sk_live_1'), reason))).toEqual(slowed);
});

test('a request waits for its turn, and a 429 is passed on with its scope and time before it is an error', async () => {
  const said: string[] = [];
  const stub = await startHttpStub((_, response) => {
    said.push('request');
    sendJson(
      response,
      429,
      { error: { type: 'invalid_request_error', code: 'rate_limit' } },
      { 'retry-after': '2', 'stripe-rate-limited-reason': 'endpoint-rate' },
    );
  });
  const pace: Pace = {
    take: (scopes) => Promise.resolve(void said.push(`take ${names(scopes).join()}`)),
    exceeded: (scopes, ms) =>
      Promise.resolve(void said.push(`exceeded ${names(scopes).join()} ${String(ms)}`)),
  };
  const api = createApi(
    { externalId: 'acct_1', secret: 'sk_test_1', apiBase: stub.base },
    { pace },
  );
  const get = api.get('/v1/invoices/in_1', {}, { subject: 'it', signal: never });
  await expect(get).rejects.toMatchObject({ code: 'rate_limited', retryAfterMs: 2_000 });
  expect(said).toEqual([
    'take GET /v1/invoices/:id,all',
    'request',
    'exceeded GET /v1/invoices/:id 2000',
  ]);
  await stub.close();
});
