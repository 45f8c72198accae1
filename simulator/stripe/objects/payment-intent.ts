import type Stripe from 'stripe';

import type { Decline, PaymentIntent } from '../../world/model';
import type { World } from '../../world/world';
import { reference, type ObjectType, type RenderContext } from '../object-type';
import type { Wire } from '../wire';
import { renderPaymentMethod } from './payment-method';

export const paymentIntent: ObjectType<PaymentIntent> = {
  noun: 'payment_intent',
  permission: 'payment_intent',
  find: (id, world) => world.paymentIntents.find(id),
  render: renderPaymentIntent,
  expandable: {
    customer: reference('customer'),
    latest_charge: reference('charge'),
    payment_method: reference('payment_method'),
  },
};

export function renderPaymentIntent(record: PaymentIntent, context: RenderContext) {
  return {
    id: record.id,
    object: 'payment_intent',
    allowed_payment_method_types: null,
    amount: record.amountMinor,
    amount_capturable: 0,
    amount_details: { tip: {} },
    amount_received: record.amountReceivedMinor,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: null,
    canceled_at: record.canceledAt,
    cancellation_reason: record.status === 'canceled' ? 'void_invoice' : null,
    capture_method: 'automatic',
    client_secret: `${record.id}_secret_${record.id.slice(3)}`,
    confirmation_method: 'automatic',
    created: record.created,
    currency: record.currency,
    customer: record.customer,
    customer_account: null,
    description: null,
    excluded_payment_method_types: null,
    last_payment_error: lastPaymentError(record, context),
    latest_charge: record.latestCharge,
    livemode: false,
    managed_payments: null,
    metadata: {},
    next_action: null,
    on_behalf_of: null,
    payment_method: record.paymentMethod,
    payment_method_configuration_details: null,
    payment_method_options: null,
    payment_method_types: [methodOf(record, context.world)],
    payment_record: null,
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: 'off_session',
    shipping: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: record.status,
    transfer_data: null,
    transfer_group: null,
  } satisfies Wire<Omit<Stripe.PaymentIntent, 'last_payment_error' | 'source'>> & {
    last_payment_error: object | null;
  };
}

function lastPaymentError(record: PaymentIntent, context: RenderContext) {
  const error = record.lastPaymentError;
  if (error === null) return null;
  const method = context.world.paymentMethods.get(error.paymentMethod);
  return {
    charge: error.charge,
    ...(method.debit === undefined ? cardError(error.decline) : debitError(error.decline)),
    payment_method: renderPaymentMethod(method, context),
  };
}

/** The kind of what it was last attempted with. */
function methodOf({ paymentMethod, lastPaymentError }: PaymentIntent, world: World): string {
  const id = paymentMethod ?? lastPaymentError?.paymentMethod;
  return (id === undefined ? undefined : world.paymentMethods.get(id).debit) ?? 'card';
}

/** What a returned direct debit looks like; which return it was, its charge says. */
function debitError({ message, networkDeclineCode }: Decline) {
  return {
    code: 'payment_intent_payment_attempt_failed',
    message,
    ...(networkDeclineCode !== null && { network_decline_code: networkDeclineCode }),
    type: 'invalid_request_error' as const,
  };
}

/** What a decline looks like in an error object. */
export function cardError(decline: Decline) {
  return {
    ...(decline.adviceCode !== null && { advice_code: decline.adviceCode }),
    code: decline.code,
    decline_code: decline.declineCode,
    message: decline.message,
    ...(decline.networkAdviceCode !== null && { network_advice_code: decline.networkAdviceCode }),
    ...(decline.networkDeclineCode !== null && {
      network_decline_code: decline.networkDeclineCode,
    }),
    type: 'card_error' as const,
  };
}
