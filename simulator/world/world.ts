/** The world: all records, the clock, and everybody’s plans. */
import type { Action } from './action-log';
import type { Agenda } from './agenda';
import { DAY } from './calendar';
import { Collection } from './collection';
import type {
  ApiRequest,
  BalanceTransaction,
  Charge,
  Coupon,
  CreditNote,
  Customer,
  Discount,
  Dispute,
  Invoice,
  InvoiceItem,
  InvoicePayment,
  PaymentIntent,
  PaymentMethod,
  Price,
  Product,
  ReceivedRequest,
  Refund,
  Subscription,
  TaxRate,
  WorldEvent,
} from './model';
import { Random } from './random';
import type { Settings } from './settings';

/** How long the provider serves events. */
export const EVENT_HORIZON = 30 * DAY;

/**
 * The whole simulated account. Collections are in order of (created, id). Everything that happens goes through the
 * actions of this folder, which also write the events and the action log.
 */
export interface World {
  seed: number;
  /** Now, in unix seconds. Only `advance` moves it. */
  clock: number;
  /** Events before this instant were never materialised (30 days before the clock at generation). */
  eventsFrom: number;
  settings: Settings;
  /** Set while a request that changes something is carried out, so that events and charges name it. */
  request: ReceivedRequest | null;
  requestsReceived: number;
  /** Set while a customer pays on the hosted page of an invoice, so that events name that request. */
  page: ApiRequest | null;
  /** Ids of what the provider no longer serves. The records stay: others refer to them. */
  deleted: Set<string>;
  /** Told of every event as it is written: where webhooks come from. */
  onEvent: ((event: WorldEvent) => void) | null;

  products: Collection<Product>;
  prices: Collection<Price>;
  taxRates: Collection<TaxRate>;
  coupons: Collection<Coupon>;
  discounts: Collection<Discount>;
  customers: Collection<Customer>;
  balanceTransactions: Collection<BalanceTransaction>;
  paymentMethods: Collection<PaymentMethod>;
  subscriptions: Collection<Subscription>;
  invoiceItems: Collection<InvoiceItem>;
  invoices: Collection<Invoice>;
  invoicePayments: Collection<InvoicePayment>;
  paymentIntents: Collection<PaymentIntent>;
  charges: Collection<Charge>;
  refunds: Collection<Refund>;
  disputes: Collection<Dispute>;
  creditNotes: Collection<CreditNote>;
  events: Collection<WorldEvent>;

  /** Who made each charge, by its id; not on the wire. */
  origins: Map<string, Origin>;
  /** When collecting had to end, by event type and id, as far as events reach back; not on the wire. */
  stops: Map<string, Stop>;

  /** What was decided when, in order per customer: the oracle's only source for MRR. */
  log: Action[];

  /** Per customer id: the seeded streams and what is due next. */
  agendas: Map<string, Agenda>;
  /** Ids of what belongs to no customer. */
  ids: Random;
}

/** Who made a charge: a request of the API, the service by itself, or the customer. */
export type Origin =
  { by: 'api'; request: ReceivedRequest } | { by: 'provider' } | { by: 'customer' };

export interface Stop {
  at: number;
  /** How many requests had been received before. */
  afterRequests: number;
}

/** An account in which nothing has happened yet. `clock` and `eventsFrom` are unix seconds. */
export function emptyWorld({
  seed,
  clock,
  eventsFrom = clock - EVENT_HORIZON,
  settings = {},
}: {
  seed: number;
  clock: number;
  eventsFrom?: number;
  settings?: Partial<Settings>;
}): World {
  return {
    seed,
    clock,
    eventsFrom,
    settings: { retries: 'on', guard: true, events: true, ...settings },
    request: null,
    page: null,
    requestsReceived: 0,
    deleted: new Set(),
    onEvent: null,
    products: new Collection('product'),
    prices: new Collection('price'),
    taxRates: new Collection('tax rate'),
    coupons: new Collection('coupon'),
    discounts: new Collection('discount'),
    customers: new Collection('customer'),
    balanceTransactions: new Collection('balance transaction'),
    paymentMethods: new Collection('payment method'),
    subscriptions: new Collection('subscription'),
    invoiceItems: new Collection('invoice item'),
    invoices: new Collection('invoice'),
    invoicePayments: new Collection('invoice payment'),
    paymentIntents: new Collection('payment intent'),
    charges: new Collection('charge'),
    refunds: new Collection('refund'),
    disputes: new Collection('dispute'),
    creditNotes: new Collection('credit note'),
    events: new Collection('event'),
    origins: new Map(),
    stops: new Map(),
    log: [],
    agendas: new Map(),
    ids: new Random(`${String(seed)}/account`),
  };
}

/** The streams and plans of one customer. */
export function agendaOf(world: World, customer: string): Agenda {
  const agenda = world.agendas.get(customer);
  if (agenda === undefined) throw new Error(`The world has no customer ${customer}.`);
  return agenda;
}

export function note(world: World, action: Action): void {
  world.log.push(action);
}
