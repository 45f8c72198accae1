import type Stripe from 'stripe';

import type { Invoice, InvoiceLine } from '../../world/model';
import { grouped } from '../grouped';
import { embeddedListOf, reference, type ObjectType, type RenderContext } from '../object-type';
import { embeddedList, type Wire } from '../wire';
import { addressIn } from './customer';
import { renderInvoicePayment } from './invoice-payment';
import { renderLineItem, renderTaxes } from './line-item';

export const invoice: ObjectType<Invoice> = {
  noun: 'invoice',
  permission: 'invoice',
  find: (id, world) => world.invoices.find(id),
  render: renderInvoice,
  expandable: {
    customer: reference('customer'),
    default_payment_method: reference('payment_method'),
    discounts: reference('discount'),
    lines: embeddedListOf('line_item'),
    'parent.subscription_details.subscription': reference('subscription'),
    payments: {
      kind: 'included',
      to: 'invoice_payment',
      load: (id, { world, embeddedPageSize }) => {
        const payments = grouped(world.invoicePayments, 'invoice').get(id) ?? [];
        return embeddedList(
          payments.map(renderInvoicePayment).reverse(),
          `/v1/invoice_payments?invoice=${id}`,
          embeddedPageSize,
        );
      },
    },
    'total_discount_amounts.discount': reference('discount'),
  },
};

/** `payments` is absent unless expanded, in events as well. */
function renderInvoice(record: Invoice, context: RenderContext) {
  const { account, embeddedPageSize, world } = context;
  const customer = world.customers.get(record.customer);
  const taxFree = record.totalMinor - record.taxMinor;
  const lines = record.lines.slice(0, embeddedPageSize + 1);
  return {
    id: record.id,
    object: 'invoice',
    account_country: account.country,
    account_name: account.name,
    account_tax_ids: null,
    amount_due: record.amountDueMinor,
    amount_overpaid: 0,
    amount_paid: record.amountPaidMinor,
    amount_paid_off_stripe: 0,
    amount_remaining: record.amountRemainingMinor,
    amount_shipping: 0,
    application: null,
    attempt_count: record.attemptCount,
    attempted: record.attempted,
    auto_advance: record.autoAdvance,
    automatic_tax: {
      disabled_reason: null,
      enabled: false,
      liability: null,
      provider: null,
      status: null,
    },
    automatically_finalizes_at: null,
    billing_reason: record.billingReason,
    collection_method: record.collectionMethod,
    created: record.created,
    currency: record.currency,
    custom_fields: null,
    customer: record.customer,
    customer_account: null,
    customer_address: addressIn(customer.country),
    customer_email: customer.email,
    customer_name: customer.name,
    customer_phone: null,
    customer_shipping: null,
    customer_tax_exempt: 'none',
    customer_tax_ids: [],
    default_payment_method: null,
    default_source: null,
    default_tax_rates: [],
    description: null,
    discounts: [...record.discounts],
    due_date: record.dueDate,
    effective_at: record.statusTransitions.finalizedAt,
    ending_balance: record.endingBalanceMinor,
    footer: null,
    from_invoice: null,
    hosted_invoice_url: hostedUrl(record, account.id),
    invoice_pdf: null,
    issuer: { type: 'self' },
    last_finalization_error: null,
    latest_revision: null,
    lines: embeddedList(
      lines.map((line) => renderLineItem(line, context)),
      `/v1/invoices/${record.id}/lines`,
      embeddedPageSize,
    ),
    livemode: false,
    metadata: {},
    next_payment_attempt: record.nextPaymentAttempt,
    number: record.number,
    on_behalf_of: null,
    parent:
      record.subscription === null
        ? null
        : {
            quote_details: null,
            subscription_details: { metadata: {}, subscription: record.subscription },
            type: 'subscription_details',
          },
    payment_settings: {
      default_mandate: null,
      payment_method_options: null,
      payment_method_types: null,
    },
    period_end: record.period.end,
    period_start: record.period.start,
    post_payment_credit_notes_amount: record.postPaymentCreditNotesMinor,
    pre_payment_credit_notes_amount: record.prePaymentCreditNotesMinor,
    receipt_number: null,
    rendering: null,
    shipping_cost: null,
    shipping_details: null,
    starting_balance: record.startingBalanceMinor,
    statement_descriptor: null,
    status: record.status,
    status_transitions: {
      finalized_at: record.statusTransitions.finalizedAt,
      marked_uncollectible_at: record.statusTransitions.markedUncollectibleAt,
      paid_at: record.statusTransitions.paidAt,
      voided_at: record.statusTransitions.voidedAt,
    },
    subtotal: record.subtotalMinor,
    subtotal_excluding_tax: record.subtotalMinor,
    test_clock: null,
    total: record.totalMinor,
    total_discount_amounts: totalDiscounts(record.lines),
    total_excluding_tax: taxFree,
    total_pretax_credit_amounts: totalDiscounts(record.lines).map((applied) => ({
      ...applied,
      type: 'discount',
    })),
    total_taxes: totalTaxes(record.lines),
    webhooks_delivered_at: record.created,
  } satisfies Wire<Stripe.Invoice>;
}

/** Where the customer can pay it, from its finalization on; Stripe's links carry an opaque text as well. */
function hostedUrl({ id, status }: Invoice, accountId: string): string | null {
  if (status === 'draft') return null;
  const opaque = Buffer.from(`${accountId},_${id.slice(3)}`).toString('base64url');
  return `https://invoice.stripe.com/i/${accountId}/test_${opaque}?s=ap`;
}

function totalDiscounts(lines: readonly InvoiceLine[]) {
  const totals = new Map<string, { amount: number; discount: string }>();
  for (const { discount, amountMinor } of lines.flatMap((line) => line.discountAmounts)) {
    const total = totals.get(discount);
    if (total === undefined) totals.set(discount, { amount: amountMinor, discount });
    else total.amount += amountMinor;
  }
  return [...totals.values()];
}

function totalTaxes(lines: readonly InvoiceLine[]) {
  const totals = new Map<string, InvoiceLine['taxAmounts'][number]>();
  for (const tax of lines.flatMap((line) => line.taxAmounts)) {
    const total = totals.get(tax.taxRate);
    if (total === undefined) totals.set(tax.taxRate, { ...tax });
    else {
      total.amountMinor += tax.amountMinor;
      total.taxableMinor += tax.taxableMinor;
    }
  }
  return renderTaxes([...totals.values()]);
}
