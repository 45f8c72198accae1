/**
 * Requests to Stripe through the official SDK. The SDK has no abort signal, and gives every answer that is not JSON the same
 * error without its HTTP status; both are mended here by the `fetch` that it is handed.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import Stripe from 'stripe';
import { RecoupError } from '../../domain/errors';
import type { Connection, ConnectOptions } from '../provider';
import { notStripe, translate, type Exchange } from './errors';
import { exceededScopes, rateScopes } from './rate-scopes';

const DEFAULT_BASE = 'https://api.stripe.com';
/** For the whole of a request, its body included. Stripe's slowest lists take some seconds. */
const REQUEST_TIMEOUT_MS = 60_000;

type ParamValue = string | number | boolean | readonly string[] | Readonly<Record<string, number>>;
export type Params = Readonly<Record<string, ParamValue>>;

export interface RequestOptions {
  /** What is read, in words for a person: part of the error message. */
  readonly subject: string;
  readonly signal: AbortSignal;
  /** The connected account whose data is read; null or absent for the key's own. */
  readonly actFor?: string | null;
}

export interface Answer {
  /** The JSON as it came: an object, otherwise unchecked. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Stripe's clock at the start of the request, to the second. */
  readonly readAt: Date;
}

export interface Api {
  /** Host and port, for messages. */
  readonly address: string;
  /** One GET, at the connection's pace. Errors: those of `translate` and of `Pace`; an aborted signal rejects with its reason. */
  get(path: string, params: Params, options: RequestOptions): Promise<Answer>;
  /** The error for an answer that Stripe would not give. */
  notStripe(): RecoupError;
}

/** One for all connections: every store that was ever used slows each promise of the process for good. */
const exchanges = new AsyncLocalStorage<Exchange>();

/**
 * Errors: invalid_input for an API base that is no plain http or https address, credentials_rejected for a secret that cannot
 * even be sent.
 */
export function createApi(
  connection: Connection,
  { pace, timeoutMs = REQUEST_TIMEOUT_MS }: ConnectOptions & { readonly timeoutMs?: number } = {},
): Api {
  const secret = connection.secret.trim();
  // Checked here, since the error of `fetch` for a header that it cannot send quotes the header.
  if (!/^[\x21-\x7e]+$/.test(secret)) {
    throw new RecoupError(
      'credentials_rejected',
      'The key is empty, or holds characters that no key of Stripe has.',
    );
  }
  const base = parseBase(connection.apiBase ?? DEFAULT_BASE);
  const port = base.port === '' ? (base.protocol === 'https:' ? '443' : '80') : base.port;
  const address = `${base.hostname}:${port}`;

  const observedFetch = async (
    input: string | URL | Request,
    init?: RequestInit,
  ): Promise<Response> => {
    const exchange = exchanges.getStore();
    if (exchange === undefined) throw new Error('Every request goes through `get`.');
    const signals = [exchange.signal, ...(init?.signal ? [init.signal] : [])];
    const startedMs = performance.now();
    // A redirect would be followed with the key in hand, and Stripe never sends one.
    const response = await fetch(input, {
      ...init,
      redirect: 'manual',
      signal: AbortSignal.any(signals),
    });
    const elapsedMs = performance.now() - startedMs;
    exchange.status = response.status;
    exchange.isJson = /\bjson\b/i.test(response.headers.get('content-type') ?? '');
    exchange.retryAfter = response.headers.get('retry-after');
    exchange.rateLimitedReason = response.headers.get('stripe-rate-limited-reason');
    const dateMs = Date.parse(response.headers.get('date') ?? '');
    exchange.readAt = Number.isNaN(dateMs) ? null : new Date(dateMs - elapsedMs);
    return response;
  };

  const sdk = new Stripe(secret, {
    host: base.hostname,
    port,
    protocol: base.protocol === 'https:' ? 'https' : 'http',
    httpClient: Stripe.createFetchHttpClient(observedFetch),
    // Retrying is decided by who holds the lease, never hidden in here.
    maxNetworkRetries: 0,
    telemetry: false,
    timeout: timeoutMs,
  });

  return {
    address,
    notStripe: () => notStripe(address),
    get: async (path, params, { subject, signal, actFor }) => {
      signal.throwIfAborted();
      const scopes = rateScopes(path, secret);
      await pace?.take(scopes, signal);
      // A signal of its own for each request: one that lives as long as a walk would gather a listener for every page.
      const request = new AbortController();
      const abort = (): void => {
        request.abort(signal.reason);
      };
      signal.addEventListener('abort', abort, { once: true });
      const exchange: Exchange = {
        address,
        subject,
        signal: request.signal,
        status: null,
        isJson: false,
        readAt: null,
        retryAfter: null,
        rateLimitedReason: null,
      };
      const account = actFor ? { stripeContext: actFor } : {};
      try {
        // `rawRequest` rather than the typed lists: these turn decimals into objects, and raw objects are kept as they came.
        const body: unknown = await exchanges.run(exchange, () =>
          sdk.rawRequest('GET', withQuery(path, params), undefined, account),
        );
        const { status, readAt } = exchange;
        if (!isRecord(body) || readAt === null || status === null || status >= 300) {
          throw translate(new Error('An answer that Stripe would not give.'), exchange);
        }
        return { body, readAt };
      } catch (error) {
        signal.throwIfAborted();
        const translated = translate(error, exchange);
        if (translated.code === 'rate_limited') {
          const exceeded = exceededScopes(scopes, exchange.rateLimitedReason);
          await pace?.exceeded(exceeded, translated.retryAfterMs ?? null);
        }
        throw translated;
      } finally {
        signal.removeEventListener('abort', abort);
      }
    },
  };
}

function parseBase(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain =
    url !== null &&
    (url.protocol === 'http:' || url.protocol === 'https:') &&
    url.pathname === '/' &&
    url.search + url.hash + url.username + url.password === '';
  if (!isPlain) {
    throw new RecoupError(
      'invalid_input',
      'The API base must be an http or https address without path, user or query, for example https://api.stripe.com.',
    );
  }
  return url;
}

/** Stripe's form encoding: `created[gte]=1`, `expand[]=data.tiers`. */
function withQuery(path: string, params: Params): string {
  const pairs = Object.entries(params).flatMap(([name, value]): [string, string][] => {
    if (Array.isArray(value)) return value.map((item: string) => [`${name}[]`, item]);
    if (typeof value === 'object') {
      return Object.entries(value).map(([key, item]) => [`${name}[${key}]`, String(item)]);
    }
    return [[name, String(value)]];
  });
  return pairs.length === 0 ? path : `${path}?${new URLSearchParams(pairs).toString()}`;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
