/** Which invoices a campaign takes up: a pure reading of what is stored about one, and of what the campaign was told. */
import type { DeclineClass } from './decline';
import type { CampaignTerms } from './terms';

/** What decides about an unpaid invoice. */
export interface InvoiceFacts {
  /** Canonical: draft | open | paid | void | uncollectible. */
  readonly status: string;
  /** The provider's word; null where it does not tell. */
  readonly collectionMethod: string | null;
  readonly currency: string;
  readonly remainingMinor: bigint;
  readonly customerDeleted: boolean;
  /** Somebody has asked for an end of the subscription that it bills: one that ended for want of money is none of these. */
  readonly isCanceled: boolean;
  /** Null when no payment of it has failed. */
  readonly firstFailedAt: Date | null;
  /** By the newest failed payment. */
  readonly declineClass: DeclineClass | null;
  /** A payment of it was taken and is not settled. */
  readonly isSettling: boolean;
  readonly isDisputed: boolean;
  readonly isRefunded: boolean;
}

/** Why an invoice is left alone, in words. In the order in which they are asked: the first one that holds is told. */
export const EXCLUSIONS = {
  not_open: 'It is not open.',
  nothing_due: 'Nothing remains to be paid.',
  paid_by_hand: 'Its customer pays it by hand: it is never charged automatically.',
  customer_deleted: 'Its customer was deleted.',
  subscription_canceled: 'The subscription that it bills was canceled.',
  disputed: 'A payment of it is disputed.',
  refunded: 'A payment of it was refunded.',
  settling: 'A payment of it is being settled.',
  never_failed: 'No payment of it has failed.',
  outside_dates: 'Its first payment failed outside the dates of the campaign.',
  other_currency: 'It is in another currency.',
  too_small: 'Its amount is below the minimum.',
  too_large: 'Its amount is above the maximum.',
  other_class: 'Its newest decline is of a class that is left out.',
} as const;
export type Exclusion = keyof typeof EXCLUSIONS;

const TESTS: {
  readonly [Name in Exclusion]: (invoice: InvoiceFacts, terms: CampaignTerms) => boolean;
} = {
  not_open: ({ status }) => status !== 'open',
  nothing_due: ({ remainingMinor }) => remainingMinor <= 0n,
  paid_by_hand: ({ collectionMethod }) => collectionMethod === 'send_invoice',
  customer_deleted: ({ customerDeleted }) => customerDeleted,
  subscription_canceled: ({ isCanceled }) => isCanceled,
  disputed: ({ isDisputed }) => isDisputed,
  refunded: ({ isRefunded }) => isRefunded,
  settling: ({ isSettling }) => isSettling,
  never_failed: ({ firstFailedAt }) => firstFailedAt === null,
  outside_dates: ({ firstFailedAt }, { from, to }) =>
    firstFailedAt !== null &&
    ((from !== null && firstFailedAt < new Date(from)) ||
      (to !== null && firstFailedAt >= new Date(to))),
  other_currency: (invoice, { currency }) => currency !== null && invoice.currency !== currency,
  too_small: ({ remainingMinor }, { minAmountMinor }) =>
    minAmountMinor !== null && remainingMinor < BigInt(minAmountMinor),
  too_large: ({ remainingMinor }, { maxAmountMinor }) =>
    maxAmountMinor !== null && remainingMinor > BigInt(maxAmountMinor),
  other_class: ({ declineClass }, { classes }) =>
    classes !== null && !classes.some((each) => each === declineClass),
};

/** Null for an invoice that the campaign takes up. */
export function exclusionOf(invoice: InvoiceFacts, terms: CampaignTerms): Exclusion | null {
  const names = Object.keys(EXCLUSIONS) as Exclusion[];
  return names.find((name) => TESTS[name](invoice, terms)) ?? null;
}
