/**
 * Canonical billing records: what every provider's objects become, as one table of kinds and fields. The record types, the
 * Postgres column types and the bulk writer are all derived from it, so that a field is declared once (a test holds the
 * migrated tables against it).
 *
 * Amounts are bigint minor units beside `currency` and `exponent`; decimal prices are exact decimal strings in minor units;
 * instants are UTC. References between records are external ids and may dangle until the other page arrives.
 */

export type FieldType = 'text' | 'instant' | 'minor' | 'integer' | 'boolean' | 'decimal' | 'json';

interface TsTypes {
  text: string;
  instant: Date;
  /** Minor units of the record's currency. */
  minor: bigint;
  integer: number;
  boolean: boolean;
  /** An exact decimal as a string. */
  decimal: string;
  json: JsonValue;
}

export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** A field: its type, with `?` appended where it may be null. */
export type Field = FieldType | `${FieldType}?`;

export const RECORDS = {
  customer: {
    name: 'text?',
    email: 'text?',
    currency: 'text?',
    country: 'text?',
    createdAt: 'instant',
  },
  product: { name: 'text', active: 'boolean', createdAt: 'instant' },
  price: {
    productId: 'text?',
    active: 'boolean',
    currency: 'text',
    exponent: 'integer',
    /** per_unit | volume | graduated */
    scheme: 'text',
    /** Null where tiers decide. */
    unitAmount: 'decimal?',
    /** [{upTo: decimal string | null, unitAmount: decimal string, flatAmount: decimal string}], ascending. */
    tiers: 'json?',
    /** {divideBy: integer, round: 'up' | 'down'} for prices per package. */
    transformQuantity: 'json?',
    /** day | week | month | year; null for a one-time price. */
    interval: 'text?',
    intervalCount: 'integer?',
    /** licensed | metered; null for a one-time price. */
    usage: 'text?',
    createdAt: 'instant',
  },
  coupon: {
    name: 'text?',
    percentOff: 'decimal?',
    amountOffMinor: 'minor?',
    currency: 'text?',
    exponent: 'integer?',
    /** once | repeating | forever */
    duration: 'text',
    durationInMonths: 'integer?',
    createdAt: 'instant',
  },
  /** A coupon applied to one customer, subscription, item or invoice, with the coupon's terms as they were. */
  discount: {
    couponId: 'text?',
    customerId: 'text?',
    subscriptionId: 'text?',
    subscriptionItemId: 'text?',
    invoiceId: 'text?',
    percentOff: 'decimal?',
    amountOffMinor: 'minor?',
    currency: 'text?',
    exponent: 'integer?',
    duration: 'text',
    /** Order of application among the discounts of its owner, from 0. */
    position: 'integer',
    startAt: 'instant',
    endAt: 'instant?',
  },
  subscription: {
    customerId: 'text?',
    /** trialing | active | past_due | unpaid | paused | canceled | incomplete | incomplete_expired, or the provider's own. */
    status: 'text',
    currency: 'text',
    createdAt: 'instant',
    startedAt: 'instant',
    trialStartAt: 'instant?',
    trialEndAt: 'instant?',
    cancelAtPeriodEnd: 'boolean',
    cancelAt: 'instant?',
    canceledAt: 'instant?',
    endedAt: 'instant?',
    /** What ended it, in the provider's word; null while it lives. */
    endReason: 'text?',
    anchorAt: 'instant?',
    /** Set while collection is paused: the provider's behaviour word. */
    pauseBehavior: 'text?',
    /** When the status became `paused`, where the provider says so. */
    pausedAt: 'instant?',
    collectionMethod: 'text?',
  },
  /** An item as the subscription now holds it. */
  subscription_item: {
    subscriptionId: 'text',
    customerId: 'text?',
    priceId: 'text',
    /** Null for metered usage. */
    quantity: 'decimal?',
    createdAt: 'instant',
    periodStart: 'instant?',
    periodEnd: 'instant?',
    /** Ids of item-level discounts, in order. */
    discountIds: 'json',
  },
  /** A change that the provider's feed tells of: what the subscription was before and after. */
  subscription_change: {
    subscriptionId: 'text',
    customerId: 'text?',
    at: 'instant',
    /** {status?, pauseBehavior?, discountIds?: [id], items?: [{id, priceId, quantity}]}: only what changed, as it was before. */
    before: 'json',
    /** The same keys, as they are after. */
    after: 'json',
  },
  invoice_item: {
    customerId: 'text?',
    invoiceId: 'text?',
    subscriptionId: 'text?',
    subscriptionItemId: 'text?',
    priceId: 'text?',
    currency: 'text',
    exponent: 'integer',
    amountMinor: 'minor',
    quantity: 'decimal?',
    proration: 'boolean',
    periodStart: 'instant',
    periodEnd: 'instant',
    createdAt: 'instant',
  },
  invoice: {
    customerId: 'text?',
    subscriptionId: 'text?',
    number: 'text?',
    /** draft | open | paid | void | uncollectible, or the provider's own. */
    status: 'text',
    billingReason: 'text?',
    collectionMethod: 'text?',
    currency: 'text',
    exponent: 'integer',
    subtotalMinor: 'minor',
    discountMinor: 'minor',
    taxMinor: 'minor',
    totalMinor: 'minor',
    amountDueMinor: 'minor',
    amountPaidMinor: 'minor',
    amountRemainingMinor: 'minor',
    attemptCount: 'integer',
    nextPaymentAttemptAt: 'instant?',
    createdAt: 'instant',
    finalizedAt: 'instant?',
    dueAt: 'instant?',
    paidAt: 'instant?',
    voidedAt: 'instant?',
    markedUncollectibleAt: 'instant?',
  },
  invoice_line: {
    invoiceId: 'text',
    customerId: 'text?',
    subscriptionId: 'text?',
    subscriptionItemId: 'text?',
    invoiceItemId: 'text?',
    priceId: 'text?',
    /** recurring | proration | one_time */
    kind: 'text',
    currency: 'text',
    exponent: 'integer',
    /** Before discounts and exclusive tax; negative for a credit. */
    amountMinor: 'minor',
    discountMinor: 'minor',
    /** On top of the amount; inclusive tax is part of that. */
    taxMinor: 'minor',
    quantity: 'decimal?',
    periodStart: 'instant',
    periodEnd: 'instant',
    /** Ids of the discounts that took part, in order. */
    discountIds: 'json',
  },
  credit_note: {
    invoiceId: 'text',
    customerId: 'text?',
    status: 'text',
    reason: 'text?',
    currency: 'text',
    exponent: 'integer',
    totalMinor: 'minor',
    taxMinor: 'minor',
    createdAt: 'instant',
    voidedAt: 'instant?',
  },
  /** Money asked for: one per payment intent, however often it was attempted. */
  payment: {
    customerId: 'text?',
    status: 'text',
    currency: 'text',
    exponent: 'integer',
    amountMinor: 'minor',
    amountReceivedMinor: 'minor',
    createdAt: 'instant',
    canceledAt: 'instant?',
  },
  /** Which payment settles which invoice; several per invoice are legal. */
  invoice_payment: {
    invoiceId: 'text',
    paymentId: 'text?',
    attemptId: 'text?',
    status: 'text',
    currency: 'text',
    exponent: 'integer',
    amountRequestedMinor: 'minor',
    amountPaidMinor: 'minor?',
    isDefault: 'boolean',
    createdAt: 'instant',
  },
  /** One per charge, successful or not. */
  payment_attempt: {
    paymentId: 'text?',
    customerId: 'text?',
    /** succeeded | failed | pending */
    status: 'text',
    currency: 'text',
    exponent: 'integer',
    amountMinor: 'minor',
    amountRefundedMinor: 'minor',
    createdAt: 'instant',
    failureCode: 'text?',
    declineCode: 'text?',
    adviceCode: 'text?',
    networkDeclineCode: 'text?',
    networkAdviceCode: 'text?',
    outcomeType: 'text?',
    paymentMethodId: 'text?',
    methodType: 'text?',
    cardBrand: 'text?',
    cardFunding: 'text?',
    cardCountry: 'text?',
    /** Of the card or bank account: the same for every payment method that is of it. */
    cardFingerprint: 'text?',
    disputed: 'boolean',
  },
  refund: {
    attemptId: 'text?',
    paymentId: 'text?',
    status: 'text',
    reason: 'text?',
    currency: 'text',
    exponent: 'integer',
    amountMinor: 'minor',
    createdAt: 'instant',
  },
  dispute: {
    attemptId: 'text?',
    paymentId: 'text?',
    status: 'text',
    reason: 'text?',
    currency: 'text',
    exponent: 'integer',
    amountMinor: 'minor',
    createdAt: 'instant',
  },
} as const satisfies Record<string, Record<string, Field>>;

export type RecordKind = keyof typeof RECORDS;
export const RECORD_KINDS = Object.keys(RECORDS) as RecordKind[];

type FieldValue<F extends Field> = F extends `${infer T extends FieldType}?`
  ? TsTypes[T] | null
  : F extends FieldType
    ? TsTypes[F]
    : never;

/** The fields of one kind, without its key. */
export type Fields<K extends RecordKind> = {
  -readonly [F in keyof (typeof RECORDS)[K]]: (typeof RECORDS)[K][F] extends Field
    ? FieldValue<(typeof RECORDS)[K][F]>
    : never;
};

/** A canonical record: its kind, the provider's id, its fields. The account is known from where it is kept. */
export type CanonicalRecord<K extends RecordKind = RecordKind> = {
  [P in K]: { readonly kind: P; readonly id: string; readonly fields: Fields<P> };
}[K];

/** Kinds that are parts of another object and vanish with its next version when that no longer holds them. */
export const PARTS: Partial<
  Record<RecordKind, { readonly owner: RecordKind; readonly ownerField: string }>
> = {
  subscription_item: { owner: 'subscription', ownerField: 'subscriptionId' },
  invoice_line: { owner: 'invoice', ownerField: 'invoiceId' },
};
