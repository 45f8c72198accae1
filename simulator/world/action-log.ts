/** What was decided: the record from which the oracle computes MRR. */
import type { Currency, Interval, SubscriptionStatus } from './model';

/** What one subscription item is worth while it stands. */
interface ItemTerms {
  item: string;
  price: string;
  /** null for metered prices. */
  quantity: number | null;
}

/**
 * One decision about a subscription, written down when it was made. The oracle computes MRR from these alone, never from
 * invoices, so that it checks a rebuild from invoice lines independently.
 */
export type Action = { at: number; customer: string; subscription: string } & (
  | { kind: 'subscribed'; currency: Currency; interval: Interval; items: ItemTerms[] }
  | { kind: 'statusChanged'; status: SubscriptionStatus }
  | ({ kind: 'itemSet' } & ItemTerms)
  | { kind: 'itemRemoved'; item: string }
  | { kind: 'intervalChanged'; interval: Interval }
  | { kind: 'discountApplied'; discount: string; coupon: string; start: number; end: number | null }
  /** Of one invoice, whose period ends then. */
  | { kind: 'discountUsed'; discount: string; until: number }
  /** By hand, before its end: reaching the end is no action. */
  | { kind: 'discountRemoved'; discount: string }
  /** `atPeriodStart`: the boundary itself, where the voided invoice shows it. */
  | { kind: 'collectionPaused'; atPeriodStart: boolean }
  | { kind: 'collectionResumed'; atPeriodStart: boolean }
);
