import type Stripe from 'stripe';

import type { CreditNote } from '../../world/model';
import { embeddedListOf, reference, type ObjectType, type RenderContext } from '../object-type';
import { embeddedList, type Wire } from '../wire';
import { renderCreditNoteLine } from './credit-note-line';
import { renderTaxes } from './line-item';

export const creditNote: ObjectType<CreditNote> = {
  noun: 'credit_note',
  permission: 'credit_note',
  find: (id, world) => world.creditNotes.find(id),
  render: renderCreditNote,
  expandable: {
    customer: reference('customer'),
    invoice: reference('invoice'),
    lines: embeddedListOf('credit_note_line_item'),
    'refunds.refund': reference('refund'),
  },
};

function renderCreditNote(record: CreditNote, { account, embeddedPageSize }: RenderContext) {
  const paid = record.type === 'post_payment';
  return {
    id: record.id,
    object: 'credit_note',
    amount: record.totalMinor,
    amount_shipping: 0,
    created: record.created,
    currency: record.currency,
    customer: record.customer,
    customer_account: null,
    customer_balance_transaction: record.customerBalanceTransaction,
    discount_amount: 0,
    discount_amounts: [],
    effective_at: record.created,
    invoice: record.invoice,
    lines: embeddedList(
      record.lines.map(renderCreditNoteLine),
      `/v1/credit_notes/${record.id}/lines`,
      embeddedPageSize,
    ),
    livemode: false,
    memo: null,
    metadata: {},
    number: record.number,
    out_of_band_amount: null,
    pdf: `https://pay.stripe.com/credit_notes/${account.id}/${record.id}/pdf`,
    post_payment_amount: paid ? record.totalMinor : 0,
    pre_payment_amount: paid ? 0 : record.totalMinor,
    pretax_credit_amounts: [],
    reason: record.reason,
    refunds:
      record.refund === null
        ? []
        : [
            {
              amount_refunded: record.totalMinor,
              payment_record_refund: null,
              refund: record.refund,
              type: 'refund',
            },
          ],
    shipping_cost: null,
    status: record.status,
    subtotal: record.subtotalMinor,
    subtotal_excluding_tax: record.subtotalMinor,
    total: record.totalMinor,
    total_excluding_tax: record.totalMinor - record.taxMinor,
    total_taxes: renderTaxes(record.lines.flatMap((line) => line.taxAmounts)),
    type: record.type,
    voided_at: null,
  } satisfies Wire<Stripe.CreditNote>;
}
