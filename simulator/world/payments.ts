/** Attempts to collect an invoice, the retry schedule, and what follows when all have failed. */
import { DAY, HOUR } from './calendar';
import { setDelinquent } from './customers';
import { isFinal, resultOf } from './debits';
import { amend, emit } from './events';
import { newId } from './ids';
import { finalizeInvoice, markUncollectible, settleInvoice, stopCollecting } from './invoices';
import { authorise, isHard } from './issuers';
import type {
  BankAccount,
  Charge,
  Decline,
  Invoice,
  InvoicePayment,
  PaymentIntent,
  PaymentMethod,
} from './model';
import { addPayment, adjustPayment } from './payment-intents';
import type { RetryMode } from './settings';
import { endSubscription, setStatus } from './subscription-status';
import { agendaOf, type Origin, type World } from './world';

/** Smart retries: at most so many after the first attempt, within so long. */
const MAX_RETRIES = 8;
const RETRY_WINDOW = 14 * DAY;
/** Share of subscriptions that are left `unpaid` when all retries have failed; the others are cancelled. */
const LEFT_UNPAID_SHARE = 0.04;
/** Share of invoices that are written off when their retries have ended. */
const WRITTEN_OFF_SHARE = 0.3;

/** Why nothing was charged. */
export type Unpayable = 'already_paid' | 'voided' | 'processing' | 'no_payment_method';

type PayResult =
  /** `charge` is null when nothing was due. */
  | { outcome: 'paid'; charge: Charge | null }
  /** A direct debit, whose result comes later. */
  | { outcome: 'pending'; charge: Charge }
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
  const reason = world.settings.guard ? whyNot(world, invoice) : null;
  if (reason !== null) return { outcome: 'refused', reason };
  const card = paymentMethod ?? world.customers.get(invoice.customer).defaultPaymentMethod;
  if (card === null) return { outcome: 'refused', reason: 'no_payment_method' };
  return attemptPayment(world, {
    invoice,
    at,
    method: world.paymentMethods.get(card),
    by: world.request === null ? { by: 'customer' } : { by: 'api', request: world.request },
  });
}

function whyNot(world: World, invoice: Invoice): Unpayable | null {
  if (invoice.status === 'paid') return 'already_paid';
  if (invoice.status === 'void') return 'voided';
  return isProcessing(world, invoice) ? 'processing' : null;
}

/** Whether a direct debit of it is on its way. */
export function isProcessing(world: World, { paymentIntent }: Invoice): boolean {
  return paymentIntent !== null && world.paymentIntents.get(paymentIntent).status === 'processing';
}

/** The customer pays a part of an open invoice, with a card that works; the rest stays due. */
export function payPart(
  world: World,
  invoice: Invoice,
  { at, amountMinor, method }: { at: number; amountMinor: number; method: PaymentMethod },
): Charge {
  if (invoice.status !== 'open' || amountMinor <= 0 || amountMinor >= invoice.amountRemainingMinor)
    throw new Error(`${String(amountMinor)} is no part of what is due on ${invoice.id}.`);
  const { paymentIntent, invoicePayment } = addPayment(world, invoice, {
    at,
    amountMinor,
    isDefault: false,
  });
  const charge = addCharge(world, invoice, {
    at,
    method,
    amountMinor,
    paymentIntent: paymentIntent.id,
    by: { by: 'customer' },
  });
  amend(world, { at, type: 'invoice.updated', kind: 'invoice', record: invoice }, () => {
    invoice.amountPaidMinor += amountMinor;
    invoice.amountRemainingMinor -= amountMinor;
  });
  adjustPayment(world, invoice);
  receiveMoney(world, { charge, paymentIntent, invoicePayment, at });
  return charge;
}

/** Finalizes a draft and makes its first attempt at once. */
export function collectNow(world: World, invoice: Invoice, at: number): void {
  finalizeInvoice(world, invoice, at);
  attemptOnSchedule(world, invoice, at);
}

/** The provider's own attempt, first or scheduled; afterwards the next one is planned or the end state reached. */
export function attemptOnSchedule(world: World, invoice: Invoice, at: number): void {
  if (!isCollected(invoice) || isProcessing(world, invoice)) return;
  const method = chargeable(world, invoice);
  if (method === null) {
    // The schedule runs on and counts, but nothing is executed until there is a new card.
    countAttempt(world, invoice, at);
  } else {
    const { outcome } = attemptPayment(world, { invoice, at, method, by: { by: 'provider' } });
    if (outcome !== 'declined') return;
  }
  scheduleRetry(world, invoice, at);
}

/** Whether the service collects it by itself. */
export function isCollected({ status, autoAdvance, collectionMethod }: Invoice): boolean {
  return status === 'open' && autoAdvance && collectionMethod === 'charge_automatically';
}

/** Changes how the service retries from now on; without retries nothing stays scheduled. */
export function setRetries(world: World, mode: RetryMode, at: number): void {
  world.settings.retries = mode;
  if (mode !== 'off') return;
  for (const invoice of world.invoices.all)
    if (invoice.nextPaymentAttempt !== null) unschedule(world, invoice, at);
}

function unschedule(world: World, invoice: Invoice, at: number): void {
  amend(world, { at, type: 'invoice.updated', kind: 'invoice', record: invoice }, () => {
    invoice.nextPaymentAttempt = null;
  });
}

/** One attempt: a charge, whatever the issuer says, and everything that follows from it. */
function attemptPayment(
  world: World,
  { invoice, at, method, by }: { invoice: Invoice; at: number; method: PaymentMethod; by: Origin },
): PayResult {
  const declined =
    method.debit === undefined ? authorise(method, { at, attempt: invoice.attemptCount }) : null;
  const charge = addCharge(world, invoice, {
    at,
    method,
    by,
    declined,
    paymentIntent: intentOf(invoice),
    // Without the guard: what is paid is charged once more.
    amountMinor: invoice.amountRemainingMinor || invoice.amountDueMinor,
  });
  const counts = by.by === 'provider' || invoice.attemptCount === 0;
  if (method.debit !== undefined) {
    submit(world, { invoice, charge, counts, account: method });
    return { outcome: 'pending', charge };
  }
  if (declined === null) {
    succeed(world, { invoice, charge, at, counts });
    return { outcome: 'paid', charge };
  }
  fail(world, { invoice, charge, at, counts, decline: declined });
  return { outcome: 'declined', charge, decline: declined };
}

function addCharge(
  world: World,
  invoice: Invoice,
  {
    at,
    method,
    amountMinor,
    paymentIntent,
    by,
    declined = null,
  }: {
    at: number;
    method: PaymentMethod;
    amountMinor: number;
    paymentIntent: string;
    by: Origin;
    declined?: Decline | null;
  },
): Charge {
  const { ids } = agendaOf(world, invoice.customer);
  const isPending = method.debit !== undefined;
  const charge = world.charges.add({
    id: newId(ids, 'ch'),
    created: at,
    customer: invoice.customer,
    paymentIntent,
    invoice: invoice.id,
    currency: invoice.currency,
    status: isPending ? 'pending' : declined === null ? 'succeeded' : 'failed',
    amountMinor,
    amountRefundedMinor: 0,
    disputed: false,
    paymentMethod: method.id,
    decline: declined,
    balanceTransaction: declined === null && !isPending ? newId(ids, 'txn') : null,
  });
  world.origins.set(charge.id, by);
  return charge;
}

interface Attempt {
  invoice: Invoice;
  charge: Charge;
  /** When its result is known. */
  at: number;
  counts: boolean;
}

/** Hands a direct debit in: the invoice stays open until it is settled or returned. */
function submit(
  world: World,
  {
    invoice,
    charge,
    counts,
    account,
  }: { invoice: Invoice; charge: Charge; counts: boolean; account: BankAccount },
): void {
  const at = charge.created;
  const { at: settledAt } = resultOf(account, at);
  agendaOf(world, invoice.customer).plan(settledAt, { kind: 'settle', charge: charge.id });
  emit(world, { at, type: 'charge.pending', kind: 'charge', record: charge });
  const paymentIntent = world.paymentIntents.get(charge.paymentIntent);
  // Without the guard: the intent of what is paid or void stays as it is, and names its latest charge all the same.
  paymentIntent.latestCharge = charge.id;
  if (isSettled(invoice)) return;
  paymentIntent.status = 'processing';
  paymentIntent.paymentMethod = charge.paymentMethod;
  emit(world, {
    at,
    type: 'payment_intent.processing',
    kind: 'paymentIntent',
    record: paymentIntent,
  });
  if (counts) countAttempt(world, invoice, at);
  if (invoice.nextPaymentAttempt !== null) unschedule(world, invoice, at);
  // What is on its way counts as paid until it is returned.
  revive(world, invoice, at);
}

/** A direct debit has been settled, or returned. */
export function settle(world: World, charge: Charge, at: number): void {
  const account = world.paymentMethods.get(charge.paymentMethod);
  if (account.debit === undefined) throw new Error(`${charge.id} is no direct debit.`);
  const invoice = world.invoices.get(charge.invoice);
  const { returned, comesBackAt } = resultOf(account, charge.created);
  const agenda = agendaOf(world, charge.customer);
  charge.settledAt = at;
  charge.decline = returned;
  charge.status = returned === null ? 'succeeded' : 'failed';
  if (returned === null) {
    charge.balanceTransaction = newId(agenda.ids, 'txn');
    if (comesBackAt !== null) agenda.plan(comesBackAt, { kind: 'comeBack', charge: charge.id });
    return succeed(world, { invoice, charge, at, counts: false });
  }
  fail(world, { invoice, charge, at, counts: false, decline: returned });
  if (isCollected(invoice)) scheduleRetry(world, invoice, at);
}

/** Money arrived: its payment is complete. */
function receiveMoney(
  world: World,
  {
    charge,
    paymentIntent,
    invoicePayment,
    at,
  }: {
    charge: Charge;
    paymentIntent: PaymentIntent;
    invoicePayment: InvoicePayment | null;
    at: number;
  },
): void {
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
  if (invoicePayment === null) return;
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

function succeed(world: World, { invoice, charge, at, counts }: Attempt): void {
  // Without the guard: money for what is paid or void changes nothing but the payment.
  const wasSettled = isSettled(invoice);
  receiveMoney(world, {
    charge,
    paymentIntent: world.paymentIntents.get(charge.paymentIntent),
    invoicePayment:
      invoice.invoicePayment === null || wasSettled
        ? null
        : world.invoicePayments.get(invoice.invoicePayment),
    at,
  });
  if (wasSettled) return;
  settleInvoice(world, invoice, at, counts ? 1 : 0);
  setDelinquent(world, world.customers.get(invoice.customer), at, false);
  revive(world, invoice, at);
}

/** Stripe looks at the latest invoice: paying an older one leaves the subscription overdue. */
function revive(world: World, invoice: Invoice, at: number): void {
  if (invoice.subscription === null) return;
  const subscription = world.subscriptions.get(invoice.subscription);
  const revives =
    subscription.status === 'incomplete' ||
    subscription.status === 'past_due' ||
    subscription.status === 'unpaid';
  if (revives && subscription.latestInvoice === invoice.id)
    setStatus(world, subscription, 'active', at);
}

function fail(
  world: World,
  { invoice, charge, at, decline, counts }: Attempt & { decline: Decline },
): void {
  emit(world, { at, type: 'charge.failed', kind: 'charge', record: charge });
  const paymentIntent = world.paymentIntents.get(charge.paymentIntent);
  paymentIntent.latestCharge = charge.id;
  if (isSettled(invoice)) return;
  paymentIntent.status = 'requires_payment_method';
  paymentIntent.paymentMethod = null;
  paymentIntent.lastPaymentError = {
    decline,
    charge: charge.id,
    paymentMethod: charge.paymentMethod,
  };
  emit(world, {
    at,
    type: 'payment_intent.payment_failed',
    kind: 'paymentIntent',
    record: paymentIntent,
  });
  if (counts) countAttempt(world, invoice, at);
  emit(world, { at, type: 'invoice.payment_failed', kind: 'invoice', record: invoice });
  setDelinquent(world, world.customers.get(invoice.customer), at, true);
  if (invoice.subscription === null) return;
  const subscription = world.subscriptions.get(invoice.subscription);
  if (subscription.status === 'active') setStatus(world, subscription, 'past_due', at);
}

/** Whether nothing more can be due. */
function isSettled({ status }: Invoice): boolean {
  return status === 'paid' || status === 'void';
}

function countAttempt(world: World, invoice: Invoice, at: number): void {
  amend(world, { at, type: 'invoice.updated', kind: 'invoice', record: invoice }, () => {
    invoice.attemptCount += 1;
    invoice.attempted = true;
  });
}

/** What an automatic attempt may use: not what was declined for good. */
function chargeable(world: World, invoice: Invoice): PaymentMethod | null {
  const id = world.customers.get(invoice.customer).defaultPaymentMethod;
  if (id === null) return null;
  const method = world.paymentMethods.get(id);
  const last = world.paymentIntents.get(intentOf(invoice)).lastPaymentError;
  if (last === null || last.paymentMethod !== id) return method;
  const { decline } = last;
  const isRefused =
    world.settings.retries === 'scheduled_never_executed' ||
    (method.debit === undefined ? isHard(decline) : isFinal(decline));
  return isRefused ? null : method;
}

/** Plans the next automatic attempt of an open invoice, or ends the story when the schedule is used up. */
function scheduleRetry(world: World, invoice: Invoice, at: number): void {
  const subscription =
    invoice.subscription === null ? null : world.subscriptions.get(invoice.subscription);
  // The first invoice of a subscription is not retried: the customer has 23 hours to complete it.
  if (subscription?.status === 'incomplete' || world.settings.retries === 'off') return;
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
