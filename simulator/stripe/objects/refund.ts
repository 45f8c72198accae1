import type Stripe from 'stripe';

import type { Refund } from '../../world/model';
import { reference, type ObjectType } from '../object-type';
import type { Wire } from '../wire';

export const refund: ObjectType<Refund> = {
  noun: 'refund',
  permission: 'charge',
  find: (id, world) => world.refunds.find(id),
  render: renderRefund,
  expandable: {
    charge: reference('charge'),
    payment_intent: reference('payment_intent'),
  },
};

export function renderRefund(record: Refund) {
  return {
    id: record.id,
    object: 'refund',
    amount: record.amountMinor,
    balance_transaction: record.balanceTransaction,
    charge: record.charge,
    created: record.created,
    currency: record.currency,
    customer: null,
    customer_account: null,
    metadata: {},
    payment_intent: record.paymentIntent,
    payment_method: null,
    reason: record.reason,
    receipt_number: null,
    source_transfer_reversal: null,
    status: record.status,
    transfer_reversal: null,
  } satisfies Wire<Stripe.Refund>;
}
