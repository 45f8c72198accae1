import type Stripe from 'stripe';

import type { CreditNoteLine } from '../../world/model';
import type { ObjectType } from '../object-type';
import type { Wire } from '../wire';
import { renderTaxes } from './line-item';

export const creditNoteLine: ObjectType<CreditNoteLine> = {
  noun: 'credit_note_line_item',
  permission: 'credit_note',
  render: renderCreditNoteLine,
  expandable: {},
};

export function renderCreditNoteLine(record: CreditNoteLine) {
  return {
    id: record.id,
    object: 'credit_note_line_item',
    amount: record.amountMinor,
    description: record.description,
    discount_amount: 0,
    discount_amounts: [],
    invoice_line_item: record.invoiceLine,
    livemode: false,
    metadata: {},
    pretax_credit_amounts: [],
    quantity: record.quantity,
    tax_rates: [],
    taxes: renderTaxes(record.taxAmounts),
    type: 'invoice_line_item',
    unit_amount: null,
    unit_amount_decimal: null,
  } satisfies Wire<Stripe.CreditNoteLineItem>;
}
