/**
 * Requests to Stripe through the official SDK. The SDK has no abort signal, and gives every answer that is not JSON the same
 * error without its HTTP status; both are mended here by the HTTP client that it is handed.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { transcode } from 'node:buffer';
import Stripe from 'stripe';
import { RecoupError } from '../../domain/errors';
import type { Connection, ConnectOptions } from '../provider';
import { notStripe, translate, type Exchange as Observed } from './errors';
import { send, type HttpAnswer, type HttpRequest } from './http';
import { exceededScopes, rateScopes } from './rate-scopes';
import { deadlinePassed, sendOnce } from './send-once';

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

export interface PaymentOptions extends RequestOptions {
  readonly idempotencyKey: string;
  /** By this machine's clock: nothing is sent from then on. */
  readonly sendBefore: Date;
  /** For all of it, the wait for its turn included. */
  readonly timeoutMs: number;
}

/** What came of a payment request. */
export type Posted =
  | (Answer & { readonly ok: true; readonly requestId: string | null })
  | {
      readonly ok: false;
      readonly error: RecoupError;
      /** Where false, nothing of it has left this machine, and nothing will. */
      readonly wasSent: boolean;
      /** Stripe's own error; null for every other failure, whatever its status. */
      readonly said: StripeSaid | null;
      readonly requestId: string | null;
    };

export interface StripeSaid {
  readonly status: number;
  readonly type: string;
  /** Its `error` as it came. */
  readonly error: Readonly<Record<string, unknown>>;
}

export interface Api {
  /** Host and port, for messages. */
  readonly address: string;
  /** One GET, at the connection's pace. Errors: those of `translate` and of `Pace`; an aborted signal rejects with its reason. */
  get(path: string, params: Params, options: RequestOptions): Promise<Answer>;
  /**
   * Pays an invoice: one POST, the only one that there is, at the connection's pace and never repeated. Never throws but for a
   * signal that is aborted before anything was sent.
   */
  pay(invoiceId: string, params: Params, options: PaymentOptions): Promise<Posted>;
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

  const sdk = new Stripe(secret, {
    host: base.hostname,
    port,
    protocol: base.protocol === 'https:' ? 'https' : 'http',
    httpClient: new ObservedClient(),
    // Retrying is decided by who holds the lease, never hidden in here.
    maxNetworkRetries: 0,
    telemetry: false,
  });

  /** Throws what the SDK throws, or the error for an answer that Stripe would not give. */
  const exchangeOnce = async (
    exchange: Exchange,
    { method, path, form }: { method: 'GET' | 'POST'; path: string; form?: Params },
    options: Stripe.RawRequestOptions,
  ): Promise<Answer> => {
    // `rawRequest` rather than the typed calls: these turn decimals into objects, and raw objects are kept as they came.
    const body: unknown = await exchanges.run(exchange, () =>
      sdk.rawRequest(method, path, form, options),
    );
    const { status, readAt } = exchange;
    if (!isRecord(body) || readAt === null || status === null || status >= 300) {
      throw translate(new Error('An answer that Stripe would not give.'), exchange);
    }
    return { body, readAt };
  };

  const get: Api['get'] = async (path, params, { subject, signal, actFor }) => {
    signal.throwIfAborted();
    const scopes = rateScopes({ method: 'GET', path }, secret);
    await pace?.take(scopes, signal);
    const within = follow(signal, timeoutMs);
    const exchange = begin({
      address,
      action: 'read',
      subject,
      send: (url, request) => send(url, request, within.signal),
    });
    try {
      const target = { method: 'GET', path: withQuery(path, params) } as const;
      return await exchangeOnce(exchange, target, accountOf(actFor));
    } catch (error) {
      signal.throwIfAborted();
      const translated = translate(error, exchange);
      if (translated.code === 'rate_limited') {
        const exceeded = exceededScopes(scopes, exchange.rateLimitedReason);
        await pace?.exceeded(exceeded, translated.retryAfterMs ?? null);
      }
      throw translated;
    } finally {
      within.end();
    }
  };

  const pay: Api['pay'] = async (invoiceId, params, options) => {
    const { subject, signal, actFor, idempotencyKey, sendBefore, timeoutMs: withinMs } = options;
    signal.throwIfAborted();
    const leftMs = Math.min(withinMs, sendBefore.getTime() - Date.now());
    const deadlineMs = performance.now() + leftMs;
    // By both clocks: one may be set back, the other stands still while the machine sleeps.
    const isTooLate = (): boolean =>
      performance.now() >= deadlineMs || Date.now() >= sendBefore.getTime();
    const path = `/v1/invoices/${encodeURIComponent(invoiceId)}/pay`;
    const scopes = rateScopes({ method: 'POST', path }, secret);
    const within = follow(signal, withinMs);
    let wasSent = false;
    const exchange = begin({
      address,
      action: 'pay',
      subject,
      send: (url, request) => {
        const onSend = (): void => {
          wasSent = true;
        };
        return sendOnce(url, request, { signal: within.signal, isTooLate, onSend });
      },
    });
    try {
      await pace?.take(scopes, within.signal);
      const target = { method: 'POST', path, form: params } as const;
      const once = { ...accountOf(actFor), idempotencyKey };
      const answer = await exchangeOnce(exchange, target, once);
      return { ok: true, ...answer, requestId: exchange.requestId };
    } catch (thrown) {
      if (!wasSent) signal.throwIfAborted();
      const error = !wasSent && isTooLate() ? tooLate(thrown) : translate(thrown, exchange);
      if (error.code === 'rate_limited' && wasSent) {
        const exceeded = exceededScopes(scopes, exchange.rateLimitedReason);
        // What came of the payment is more than that others slow down.
        await pace?.exceeded(exceeded, error.retryAfterMs ?? null).catch(() => undefined);
      }
      const said = whatStripeSaid(thrown, exchange);
      return { ok: false, error, wasSent, said, requestId: exchange.requestId };
    } finally {
      within.end();
    }
  };

  return { address, notStripe: () => notStripe(address), get, pay };
}

interface Exchange extends Observed {
  isMade: boolean;
  readonly send: (url: URL, request: HttpRequest) => Promise<HttpAnswer>;
}

type Beginning = Pick<Exchange, 'address' | 'action' | 'subject' | 'send'>;

const begin = (beginning: Beginning): Exchange => ({
  ...beginning,
  isMade: false,
  status: null,
  isJson: false,
  readAt: null,
  requestId: null,
  retryAfter: null,
  rateLimitedReason: null,
});

/** Sends as the exchange at hand says, and notes there what it can tell of the answer. */
class ObservedClient extends Stripe.HttpClient {
  override getClientName(): string {
    return 'recoup';
  }

  override async makeRequest(
    ...[host, port, path, method, headers, body, protocol]: Parameters<
      Stripe.HttpClient['makeRequest']
    >
  ): Promise<ObservedResponse> {
    const exchange = exchanges.getStore();
    if (exchange === undefined) throw new Error('Every request goes through `get` or `pay`.');
    const url = new URL(`${protocol}://${host}:${port}${path}`);
    const startedMs = performance.now();
    // The SDK tries a closed connection once more, even when told never to.
    if (exchange.isMade) throw new Error('A request is made once.');
    exchange.isMade = true;
    const answer = await exchange.send(url, { method, headers, body }).catch((cause: unknown) => {
      // Without a code, by which the SDK would know a closed connection.
      throw new Error('No answer.', { cause });
    });
    const elapsedMs = performance.now() - startedMs;
    exchange.status = answer.status;
    const header = (name: string): string | null => String(answer.headers[name] ?? '') || null;
    exchange.isJson = /\bjson\b/i.test(header('content-type') ?? '');
    exchange.requestId = header('request-id');
    exchange.retryAfter = header('retry-after');
    exchange.rateLimitedReason = header('stripe-rate-limited-reason');
    const dateMs = Date.parse(header('date') ?? '');
    exchange.readAt = Number.isNaN(dateMs) ? null : new Date(dateMs - elapsedMs);
    return new ObservedResponse(answer);
  }
}

class ObservedResponse extends Stripe.HttpClientResponse {
  constructor(private readonly answer: HttpAnswer) {
    super(answer.status, answer.headers as Record<string, string | string[]>);
  }

  /** The SDK hangs it onto what it gives back. */
  override getRawResponse(): unknown {
    return {};
  }

  override async toJSON(): Promise<unknown> {
    const body = await this.answer.readBody().catch((cause: unknown) => {
      throw Stripe.HttpClient.makeResponseBodyError(cause);
    });
    return this._parseResponseBody(textOf(body));
  }
}

/**
 * A signal of its own for each request, aborted with the given one or when the time is over: one that lives as long as a walk
 * would gather a listener for every page.
 */
function follow(signal: AbortSignal, timeoutMs?: number): { signal: AbortSignal; end: () => void } {
  const request = new AbortController();
  const abort = (): void => {
    request.abort(signal.reason);
  };
  signal.addEventListener('abort', abort, { once: true });
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          request.abort(deadlinePassed());
        }, timeoutMs);
  return {
    signal: request.signal,
    end: () => {
      signal.removeEventListener('abort', abort);
      clearTimeout(timer);
    },
  };
}

const tooLate = (cause: unknown): RecoupError =>
  new RecoupError('provider_unavailable', 'The payment could not be sent in time, and was not.', {
    cause,
  });

const accountOf = (actFor: string | null | undefined): Stripe.RawRequestOptions =>
  actFor ? { stripeContext: actFor } : {};

function whatStripeSaid(thrown: unknown, { status, isJson }: Exchange): StripeSaid | null {
  if (!(thrown instanceof Stripe.errors.StripeError) || status === null || !isJson) return null;
  const { rawType, raw } = thrown;
  return rawType !== undefined && isRecord(raw) ? { status, type: rawType, error: raw } : null;
}

/** In less than half the time that `toString` takes: that is slow for all but ASCII, and pages of names are seldom that. */
function textOf(body: Buffer): string {
  try {
    return transcode(body, 'utf8', 'utf16le').toString('utf16le');
  } catch {
    // No UTF-8 throughout.
    return body.toString();
  }
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
