/** Attempts to collect an invoice, the retry schedule, and what follows when all have failed. */
import { DAY, HOUR } from './calendar';
import { setDelinquent } from './customers';
import { amend, emit } from './events';
import { newId } from './ids';
import { finalizeInvoice, markUncollectible, settleInvoice, stopCollecting } from './invoices';
import { authorise, isHard } from './issuers';
import type { Charge, Customer, Decline, Invoice, PaymentMethod } from './model';
import { endSubscription, setStatus } from './subscription-status';
import { agendaOf, type World } from './world';

/** Smart retries: at most so many after the first attempt, within so long. */
const MAX_RETRIES = 8;
const RETRY_WINDOW = 14 * DAY;
/** Share of subscriptions that are left `unpaid` when all retries have failed; the others are cancelled. */
const LEFT_UNPAID_SHARE = 0.04;
/** Share of invoices that are written off when their retries have ended. */
const WRITTEN_OFF_SHARE = 0.3;

/** Why nothing was charged. */
export type Unpayable = 'already_paid' | 'voided' | 'no_payment_method';

type PayResult =
  /** `charge` is null when nothing was due. */
  | { outcome: 'paid'; charge: Charge | null }
  | { outcome: 'declined'; charge: Charge; decline: Decline }
  | { outcome: 'refused'; reason: Unpayable };

/**
 * Pays an invoice on request, as `POST /v1/invoices/:id/pay` does: a draft is finalized first; a new charge is made under
 * the invoice's payment intent. A manual attempt counts only when it is the first and does not move the schedule.
 */
export function payInvoice(
  world: World,
  { invoice: id, at, paymentMethod }: { invoice: string; at: number; paymentMethod?: string },
): PayResult {
  const invoice = world.invoices.get(id);
  if (invoice.status === 'draft') {
    finalizeInvoice(world, invoice, at);
    // A draft with nothing due is paid by being finalized.
    if (invoice.amountDueMinor === 0) return { outcome: 'paid', charge: null };
  }
  if (invoice.status === 'paid') return { outcome: 'refused', reason: 'already_paid' };
  if (invoice.status === 'void') return { outcome: 'refused', reason: 'voided' };
  const card = paymentMethod ?? world.customers.get(invoice.customer).defaultPaymentMethod;
  if (card === null) return { outcome: 'refused', reason: 'no_payment_method' };
  return attemptPayment(world, {
    invoice,
    at,
    card: world.paymentMethods.get(card),
    trigger: 'manual',
  });
}

/** Finalizes a draft and makes its first attempt at once. */
export function collectNow(world: World, invoice: Invoice, at: number): void {
  finalizeInvoice(world, invoice, at);
  attemptOnSchedule(world, invoice, at);
}

/** The provider's own attempt, first or scheduled; afterwards the next one is planned or the end state reached. */
export function attemptOnSchedule(world: World, invoice: Invoice, at: number): void {
  if (invoice.status !== 'open' || !invoice.autoAdvance) return;
  if (invoice.collectionMethod === 'send_invoice') return;
  const customer = world.customers.get(invoice.customer);
  const card = chargeable(world, invoice, customer);
  if (card === null) {
    // The schedule runs on and counts, but nothing is executed until there is a new card.
    countAttempt(world, invoice, at);
  } else {
    const result = attemptPayment(world, { invoice, at, card, trigger: 'automatic' });
    if (result.outcome === 'paid') return;
  }
  scheduleRetry(world, invoice, at);
}

/** One attempt on one card: a charge, whatever the issuer says, and everything that follows from it. */
function attemptPayment(
  world: World,
  {
    invoice,
    at,
    card,
    trigger,
  }: { invoice: Invoice; at: number; card: PaymentMethod; trigger: 'automatic' | 'manual' },
): PayResult {
  const customer = world.customers.get(invoice.customer);
  const { ids } = agendaOf(world, customer.id);
  const decline = authorise(card, { at, attempt: invoice.attemptCount });
  const charge = world.charges.add({
    id: newId(ids, 'ch'),
    created: at,
    customer: customer.id,
    paymentIntent: intentOf(invoice),
    invoice: invoice.id,
    currency: invoice.currency,
    status: decline === null ? 'succeeded' : 'failed',
    amountMinor: invoice.amountRemainingMinor,
    amountRefundedMinor: 0,
    disputed: false,
    paymentMethod: card.id,
    decline,
    balanceTransaction: decline === null ? newId(ids, 'txn') : null,
  });
  const counts = trigger === 'automatic' || invoice.attemptCount === 0;
  if (decline === null) {
    succeed(world, { invoice, charge, customer, counts });
    return { outcome: 'paid', charge };
  }
  fail(world, { invoice, charge, decline, customer, counts });
  return { outcome: 'declined', charge, decline };
}

interface Attempt {
  invoice: Invoice;
  charge: Charge;
  customer: Customer;
  counts: boolean;
}

function succeed(world: World, { invoice, charge, customer, counts }: Attempt): void {
  const at = charge.created;
  const paymentIntent = world.paymentIntents.get(charge.paymentIntent);
  paymentIntent.status = 'succeeded';
  paymentIntent.amountReceivedMinor = charge.amountMinor;
  paymentIntent.latestCharge = charge.id;
  paymentIntent.paymentMethod = charge.paymentMethod;
  paymentIntent.lastPaymentError = null;
  emit(world, { at, type: 'charge.succeeded', kind: 'charge', record: charge });
  emit(world, {
    at,
    type: 'payment_intent.succeeded',
    kind: 'paymentIntent',
    record: paymentIntent,
  });
  if (invoice.invoicePayment !== null) {
    const invoicePayment = world.invoicePayments.get(invoice.invoicePayment);
    invoicePayment.status = 'paid';
    invoicePayment.amountPaidMinor = charge.amountMinor;
    invoicePayment.paidAt = at;
    emit(world, {
      at,
      type: 'invoice_payment.paid',
      kind: 'invoicePayment',
      record: invoicePayment,
    });
  }
  settleInvoice(world, invoice, at, counts ? 1 : 0);
  setDelinquent(world, customer, at, false);
  if (invoice.subscription === null) return;
  const subscription = world.subscriptions.get(invoice.subscription);
  const revives =
    subscription.status === 'incomplete' ||
    subscription.status === 'past_due' ||
    subscription.status === 'unpaid';
  // Stripe looks at the latest invoice: paying an older one leaves the subscription overdue.
  if (revives && subscription.latestInvoice === invoice.id)
    setStatus(world, subscription, 'active', at);
}

function fail(
  world: World,
  { invoice, charge, decline, customer, counts }: Attempt & { decline: Decline },
): void {
  const at = charge.created;
  const paymentIntent = world.paymentIntents.get(charge.paymentIntent);
  paymentIntent.latestCharge = charge.id;
  paymentIntent.lastPaymentError = {
    decline,
    charge: charge.id,
    paymentMethod: charge.paymentMethod,
  };
  emit(world, { at, type: 'charge.failed', kind: 'charge', record: charge });
  emit(world, {
    at,
    type: 'payment_intent.payment_failed',
    kind: 'paymentIntent',
    record: paymentIntent,
  });
  if (counts) countAttempt(world, invoice, at);
  emit(world, { at, type: 'invoice.payment_failed', kind: 'invoice', record: invoice });
  setDelinquent(world, customer, at, true);
  if (invoice.subscription === null) return;
  const subscription = world.subscriptions.get(invoice.subscription);
  if (subscription.status === 'active') setStatus(world, subscription, 'past_due', at);
}

function countAttempt(world: World, invoice: Invoice, at: number): void {
  amend(world, { at, type: 'invoice.updated', kind: 'invoice', record: invoice }, () => {
    invoice.attemptCount += 1;
    invoice.attempted = true;
  });
}

/** The card an automatic attempt may use: none after a hard decline of the same card. */
function chargeable(world: World, invoice: Invoice, customer: Customer): PaymentMethod | null {
  const id = customer.defaultPaymentMethod;
  if (id === null) return null;
  const last = world.paymentIntents.get(intentOf(invoice)).lastPaymentError;
  const refused = last !== null && last.paymentMethod === id && isHard(last.decline);
  return refused ? null : world.paymentMethods.get(id);
}

/** Plans the next automatic attempt of an open invoice, or ends the story when the schedule is used up. */
function scheduleRetry(world: World, invoice: Invoice, at: number): void {
  const subscription =
    invoice.subscription === null ? null : world.subscriptions.get(invoice.subscription);
  // The first invoice of a subscription is not retried: the customer has 23 hours to complete it.
  if (subscription?.status === 'incomplete') return;
  const { choices } = agendaOf(world, invoice.customer);
  const next = at + choices.integer(28, 54) * HOUR;
  const deadline = (invoice.statusTransitions.finalizedAt ?? at) + RETRY_WINDOW;
  const ended = subscription?.status === 'canceled' || subscription?.status === 'unpaid';
  if (!ended && invoice.attemptCount <= MAX_RETRIES && next <= deadline) {
    amend(world, { at, type: 'invoice.updated', kind: 'invoice', record: invoice }, () => {
      invoice.nextPaymentAttempt = next;
    });
    agendaOf(world, invoice.customer).plan(next, { kind: 'attempt', invoice: invoice.id });
    return;
  }
  stopCollecting(world, invoice, at);
  if (choices.chance(WRITTEN_OFF_SHARE)) markUncollectible(world, invoice, at);
  if (subscription === null || subscription.status !== 'past_due') return;
  if (choices.chance(LEFT_UNPAID_SHARE)) setStatus(world, subscription, 'unpaid', at);
  else endSubscription(world, subscription, { at, reason: 'payment_failed' });
}

function intentOf(invoice: Invoice): string {
  if (invoice.paymentIntent === null)
    throw new Error(`Nothing is due on the invoice ${invoice.id}.`);
  return invoice.paymentIntent;
}
