/**
 * Payments of a simulated world without a wire: the same requests and answers as over HTTP, and all that can go wrong between
 * the two, drawn from a seed.
 */
import { RecoupError } from '../../domain/errors';
import type { Charge } from '../../domain/recovery/charge';
import type { Decline, DeclineCodes } from '../../domain/recovery/decline';
import type { Credential, InvoiceSighting, PaymentAnswer } from '../../domain/recovery/payment';
import type { Payments } from '../../providers/provider';
import { live } from '../../simulator/world/advance';
import type { Charge as WorldCharge, PaymentMethod } from '../../simulator/world/model';
import { isProcessing, payInvoice } from '../../simulator/world/payments';
import type { Random } from '../../simulator/world/random';
import { carryOut, receive } from '../../simulator/world/requests';
import type { World } from '../../simulator/world/world';
import type { VirtualTime } from './virtual-time';

/** Shares of requests, and limits. */
export interface Weather {
  /** Reads that fail. */
  readonly readFails: number;
  /** Payments of which the client learns nothing, half of them carried out. */
  readonly answerLost: number;
  /** Payments that are carried out only after the client has given up, and up to so much later. */
  readonly lateExecution: number;
  readonly lateByMs: number;
  /** Payments refused for being too many, or while another one is at work. */
  readonly refusedForNow: number;
  /** What happened is shown to reads up to so much later. */
  readonly lagMs: number;
}

export const FOUL: Weather = {
  readFails: 0.05,
  answerLost: 0.12,
  lateExecution: 0.05,
  lateByMs: 150_000,
  refusedForNow: 0.05,
  lagMs: 100_000,
};

const KEY_LIFETIME_MS = 86_400_000;

export interface MemoryPayments extends Payments {
  /** All charges of a credential that a sync would have stored. */
  listCharges(credential: Credential): Charge[];
  /** Faults that struck. */
  readonly faults: () => number;
}

export interface MemoryPaymentsOptions {
  readonly world: World;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly weather: Weather;
  readonly readDecline: (codes: DeclineCodes) => Decline;
}

export function createMemoryPayments(options: MemoryPaymentsOptions): MemoryPayments {
  const { world, time, random, weather, readDecline } = options;
  const answers = new Map<string, { readonly sinceMs: number; readonly answer: PaymentAnswer }>();
  const byInvoice = new Map<string, WorldCharge[]>();
  const byCredential = new Map<string, WorldCharge[]>();
  /** A charge that has failed stays so, and is asked for often. */
  const declines = new Map<string, Decline>();
  let indexed = 0;
  let faults = 0;

  const strikes = (share: number): boolean => {
    const hit = random.chance(share);
    faults += Number(hit);
    return hit;
  };
  /** The world as it is now, as far as this customer goes. */
  const catchUp = (invoiceId: string) => {
    const at = Math.floor(time.nowMs / 1000);
    world.clock = Math.max(world.clock, at);
    const invoice = world.invoices.find(invoiceId);
    if (invoice !== undefined) live(world, invoice.customer, at);
    return { at, invoice };
  };
  const index = (): void => {
    const { all } = world.charges;
    if (all.length === indexed) return;
    // From the beginning: a charge that the service makes by itself is found late, and lies before younger ones.
    indexed = all.length;
    byInvoice.clear();
    byCredential.clear();
    for (const charge of all) {
      push(byInvoice, charge.invoice, charge);
      push(byCredential, world.paymentMethods.get(charge.paymentMethod).fingerprint, charge);
    }
  };
  const chargesOf = (invoiceId: string): readonly WorldCharge[] => {
    index();
    return byInvoice.get(invoiceId) ?? [];
  };
  const declineOf = (charge: WorldCharge): Decline => {
    const decline = declines.get(charge.id) ?? readDecline(codesOf(world, charge));
    declines.set(charge.id, decline);
    return decline;
  };
  const read = async <T>(look: () => T): Promise<T> => {
    await time.sleep(random.integer(50, 1_500));
    if (strikes(weather.readFails)) {
      throw new RecoupError('provider_unavailable', 'The service does not answer.');
    }
    return look();
  };

  const readInvoice: Payments['readInvoice'] = ({ invoiceId }) =>
    read((): InvoiceSighting | null => {
      const { invoice } = catchUp(invoiceId);
      if (invoice === undefined || world.deleted.has(invoiceId)) return null;
      const customer = world.customers.get(invoice.customer);
      const method = customer.defaultPaymentMethod;
      const charges = chargesOf(invoiceId);
      return {
        status: invoice.status,
        customerId: customer.id,
        customerDeleted: world.deleted.has(customer.id),
        currency: invoice.currency,
        amountDueMinor: BigInt(invoice.amountDueMinor),
        amountPaidMinor: BigInt(invoice.amountPaidMinor),
        amountRemainingMinor: BigInt(invoice.amountRemainingMinor),
        credential: method === null ? null : credentialOf(world.paymentMethods.get(method)),
        providerRetryAt:
          invoice.nextPaymentAttempt === null ? null : new Date(invoice.nextPaymentAttempt * 1000),
        paymentPageUrl: null,
        isSettling: isProcessing(world, invoice),
        latestChargeId: charges.at(-1)?.id ?? null,
        isDisputed: charges.some(({ disputed }) => disputed),
        isRefunded: charges.some(
          ({ amountMinor, amountRefundedMinor }) =>
            amountRefundedMinor > 0 && amountRefundedMinor >= amountMinor,
        ),
        isCanceled: isCanceled(world, invoice.subscription),
        readAt: time.now(),
      };
    });

  /** What the request does in the world, whoever still listens; once for each key, as long as that is kept. */
  const execute = (
    invoiceId: string,
    credentialId: string,
    request: ReturnType<typeof receive>,
  ) => {
    const key = request.idempotencyKey ?? '';
    const known = answers.get(key);
    if (known !== undefined && time.nowMs - known.sinceMs < KEY_LIFETIME_MS) return known.answer;
    const { at } = catchUp(invoiceId);
    const result = carryOut(world, request, () =>
      payInvoice(world, { invoice: invoiceId, at, paymentMethod: credentialId }),
    );
    const answer = answerOf(result, request.id);
    answers.set(key, { sinceMs: time.nowMs, answer });
    return answer;
  };
  const answerOf = (result: ReturnType<typeof payInvoice>, requestId: string): PaymentAnswer => {
    switch (result.outcome) {
      case 'paid': {
        const chargeId = result.charge?.id ?? null;
        const amountMinor = BigInt(result.charge?.amountMinor ?? 0);
        return { kind: 'succeeded', chargeId, amountMinor, requestId };
      }
      case 'pending':
        return { kind: 'pending', chargeId: result.charge.id, requestId };
      case 'declined':
        return {
          kind: 'declined',
          chargeId: result.charge.id,
          codes: codesOf(world, result.charge),
          requestId,
        };
      case 'refused':
        return {
          kind: 'refused',
          error: new RecoupError('request_refused', result.reason),
          requestId,
        };
    }
  };

  return {
    faults: () => faults,
    readInvoice,
    readCharges: () => Promise.reject(new Error('Charges are read in memory.')),
    listCharges: (credential) => {
      index();
      const charges = byCredential.get(credential.key) ?? [];
      return charges.map((charge) => ({
        id: charge.id,
        atMs: charge.created * 1000,
        network: credential.network,
        country: credential.country,
        amountMinor: BigInt(charge.amountMinor),
        currency: charge.currency,
        status: charge.status,
        decline: charge.status === 'failed' ? declineOf(charge) : null,
      }));
    },
    pay: async ({ invoiceId, credentialId, idempotencyKey, sendBefore, timeoutMs }) => {
      const nothing = (code: 'rate_limited' | 'provider_unavailable', text: string) =>
        ({ kind: 'not_sent', error: new RecoupError(code, text), requestId: null }) as const;
      if (sendBefore !== undefined && time.now() >= sendBefore) {
        return nothing('provider_unavailable', 'It was too late to send it.');
      }
      if (strikes(weather.refusedForNow)) return nothing('rate_limited', 'Too many requests.');
      const unknown = {
        kind: 'unknown',
        error: new RecoupError('provider_unavailable', 'No answer came.'),
        requestId: null,
      } as const;
      await time.sleep(random.integer(20, 400));
      if (strikes(weather.answerLost / 2)) {
        await time.sleep(timeoutMs);
        return unknown;
      }
      const request = receive(world, {
        id: `req_${String(world.requestsReceived)}`,
        idempotencyKey,
        at: Math.floor(time.nowMs / 1000),
      });
      if (strikes(weather.lateExecution)) {
        // It is carried out after the client has given up, within what the service may take.
        time.at(time.nowMs + timeoutMs + random.integer(1, weather.lateByMs), () => {
          execute(invoiceId, credentialId, request);
        });
        await time.sleep(timeoutMs);
        return unknown;
      }
      await time.sleep(random.integer(100, 3_000));
      const answer = execute(invoiceId, credentialId, request);
      if (!strikes(weather.answerLost / 2)) return answer;
      await time.sleep(random.chance(0.5) ? timeoutMs : 0);
      return unknown;
    },
    find: ({ invoiceId, idempotencyKey, chargeBefore }) =>
      read(() => {
        catchUp(invoiceId);
        const readAt = time.now();
        const shown = chargesOf(invoiceId).filter(
          ({ created }) => time.nowMs - created * 1000 >= random.integer(0, weather.lagMs),
        );
        const ours = shown.find((charge) => {
          const origin = world.origins.get(charge.id);
          return origin?.by === 'api' && origin.request.idempotencyKey === idempotencyKey;
        });
        if (ours === undefined) {
          const isElse = (shown.at(-1)?.id ?? null) !== chargeBefore && random.chance(0.1);
          return isElse
            ? { kind: 'unclear', because: 'Something has happened since.', readAt }
            : { kind: 'absent', readAt };
        }
        const requestId = null;
        const chargeId = ours.id;
        switch (ours.status) {
          case 'succeeded':
            return {
              kind: 'succeeded',
              chargeId,
              amountMinor: BigInt(ours.amountMinor),
              requestId,
              readAt,
            };
          case 'pending':
            return { kind: 'pending', chargeId, requestId, readAt };
          case 'failed':
            return { kind: 'declined', chargeId, codes: codesOf(world, ours), requestId, readAt };
        }
      }),
    findPayer: ({ chargeId }) =>
      read(() => (world.origins.get(chargeId)?.by === 'provider' ? 'provider' : 'elsewhere')),
  };
}

function isCanceled(world: World, subscription: string | null): boolean {
  if (subscription === null) return false;
  const { status, cancellationReason } = world.subscriptions.get(subscription);
  return status === 'canceled' && cancellationReason === 'cancellation_requested';
}

function credentialOf(method: PaymentMethod): Credential {
  const isCard = method.debit === undefined;
  return {
    id: method.id,
    key: method.fingerprint,
    methodType: isCard ? 'card' : method.debit,
    network: isCard ? method.brand : null,
    country: method.country,
    funding: isCard ? method.funding : null,
  };
}

function codesOf(world: World, { paymentMethod, decline }: WorldCharge): DeclineCodes {
  const method = world.paymentMethods.get(paymentMethod);
  const { network: cardBrand, country: cardCountry, methodType } = credentialOf(method);
  return {
    cardBrand,
    cardCountry,
    methodType,
    networkAdviceCode: decline?.networkAdviceCode ?? null,
    networkDeclineCode: decline?.networkDeclineCode ?? null,
    adviceCode: decline?.adviceCode ?? null,
    declineCode: decline?.declineCode ?? null,
    failureCode: decline?.code ?? null,
    outcomeType: decline?.outcomeType ?? null,
  };
}

function push<T>(groups: Map<string, T[]>, key: string, value: T): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [value]);
  else group.push(value);
}
