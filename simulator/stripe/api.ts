/** From a request to its answer: key, rate limit, route, parameters, idempotency, expansion. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Clock } from '../clock';
import type { Encounter } from '../faults';
import type { ChangeKind } from '../world/changes';
import { Random } from '../world/random';
import { ApiError, conflict, invalidRequest, rateLimited, serverError } from './errors';
import { IdempotencyStore, type StoredAnswer } from './idempotency';
import { authenticate, permit, type ApiKey } from './keys';
import type { RenderContext } from './object-type';
import { API_VERSION } from './objects/event';
import { decodeForm } from './params';
import { RateLimiter, type RateLimits } from './rate-limit';
import type { Call, ListLag, Route } from './route';
import { noAccess, routes } from './routes';

interface ApiOptions {
  context: RenderContext;
  clock: Clock;
  keys: Map<string, ApiKey>;
  rateLimits: RateLimits;
  /** How long each request takes at least, and how much more at random (from the world's seed). */
  latencyMs: number;
  latencyJitterMs: number;
  /** Lets something happen now to what an invoice is about. */
  changeAround: (wish: { kind: ChangeKind; invoice: string }) => void;
}

const UNDISTURBED: Encounter = { before: [], after: [] };

export interface ApiRequest {
  method: string;
  path: string;
  query: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: string;
}

interface ApiAnswer {
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

/** Stripe's API over a world: everything but the sockets. */
export class StripeApi {
  /** How far lists are behind: what was created within so many seconds is had by id only. */
  lag: ListLag = { objectSeconds: 0, eventSeconds: 0 };
  readonly keys: Map<string, ApiKey>;
  /** How long a request takes at least; may be changed at any time. */
  latencyMs: number;
  /** How many have come: the ids of requests follow from it. */
  requests = 0;
  private readonly idempotency: IdempotencyStore;
  private readonly limiter: RateLimiter;
  private readonly jitter: Random;

  constructor(private readonly options: ApiOptions) {
    this.keys = options.keys;
    this.latencyMs = options.latencyMs;
    this.idempotency = new IdempotencyStore(() => options.clock.nowSeconds());
    this.limiter = new RateLimiter(options.rateLimits, () => performance.now());
    this.jitter = new Random(`${options.context.world.seed}/latency`);
  }

  /** The name under which a request is counted and limited. */
  endpointOf(method: string, path: string): string {
    const pattern = match(method, path)?.route.pattern;
    return `${method} ${pattern ?? '(unrecognized)'}`;
  }

  /** Answers a request; `encounter` is what the fault plan has for it. */
  async handle(request: ApiRequest, encounter = UNDISTURBED): Promise<ApiAnswer> {
    this.requests += 1;
    const requestId = `req_${this.requests.toString(36).padStart(14, '0')}`;
    const answer = await this.answer(request, requestId, encounter);
    answer.headers = {
      'request-id': requestId,
      'stripe-version': header(request, 'stripe-version') ?? API_VERSION,
      ...answer.headers,
    };
    return answer;
  }

  private async answer(
    request: ApiRequest,
    requestId: string,
    { fault, before, after }: Encounter,
  ): Promise<ApiAnswer> {
    try {
      if (fault?.kind === '409') throw conflict(header(request, 'idempotency-key') ?? '');
      if (fault?.kind === '429') throw rateLimited('global-rate', fault.retryAfterSeconds);
      const { execute, id, scope, idempotencyKey } = this.admit(request, requestId);
      const stored =
        idempotencyKey === null
          ? undefined
          : this.idempotency.begin(scope, idempotencyKey, fingerprintOf(request));
      if (stored !== undefined) return replayOf(stored);
      const latencyMs = this.latencyMs + this.jitter.next() * this.options.latencyJitterMs;
      if (latencyMs > 0) await sleep(latencyMs);
      for (const kind of before) this.options.changeAround({ kind, invoice: id });
      const answer = fault?.kind === '500' ? errorAnswer(serverError()) : outcomeOf(execute);
      for (const kind of after) this.options.changeAround({ kind, invoice: id });
      const given = fault?.kind === '500-after-commit' ? errorAnswer(serverError()) : answer;
      if (idempotencyKey !== null)
        this.idempotency.finish(scope, idempotencyKey, { ...given, requestId });
      return given;
    } catch (error) {
      if (error instanceof ApiError) return errorAnswer(error);
      throw error;
    }
  }

  /** Checks the key, the limits and the parameters. */
  private admit(
    request: ApiRequest,
    requestId: string,
  ): { execute: () => object; id: string; scope: string; idempotencyKey: string | null } {
    const { context, clock } = this.options;
    const version = header(request, 'stripe-version');
    if (version !== undefined && !/^\d{4}-\d{2}-\d{2}(\.[a-z_]+)?$/.test(version))
      throw invalidRequest(`Invalid Stripe API version: ${version}`);
    const holder = {
      ...authenticate(this.keys, header(request, 'authorization')),
      accountId: context.account.id,
    };
    const account = header(request, 'stripe-account');
    if (account !== undefined && account !== context.account.id) throw noAccess(account);
    const refusedBy = this.limiter.take(this.endpointOf(request.method, request.path));
    if (refusedBy !== undefined) throw rateLimited(refusedBy);

    const matched = match(request.method, request.path);
    if (matched === undefined)
      throw invalidRequest(
        `Unrecognized request URL (${request.method}: ${request.path}). Please see https://docs.stripe.com or we can help at https://support.stripe.com/.`,
        { status: 404 },
      );
    const { route, id } = matched;
    permit(holder, route.permission, route.access);
    const idempotencyKey =
      route.method === 'POST' ? (header(request, 'idempotency-key') ?? null) : null;
    const call: Call = {
      id,
      raw: decodeForm(route.method === 'POST' ? request.body : request.query),
      context,
      now: clock.nowSeconds(),
      requestId,
      idempotencyKey,
      lag: this.lag,
      mayRead: (permission) => permit(holder, permission, 'read'),
    };
    return { execute: route.prepare(call), id, scope: holder.secret, idempotencyKey };
  }
}

/** Routes by method and number of path parts. */
const table = new Map<string, { route: Route; parts: string[] }[]>();
for (const route of routes) {
  const parts = route.pattern.split('/');
  const key = `${route.method} ${parts.length}`;
  table.set(key, [...(table.get(key) ?? []), { route, parts }]);
}

function match(method: string, path: string): { route: Route; id: string } | undefined {
  const given = path.split('/');
  for (const { route, parts } of table.get(`${method} ${given.length}`) ?? []) {
    if (!parts.every((part, i) => part === ':id' || part === given[i])) continue;
    const id = given[parts.indexOf(':id')] ?? '';
    return { route, id };
  }
  return undefined;
}

function outcomeOf(execute: () => object): ApiAnswer {
  try {
    return { status: 200, headers: {}, body: execute() };
  } catch (error) {
    if (error instanceof ApiError) return errorAnswer(error);
    throw error;
  }
}

function errorAnswer({ status, error, headers }: ApiError): ApiAnswer {
  return { status, headers: { ...headers }, body: { error } };
}

function replayOf({ status, body, requestId }: StoredAnswer): ApiAnswer {
  return {
    status,
    headers: { 'idempotent-replayed': 'true', 'original-request': requestId },
    body,
  };
}

function fingerprintOf({ method, path, body }: ApiRequest): string {
  return `${method} ${path}\n${JSON.stringify(decodeForm(body))}`;
}

function header({ headers }: ApiRequest, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
