/** What a provider says of paying one invoice: how it stands, how a payment ended, and what can be proven of one afterwards. */
import type { RecoupError } from '../errors';
import type { DeclineCodes } from './decline';

/** What a payment would be tried with. */
export interface Credential {
  /** The provider's id of the payment method. */
  readonly id: string;
  /** The same for every payment method of one card or bank account: what ceilings count by. The id where there is none. */
  readonly key: string;
  /** `card`, `sepa_debit`, … */
  readonly methodType: string;
  /** Lower case, for example `visa`; null for what is no card. */
  readonly network: string | null;
  /** Where it was issued: ISO 3166 alpha-2; null where the provider does not tell. */
  readonly country: string | null;
  readonly funding: string | null;
}

/** An invoice as it is now, as far as paying it goes. */
export interface InvoiceSighting {
  readonly status: 'draft' | 'open' | 'paid' | 'void' | 'uncollectible';
  readonly customerId: string | null;
  readonly customerDeleted: boolean;
  readonly currency: string;
  readonly amountDueMinor: bigint;
  readonly amountPaidMinor: bigint;
  readonly amountRemainingMinor: bigint;
  /** Null when nothing can be charged without the customer. */
  readonly credential: Credential | null;
  /** The provider's own next attempt. */
  readonly providerRetryAt: Date | null;
  /** Where the customer can pay by herself. */
  readonly paymentPageUrl: string | null;
  /** A payment of it was taken and is not settled. */
  readonly isSettling: boolean;
  /** The newest charge under its payment, whatever became of it: one that is another afterwards proves that something happened. */
  readonly latestChargeId: string | null;
  /** A charge of it is disputed, or was refunded in full. */
  readonly isDisputed: boolean;
  readonly isRefunded: boolean;
  /** Somebody has asked for an end of the subscription that it bills: one that ended for want of money is none of these. */
  readonly isCanceled: boolean;
  /** The provider's clock at the start of the first request. */
  readonly readAt: Date;
}

/** How a payment ended, or what a look at it proves. */
export type PaymentOutcome =
  | { readonly kind: 'succeeded'; readonly chargeId: string | null; readonly amountMinor: bigint }
  | {
      readonly kind: 'declined';
      readonly chargeId: string | null;
      /** `authentication_required` and its like are declines, too. */
      readonly codes: DeclineCodes;
    }
  /** Taken, to be settled later. */
  | { readonly kind: 'pending'; readonly chargeId: string | null };

/** The answer to one payment request. */
export type PaymentAnswer = (
  | PaymentOutcome
  /** Certainly not executed: no connection, too many requests. Trying again later may work. */
  | { readonly kind: 'not_sent'; readonly error: RecoupError }
  /** Certainly not executed, and the same request never will be: the invoice is paid or void, no payment method, a wrong key. */
  | { readonly kind: 'refused'; readonly error: RecoupError }
  /** It may have been executed or not. */
  | { readonly kind: 'unknown'; readonly error: RecoupError }
) & {
  /** The provider's id of the request; null where it sent none. */
  readonly requestId: string | null;
};

/** What is known of one attempt of ours, from reads alone. */
export type PaymentFinding = (
  | (PaymentOutcome & { readonly requestId: string | null })
  /** Nothing of it is there. Proves that it never happened only once the provider has had time to finish and to show it. */
  | { readonly kind: 'absent' }
  /** Something has happened on the invoice since, and it cannot be told by whom: look again, or ask a person. */
  | { readonly kind: 'unclear'; readonly because: string }
) & { readonly readAt: Date };
