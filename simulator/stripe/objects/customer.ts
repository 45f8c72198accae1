import type Stripe from 'stripe';

import type { Customer } from '../../world/model';
import { embedded, reference, type ObjectType } from '../object-type';
import type { Wire } from '../wire';

export const customer: ObjectType<Customer> = {
  noun: 'customer',
  permission: 'customer',
  find: (id, world) => world.customers.find(id),
  render: renderCustomer,
  expandable: {
    discount: embedded('discount'),
    'invoice_settings.default_payment_method': reference('payment_method'),
  },
};

function renderCustomer(record: Customer) {
  return {
    id: record.id,
    object: 'customer',
    address: addressIn(record.country),
    balance: record.balanceMinor,
    created: record.created,
    currency: record.currency,
    customer_account: null,
    default_source: null,
    delinquent: record.delinquent,
    description: null,
    discount: null,
    email: record.email,
    invoice_prefix: record.invoicePrefix,
    invoice_settings: {
      custom_fields: null,
      default_payment_method: record.defaultPaymentMethod,
      footer: null,
      rendering_options: null,
    },
    livemode: false,
    metadata: {},
    name: record.name,
    next_invoice_sequence: record.nextInvoiceSequence,
    phone: null,
    preferred_locales: [],
    shipping: null,
    tax_exempt: 'none',
    test_clock: null,
  } satisfies Wire<Stripe.Customer>;
}

/** The world knows the country of an address only. */
export function addressIn(country: string) {
  return {
    city: null,
    country,
    line1: null,
    line2: null,
    postal_code: null,
    state: null,
  } satisfies Wire<Stripe.Address>;
}
