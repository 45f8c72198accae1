import type Stripe from 'stripe';

import type { BankAccount, Card, PaymentMethod } from '../../world/model';
import type { World } from '../../world/world';
import { reference, type ObjectType, type RenderContext } from '../object-type';
import type { Wire } from '../wire';
import { addressIn } from './customer';

export const paymentMethod: ObjectType<PaymentMethod> = {
  noun: 'payment_method',
  permission: 'payment_method',
  find: (id, world) => world.paymentMethods.find(id),
  render: renderPaymentMethod,
  expandable: { customer: reference('customer') },
};

export function renderPaymentMethod(record: PaymentMethod, { world }: RenderContext) {
  return {
    id: record.id,
    object: 'payment_method',
    allow_redisplay: 'unspecified',
    billing_details: billingDetails(record.customer, world),
    ...(record.debit === undefined
      ? { card: cardOf(record) }
      : { [record.debit]: accountOf(record) }),
    created: record.created,
    customer: record.customer,
    customer_account: null,
    livemode: false,
    metadata: {},
    type: record.debit ?? 'card',
  } satisfies Wire<Stripe.PaymentMethod>;
}

function cardOf(record: Card) {
  return {
    brand: record.brand,
    checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
    country: record.country,
    display_brand: record.brand,
    exp_month: record.expMonth,
    exp_year: record.expYear,
    fingerprint: record.fingerprint,
    funding: record.funding,
    generated_from: null,
    last4: record.last4,
    networks: { available: [record.brand], preferred: null },
    regulated_status: null,
    three_d_secure_usage: { supported: true },
    wallet: null,
  } satisfies Wire<Stripe.PaymentMethod.Card>;
}

function accountOf({ debit, bankCode, country, fingerprint, last4 }: BankAccount) {
  if (debit === 'sepa_debit')
    return {
      bank_code: bankCode,
      branch_code: null,
      country,
      fingerprint,
      generated_from: null,
      last4,
    } satisfies Wire<Stripe.PaymentMethod.SepaDebit>;
  return {
    account_holder_type: 'individual',
    account_type: 'checking',
    bank_name: 'Simulated Bank',
    financial_connections_account: null,
    fingerprint,
    last4,
    networks: { preferred: 'ach', supported: ['ach'] },
    routing_number: bankCode,
    status_details: null,
  } satisfies Wire<Stripe.PaymentMethod.UsBankAccount>;
}

export function billingDetails(customerId: string, world: World) {
  const { country, email, name } = world.customers.get(customerId);
  return { address: addressIn(country), email, name, phone: null, tax_id: null };
}
