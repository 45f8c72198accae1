/** The simulator as an HTTP server: sockets, bodies, latency and faults around the API; its truth and its controls beside it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { Clock } from './clock';
import { FaultPlan, parseFaultRules, type Fault } from './faults';
import { ledger } from './oracle/ledger';
import { mrr, mrrAt } from './oracle/mrr';
import { totals } from './oracle/totals';
import { RequestLog } from './request-log';
import { StripeApi } from './stripe/api';
import { parseKeys, type ApiKey } from './stripe/keys';
import type { AccountFacts } from './stripe/object-type';
import type { RateLimits } from './stripe/rate-limit';
import { advance } from './world/advance';
import { generateWorld } from './world/generate';
import { Random } from './world/random';
import type { World } from './world/world';

export const DEFAULT_API_KEY = 'sk_test_simulator';

/** Stripe's own size of the lists embedded in objects. */
const EMBEDDED_PAGE_SIZE = 10;
const MAX_BODY_BYTES = 1024 * 1024;
/** Longer than clients keep idle connections, so that none is closed while a request is on its way. */
const KEEP_ALIVE_MS = 65_000;
const HTML = '<!DOCTYPE html><html><body><h1>Something went wrong</h1></body></html>';

export interface SimulatorOptions {
  seed: number;
  customers: number;
  months?: number;
  /** Until when the world has been lived. */
  asOf: Date;
  /** What the service's clock says at the start, from where it runs on; machine time when absent. */
  now?: Date;
  /** 0 picks a free one. */
  port?: number;
  /** One that follows from the seed when absent. */
  accountId?: string;
  keys?: Readonly<Record<string, ApiKey>>;
  /** How long a request takes at least, and how much more at random from the seed. */
  latencyMs?: number;
  latencyJitterMs?: number;
  rateLimits?: RateLimits;
  /** Elements of a list embedded in an object; Stripe's is 10. */
  embeddedPageSize?: number;
}

export interface Simulator {
  url: string;
  accountId: string;
  world: World;
  clock: Clock;
  faults: FaultPlan;
  requests: RequestLog;
  api: StripeApi;
  /** Closes the port and every connection. */
  close(): Promise<void>;
}

/** Generates a world and serves it on 127.0.0.1: the provider API, `/_oracle` (its truth) and `/_simulator` (control). */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const { seed, customers, months, asOf } = options;
  const world = generateWorld({
    seed,
    customers,
    asOf: Math.floor(asOf.getTime() / 1000),
    ...(months !== undefined && { months }),
  });
  const clock = new Clock(options.now);
  const account = accountOf(world, options.accountId);
  const api = new StripeApi({
    context: { world, account, embeddedPageSize: options.embeddedPageSize ?? EMBEDDED_PAGE_SIZE },
    clock,
    keys: new Map(Object.entries(options.keys ?? { [DEFAULT_API_KEY]: { permissions: 'all' } })),
    rateLimits: options.rateLimits ?? {},
    latencyMs: options.latencyMs ?? 0,
    latencyJitterMs: options.latencyJitterMs ?? 0,
  });
  const parts = { world, clock, faults: new FaultPlan(), requests: new RequestLog(), api };

  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    serve(parts, request, response).catch((error: unknown) => {
      // A defect of the simulator itself: say so loudly, in the answer and on stderr.
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      if (!response.headersSent)
        sendJson(response, 500, { error: `Simulator defect: ${String(error)}` });
      else response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    ...parts,
    url: `http://127.0.0.1:${port}`,
    accountId: account.id,
    close: () =>
      new Promise<void>((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}

type Parts = Pick<Simulator, 'world' | 'clock' | 'faults' | 'requests' | 'api'>;

async function serve(parts: Parts, request: IncomingMessage, response: ServerResponse) {
  const { pathname: path, searchParams, search } = new URL(request.url ?? '/', 'http://localhost');
  const method = request.method ?? 'GET';
  response.sendDate = false;
  response.setHeader('date', parts.clock.now().toUTCString());
  const body = await bodyOf(request);
  if (body === undefined) {
    response.shouldKeepAlive = false;
    return sendJson(response, 413, { error: `A body may have at most ${MAX_BODY_BYTES} bytes.` });
  }
  const operation = operations[`${method} ${path}`];
  if (operation !== undefined) {
    try {
      return sendJson(
        response,
        200,
        operation(parts, searchParams, body === '' ? {} : JSON.parse(body)),
      );
    } catch (error) {
      return sendJson(response, 400, {
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }

  const query = search.slice(1);
  const entry = parts.requests.received(parts.api.endpointOf(method, path), {
    method,
    path,
    query,
  });
  const fault = parts.faults.take({ method, path });
  if (fault?.kind === 'hang') return;
  if (fault?.kind === 'reset') return resetConnection(response);
  if (fault?.kind === 'html-200' || fault?.kind === 'html-502')
    return sendHtml(fault.kind === 'html-200' ? 200 : 502);
  const answer = await parts.api.handle(
    { method, path, query, headers: request.headers, body },
    fault,
  );
  if (fault?.kind === 'reset-after-commit') return resetConnection(response);
  parts.requests.answered(entry, answer.status);
  sendJson(response, answer.status, answer.body, { headers: answer.headers, fault });

  function sendHtml(status: number): void {
    parts.requests.answered(entry, status);
    response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' });
    response.end(HTML);
  }
}

type Operation = (parts: Parts, query: URLSearchParams, input: unknown) => unknown;

/** Control of the service and its oracle: none of this is Stripe's. */
const operations: Readonly<Record<string, Operation>> = {
  'GET /_oracle/totals': ({ world }) => totals(world),
  'GET /_oracle/ledger': ({ world }) => ledger(world),
  'GET /_oracle/mrr': ({ world }, query) => {
    const at = query.get('at');
    return at === null
      ? mrr(world)
      : mrrAt(
          world,
          at.split(',').map((text) => secondsOf(text, 'at')),
        );
  },
  'GET /_simulator/clock': ({ clock }) => ({ now: clock.now().toISOString() }),
  // Moving the clock lets everything that falls due until then happen in the world.
  'POST /_simulator/clock': ({ clock, world }, _, input) => {
    const now = secondsOf(fieldOf(input, 'now'), 'now');
    advance(world, now);
    clock.set(new Date(now * 1000));
    return { now: clock.now().toISOString() };
  },
  'POST /_simulator/faults': ({ faults }, _, input) => {
    const rules = parseFaultRules(fieldOf(input, 'rules'));
    faults.add(rules);
    return { added: rules.length };
  },
  'DELETE /_simulator/faults': ({ faults }) => {
    faults.clear();
    return {};
  },
  // `?last=N` adds the latest N requests one by one.
  'GET /_simulator/requests': ({ requests }, query) => ({
    ...requests.counts(),
    ...(query.has('last') && { last: requests.last(Number(query.get('last'))) }),
  }),
  'POST /_simulator/requests/reset': ({ requests }) => {
    requests.reset();
    return {};
  },
  // As if the object had been deleted at the provider; the oracle still counts it.
  'POST /_simulator/delete': ({ api }, _, input) => {
    const id = fieldOf(input, 'id');
    if (typeof id !== 'string') throw new Error('id must be a string.');
    api.deleted.add(id);
    return { deleted: id };
  },
  // Adds or replaces keys: `{"keys": {"rk_test_x": {"permissions": {"invoice": "read"}, "revoked": false}}}`.
  'POST /_simulator/keys': ({ api }, _, input) => {
    const keys = parseKeys(fieldOf(input, 'keys'));
    for (const [secret, key] of Object.entries(keys)) api.keys.set(secret, key);
    return { set: Object.keys(keys).length };
  },
};

function fieldOf(input: unknown, name: string): unknown {
  if (typeof input !== 'object' || input === null || !Object.hasOwn(input, name))
    throw new Error(`The body must be a JSON object with the field ${name}.`);
  return (input as Record<string, unknown>)[name];
}

function secondsOf(input: unknown, name: string): number {
  const ms = typeof input === 'string' ? Date.parse(input) : NaN;
  if (Number.isNaN(ms)) throw new Error(`${name} must be an ISO 8601 instant.`);
  return Math.floor(ms / 1000);
}

/** The account that a seed's world belongs to. */
function accountOf(world: World, id?: string): AccountFacts {
  const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  const first = world.products.all[0];
  return {
    id: id ?? `acct_1${new Random(`${world.seed}/stripe account`).text(15, alphabet)}`,
    name: 'Simulated Software Inc.',
    country: 'US',
    created: first?.created ?? world.clock,
  };
}

/** The body as text, or undefined when it is too long. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  { headers = {}, fault }: { headers?: Record<string, string>; fault?: Fault | undefined } = {},
): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': bytes.length,
    ...headers,
  });
  if (fault?.kind !== 'truncate') {
    response.end(bytes);
    return;
  }
  response.write(bytes.subarray(0, bytes.length >>> 1), () => response.destroy());
}

/** Ends the connection without an answer, as a crashed peer does. */
function resetConnection(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}
