/** The simulator as an HTTP server: sockets, bodies, latency and faults around the API; its truth and its controls beside it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { Clock } from './clock';
import { FaultPlan, parseFaultRules, type Fault } from './faults';
import { countOf, fieldsOf, textOf } from './input';
import { judge, storiesOf } from './oracle/charges';
import { ledger } from './oracle/ledger';
import { mrr, mrrAt } from './oracle/mrr';
import { totals } from './oracle/totals';
import { RequestLog } from './request-log';
import { StripeApi } from './stripe/api';
import { parseKeys, type ApiKey } from './stripe/keys';
import type { AccountFacts } from './stripe/object-type';
import { event } from './stripe/objects/event';
import type { RateLimits } from './stripe/rate-limit';
import { parseEndpoint, Webhooks } from './webhooks';
import { advance } from './world/advance';
import {
  applyChange,
  applyChangeAround,
  CHANGE_KINDS,
  type ChangeDone,
  type ChangeWish,
} from './world/changes';
import { generateFailures } from './world/failures';
import { generateWorld } from './world/generate';
import { setRetries } from './world/payments';
import { Random } from './world/random';
import { RETRY_MODES, type RetryMode } from './world/settings';
import type { World } from './world/world';

export const DEFAULT_API_KEY = 'sk_test_simulator';

/** Stripe's own size of the lists embedded in objects. */
const EMBEDDED_PAGE_SIZE = 10;
const MAX_BODY_BYTES = 1024 * 1024;
/** In one second, by one request. */
const MAX_CHANGES = 1000;
/** Longer than clients keep idle connections, so that none is closed while a request is on its way. */
const KEEP_ALIVE_MS = 65_000;
const HTML = '<!DOCTYPE html><html><body><h1>Something went wrong</h1></body></html>';

export interface SimulatorOptions {
  seed: number;
  customers: number;
  /** Instead of the customers: an account with so many failed invoices, and nobody who does anything by himself. */
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
}

export interface Simulator {
  url: string;
  accountId: string;
  world: World;
  clock: Clock;
  faults: FaultPlan;
  requests: RequestLog;
  api: StripeApi;
  webhooks: Webhooks;
  /** Lets things happen now, all in the same second; what is left out of a wish is drawn from the world's seed. */
  change(wishes: readonly ChangeWish[]): ChangeDone[];
  /** Closes the port and every connection. */
  close(): Promise<void>;
}

/** Generates a world and serves it on 127.0.0.1: the provider API, `/_oracle` (its truth) and `/_simulator` (control). */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const world = worldOf(options);
  const clock = new Clock(options.now);
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
  const parts = { world, clock, faults, requests: new RequestLog(), api, webhooks, change };

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
  return failures === undefined
    ? generateWorld({ ...common, customers, ...(months !== undefined && { months }) })
    : generateFailures({ ...common, invoices: failures });
}

type Parts = Omit<Simulator, 'url' | 'accountId' | 'close'>;

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
      const input: unknown = body === '' ? {} : JSON.parse(body);
      return sendJson(response, 200, await operation(parts, searchParams, input));
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
  const answer = await parts.api.handle(
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

/** Its answer, or the promise of it. */
type Operation = (parts: Parts, query: URLSearchParams, input: unknown) => unknown;

/** Control of the service and its oracle: none of this is Stripe's. */
const operations: Readonly<Record<string, Operation>> = {
  'GET /_oracle/totals': ({ world }) => totals(world),
  // Every movement of money; `?invoice=in_…,in_…` gives the stories of these invoices instead.
  'GET /_oracle/ledger': ({ world }, query) => {
    const invoices = query.get('invoice');
    return invoices === null ? ledger(world) : storiesOf(world, invoices.split(','));
  },
  // What was charged twice, and what after collecting had to end; `?graceSeconds=N` forgives what ended less than N seconds before.
  'GET /_oracle/charges': ({ world }, query) =>
    judge(world, { graceSeconds: countOf(Number(query.get('graceSeconds') ?? 0), 'graceSeconds') }),
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
  // Moving the clock lets everything that falls due until then happen in the world; `"stopped": true` keeps it there.
  'POST /_simulator/clock': ({ clock, world }, _, input) => {
    const fields = fieldsOf(input, 'The body', ['now', 'stopped']);
    const now = secondsOf(fields['now'], 'now');
    advance(world, now);
    clock.set(new Date(now * 1000), { stopped: fields['stopped'] === true });
    return { now: clock.now().toISOString() };
  },
  // `{"changes": [{"kind": "payInvoice", "id": "in_…"}, {}]}`, all in one second; kinds and ids that are left out are drawn.
  'POST /_simulator/change': ({ change }, _, input) => {
    const { changes = [{}] } = fieldsOf(input, 'The body', ['changes']);
    return { done: change(parseChanges(changes)) };
  },
  // Lists show what was created only so many seconds later: `{"objectSeconds": 45, "eventSeconds": 1800}`.
  'POST /_simulator/lag': ({ api }, _, input) => {
    const fields = fieldsOf(input, 'The body', ['objectSeconds', 'eventSeconds']);
    api.lag = {
      objectSeconds: countOf(fields['objectSeconds'] ?? 0, 'objectSeconds'),
      eventSeconds: countOf(fields['eventSeconds'] ?? 0, 'eventSeconds'),
    };
    return api.lag;
  },
  // The service's own retries: `{"mode": "off"}`, or on, or scheduled_never_executed.
  'POST /_simulator/retries': ({ world, clock }, _, input) => {
    const mode = RETRY_MODES.find((known) => known === fieldOf(input, 'mode'));
    if (mode === undefined) throw new Error(`mode must be one of ${RETRY_MODES.join(', ')}.`);
    setRetries(world, mode, Math.max(world.clock, clock.nowSeconds()));
    return { mode };
  },
  // `{"guard": false}`: what is paid, void or being paid is charged again when asked for, as services without a guard do.
  'POST /_simulator/guards': ({ world }, _, input) => {
    const guard = fieldOf(input, 'guard');
    if (typeof guard !== 'boolean') throw new Error('guard must be true or false.');
    world.settings.guard = guard;
    return { guard };
  },
  'GET /_simulator/webhooks': ({ webhooks }) => ({ endpoints: webhooks.status() }),
  'POST /_simulator/webhooks': ({ webhooks }, _, input) => {
    const endpoint = parseEndpoint(input);
    webhooks.register(endpoint);
    return { url: endpoint.url };
  },
  'DELETE /_simulator/webhooks': ({ webhooks }) => {
    webhooks.clear();
    return {};
  },
  // Sends what was held back and answers when everything has arrived or was given up.
  'POST /_simulator/webhooks/flush': async ({ webhooks }) => {
    await webhooks.flush();
    return { endpoints: webhooks.status() };
  },
  'GET /_simulator/faults': ({ faults }) => ({ struck: faults.struck }),
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
  // The object is gone without an event, whatever refers to it; for those that Stripe lets one delete there are changes.
  'POST /_simulator/delete': ({ world }, _, input) => {
    const id = textOf(fieldOf(input, 'id'), 'id');
    world.deleted.add(id);
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

function parseChanges(input: unknown): ChangeWish[] {
  if (!Array.isArray(input) || input.length > MAX_CHANGES)
    throw new Error(`changes must be an array of at most ${MAX_CHANGES}.`);
  return input.map((each: unknown, index) => {
    const at = `changes[${index}]`;
    const { kind, id } = fieldsOf(each, at, ['kind', 'id']);
    const known = CHANGE_KINDS.find((name) => name === kind);
    if (kind !== undefined && known === undefined)
      throw new Error(`${at}.kind must be one of ${CHANGE_KINDS.join(', ')}.`);
    return {
      ...(known !== undefined && { kind: known }),
      ...(id !== undefined && { id: textOf(id, `${at}.id`) }),
    };
  });
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
