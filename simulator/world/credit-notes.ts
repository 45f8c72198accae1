/** Credit notes, before and after payment. */
import { changeBalance } from './customers';
import { amend, emit } from './events';
import { newId } from './ids';
import { settleInvoice } from './invoices';
import type { Charge, CreditNote, CreditNoteLine, Invoice, InvoiceLine } from './model';
import { taxOn } from './money';
import { adjustPayment, cancelPayment } from './payment-intents';
import { refundCharge } from './refunds';
import { agendaOf, type World } from './world';

/** Where the credit of a paid invoice goes. */
type CreditTarget = 'refund' | 'balance';

/**
 * Credits part of one invoice line, with its tax: lowers what is due on an open invoice, or gives back what was paid.
 * `amountMinor` is before tax.
 */
export function creditLine(
  world: World,
  { invoice, line, amountMinor }: { invoice: Invoice; line: InvoiceLine; amountMinor: number },
  {
    at,
    target,
    reason = 'order_change',
  }: { at: number; target: CreditTarget; reason?: CreditNote['reason'] },
): CreditNote {
  if (invoice.status !== 'open' && invoice.status !== 'paid') {
    throw new Error(`The ${invoice.status} invoice ${invoice.id} cannot be credited.`);
  }
  const { ids } = agendaOf(world, invoice.customer);
  const taxAmounts = line.taxAmounts.map(({ taxRate }) => ({
    taxRate,
    taxableMinor: amountMinor,
    amountMinor: taxOn(amountMinor, world.taxRates.get(taxRate).percentage, invoice.currency),
  }));
  const taxMinor = taxAmounts.reduce((sum, tax) => sum + tax.amountMinor, 0);
  const totalMinor = amountMinor + taxMinor;
  const prePayment = invoice.status === 'open';
  const creditable = prePayment
    ? invoice.amountRemainingMinor
    : invoice.amountPaidMinor - invoice.postPaymentCreditNotesMinor;
  if (totalMinor <= 0 || totalMinor > creditable) {
    throw new Error(
      `${invoice.id} has ${String(creditable)} to credit, not ${String(totalMinor)}.`,
    );
  }
  const id = newId(ids, 'cn');
  const lines: CreditNoteLine[] = [
    {
      id: newId(ids, 'cnli'),
      invoiceLine: line.id,
      description: line.description,
      quantity: 1,
      amountMinor,
      taxAmounts,
    },
  ];
  const note: CreditNote = {
    id,
    created: at,
    invoice: invoice.id,
    customer: invoice.customer,
    currency: invoice.currency,
    number: nextNumber(world, invoice),
    status: 'issued',
    type: prePayment ? 'pre_payment' : 'post_payment',
    reason,
    subtotalMinor: amountMinor,
    taxMinor,
    totalMinor,
    refund: null,
    customerBalanceTransaction: null,
    lines,
  };
  if (prePayment) {
    lowerDue(world, invoice, { at, totalMinor });
  } else {
    giveBack(world, note, { charge: chargeOf(world, invoice), target });
    amend(world, { at, type: 'invoice.updated', kind: 'invoice', record: invoice }, () => {
      invoice.postPaymentCreditNotesMinor += totalMinor;
    });
  }
  world.creditNotes.add(note);
  emit(world, { at, type: 'credit_note.created', kind: 'creditNote', record: note });
  return note;
}

function lowerDue(
  world: World,
  invoice: Invoice,
  { at, totalMinor }: { at: number; totalMinor: number },
): void {
  amend(world, { at, type: 'invoice.updated', kind: 'invoice', record: invoice }, () => {
    invoice.prePaymentCreditNotesMinor += totalMinor;
    invoice.amountDueMinor -= totalMinor;
    invoice.amountRemainingMinor -= totalMinor;
  });
  adjustPayment(world, invoice);
  if (invoice.amountRemainingMinor > 0) return;
  cancelPayment(world, invoice, at);
  settleInvoice(world, invoice, at);
}

function giveBack(
  world: World,
  note: CreditNote,
  { charge, target }: { charge: Charge | null; target: CreditTarget },
): void {
  const { created: at, totalMinor } = note;
  if (
    target === 'refund' &&
    charge !== null &&
    charge.amountMinor - charge.amountRefundedMinor >= totalMinor
  ) {
    note.refund = refundCharge(world, charge, { at, amountMinor: totalMinor }).id;
    return;
  }
  const customer = world.customers.get(note.customer);
  note.customerBalanceTransaction = changeBalance(world, customer, {
    at,
    amountMinor: -totalMinor,
    type: 'credit_note',
    invoice: note.invoice,
    creditNote: note.id,
  }).id;
}

function nextNumber(world: World, invoice: Invoice): string {
  const earlier = world.creditNotes.all.filter((note) => note.invoice === invoice.id).length;
  return `${invoice.number ?? ''}-CN-${String(earlier + 1).padStart(2, '0')}`;
}

function chargeOf(world: World, invoice: Invoice): Charge | null {
  if (invoice.paymentIntent === null) return null;
  const { latestCharge } = world.paymentIntents.get(invoice.paymentIntent);
  return latestCharge === null ? null : world.charges.get(latestCharge);
}
