/** How Stripe refuses a request. */
import type Stripe from 'stripe';

/** The `error` object of a Stripe error body. */
interface ErrorBody {
  type: 'api_error' | 'card_error' | 'idempotency_error' | 'invalid_request_error';
  message: string;
  code?: string;
  param?: string;
  doc_url?: string;
  decline_code?: string;
  advice_code?: string;
  network_decline_code?: string;
  network_advice_code?: string;
  charge?: string;
  payment_intent?: object;
  payment_method?: object;
}

/** A refusal of the API: status and body as Stripe answers them. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly error: ErrorBody,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(error.message);
    if (error.code !== undefined)
      error.doc_url = `https://docs.stripe.com/error-codes/${error.code.replaceAll('_', '-')}`;
  }
}

/** The codes that this service answers with, each one checked against the SDK's own list. */
type InvalidRequestCode = Extract<
  Stripe.PaymentIntent.LastPaymentError.Code,
  | 'account_invalid'
  | 'api_key_expired'
  | 'invoice_no_payment_method_types'
  | 'parameter_invalid_empty'
  | 'parameter_invalid_integer'
  | 'parameter_missing'
  | 'parameter_unknown'
  | 'parameters_exclusive'
  | 'payment_intent_unexpected_state'
  | 'resource_missing'
>;

/** 400 `invalid_request_error`. */
export function invalidRequest(
  message: string,
  {
    code,
    param,
    status = 400,
  }: { code?: InvalidRequestCode; param?: string; status?: number } = {},
): ApiError {
  return new ApiError(status, {
    type: 'invalid_request_error',
    message,
    ...(code !== undefined && { code }),
    ...(param !== undefined && { param }),
  });
}

/** An id that names nothing: 404 for the object of the URL, 400 for a cursor or a reference. */
export function noSuch(
  noun: string,
  id: string,
  { param, status }: { param: string; status: 400 | 404 },
): ApiError {
  return invalidRequest(`No such ${noun}: '${id}'`, { code: 'resource_missing', param, status });
}

/** 429; `reason` as in Stripe's Stripe-Rate-Limited-Reason header. */
export function rateLimited(
  reason: 'global-rate' | 'endpoint-rate',
  retryAfterSeconds?: number,
): ApiError {
  return new ApiError(
    429,
    {
      type: 'invalid_request_error',
      code: 'rate_limit',
      message:
        'Request rate limit exceeded. Learn more about rate limits here https://docs.stripe.com/rate-limits.',
    },
    {
      'stripe-rate-limited-reason': reason,
      ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
    },
  );
}

/** 409 for a request whose key is in use. */
export function conflict(key: string): ApiError {
  return new ApiError(409, {
    type: 'idempotency_error',
    code: 'idempotency_key_in_use',
    message: `There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): ${key}. Please try again later.`,
  });
}

/** 500 `api_error`. */
export function serverError(): ApiError {
  return new ApiError(500, {
    type: 'api_error',
    message:
      'An unknown error occurred. If the problem persists, contact us via our contact form at https://support.stripe.com/contact.',
  });
}
