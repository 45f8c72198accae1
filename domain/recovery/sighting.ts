/** What an invoice that was just read means for whoever was about to try it. */
import type { CaseEvent } from './decide';
import type { InvoiceSighting } from './payment';

/** What a plan took for granted; when it is no longer so, it is planned anew. */
export interface PlannedFor {
  /** Decimal string. */
  readonly amountMinor: string;
  readonly currency: string;
  /** The payment method; null when there was none. */
  readonly credential: string | null;
  readonly providerRetryAtMs: number | null;
  /** The newest charge of the invoice then: another one says that somebody else has tried meanwhile. */
  readonly latestCharge: string | null;
  /** When the payment failed first, where that is known. */
  readonly firstFailedAtMs: number | null;
}

/** `paid`: by whom must still be asked. */
export type Standing = 'payable' | 'paid' | CaseEvent;

/** Null is an invoice that the provider does not have any more. */
export function standingOf(sighting: InvoiceSighting | null): Standing {
  if (sighting === null) return { type: 'voided', because: 'The invoice is gone.' };
  if (sighting.isDisputed) return { type: 'disputed' };
  if (sighting.isRefunded) return { type: 'refunded' };
  if (sighting.isCanceled && sighting.status === 'open')
    return { type: 'cancel', because: 'The subscription that it bills was canceled.' };
  switch (sighting.status) {
    case 'paid':
      return 'paid';
    case 'open':
      return sighting.amountRemainingMinor > 0n ? 'payable' : 'paid';
    case 'void':
      return { type: 'voided' };
    case 'uncollectible':
      return { type: 'voided', because: 'The invoice was marked as uncollectible.' };
    case 'draft':
      return { type: 'voided', because: 'The invoice is a draft.' };
  }
}

/** Why the plan does not hold any more, as a sentence; null when it does. */
export function outdated(sighting: InvoiceSighting, plan: PlannedFor | null): string | null {
  const { credential, isSettling, customerDeleted, providerRetryAt } = sighting;
  if (isSettling) return 'Another payment of it is being settled.';
  if (customerDeleted) return 'The customer was deleted.';
  if (credential === null) return 'There is nothing that could be charged without the customer.';
  if (plan === null) return null;
  if (String(sighting.amountRemainingMinor) !== plan.amountMinor)
    return 'What remains to be paid has changed.';
  if (sighting.currency !== plan.currency) return 'The currency has changed.';
  if (credential.id !== plan.credential) return 'The payment method is another one now.';
  if (sighting.latestChargeId !== plan.latestCharge) return 'It was tried meanwhile.';
  if ((providerRetryAt?.getTime() ?? null) !== plan.providerRetryAtMs)
    return 'The provider has changed when it tries by itself.';
  return null;
}
