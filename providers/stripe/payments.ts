/** Stripe's payments: invoices are looked at, paid, and looked up, and the charges of a customer are read. */
import { asRecoupError, type RecoupError } from '../../domain/errors';
import type { PaymentAnswer, Payments } from '../provider';
import type { Api } from './client';
import type { Pager } from './pages';
import { find, findPayer } from './payments/evidence';
import { pay } from './payments/pay';
import { createReader, secondsOf, type Reader } from './payments/reader';
import { readSighting } from './payments/sighting';

export interface PaymentsOptions {
  readonly api: Api;
  readonly pager: Pager;
  /** The connected account whose invoices they are; null for the key's own. Errors: those of `fetchPage`. */
  readonly findActFor: (signal: AbortSignal) => Promise<string | null>;
}

export function createPayments({ api, pager, findActFor }: PaymentsOptions): Payments {
  const readerFor = async (signal: AbortSignal): Promise<Reader> =>
    createReader({ api, pager }, { signal, actFor: await findActFor(signal) });
  return {
    readInvoice: async ({ invoiceId, signal }) => readSighting(await readerFor(signal), invoiceId),
    readCharges: async ({ customerId, since, signal }) =>
      (await readerFor(signal)).list('payment_attempt', {
        customer: customerId,
        created: { gte: secondsOf(since) },
      }),
    find: async (search) => find(await readerFor(search.signal), search),
    findPayer: async ({ chargeId, signal }) => findPayer(await readerFor(signal), chargeId),
    pay: async (request) => {
      const { signal, timeoutMs } = request;
      const startedMs = performance.now();
      const inTime = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      let actFor: string | null;
      try {
        actFor = await findActFor(inTime);
      } catch (thrown) {
        signal.throwIfAborted();
        return notSent(asRecoupError(thrown));
      }
      const reader = createReader({ api, pager }, { signal: inTime, actFor });
      const leftMs = Math.max(0, timeoutMs - (performance.now() - startedMs));
      return pay({ api, reader, actFor }, { ...request, timeoutMs: leftMs });
    },
  };
}

/** Whose key it is cannot be told: with one of another account, the same request never will be carried out. */
function notSent(error: RecoupError): PaymentAnswer {
  const kind = error.scope === 'transient' ? 'not_sent' : 'refused';
  return { kind, error, requestId: null };
}
