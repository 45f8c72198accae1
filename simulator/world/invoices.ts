/** Invoices: drafted, finalized, settled, voided, written off; with discounts, tax and the customer’s balance. */
import { HOUR } from './calendar';
import { changeBalance } from './customers';
import { amend, emit } from './events';
import { newId } from './ids';
import { cancelPayment, openPayment } from './payment-intents';
import type { Customer, Invoice, InvoiceItem, InvoiceLine } from './model';
import { allocateDiscount, taxOn } from './money';
import { agendaOf, type World } from './world';

/** A draft is finalized so long after its creation, as at Stripe. */
export const DRAFT_SECONDS = HOUR;

/** What a line is about; amounts of discount and tax are worked out with the whole invoice. */
export type LineDraft = Omit<InvoiceLine, 'id' | 'invoice' | 'discountAmounts' | 'taxAmounts'>;

interface NewInvoice {
  at: number;
  customer: Customer;
  subscription: string | null;
  billingReason: Invoice['billingReason'];
  period: Invoice['period'];
  lines: LineDraft[];
  /** Discount ids in order of application. */
  discounts: string[];
  collectionMethod?: Invoice['collectionMethod'];
  dueDate?: number | null;
  autoAdvance?: boolean;
}

/** Makes a draft with all its amounts but the customer's balance, which counts at finalization. */
export function createInvoice(world: World, draft: NewInvoice): Invoice {
  const { at, customer } = draft;
  const { ids } = agendaOf(world, customer.id);
  const id = newId(ids, 'in');
  const lines = priceLines(world, id, draft);
  const sum = (value: (line: InvoiceLine) => number): number =>
    lines.reduce((total, line) => total + value(line), 0);
  const subtotalMinor = sum((line) => line.amountMinor);
  const discountMinor = sum((line) => total(line.discountAmounts));
  const taxMinor = sum((line) => total(line.taxAmounts));
  const totalMinor = subtotalMinor - discountMinor + taxMinor;
  const due = Math.max(0, totalMinor);
  const invoice = world.invoices.add({
    id,
    created: at,
    customer: customer.id,
    subscription: draft.subscription,
    currency: customer.currency,
    status: 'draft',
    number: null,
    billingReason: draft.billingReason,
    collectionMethod: draft.collectionMethod ?? 'charge_automatically',
    autoAdvance: draft.autoAdvance ?? true,
    period: draft.period,
    dueDate: draft.dueDate ?? null,
    lines,
    discounts: draft.discounts,
    subtotalMinor,
    discountMinor,
    taxMinor,
    totalMinor,
    startingBalanceMinor: customer.balanceMinor,
    endingBalanceMinor: null,
    amountDueMinor: due,
    amountPaidMinor: 0,
    amountRemainingMinor: due,
    prePaymentCreditNotesMinor: 0,
    postPaymentCreditNotesMinor: 0,
    attemptCount: 0,
    attempted: false,
    nextPaymentAttempt: null,
    statusTransitions: {
      finalizedAt: null,
      paidAt: null,
      voidedAt: null,
      markedUncollectibleAt: null,
    },
    paymentIntent: null,
    invoicePayment: null,
  });
  for (const line of lines) {
    if (line.invoiceItem !== null) world.invoiceItems.get(line.invoiceItem).invoice = id;
  }
  if (draft.subscription !== null) world.subscriptions.get(draft.subscription).latestInvoice = id;
  emit(world, { at, type: 'invoice.created', kind: 'invoice', record: invoice });
  return invoice;
}

/** Numbers the invoice and opens it; one with nothing due is paid at once, and what it is short of becomes credit. */
export function finalizeInvoice(world: World, invoice: Invoice, at: number): void {
  if (invoice.status !== 'draft') throw new Error(`The invoice ${invoice.id} is not a draft.`);
  const customer = world.customers.get(invoice.customer);
  const before = customer.balanceMinor;
  // Credit lowers what is due as far as it goes; a debit balance is added; a negative total becomes credit.
  const dueMinor = Math.max(0, invoice.totalMinor + before);
  const change = dueMinor === 0 ? invoice.totalMinor : -before;

  amend(world, { at, type: 'invoice.updated', kind: 'invoice', record: invoice }, () => {
    invoice.status = 'open';
    invoice.number = nextNumber(customer);
    invoice.startingBalanceMinor = before;
    invoice.endingBalanceMinor = before + change;
    invoice.amountDueMinor = dueMinor;
    invoice.amountRemainingMinor = dueMinor;
    invoice.statusTransitions.finalizedAt = at;
  });
  if (change !== 0) {
    changeBalance(world, customer, {
      at,
      amountMinor: change,
      type: 'applied_to_invoice',
      invoice: invoice.id,
      creditNote: null,
    });
  }
  if (dueMinor > 0) openPayment(world, invoice, at);
  emit(world, { at, type: 'invoice.finalized', kind: 'invoice', record: invoice });
  if (dueMinor === 0) settleInvoice(world, invoice, at);
}

/** Marks an open invoice as paid in full; `attempts` is how much the payment adds to its count. */
export function settleInvoice(world: World, invoice: Invoice, at: number, attempts = 0): void {
  amend(world, { at, type: 'invoice.updated', kind: 'invoice', record: invoice }, () => {
    invoice.status = 'paid';
    invoice.attempted = true;
    invoice.attemptCount += attempts;
    invoice.amountPaidMinor = invoice.amountDueMinor;
    invoice.amountRemainingMinor = 0;
    invoice.nextPaymentAttempt = null;
    invoice.statusTransitions.paidAt = at;
  });
  emit(world, { at, type: 'invoice.paid', kind: 'invoice', record: invoice });
  emit(world, { at, type: 'invoice.payment_succeeded', kind: 'invoice', record: invoice });
}

/** Voids a draft (numbering it first, as Stripe does) or an open invoice. */
export function voidInvoice(world: World, invoice: Invoice, at: number): void {
  const wasDraft = invoice.status === 'draft';
  if (!wasDraft && invoice.status !== 'open')
    throw new Error(`The invoice ${invoice.id} cannot be voided.`);
  amend(world, { at, type: 'invoice.updated', kind: 'invoice', record: invoice }, () => {
    if (wasDraft) {
      invoice.number = nextNumber(world.customers.get(invoice.customer));
      invoice.statusTransitions.finalizedAt = at;
      invoice.endingBalanceMinor = invoice.startingBalanceMinor;
    }
    invoice.status = 'void';
    invoice.nextPaymentAttempt = null;
    invoice.statusTransitions.voidedAt = at;
  });
  cancelPayment(world, invoice, at);
  emit(world, { at, type: 'invoice.voided', kind: 'invoice', record: invoice });
}

/** Ends automatic collection of an invoice that stays open. */
export function stopCollecting(world: World, invoice: Invoice, at: number): void {
  if (invoice.status !== 'open' || !invoice.autoAdvance) return;
  amend(world, { at, type: 'invoice.updated', kind: 'invoice', record: invoice }, () => {
    invoice.nextPaymentAttempt = null;
    invoice.autoAdvance = false;
  });
}

/** Gives an open invoice up for lost. */
export function markUncollectible(world: World, invoice: Invoice, at: number): void {
  amend(world, { at, type: 'invoice.updated', kind: 'invoice', record: invoice }, () => {
    invoice.status = 'uncollectible';
    invoice.nextPaymentAttempt = null;
    invoice.statusTransitions.markedUncollectibleAt = at;
  });
  emit(world, { at, type: 'invoice.marked_uncollectible', kind: 'invoice', record: invoice });
}

/** The line for a pending invoice item. */
export function lineOf(item: InvoiceItem): LineDraft {
  const {
    id,
    amountMinor,
    period,
    proration,
    price,
    quantity,
    subscription,
    subscriptionItem,
    discountable,
    description,
  } = item;
  return {
    invoiceItem: id,
    amountMinor,
    period,
    proration,
    price,
    quantity,
    subscription,
    subscriptionItem,
    discountable,
    description,
  };
}

function nextNumber(customer: Customer): string {
  const number = `${customer.invoicePrefix}-${String(customer.nextInvoiceSequence).padStart(4, '0')}`;
  customer.nextInvoiceSequence += 1;
  return number;
}

/** Takes each discount in turn off what the ones before it left, then adds tax line by line. */
function priceLines(world: World, invoice: string, draft: NewInvoice): InvoiceLine[] {
  const { customer } = draft;
  const { ids } = agendaOf(world, customer.id);
  const lines = draft.lines.map((line): InvoiceLine => ({
    id: newId(ids, 'il'),
    invoice,
    ...line,
    discountAmounts: [],
    taxAmounts: [],
  }));
  const discountable = lines.filter((line) => line.discountable && line.amountMinor > 0);
  for (const discount of draft.discounts) {
    const coupon = world.coupons.get(world.discounts.get(discount).coupon);
    const parts = allocateDiscount(discountable.map(netOf), coupon, customer.currency);
    discountable.forEach((line, index) => {
      line.discountAmounts.push({ discount, amountMinor: parts[index] ?? 0 });
    });
  }
  const taxRate = customer.taxRate === null ? null : world.taxRates.get(customer.taxRate);
  if (taxRate !== null) {
    for (const line of lines) {
      const taxableMinor = netOf(line);
      const amountMinor = taxOn(taxableMinor, taxRate.percentage, customer.currency);
      line.taxAmounts.push({ taxRate: taxRate.id, amountMinor, taxableMinor });
    }
  }
  return lines;
}

function netOf(line: InvoiceLine): number {
  return line.amountMinor - total(line.discountAmounts);
}

function total(parts: readonly { amountMinor: number }[]): number {
  return parts.reduce((sum, part) => sum + part.amountMinor, 0);
}
