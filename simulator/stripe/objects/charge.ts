import type Stripe from 'stripe';

import type { BankAccount, Card, Charge, Decline } from '../../world/model';
import { grouped } from '../grouped';
import { reference, type ObjectType, type RenderContext } from '../object-type';
import { embeddedList, type Wire } from '../wire';
import { billingDetails } from './payment-method';
import { renderRefund } from './refund';

export const charge: ObjectType<Charge> = {
  noun: 'charge',
  permission: 'charge',
  find: (id, world) => world.charges.find(id),
  render: renderCharge,
  expandable: {
    customer: reference('customer'),
    payment_intent: reference('payment_intent'),
    refunds: {
      kind: 'included',
      to: 'refund',
      load: (id, { world, embeddedPageSize }) => {
        const refunds = grouped(world.refunds, 'charge').get(id) ?? [];
        return embeddedList(
          refunds.map(renderRefund).reverse(),
          `/v1/charges/${id}/refunds`,
          embeddedPageSize,
        );
      },
    },
  },
};

/** `refunds` is absent unless expanded; the legacy `source` is left out. */
function renderCharge(record: Charge, { world }: RenderContext) {
  const succeeded = record.status === 'succeeded';
  const method = world.paymentMethods.get(record.paymentMethod);
  return {
    id: record.id,
    object: 'charge',
    amount: record.amountMinor,
    amount_captured: succeeded ? record.amountMinor : 0,
    amount_refunded: record.amountRefundedMinor,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: record.balanceTransaction,
    billing_details: billingDetails(record.customer, world),
    calculated_statement_descriptor: null,
    captured: succeeded,
    created: record.created,
    currency: record.currency,
    customer: record.customer,
    description: null,
    disputed: record.disputed,
    failure_balance_transaction: null,
    failure_code: record.decline?.code ?? null,
    failure_message: record.decline?.message ?? null,
    fraud_details: {},
    livemode: false,
    metadata: {},
    on_behalf_of: null,
    outcome: outcomeOf(record.decline),
    paid: succeeded,
    payment_intent: record.paymentIntent,
    payment_method: record.paymentMethod,
    payment_method_details: {
      ...(method.debit === undefined
        ? { card: cardDetails(record, method) }
        : { [method.debit]: accountDetails(method) }),
      type: method.debit ?? 'card',
    },
    receipt_email: null,
    receipt_number: null,
    receipt_url: null,
    refunded: succeeded && record.amountRefundedMinor === record.amountMinor,
    review: null,
    shipping: null,
    source_transfer: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: record.status,
    transfer_data: null,
    transfer_group: null,
  } satisfies Wire<Omit<Stripe.Charge, 'source'>>;
}

function outcomeOf(decline: Decline | null) {
  if (decline === null)
    return {
      advice_code: null,
      network_advice_code: null,
      network_decline_code: null,
      network_status: 'approved_by_network',
      reason: null,
      risk_level: 'normal',
      seller_message: 'Payment complete.',
      type: 'authorized',
    };
  return {
    advice_code: decline.adviceCode,
    network_advice_code: decline.networkAdviceCode,
    network_decline_code: decline.networkDeclineCode,
    network_status:
      decline.outcomeType === 'blocked' ? 'not_sent_to_network' : 'declined_by_network',
    reason: decline.declineCode,
    risk_level: decline.outcomeType === 'blocked' ? 'highest' : 'normal',
    seller_message: decline.message,
    type: decline.outcomeType,
  };
}

function cardDetails(record: Charge, method: Card) {
  return {
    amount_authorized: record.status === 'succeeded' ? record.amountMinor : null,
    authorization_code: null,
    brand: method.brand,
    checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: null },
    country: method.country,
    electronic_commerce_indicator: null,
    exp_month: method.expMonth,
    exp_year: method.expYear,
    fingerprint: method.fingerprint,
    funding: method.funding,
    installments: null,
    last4: method.last4,
    mandate: null,
    network: method.brand,
    network_token: { used: false },
    network_transaction_id: null,
    regulated_status: null,
    three_d_secure: null,
    transaction_link_id: null,
    wallet: null,
  };
}

function accountDetails({ debit, bankCode, country, fingerprint, last4 }: BankAccount) {
  if (debit === 'sepa_debit')
    return {
      bank_code: bankCode,
      branch_code: null,
      country,
      fingerprint,
      last4,
      mandate: null,
    } satisfies Wire<Stripe.Charge.PaymentMethodDetails.SepaDebit>;
  return {
    account_holder_type: 'individual',
    account_type: 'checking',
    bank_name: 'Simulated Bank',
    fingerprint,
    last4,
    payment_reference: null,
    routing_number: bankCode,
  } satisfies Wire<Stripe.Charge.PaymentMethodDetails.UsBankAccount>;
}
