/** The simulator as an HTTP server: sockets, bodies, latency and faults around the API; its truth and its controls beside it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { Clock } from './clock';
import { controls, operations, type Parts } from './controls';
import { FaultPlan, type Encounter, type Fault } from './faults';
import { Journal, type Deed } from './journal';
import { RequestLog } from './request-log';
import { StripeApi, type ApiRequest } from './stripe/api';
import type { ApiKey } from './stripe/keys';
import type { AccountFacts } from './stripe/object-type';
import { event } from './stripe/objects/event';
import type { RateLimits } from './stripe/rate-limit';
import { Webhooks } from './webhooks';
import { advance } from './world/advance';
import { applyChange, applyChangeAround, type ChangeDone, type ChangeWish } from './world/changes';
import { addFailures, generateFailures } from './world/failures';
import { generateWorld } from './world/generate';
import { Random } from './world/random';
import type { RetryMode } from './world/settings';
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
  /** Who live by themselves. */
  customers: number;
  /** So many failed invoices of others, who do nothing by themselves; where customers live, some of these put it right. */
  failures?: number;
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
  /** Share of the customers who pay by direct debit, from 0 (default) to 1. */
  debitShare?: number;
  /** The service's own retries; `on` when absent. */
  retries?: RetryMode;
  /** A file that keeps what is done to the service: started again with it, the service is where it was. */
  journal?: string;
}

export interface Simulator extends Parts {
  url: string;
  accountId: string;
  /** Closes the port and every connection. */
  close(): Promise<void>;
}

/** Generates a world and serves it on 127.0.0.1: the provider API, `/_oracle` (its truth) and `/_simulator` (control). */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const journal = options.journal === undefined ? null : openJournal(options.journal, options);
  const world = worldOf(options);
  const clock = new Clock(options.now, journal?.begunMs);
  const account = accountOf(world, options.accountId);
  const embeddedPageSize = options.embeddedPageSize ?? EMBEDDED_PAGE_SIZE;
  const context = { world, account, embeddedPageSize };
  const choices = new Random(`${world.seed}/changes`);
  const liveUntilNow = (): number => {
    const at = Math.max(world.clock, clock.nowSeconds());
    advance(world, at);
    return at;
  };
  const api = new StripeApi({
    context,
    clock,
    keys: new Map(Object.entries(options.keys ?? { [DEFAULT_API_KEY]: { permissions: 'all' } })),
    rateLimits: options.rateLimits ?? {},
    latencyMs: options.latencyMs ?? 0,
    latencyJitterMs: options.latencyJitterMs ?? 0,
    changeAround: (wish) => void applyChangeAround(world, wish, { at: liveUntilNow(), choices }),
  });
  const webhooks = new Webhooks({
    accountId: account.id,
    render: (happened) => event.render(happened, context),
  });
  world.onEvent = (happened) => webhooks.tell(happened);
  const change = (wishes: readonly ChangeWish[]): ChangeDone[] => {
    const at = liveUntilNow();
    return wishes.map((wish) => applyChange(world, wish, { at, choices }));
  };
  const faults = new FaultPlan();
  const requests = new RequestLog();
  const parts = { world, clock, faults, requests, api, webhooks, change, journal };
  for (const deed of journal?.past ?? []) await doAgain(parts, deed);

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
    close: async () => {
      await webhooks.close();
      await new Promise<void>((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      });
      journal?.close();
    },
  };
}

function worldOf(options: SimulatorOptions): World {
  const { seed, customers, failures, months, retries, debitShare = 0 } = options;
  const common = {
    seed,
    asOf: Math.floor(options.asOf.getTime() / 1000),
    debitShare,
    settings: retries === undefined ? {} : { retries },
  };
  if (failures !== undefined && customers === 0)
    return generateFailures({ ...common, invoices: failures });
  const world = generateWorld({ ...common, customers, ...(months !== undefined && { months }) });
  if (failures !== undefined) addFailures(world, { seed, invoices: failures, debitShare });
  return world;
}

/** Throws with options under which doing everything again would come to something else. */
function openJournal(file: string, options: SimulatorOptions): Journal {
  const { seed, customers, failures, months, asOf, now, accountId, keys } = options;
  const { latencyMs = 0, latencyJitterMs = 0, rateLimits = {}, debitShare, retries } = options;
  if (latencyMs + latencyJitterMs > 0 || Object.keys(rateLimits).length > 0)
    throw new Error(
      'A journal goes with neither latency nor rate limits: both depend on machine time, which does not come again.',
    );
  const world = { seed, customers, failures, months, asOf, now, accountId, keys, debitShare };
  return new Journal(file, { ...world, retries });
}

/** With a journal where there is one. */
type Served = Parts & { journal: Journal | null };

async function serve(parts: Served, request: IncomingMessage, response: ServerResponse) {
  const { pathname: path, searchParams, search } = new URL(request.url ?? '/', 'http://localhost');
  const method = request.method ?? 'GET';
  response.sendDate = false;
  response.setHeader('date', parts.clock.now().toUTCString());
  const body = await bodyOf(request);
  if (body === undefined) {
    response.shouldKeepAlive = false;
    return sendJson(response, 413, { error: `A body may have at most ${MAX_BODY_BYTES} bytes.` });
  }
  const name = `${method} ${path}`;
  const operation = operations[name];
  if (operation !== undefined || controls[name] !== undefined) {
    try {
      const input: unknown = body === '' ? {} : JSON.parse(body);
      const answer =
        operation === undefined
          ? control(parts, name, input)
          : await operation(parts, searchParams, input);
      return sendJson(response, 200, answer);
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
  const encounter = parts.faults.take({ method, path });
  const { fault } = encounter;
  if (fault?.kind === 'hang') return;
  if (fault?.kind === 'reset') return resetConnection(response);
  if (fault?.kind === 'html-200' || fault?.kind === 'html-502')
    return sendHtml(fault.kind === 'html-200' ? 200 : 502);
  const answer = await askApi(
    parts,
    { method, path, query, headers: request.headers, body },
    encounter,
  );
  if (fault?.kind === 'hang-after-commit') return;
  if (fault?.kind === 'reset-after-commit') return resetConnection(response);
  parts.requests.answered(entry, answer.status);
  sendJson(response, answer.status, answer.body, { headers: answer.headers, fault });

  function sendHtml(status: number): void {
    parts.requests.answered(entry, status);
    response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' });
    response.end(HTML);
  }
}

/** The headers that decide about a request. */
const HEADERS = ['authorization', 'idempotency-key', 'stripe-version', 'stripe-account'];

/** A request of the API, noted where it may change something. */
function askApi(parts: Served, request: ApiRequest, encounter: Encounter) {
  const { api, clock, journal } = parts;
  if (journal === null || request.method !== 'POST') return api.handle(request, encounter);
  const headers = Object.fromEntries(HEADERS.map((name) => [name, request.headers[name]]));
  const deed = { request: { ...request, headers }, encounter, requests: api.requests };
  const atMs = Date.now();
  // Without latency all is done when it returns: only the answer is still to come.
  const answer = clock.during(atMs, () => api.handle(request, encounter));
  journal.append({ atMs, ...deed });
  return answer;
}

/** A control, noted whatever comes of it: one that fails may have done a part. */
function control({ journal, ...parts }: Served, name: string, input: unknown): unknown {
  const atMs = Date.now();
  try {
    return parts.clock.during(atMs, () => controls[name]?.(parts, input));
  } finally {
    journal?.append({ atMs, control: name, input });
  }
}

/** What was refused then is refused now: nobody waits for the answer. */
async function doAgain(parts: Parts, deed: Deed): Promise<void> {
  const { api, clock } = parts;
  if ('control' in deed) {
    try {
      clock.during(deed.atMs, () => controls[deed.control]?.(parts, deed.input));
    } catch {
      return;
    }
  } else {
    api.requests = deed.requests;
    await clock.during(deed.atMs, () => api.handle(deed.request, deed.encounter));
  }
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
