/** Of a payment that got no answer: what certainly never left, and what may have. */
import { createServer, type AddressInfo, type Server } from 'node:net';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Pace } from '../../../providers/provider';
import { createApi, type Posted } from '../../../providers/stripe/client';
import { sendJson, startHttpStub, type HttpStub } from '../../support/http-stub';

const TIMEOUT_MS = 5_000;
const PAY = '/v1/invoices/in_1/pay';

let stub: HttpStub;
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  answer = (_, response) => {
    sendJson(response, 200, { id: 'in_1', object: 'invoice' }, { 'request-id': 'req_1' });
  };
  stub = await startHttpStub((request, response) => {
    answer(request, response);
  });
});
afterEach(() => stub.close());

interface Options {
  readonly apiBase?: string;
  readonly inMs?: number;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly pace?: Pace;
}

function pay({
  apiBase = stub.base,
  inMs = TIMEOUT_MS,
  timeoutMs = TIMEOUT_MS,
  signal = new AbortController().signal,
  pace,
}: Options = {}): Promise<Posted> {
  const connection = { externalId: 'acct_1', secret: 'sk_test_1', apiBase };
  const params = { payment_method: 'pm_1', off_session: true, expand: ['payments'] };
  return createApi(connection, pace === undefined ? {} : { pace }).pay('in_1', params, {
    subject: 'invoices',
    signal,
    actFor: 'acct_2',
    idempotencyKey: 'recoup/test/1',
    sendBefore: new Date(Date.now() + inMs),
    timeoutMs,
  });
}

/** Accepts connections and says nothing, so that no TLS is ever agreed on. */
async function withSilence<T>(work: (base: string, server: Server) => Promise<T>): Promise<T> {
  const sockets: { destroy(): void }[] = [];
  const server = createServer((socket) => void sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    return await work(`https://127.0.0.1:${String(port)}`, server);
  } finally {
    sockets.forEach((socket) => socket.destroy());
    server.close();
  }
}

test('a payment is one POST with its key, in the name of the account, and its answer has the id of the request', async () => {
  let seen: unknown;
  const ordinary = answer;
  answer = (request, response) => {
    const { method, url, headers } = request;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      seen = {
        request: `${method ?? ''} ${url ?? ''}`,
        key: headers['idempotency-key'],
        account: headers['stripe-context'],
        host: headers.host,
        form: decodeURIComponent(Buffer.concat(chunks).toString()),
      };
      ordinary(request, response);
    });
  };
  expect(await pay()).toMatchObject({ ok: true, body: { id: 'in_1' }, requestId: 'req_1' });
  expect(seen).toEqual({
    request: `POST ${PAY}`,
    key: 'recoup/test/1',
    account: 'acct_2',
    host: stub.base.replace('http://', ''),
    form: 'payment_method=pm_1&off_session=true&expand[0]=payments',
  });
});

describe('certainly not sent', () => {
  const NOT_SENT = { ok: false, wasSent: false, said: null, requestId: null };

  test('when nobody listens there', async () => {
    const { base } = stub;
    await stub.close();
    const posted = await pay({ apiBase: base });
    expect(posted).toMatchObject({ ...NOT_SENT, error: { code: 'provider_unavailable' } });
    expect((posted as { error: Error }).error.message).toContain('ECONNREFUSED');
    stub = await startHttpStub(() => undefined);
  });

  test('when the name does not exist', async () => {
    expect(await pay({ apiBase: 'http://stripe.invalid' })).toMatchObject(NOT_SENT);
  });

  test('when what listens there speaks no TLS', async () => {
    expect(await pay({ apiBase: stub.base.replace('http:', 'https:') })).toMatchObject(NOT_SENT);
    expect(stub.requests).toEqual([]);
  });

  test('when TLS is not agreed on in time', async () => {
    await withSilence(async (apiBase) => {
      expect(await pay({ apiBase, timeoutMs: 100 })).toMatchObject(NOT_SENT);
    });
  });

  test('when the instant is over before it begins', async () => {
    const posted = await pay({ inMs: 0 });
    expect(posted).toMatchObject(NOT_SENT);
    expect((posted as { error: Error }).error.message).toBe(
      'The payment could not be sent in time, and was not.',
    );
    expect(stub.requests).toEqual([]);
  });

  test('when the instant passes while it waits for its turn', async () => {
    const pace: Pace = {
      take: () => new Promise((resolve) => setTimeout(resolve, 100)),
      exceeded: () => Promise.resolve(),
    };
    expect(await pay({ pace, inMs: 50 })).toMatchObject(NOT_SENT);
    expect(stub.requests).toEqual([]);
  });

  test('when its turn does not come at all', async () => {
    const pace: Pace = {
      take: () => Promise.reject(new Error('no database')),
      exceeded: () => Promise.resolve(),
    };
    expect(await pay({ pace })).toMatchObject(NOT_SENT);
  });

  test('when the process was frozen while it connected', async () => {
    const paying = pay({ inMs: 300 });
    // The connection is being made, and is ready when the process wakes.
    await new Promise((resolve) => setImmediate(resolve));
    const wakeMs = Date.now() + 400;
    while (Date.now() < wakeMs);
    expect(await paying).toMatchObject(NOT_SENT);
    expect(stub.requests).toEqual([]);
  });

  test('when the signal is aborted before, or while it connects: the one case that throws', async () => {
    const reason = new Error('stop');
    await expect(pay({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await withSilence(async (apiBase) => {
      const abort = new AbortController();
      const paying = pay({ apiBase, signal: abort.signal });
      setTimeout(() => abort.abort(reason), 50);
      await expect(paying).rejects.toBe(reason);
    });
    expect(stub.requests).toEqual([]);
  });
});

describe('perhaps sent', () => {
  const SENT = { ok: false, wasSent: true, said: null };

  test('when the connection is closed on it: once, though the SDK would try a closed one again', async () => {
    answer = (request) => {
      request.socket.resetAndDestroy();
    };
    expect(await pay()).toMatchObject(SENT);
    expect(stub.requests).toEqual([PAY]);
  });

  test('when there is no answer in time', async () => {
    answer = () => undefined;
    expect(await pay({ timeoutMs: 100 })).toMatchObject(SENT);
  });

  test('when the signal is aborted meanwhile: no throwing any more', async () => {
    const abort = new AbortController();
    answer = () => {
      abort.abort(new Error('stop'));
    };
    expect(await pay({ signal: abort.signal })).toMatchObject(SENT);
  });

  test.each([200, 302, 401, 403, 429, 502])('when %i comes in HTML', async (status) => {
    answer = (_, response) => {
      response.writeHead(status, { 'content-type': 'text/html', location: PAY });
      response.end('<html></html>');
    };
    expect(await pay()).toMatchObject(SENT);
    expect(stub.requests).toEqual([PAY]);
  });

  test.each([
    ['ends in the middle', '{"id":"in_1"'],
    ['is no object', '[]'],
  ])('when JSON %s', async (_, body) => {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(body);
    };
    expect(await pay()).toMatchObject(SENT);
  });

  test('when the answer breaks off', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      response.write('{', () => response.destroy());
    };
    expect(await pay()).toMatchObject(SENT);
  });
});

test('a 429 slows the others, who cannot keep it from being told', async () => {
  answer = (_, response) => {
    const error = { type: 'invalid_request_error', code: 'rate_limit' };
    sendJson(response, 429, { error }, { 'stripe-rate-limited-reason': 'endpoint-rate' });
  };
  const slowed: string[] = [];
  const pace: Pace = {
    take: () => Promise.resolve(),
    exceeded: (scopes) => {
      slowed.push(...scopes.map(({ name }) => name));
      return Promise.reject(new Error('no database'));
    },
  };
  expect(await pay({ pace })).toMatchObject({ ok: false, wasSent: true, said: { status: 429 } });
  expect(slowed).toEqual(['POST /v1/invoices/:id/pay']);
});
