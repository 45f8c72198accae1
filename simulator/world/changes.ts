/**
 * Changes on demand: what a merchant, a customer or the service may do at any moment, done now to an object that is named or drawn.
 * Each goes through the actions of this folder, so that lists, objects, events and the oracle agree on it.
 */
import { act, offers } from './behaviour';
import { drawCard } from './cards';
import { change, isServed, making, type Doing } from './change';
import { attachCard, createCustomer } from './customers';
import { deleteCoupon, deleteCustomer, deleteDraft, deleteInvoiceItem } from './deletions';
import { amend } from './events';
import { voidInvoice } from './invoices';
import type { Charge, Coupon, Customer, Subscription, SubscriptionItem } from './model';
import { payByLink, PAYMENT_CHANGES } from './payment-changes';
import { isProcessing } from './payments';
import { drawPerson } from './people';
import { Random } from './random';
import { isMetered } from './subscription-parts';
import { cancelNow, changeItem, type Terms } from './subscriptions';
import type { World } from './world';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

const CHANGES = {
  createCustomer: making(
    'products',
    (product, world) => product === world.products.all[0],
    (world, _, { at, choices }) => signUp(world, { at, choices }).id,
  ),
  updateCustomer: change('customers', anyOne, (world, record, { at, choices }) => {
    const { name } = drawPerson(choices, { index: world.customers.size });
    amend(world, { at, type: 'customer.updated', kind: 'customer', record }, () => {
      record.name = `${name} ${choices.text(3, LETTERS)}`;
    });
  }),
  deleteCustomer: change('customers', anyOne, (world, customer, { at }) =>
    deleteCustomer(world, customer, at),
  ),
  createInvoice: making('customers', anyOne, (world, { id: customer }, { at }) => {
    act(world, customer, { at, task: { kind: 'manualInvoice' } });
    return world.invoices.all.findLast((invoice) => invoice.customer === customer)?.id;
  }),
  payInvoice: payByLink,
  voidInvoice: change(
    'invoices',
    (invoice, world) => invoice.status === 'open' && !isProcessing(world, invoice),
    (world, invoice, { at }) => voidInvoice(world, invoice, at),
  ),
  deleteInvoice: change(
    'invoices',
    ({ status, subscription }) => status === 'draft' && subscription === null,
    (world, invoice, { at }) => deleteDraft(world, invoice, at),
  ),
  deleteInvoiceItem: change(
    'invoiceItems',
    ({ invoice }) => invoice === null,
    (world, item, { at }) => deleteInvoiceItem(world, item, at),
  ),
  changeQuantity: change('subscriptions', isRunning, (world, subscription, { at, choices }) => {
    const { item, terms } = mainItem(world, subscription);
    const { price, quantity } = terms;
    const more = { price, quantity: (quantity ?? 1) + choices.integer(1, 4) };
    changeItem(world, { subscription, item, terms: more }, { at, proration: prorated(choices) });
  }),
  changePrice: change(
    'subscriptions',
    (each, world) => isRunning(each) && otherPrices(world, each).length > 0,
    (world, subscription, { at, choices }) => {
      const { item, terms } = mainItem(world, subscription);
      const other = { ...terms, price: choices.pick(otherPrices(world, subscription)) };
      changeItem(world, { subscription, item, terms: other }, { at, proration: prorated(choices) });
    },
  ),
  cancelSubscription: change('subscriptions', isRunning, (world, subscription, { at }) =>
    cancelNow(world, subscription, at),
  ),
  refundCharge: change('charges', isRefundable, (world, { id: charge, customer }, { at }) =>
    act(world, customer, { at, task: { kind: 'refund', charge } }),
  ),
  disputeCharge: change('charges', isRefundable, (world, { id: charge, customer }, { at }) =>
    act(world, customer, { at, task: { kind: 'dispute', charge } }),
  ),
  renameProduct: change('products', anyOne, (world, record, { at, choices }) =>
    amend(world, { at, type: 'product.updated', kind: 'product', record }, () => {
      record.name = `${record.name} ${choices.text(3, LETTERS)}`;
    }),
  ),
  deleteCoupon: change('coupons', isSpare, (world, coupon, { at }) =>
    deleteCoupon(world, coupon, at),
  ),
};

const ALL_CHANGES = { ...CHANGES, ...PAYMENT_CHANGES };

export type ChangeKind = keyof typeof ALL_CHANGES;
export const CHANGE_KINDS = Object.keys(ALL_CHANGES) as ChangeKind[];
/** What is drawn when nothing is wished for: what changes the account, not what tries payments. */
const DRAWN_KINDS = Object.keys(CHANGES) as ChangeKind[];

/** What is left out is drawn. */
export interface ChangeWish {
  kind?: ChangeKind;
  id?: string;
}

export interface ChangeDone {
  kind: ChangeKind;
  /** What was changed, made or deleted. */
  id: string;
}

/** Does one change at `at`. Throws when it cannot be done to what is named, or to anything. */
export function applyChange(world: World, wish: ChangeWish, doing: Doing): ChangeDone {
  const kind = wish.kind ?? drawKind(world, doing.choices);
  const { among, isPossible, apply } = ALL_CHANGES[kind];
  if (wish.id !== undefined) {
    if (!isPossible(world, wish.id)) throw new Error(`${kind} cannot be done to ${wish.id} now.`);
    return { kind, id: apply(world, wish.id, doing) ?? wish.id };
  }
  const candidates = among(world);
  if (candidates.length === 0) throw new Error(`There is nothing now to ${kind}.`);
  const { id } = doing.choices.pick(candidates);
  return { kind, id: apply(world, id, doing) ?? id };
}

/**
 * Does one change to what an invoice is about: itself, its customer, its subscription or its latest charge. Gives undefined, with
 * nothing done, when that is not possible now.
 */
export function applyChangeAround(
  world: World,
  { kind, invoice: id }: { kind: ChangeKind; invoice: string },
  doing: Doing,
): ChangeDone | undefined {
  const { of, isPossible } = ALL_CHANGES[kind];
  const invoice = world.invoices.find(id);
  if (invoice === undefined) return undefined;
  const latestCharge = (): string | null =>
    invoice.paymentIntent && world.paymentIntents.get(invoice.paymentIntent).latestCharge;
  const target = {
    invoices: invoice.id,
    customers: invoice.customer,
    subscriptions: invoice.subscription,
    charges: latestCharge(),
    coupons: null,
    invoiceItems: null,
    products: null,
  }[of];
  if (target === null || !isPossible(world, target)) return undefined;
  return applyChange(world, { kind, id: target }, doing);
}

function drawKind(world: World, choices: Random): ChangeKind {
  return choices.pick(DRAWN_KINDS.filter((kind) => ALL_CHANGES[kind].among(world).length > 0));
}

function anyOne(): boolean {
  return true;
}

function isRunning({ status, pauseCollection, cancelAtPeriodEnd }: Subscription): boolean {
  return (
    (status === 'active' || status === 'past_due') && pauseCollection === null && !cancelAtPeriodEnd
  );
}

function isRefundable({ status, disputed, amountMinor, amountRefundedMinor }: Charge): boolean {
  return status === 'succeeded' && !disputed && amountRefundedMinor < amountMinor;
}

/** Another one of its kind always stays: customers go on to draw from them. */
function isSpare(coupon: Coupon, world: World): boolean {
  return world.coupons.all.some(
    (other) =>
      other !== coupon &&
      isServed(world, other) &&
      other.duration === coupon.duration &&
      other.currency === coupon.currency,
  );
}

/** The first item that is not metered: every subscription has one. */
function mainItem(
  world: World,
  { id, items }: Subscription,
): { item: SubscriptionItem; terms: Terms } {
  for (const item of items) {
    const price = world.prices.get(item.price);
    if (!isMetered(price)) return { item, terms: { price, quantity: item.quantity } };
  }
  throw new Error(`${id} has metered items only.`);
}

function otherPrices(world: World, subscription: Subscription) {
  return offers(world, subscription, world.clock).filter((price) => !isMetered(price));
}

function prorated(choices: Random): 'always_invoice' | 'create_prorations' {
  return choices.chance(0.5) ? 'always_invoice' : 'create_prorations';
}

/** A new customer, who subscribes at once. */
function signUp(world: World, { at, choices }: Doing): Customer {
  const index = world.customers.size;
  const stream = new Random(`${String(world.seed)}/came later ${String(index)}`);
  const customer = createCustomer(
    world,
    { at, ...drawPerson(choices, { index }) },
    { stream, autonomous: true },
  );
  attachCard(world, customer, { at, ...drawCard(choices, { country: customer.country, at }) });
  act(world, customer.id, { at, task: { kind: 'subscribe', wish: {} } });
  return customer;
}
