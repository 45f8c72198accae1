/** The one place where what Stripe, or whatever answers in its place, says becomes a code of the taxonomy. */
import Stripe from 'stripe';
import { RecoupError } from '../../domain/errors';

/** Errors wrapped in errors are followed this deep. */
const MAX_CAUSES = 5;

/** What is known of one request and its answer; filled in as it goes. */
export interface Exchange {
  readonly address: string;
  readonly action: 'read' | 'pay';
  /** What is read or paid, in words for a person. */
  readonly subject: string;
  /** Null while nothing has answered. */
  status: number | null;
  isJson: boolean;
  /** Stripe's clock at the start of the request; null when the answer has no date. */
  readAt: Date | null;
  /** Stripe's id of the request. */
  requestId: string | null;
  /** The header as it came: seconds. */
  retryAfter: string | null;
  /** Which limit a 429 speaks of, in Stripe's words. */
  rateLimitedReason: string | null;
}

export function notStripe(address: string, status: number | null = null): RecoupError {
  const how = status === null ? '' : ` (HTTP status ${String(status)})`;
  return new RecoupError(
    'not_the_provider',
    `What answers at ${address} is not the Stripe API${how}.`,
  );
}

/** Messages name the host and the status and never quote the answer, which may hold parts of the key or customer data. */
export function translate(thrown: unknown, exchange: Exchange): RecoupError {
  if (thrown instanceof RecoupError) return thrown;
  const { address, action, subject, status } = exchange;
  const error = thrown instanceof Stripe.errors.StripeError ? thrown : null;
  const retryAfterMs = Math.ceil(Number(exchange.retryAfter) * 1000);
  const options = {
    ...(retryAfterMs > 0 ? { retryAfterMs } : {}),
    cause: thrown,
    details: {
      status,
      readAt: exchange.readAt,
      requestId: exchange.requestId,
      providerMessage: error?.message,
    },
  };

  if (status === null) {
    return new RecoupError(
      'provider_unavailable',
      `Stripe does not answer at ${address} (${networkCode(thrown)}).`,
      options,
    );
  }
  if (status === 429) {
    return new RecoupError(
      'rate_limited',
      `Stripe asks to slow down while ${action}ing ${subject}.`,
      options,
    );
  }
  if (status >= 500) {
    return new RecoupError(
      'provider_unavailable',
      `Stripe at ${address} answers with HTTP status ${String(status)}.`,
      options,
    );
  }
  // Stripe's own errors carry a wire type. JSON without one broke off on the way; anything else is somebody else's.
  if (error?.rawType === undefined) {
    if (error === null || !exchange.isJson) return notStripe(address, status);
    return new RecoupError(
      'provider_unavailable',
      `The answer of ${address} broke off while ${action}ing ${subject}.`,
      options,
    );
  }
  // A 403 with `account_invalid` says that the account is gone or has revoked the access as a whole.
  if (status === 401 || error.code === 'account_invalid') {
    return new RecoupError(
      'credentials_rejected',
      `Stripe rejects the key (HTTP status ${String(status)}).`,
      options,
    );
  }
  if (status === 403) {
    const permission = /\brak_[a-z_]+\b/.exec(error.message)?.[0];
    return new RecoupError(
      'permission_missing',
      permission === undefined
        ? `The key may not ${action} ${subject}.`
        : `The key may not ${action} ${subject}: it lacks the permission ${permission}.`,
      options,
    );
  }
  const { code, param } = error;
  const reason = [code, param].filter((word) => word !== undefined).join(', ');
  return new RecoupError(
    'request_refused',
    `Stripe refuses the request for ${subject} (HTTP status ${String(status)}${reason === '' ? '' : `: ${reason}`}).`,
    {
      ...options,
      details: { ...options.details, code, param },
    },
  );
}

/** Whether something that a request names has been deleted, or never was. */
export function isMissing(error: unknown): error is RecoupError {
  return error instanceof RecoupError && error.details['code'] === 'resource_missing';
}

/** Whether the object that a cursor stands on has been deleted since. */
export function isGoneCursor(error: unknown): boolean {
  return isMissing(error) && error.details['param'] === 'starting_after';
}

/** The innermost system code, such as ECONNREFUSED: `fetch` and the SDK wrap it. */
function networkCode(thrown: unknown): string {
  let code = 'no connection';
  let current: unknown = thrown;
  for (let depth = 0; depth < MAX_CAUSES && typeof current === 'object' && current; depth++) {
    const { code: own, cause, detail } = current as Record<string, unknown>;
    if (typeof own === 'string') code = own;
    current = cause ?? detail;
  }
  return code;
}
