/**
 * Changes on demand: what a merchant, a customer or the service may do at any moment, done now to an object that is named or drawn.
 * Each goes through the actions of this folder, so that lists, objects, events and the oracle agree on it.
 */
import { act, offers } from './behaviour';
import { drawCard } from './cards';
import { attachCard, createCustomer } from './customers';
import { deleteCoupon, deleteCustomer, deleteDraft, deleteInvoiceItem } from './deletions';
import { amend } from './events';
import { voidInvoice } from './invoices';
import type { Coupon, Customer, Subscription, SubscriptionItem } from './model';
import { payInvoice } from './payments';
import { drawPerson } from './people';
import { Random } from './random';
import { isMetered } from './subscription-parts';
import { cancelNow, changeItem, type Terms } from './subscriptions';
import type { World } from './world';

interface Doing {
  at: number;
  choices: Random;
}

/** One kind of change: what it can be done to now, and doing it to one of these. Gives the id of what it made, if anything. */
interface Change {
  among: (world: World) => readonly { id: string }[];
  apply: (world: World, id: string, doing: Doing) => string | undefined;
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

const CHANGES = {
  createCustomer: {
    among: (world) => world.products.all.slice(0, 1),
    apply: (world, _, { at, choices }) => signUp(world, { at, choices }).id,
  },
  updateCustomer: change(served('customers'), (world, record, { at, choices }) => {
    const { name } = drawPerson(choices, { index: world.customers.size });
    amend(world, { at, type: 'customer.updated', kind: 'customer', record }, () => {
      record.name = `${name} ${choices.text(3, LETTERS)}`;
    });
  }),
  deleteCustomer: change(served('customers'), (world, customer, { at }) =>
    deleteCustomer(world, customer, at),
  ),
  createInvoice: {
    among: served('customers'),
    apply: (world, customer, { at }) => {
      act(world, customer, { at, task: { kind: 'manualInvoice' } });
      return world.invoices.all.findLast((invoice) => invoice.customer === customer)?.id;
    },
  },
  payInvoice: change(
    (world) =>
      served('invoices')(world).filter(
        ({ status, customer }) =>
          status === 'open' && world.customers.get(customer).defaultPaymentMethod !== null,
      ),
    (world, { id }, { at }) => void payInvoice(world, { invoice: id, at }),
  ),
  voidInvoice: change(
    (world) => served('invoices')(world).filter(({ status }) => status === 'open'),
    (world, invoice, { at }) => voidInvoice(world, invoice, at),
  ),
  deleteInvoice: change(
    (world) =>
      served('invoices')(world).filter(
        ({ status, subscription }) => status === 'draft' && subscription === null,
      ),
    (world, invoice, { at }) => deleteDraft(world, invoice, at),
  ),
  deleteInvoiceItem: change(
    (world) => served('invoiceItems')(world).filter(({ invoice }) => invoice === null),
    (world, item, { at }) => deleteInvoiceItem(world, item, at),
  ),
  changeQuantity: change(running, (world, subscription, { at, choices }) => {
    const { item, terms } = mainItem(world, subscription);
    const { price, quantity } = terms;
    const more = { price, quantity: (quantity ?? 1) + choices.integer(1, 4) };
    changeItem(world, { subscription, item, terms: more }, { at, proration: prorated(choices) });
  }),
  changePrice: change(
    (world) => running(world).filter((each) => otherPrices(world, each).length > 0),
    (world, subscription, { at, choices }) => {
      const { item, terms } = mainItem(world, subscription);
      const other = { ...terms, price: choices.pick(otherPrices(world, subscription)) };
      changeItem(world, { subscription, item, terms: other }, { at, proration: prorated(choices) });
    },
  ),
  cancelSubscription: change(running, (world, subscription, { at }) =>
    cancelNow(world, subscription, at),
  ),
  refundCharge: change(refundable, (world, { id: charge, customer }, { at }) =>
    act(world, customer, { at, task: { kind: 'refund', charge } }),
  ),
  disputeCharge: change(refundable, (world, { id: charge, customer }, { at }) =>
    act(world, customer, { at, task: { kind: 'dispute', charge } }),
  ),
  renameProduct: change(
    (world) => world.products.all,
    (world, record, { at, choices }) =>
      amend(world, { at, type: 'product.updated', kind: 'product', record }, () => {
        record.name = `${record.name} ${choices.text(3, LETTERS)}`;
      }),
  ),
  deleteCoupon: change(spareCoupons, (world, coupon, { at }) => deleteCoupon(world, coupon, at)),
} satisfies Record<string, Change>;

export type ChangeKind = keyof typeof CHANGES;
export const CHANGE_KINDS = Object.keys(CHANGES) as ChangeKind[];

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
  const { among, apply }: Change = CHANGES[kind];
  const candidates = among(world).map(({ id }) => id);
  if (candidates.length === 0) throw new Error(`There is nothing now to ${kind}.`);
  if (wish.id !== undefined && !candidates.includes(wish.id))
    throw new Error(`${kind} cannot be done to ${wish.id} now.`);
  const id = wish.id ?? doing.choices.pick(candidates);
  return { kind, id: apply(world, id, doing) ?? id };
}

function drawKind(world: World, choices: Random): ChangeKind {
  return choices.pick(CHANGE_KINDS.filter((kind) => CHANGES[kind].among(world).length > 0));
}

function change<R extends { id: string }>(
  among: (world: World) => readonly R[],
  apply: (world: World, record: R, doing: Doing) => void,
): Change {
  return {
    among,
    apply: (world, id, doing) => {
      const record = among(world).find((each) => each.id === id);
      if (record !== undefined) apply(world, record, doing);
      return undefined;
    },
  };
}

type Owned = 'customers' | 'coupons' | 'invoices' | 'invoiceItems' | 'charges' | 'subscriptions';

/** What the provider still serves, and whose customer it still serves. */
function served<N extends Owned>(name: N): (world: World) => World[N]['all'][number][] {
  return (world) =>
    (world[name].all as readonly (World[N]['all'][number] & { customer?: string })[]).filter(
      ({ id, customer }) => !world.deleted.has(id) && !world.deleted.has(customer ?? ''),
    );
}

function running(world: World): Subscription[] {
  return served('subscriptions')(world).filter(
    ({ status, pauseCollection, cancelAtPeriodEnd }) =>
      (status === 'active' || status === 'past_due') &&
      pauseCollection === null &&
      !cancelAtPeriodEnd,
  );
}

function refundable(world: World) {
  return served('charges')(world).filter(
    ({ status, disputed, amountMinor, amountRefundedMinor }) =>
      status === 'succeeded' && !disputed && amountRefundedMinor < amountMinor,
  );
}

/** Another one of its kind always stays: customers go on to draw from them. */
function spareCoupons(world: World): Coupon[] {
  const coupons = served('coupons')(world);
  return coupons.filter((each) =>
    coupons.some(
      (other) =>
        other !== each && other.duration === each.duration && other.currency === each.currency,
    ),
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
