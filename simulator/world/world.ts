import type { Action } from './action-log';
import type { Agenda } from './agenda';
import { DAY } from './calendar';
import { Collection } from './collection';
import type { World } from './model';
import { Random } from './random';

/** How long the provider serves events. */
export const EVENT_HORIZON = 30 * DAY;

/** An account in which nothing has happened yet. `clock` and `eventsFrom` are unix seconds. */
export function emptyWorld({
  seed,
  clock,
  eventsFrom = clock - EVENT_HORIZON,
}: {
  seed: number;
  clock: number;
  eventsFrom?: number;
}): World {
  return {
    seed,
    clock,
    eventsFrom,
    request: null,
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
