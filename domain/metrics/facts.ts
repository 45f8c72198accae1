/** What the metrics are computed from: the canonical rows of one customer. */
import type { Fields, RecordKind } from '../records';
import { compareText } from './plain';

/** Fields that bear on no metric, of the kinds of which an account has the most: reading them would cost a third of the time. */
export const UNREAD = {
  invoice: [
    'number',
    'currency',
    'exponent',
    'subtotalMinor',
    'discountMinor',
    'taxMinor',
    'totalMinor',
    'amountPaidMinor',
    'amountRemainingMinor',
    'nextPaymentAttemptAt',
  ],
  invoice_line: ['currency', 'exponent'],
} as const satisfies { readonly [K in RecordKind]?: readonly (keyof Fields<K>)[] };

type UnreadOf<K> = K extends keyof typeof UNREAD ? (typeof UNREAD)[K][number] : never;

/** A canonical row: its id, its fields, and the provider's time at which it was first read as it is. */
export type Fact<K extends RecordKind> = Omit<Fields<K>, UnreadOf<K>> & {
  readonly id: string;
  readonly seenAt: Date;
};

export const FACT_KINDS = [
  'subscription',
  'subscription_item',
  'subscription_change',
  'invoice',
  'invoice_line',
  'invoice_item',
  'discount',
  'price',
] as const satisfies readonly RecordKind[];

export type FactKind = (typeof FACT_KINDS)[number];

/** All facts of one customer, with the prices that they name, in any order. */
export type CustomerFacts = { readonly [K in FactKind]: readonly Fact<K>[] };

/** Whether a thing is shown by the billing records, or only concluded from what they leave out. */
export type Basis = 'exact' | 'inferred';

/** Why the value of a subscription may change at an instant. */
export type Cause =
  | 'item_started'
  | 'item_changed'
  | 'item_ended'
  | 'subscription_ended'
  | 'trial_started'
  | 'trial_ended'
  | 'first_payment'
  | 'status_stopped'
  | 'status_resumed'
  | 'collection_paused'
  | 'collection_resumed'
  | 'past_due_too_long'
  | 'past_due_settled'
  | 'usage_billed'
  | 'discount_started'
  | 'discount_ended';

/** The same facts in order of id, each once: nothing that follows depends on how they came. */
export function inOrder(facts: CustomerFacts): CustomerFacts {
  const ordered = <K extends FactKind>(kind: K): readonly Fact<K>[] => {
    const byId = new Map(facts[kind].map((row) => [row.id, row]));
    return [...byId.values()].sort((a, b) => compareText(a.id, b.id));
  };
  return Object.fromEntries(FACT_KINDS.map((kind) => [kind, ordered(kind)])) as CustomerFacts;
}
