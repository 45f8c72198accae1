/**
 * The records of the simulated billing account: compact facts, not wire objects, from which a dialect renders what a
 * provider would serve. Instants are unix seconds. Money is a safe integer in the currency's minor units, as Stripe
 * counts them (KWD has three decimals and always ends in 0). References are ids.
 */

export type Currency = 'eur' | 'usd' | 'jpy' | 'kwd';
type IntervalUnit = 'day' | 'week' | 'month' | 'year';

/** A billing interval such as `{ unit: 'month', count: 3 }`. */
export interface Interval {
  unit: IntervalUnit;
  count: number;
}

/** Half-open: `[start, end)`. */
export interface Period {
  start: number;
  end: number;
}

export interface Product {
  id: string;
  created: number;
  name: string;
  description: string | null;
  active: boolean;
}

/** One tier: `unitAmountDecimal` per unit plus `flatAmountMinor` once; `upTo` null is the last, unbounded tier. */
export interface PriceTier {
  upTo: number | null;
  unitAmountDecimal: string;
  flatAmountMinor: number | null;
}

export interface Price {
  id: string;
  created: number;
  product: string;
  currency: Currency;
  active: boolean;
  /** When nobody could subscribe to it any more; not on the wire. */
  archivedAt: number | null;
  /** Made on the fly for one customer (`price_data`): served by id and inside other objects, never in a list. */
  inline: boolean;
  nickname: string | null;
  /** null is a one-time price. */
  recurring: { interval: Interval; usageType: 'licensed' | 'metered'; meter: string | null } | null;
  scheme: 'per_unit' | 'graduated' | 'volume';
  /** Minor units per unit as a decimal string of up to 12 places; null for tiered prices. */
  unitAmountDecimal: string | null;
  /** Empty for `per_unit`. */
  tiers: PriceTier[];
}

export interface TaxRate {
  id: string;
  created: number;
  displayName: string;
  country: string;
  /** Percent as a decimal string such as `8.875`; always exclusive of the price. */
  percentage: string;
}

export interface Coupon {
  id: string;
  created: number;
  name: string;
  /** Hundredths of a percent (1250 is 12.5 %); null when the coupon is an amount. */
  percentOffBp: number | null;
  amountOffMinor: number | null;
  /** Currency of `amountOffMinor`, else null. */
  currency: Currency | null;
  duration: 'once' | 'repeating' | 'forever';
  durationInMonths: number | null;
  valid: boolean;
  timesRedeemed: number;
}

/** A coupon applied to a subscription. */
export interface Discount {
  id: string;
  /** When it was applied; the wire object has `start` only. */
  created: number;
  coupon: string;
  customer: string;
  subscription: string;
  start: number;
  /** Set for repeating discounts only. */
  end: number | null;
  /** When it left the subscription (used up, expired or removed); not on the wire. */
  removedAt: number | null;
}

export interface Customer {
  id: string;
  created: number;
  name: string;
  email: string;
  country: string;
  /** IANA name; the world's own knowledge, not on the wire. */
  timeZone: string;
  currency: Currency;
  /** Negative is credit in the customer's favour, as at Stripe. */
  balanceMinor: number;
  defaultPaymentMethod: string | null;
  taxRate: string | null;
  invoicePrefix: string;
  nextInvoiceSequence: number;
  /** True while the latest automatic charge of an invoice has failed. */
  delinquent: boolean;
}

export interface BalanceTransaction {
  id: string;
  created: number;
  customer: string;
  currency: Currency;
  /** Negative adds credit, as on the customer's balance. */
  amountMinor: number;
  endingBalanceMinor: number;
  type: 'applied_to_invoice' | 'credit_note' | 'adjustment';
  invoice: string | null;
  creditNote: string | null;
}

export type CardBrand = 'visa' | 'mastercard' | 'amex';

/** A card or a bank account. Never changes once made: a new card is a new payment method. */
export type PaymentMethod = Card | BankAccount;

interface Method {
  id: string;
  created: number;
  customer: string;
  country: string;
  last4: string;
  /** 16 characters, the same for the same card or account number. */
  fingerprint: string;
  /** How its issuer behaves; not on the wire. */
  issuer: Issuer;
}

export interface Card extends Method {
  debit?: never;
  brand: CardBrand;
  funding: 'credit' | 'debit' | 'prepaid';
  expMonth: number;
  expYear: number;
}

/** Direct-debit schemes, by Stripe's names. */
export type DebitScheme = 'sepa_debit' | 'us_bank_account';

/** Charged by direct debit: the result comes days later, and may be reversed after that. */
export interface BankAccount extends Method {
  debit: DebitScheme;
  /** The bank's code or routing number. */
  bankCode: string;
}

/** How an issuer answers for one card or account: a pure function of these, the time and the attempt (see `issuers.ts`). */
export interface Issuer {
  seed: string;
  /** Share of five-day spells in which the card is in trouble (funds, limits, the bank's caution). */
  troubleRate: number;
  /** From then on every attempt is declined with `deadDecline`; null while nothing is wrong with it. */
  diesAt: number | null;
  /** A row of the decline table, or of the scheme's returns. */
  deadDecline: string;
}

export type SubscriptionStatus =
  'incomplete' | 'incomplete_expired' | 'trialing' | 'active' | 'past_due' | 'unpaid' | 'canceled';

export interface SubscriptionItem {
  id: string;
  created: number;
  subscription: string;
  price: string;
  /** null for metered prices. */
  quantity: number | null;
  currentPeriod: Period;
}

export interface Subscription {
  id: string;
  created: number;
  customer: string;
  currency: Currency;
  status: SubscriptionStatus;
  /** Every status it ever had, oldest first; not on the wire. */
  statusHistory: { at: number; status: SubscriptionStatus }[];
  startDate: number;
  billingCycleAnchor: number;
  /** Shared by all its items. */
  interval: Interval;
  trialStart: number | null;
  trialEnd: number | null;
  cancelAtPeriodEnd: boolean;
  /** The period's end while `cancelAtPeriodEnd` is set, else null. */
  cancelAt: number | null;
  canceledAt: number | null;
  endedAt: number | null;
  cancellationReason: 'cancellation_requested' | 'payment_failed' | null;
  pauseCollection: { behavior: 'void'; resumesAt: number | null } | null;
  /** Current items, in order of creation. Removed items are gone, as at Stripe. */
  items: SubscriptionItem[];
  /** Ids of the discounts it has now, in order of application; an ended subscription keeps those it had. */
  discounts: string[];
  latestInvoice: string | null;
}

/** A pending or invoiced item: prorations, and the one-time lines of manual invoices. */
export interface InvoiceItem {
  id: string;
  /** The instant of the change that made it (`date` on the wire). */
  created: number;
  customer: string;
  currency: Currency;
  /** null while pending. */
  invoice: string | null;
  subscription: string | null;
  subscriptionItem: string | null;
  price: string;
  quantity: number;
  amountMinor: number;
  period: Period;
  proration: boolean;
  discountable: boolean;
  description: string;
}

export interface InvoiceLine {
  id: string;
  invoice: string;
  /** Before discounts and tax; negative for credit prorations. */
  amountMinor: number;
  discountAmounts: { discount: string; amountMinor: number }[];
  /** `taxableMinor` is the amount less its discounts; the sign follows the line. */
  taxAmounts: { taxRate: string; amountMinor: number; taxableMinor: number }[];
  period: Period;
  proration: boolean;
  price: string;
  /** The licensed quantity, or the usage of a metered price. */
  quantity: number;
  subscription: string | null;
  subscriptionItem: string | null;
  invoiceItem: string | null;
  discountable: boolean;
  description: string;
}

type InvoiceStatus = 'draft' | 'open' | 'paid' | 'void' | 'uncollectible';

export interface Invoice {
  id: string;
  created: number;
  customer: string;
  subscription: string | null;
  currency: Currency;
  status: InvoiceStatus;
  /** null while draft. */
  number: string | null;
  billingReason: 'subscription_create' | 'subscription_cycle' | 'subscription_update' | 'manual';
  collectionMethod: 'charge_automatically' | 'send_invoice';
  autoAdvance: boolean;
  period: Period;
  dueDate: number | null;
  lines: InvoiceLine[];
  /** Ids of the discounts applied to it, in order. */
  discounts: string[];
  /** Sum of the lines before discounts and tax. */
  subtotalMinor: number;
  discountMinor: number;
  taxMinor: number;
  totalMinor: number;
  startingBalanceMinor: number;
  /** null while draft. */
  endingBalanceMinor: number | null;
  amountDueMinor: number;
  amountPaidMinor: number;
  /** Always due − paid. */
  amountRemainingMinor: number;
  prePaymentCreditNotesMinor: number;
  postPaymentCreditNotesMinor: number;
  attemptCount: number;
  attempted: boolean;
  nextPaymentAttempt: number | null;
  statusTransitions: {
    finalizedAt: number | null;
    paidAt: number | null;
    voidedAt: number | null;
    markedUncollectibleAt: number | null;
  };
  /** Its payment intent and invoice payment; null while draft, and when nothing is due. */
  paymentIntent: string | null;
  invoicePayment: string | null;
}

export interface InvoicePayment {
  id: string;
  created: number;
  invoice: string;
  currency: Currency;
  paymentIntent: string;
  status: 'open' | 'paid' | 'canceled';
  amountRequestedMinor: number;
  amountPaidMinor: number | null;
  isDefault: boolean;
  paidAt: number | null;
  canceledAt: number | null;
}

/** Why an attempt was declined, as the charge's outcome and the card error tell it. */
export interface Decline {
  /** Error code: `card_declined`, `expired_card`, `processing_error`, … */
  code: string;
  declineCode: string;
  /** What the network answered; its meaning depends on the brand. */
  networkDeclineCode: string | null;
  /** Mastercard's merchant advice code and its like. */
  networkAdviceCode: string | null;
  adviceCode: 'try_again_later' | 'do_not_try_again' | 'confirm_card_data' | null;
  outcomeType: 'issuer_declined' | 'blocked';
  message: string;
}

export interface PaymentIntent {
  id: string;
  created: number;
  customer: string;
  /** Not on the wire since basil. */
  invoice: string;
  currency: Currency;
  status: 'requires_payment_method' | 'processing' | 'succeeded' | 'canceled';
  amountMinor: number;
  amountReceivedMinor: number;
  latestCharge: string | null;
  paymentMethod: string | null;
  lastPaymentError: { decline: Decline; charge: string; paymentMethod: string } | null;
  canceledAt: number | null;
}

export interface Charge {
  id: string;
  created: number;
  customer: string;
  paymentIntent: string;
  /** Not on the wire since basil. */
  invoice: string;
  currency: Currency;
  /** `pending`: a direct debit that is neither settled nor returned yet. */
  status: 'succeeded' | 'pending' | 'failed';
  amountMinor: number;
  amountRefundedMinor: number;
  disputed: boolean;
  paymentMethod: string;
  decline: Decline | null;
  /** `txn_…`; null unless it succeeded. */
  balanceTransaction: string | null;
  /** When a direct debit was settled or returned; not on the wire. */
  settledAt?: number;
}

export interface Refund {
  id: string;
  created: number;
  charge: string;
  paymentIntent: string;
  currency: Currency;
  amountMinor: number;
  reason: 'requested_by_customer' | 'duplicate' | null;
  status: 'succeeded';
  balanceTransaction: string;
}

export interface Dispute {
  id: string;
  created: number;
  charge: string;
  paymentIntent: string;
  currency: Currency;
  amountMinor: number;
  /** The last two are those of direct debits that come back after they had succeeded. */
  reason:
    | 'fraudulent'
    | 'subscription_canceled'
    | 'product_not_received'
    | 'debit_not_authorized'
    | 'insufficient_funds';
  status: 'needs_response' | 'under_review' | 'won' | 'lost';
  evidenceDueBy: number;
  closedAt: number | null;
}

export interface CreditNoteLine {
  id: string;
  invoiceLine: string;
  description: string;
  quantity: number;
  /** Before tax. */
  amountMinor: number;
  taxAmounts: { taxRate: string; amountMinor: number; taxableMinor: number }[];
}

export interface CreditNote {
  id: string;
  created: number;
  invoice: string;
  customer: string;
  currency: Currency;
  number: string;
  status: 'issued';
  type: 'pre_payment' | 'post_payment';
  reason: 'duplicate' | 'product_unsatisfactory' | 'order_change' | null;
  subtotalMinor: number;
  taxMinor: number;
  totalMinor: number;
  /** At most one of both: money back to the card, or credit to the customer's balance. */
  refund: string | null;
  customerBalanceTransaction: string | null;
  lines: CreditNoteLine[];
}

/** What an event is about; `record` is a frozen copy as of the event. */
export type EventObject =
  | { kind: 'product'; record: Product }
  | { kind: 'price'; record: Price }
  | { kind: 'coupon'; record: Coupon }
  | { kind: 'customer'; record: Customer }
  | { kind: 'discount'; record: Discount }
  | { kind: 'subscription'; record: Subscription }
  | { kind: 'invoiceItem'; record: InvoiceItem }
  | { kind: 'invoice'; record: Invoice }
  | { kind: 'invoicePayment'; record: InvoicePayment }
  | { kind: 'paymentIntent'; record: PaymentIntent }
  | { kind: 'paymentMethod'; record: PaymentMethod }
  | { kind: 'charge'; record: Charge }
  | { kind: 'refund'; record: Refund }
  | { kind: 'dispute'; record: Dispute }
  | { kind: 'creditNote'; record: CreditNote };

/** The record behind each kind of event object. */
export type RecordOf<K extends EventObject['kind']> = Extract<EventObject, { kind: K }>['record'];

export interface WorldEvent {
  id: string;
  created: number;
  /** Stripe's name, such as `invoice.payment_failed`. */
  type: string;
  object: EventObject;
  /**
   * A frozen copy of the same record before the change, for `*.updated` events: render both and compare to get
   * `previous_attributes`. null for events that carry none.
   */
  previous: EventObject['record'] | null;
  /** The API request that caused it; null for what the service did by itself. */
  request: ApiRequest | null;
}

export interface ApiRequest {
  id: string;
  idempotencyKey: string | null;
}

/** A request that was received; the ordinal says after which others, and before which changes. */
export interface ReceivedRequest extends ApiRequest {
  /** When it was received, which may be long before it is carried out. */
  at: number;
  ordinal: number;
}
