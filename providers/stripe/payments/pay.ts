/** The one request that moves money, and what its answer proves. */
import { asRecoupError, RecoupError } from '../../../domain/errors';
import type { PaymentAnswer, PaymentOutcome, PaymentRequest } from '../../provider';
import type { Api, Params, Posted, StripeSaid } from '../client';
import { mergeCodes, outcomeOf, readCardError, readCharge } from './charge';
import {
  defaultPayment,
  EXPAND_PAYMENTS,
  latestChargeOf,
  parseInvoice,
  readInvoice,
} from './invoice';
import type { Reader } from './reader';

/** Cards and accounts of the kind before payment methods, which have a parameter of their own. */
const OLDER_KIND = /^(card|ba|src)_/;

const subject = 'invoices';

type Kind = 'declined' | 'not_sent' | 'refused' | 'unknown';

/**
 * What a failed request proves:
 *
 * | what came                                        | answer   | because                                                        |
 * | ------------------------------------------------ | -------- | -------------------------------------------------------------- |
 * | nothing was sent: no turn, no name, no           | not_sent | not a byte has left                                            |
 * | connection, no valid certificate, too late       |          |                                                                |
 * | 429 of Stripe's (rate limit, lock timeout)       | not_sent | refused before execution                                       |
 * | 401, 403 of Stripe's                             | refused  | refused before execution                                       |
 * | `idempotency_error`: 409 in use, 400 mismatch    | unknown  | an earlier request with this key exists, and may have happened |
 * | `card_error`                                     | declined | that is Stripe's word for an attempt that failed               |
 * | 400, 404 `invalid_request_error`                 | refused  | invoice paid, void or gone; payment method not the customer's  |
 * | everything else: 5xx, other 4xx, no JSON, broken | unknown  | it may have happened                                           |
 * | off, reset, timed out                            |          |                                                                |
 */
function kindOf({ wasSent, said }: { wasSent: boolean; said: StripeSaid | null }): Kind {
  if (!wasSent) return 'not_sent';
  if (said === null) return 'unknown';
  const { status, type } = said;
  if (status === 429) return 'not_sent';
  if (status === 401 || status === 403) return 'refused';
  if (type === 'card_error') return 'declined';
  if (type === 'invalid_request_error' && (status === 400 || status === 404)) return 'refused';
  return 'unknown';
}

/** `reader` is for what the answer leaves out; it is given no more time than the payment. */
export async function pay(
  { api, reader, actFor }: { api: Api; reader: Reader; actFor: string | null },
  { invoiceId, credentialId, idempotencyKey, sendBefore, timeoutMs, signal }: PaymentRequest,
): Promise<PaymentAnswer> {
  const params: Params = {
    [OLDER_KIND.test(credentialId) ? 'source' : 'payment_method']: credentialId,
    off_session: true,
    expand: [EXPAND_PAYMENTS],
  };
  const options = { subject, signal, actFor, idempotencyKey, sendBefore, timeoutMs };
  const posted = await api.pay(invoiceId, params, options);
  const { requestId } = posted;
  try {
    return { ...(await understand(posted, { reader, invoiceId })), requestId };
  } catch (thrown) {
    return { kind: 'unknown', error: asRecoupError(thrown), requestId };
  }
}

type Failed = Extract<Posted, { ok: false }>;
type Outcome =
  | PaymentOutcome
  | { readonly kind: 'not_sent' | 'refused' | 'unknown'; readonly error: RecoupError };

async function understand(
  posted: Posted,
  { reader, invoiceId }: { readonly reader: Reader; readonly invoiceId: string },
): Promise<Outcome> {
  if (posted.ok) return whatWasPaid(posted.body, invoiceId);
  const kind = kindOf(posted);
  if (kind === 'declined') return decline(reader, posted);
  if (kind === 'refused') return { kind, error: await whyRefused(reader, invoiceId, posted.error) };
  return { kind, error: posted.error };
}

/** A 200 alone is no money: an invoice may stay open while its payment is settled, or after a part of it was paid. */
function whatWasPaid(body: unknown, invoiceId: string): Outcome {
  const invoice = parseInvoice(body);
  const payment = invoice && defaultPayment(invoice);
  const status = payment?.payment.payment_intent?.status;
  const chargeId = latestChargeOf(payment);
  if (status === 'processing' || status === 'requires_capture')
    return { kind: 'pending', chargeId };
  if (invoice?.status === 'paid' || status === 'succeeded') {
    const amountMinor =
      payment?.payment.payment_intent?.amount_received ?? payment?.amount_paid ?? 0n;
    return { kind: 'succeeded', chargeId, amountMinor };
  }
  const error = new RecoupError(
    'provider_unavailable',
    `Stripe accepted the payment of ${invoiceId} and does not show what came of it (${status ?? 'no payment'}).`,
  );
  return { kind: 'unknown', error };
}

/** The charge has what the error lacks; where it cannot be read now, the error's own codes must do. */
async function decline(reader: Reader, { said, error }: Failed): Promise<Outcome> {
  const { chargeId, codes } = readCardError(said?.error);
  const charge = chargeId === null ? null : await readCharge(reader, chargeId).catch(() => null);
  const outcome = charge && outcomeOf(charge);
  if (outcome === null) return { kind: 'declined', chargeId, codes };
  return outcome.kind === 'declined'
    ? { ...outcome, codes: mergeCodes(outcome.codes, codes) }
    : // The error and the charge that it names contradict each other.
      { kind: 'unknown', error };
}

const DONE_WITH = {
  paid: 'paid already',
  void: 'void',
  draft: 'a draft',
  uncollectible: 'written off',
};

/** Stripe says in words alone that an invoice cannot be paid any more: its status says it for certain. */
async function whyRefused(
  reader: Reader,
  invoiceId: string,
  error: RecoupError,
): Promise<RecoupError> {
  if (error.code !== 'request_refused') return error;
  const seen = await readInvoice(reader, invoiceId).catch((thrown: unknown) =>
    asRecoupError(thrown),
  );
  if (seen instanceof RecoupError) return error;
  const status = seen?.invoice.status;
  const why = seen === null ? 'not there' : status === 'open' ? null : DONE_WITH[status ?? 'void'];
  if (why === null) return error;
  return new RecoupError(
    'request_refused',
    `The invoice ${invoiceId} is ${why}: nothing was charged.`,
    {
      details: { ...error.details, invoiceStatus: status ?? null },
      cause: error,
    },
  );
}
