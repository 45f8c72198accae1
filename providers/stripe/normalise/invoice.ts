import { z } from 'zod';
import type { CanonicalRecord } from '../../../domain/records';
import type { Normalised } from '../../provider';
import { discounts, expandedDiscounts, toDiscounts } from './discount';
import { line, toLine, unknownsOfLine } from './invoice-line';
import { priceHints } from './price';
import {
  amounts,
  completeList,
  currency,
  instant,
  minor,
  orNull,
  parse,
  reference,
  unknownOf,
} from './shapes';

const STATUSES = ['draft', 'open', 'paid', 'uncollectible', 'void'];
const PARENT_TYPES = ['quote_details', 'subscription_details'];

const shape = z.object({
  id: z.string(),
  customer: orNull(reference),
  /** Null for an invoice of no subscription. */
  parent: orNull(
    z.object({
      type: z.string(),
      subscription_details: orNull(z.object({ subscription: reference })),
    }),
  ),
  number: orNull(z.string()),
  status: z.string(),
  billing_reason: orNull(z.string()),
  collection_method: orNull(z.string()),
  currency,
  subtotal: minor,
  total_discount_amounts: amounts,
  total_taxes: amounts,
  total: minor,
  amount_due: minor,
  amount_paid: minor,
  amount_remaining: minor,
  attempt_count: z.int(),
  next_payment_attempt: orNull(instant),
  created: instant,
  due_date: orNull(instant),
  status_transitions: z.object({
    finalized_at: orNull(instant),
    paid_at: orNull(instant),
    voided_at: orNull(instant),
    marked_uncollectible_at: orNull(instant),
  }),
  discounts,
  lines: completeList(line),
});

type Invoice = z.infer<typeof shape>;

export function normaliseInvoice(value: unknown): Partial<Normalised> {
  const invoice = parse('invoice', shape, value);
  const { id, customer, parent, currency, lines } = invoice;
  const discounts = discountsOf(invoice);
  const lineRecords = lines.map((entry) => toLine(entry, { id, customer, currency }));
  const isRecurring =
    subscriptionId(invoice) !== null ||
    lineRecords.some(({ fields }) => fields.subscriptionId !== null);
  return {
    records: [
      { kind: 'invoice', id, fields: toFields(invoice) },
      ...lineRecords,
      ...discounts.records,
    ],
    mentions: discounts.mentions,
    customerIds: customer !== null && isRecurring ? [customer] : [],
    hints: priceHints(
      lineRecords.map(({ fields }) => (fields.kind === 'one_time' ? null : fields.priceId)),
    ),
    unknowns: [
      ...unknownOf('invoice.status', invoice.status, STATUSES),
      ...unknownOf('invoice.parent.type', parent?.type ?? null, PARENT_TYPES),
      ...lines.flatMap(unknownsOfLine),
      ...discounts.unknowns,
    ],
  };
}

type Discounts = Pick<Normalised, 'records' | 'mentions' | 'unknowns'>;

const NO_DISCOUNTS: Discounts = { records: [], mentions: [], unknowns: [] };

/** Its own discounts it knows best; those of a subscription, an item or the customer it tells of in passing. */
function discountsOf({ discounts: ofInvoice, lines }: Invoice): Discounts {
  // Most invoices have none: what follows is a quarter of the work on an invoice.
  if (ofInvoice.length === 0 && lines.every(({ discounts }) => discounts.length === 0)) {
    return NO_DISCOUNTS;
  }
  const lists = [ofInvoice, ...lines.map(({ discounts }) => discounts)].map(expandedDiscounts);
  const own = lists.map((list) => toDiscounts(list.filter(isOwnedByInvoice)));
  const others = lists.map((list) => toDiscounts(list.filter((entry) => !isOwnedByInvoice(entry))));
  return {
    records: own.flatMap(({ records }) => records),
    mentions: others.flatMap(({ records }) => records),
    unknowns: [...own, ...others].flatMap(({ unknowns }) => unknowns),
  };
}

function isOwnedByInvoice(entry: { invoice: string | null; invoice_item: string | null }): boolean {
  return entry.invoice !== null || entry.invoice_item !== null;
}

function subscriptionId({ parent }: Invoice): string | null {
  return parent?.type === 'subscription_details'
    ? (parent.subscription_details?.subscription ?? null)
    : null;
}

function toFields(invoice: Invoice): CanonicalRecord<'invoice'>['fields'] {
  const { status_transitions: at } = invoice;
  return {
    customerId: invoice.customer,
    subscriptionId: subscriptionId(invoice),
    number: invoice.number,
    status: invoice.status,
    billingReason: invoice.billing_reason,
    collectionMethod: invoice.collection_method,
    currency: invoice.currency.code,
    exponent: invoice.currency.exponent,
    subtotalMinor: invoice.subtotal,
    discountMinor: invoice.total_discount_amounts,
    taxMinor: invoice.total_taxes,
    totalMinor: invoice.total,
    amountDueMinor: invoice.amount_due,
    amountPaidMinor: invoice.amount_paid,
    amountRemainingMinor: invoice.amount_remaining,
    attemptCount: invoice.attempt_count,
    nextPaymentAttemptAt: invoice.next_payment_attempt,
    createdAt: invoice.created,
    finalizedAt: at.finalized_at,
    dueAt: invoice.due_date,
    paidAt: at.paid_at,
    voidedAt: at.voided_at,
    markedUncollectibleAt: at.marked_uncollectible_at,
  };
}
