/** Changes on demand that decide over payments: what customers, their banks and the service's own retries do meanwhile. */
import { drawWorkingCard } from './cards';
import { change } from './change';
import { addMethod, attachCard } from './customers';
import { takeBack } from './disputes';
import { markUncollectible } from './invoices';
import type { Invoice } from './model';
import { attemptOnSchedule, isCollected, isProcessing, payInvoice, payPart } from './payments';
import type { Random } from './random';
import { carryOutOnPage } from './requests';
import type { World } from './world';

/** The customer opens the invoice's link and pays there, with a card that works and that is charged this once. */
export const payByLink = change('invoices', isPayable, (world, invoice, { at, choices }) => {
  carryOutOnPage(world, { invoice: invoice.id, at }, () => {
    payInvoice(world, {
      invoice: invoice.id,
      at,
      paymentMethod: workingCard(world, invoice, { at, choices }),
    });
  });
});

export const PAYMENT_CHANGES = {
  /** Pays half of what is due by link. */
  payPart: change(
    'invoices',
    (invoice, world) => isPayable(invoice, world) && halfOf(invoice) > 0,
    (world, invoice, { at, choices }) => {
      carryOutOnPage(world, { invoice: invoice.id, at }, () => {
        const method = world.paymentMethods.get(workingCard(world, invoice, { at, choices }));
        payPart(world, invoice, { at, amountMinor: halfOf(invoice), method });
      });
    },
  ),
  /** Gives the customer another card to charge, one that works. */
  replaceCard: change(
    'customers',
    () => true,
    (world, customer, { at, choices }) => {
      const card = drawWorkingCard(choices, { country: customer.country, at });
      attachCard(world, customer, { at, ...card });
    },
  ),
  markUncollectible: change(
    'invoices',
    ({ status }) => status === 'open',
    (world, invoice, { at }) => markUncollectible(world, invoice, at),
  ),
  /** The service's own next attempt, now. */
  providerRetry: change(
    'invoices',
    (invoice, world) =>
      isCollected(invoice) && invoice.paymentIntent !== null && !isProcessing(world, invoice),
    (world, invoice, { at }) => attemptOnSchedule(world, invoice, at),
  ),
  /** A direct debit that had succeeded comes back. */
  takeBackCharge: change(
    'charges',
    ({ status, disputed, amountMinor, amountRefundedMinor, paymentMethod }, world) =>
      status === 'succeeded' &&
      !disputed &&
      amountRefundedMinor < amountMinor &&
      world.paymentMethods.get(paymentMethod).debit !== undefined,
    (world, charge, { at }) => takeBack(world, charge, at),
  ),
};

function isPayable(invoice: Invoice, world: World): boolean {
  return invoice.status === 'open' && !isProcessing(world, invoice);
}

/** Whole tens, which every currency allows. */
function halfOf({ amountRemainingMinor }: Invoice): number {
  return Math.floor(amountRemainingMinor / 20) * 10;
}

function workingCard(
  world: World,
  { customer: id }: Invoice,
  { at, choices }: { at: number; choices: Random },
): string {
  const customer = world.customers.get(id);
  const card = drawWorkingCard(choices, { country: customer.country, at });
  return addMethod(world, customer, { at, ...card }).id;
}
