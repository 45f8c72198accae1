import type Stripe from 'stripe';

import type { InvoiceLine } from '../../world/model';
import type { World } from '../../world/world';
import { reference, type ObjectType, type RenderContext } from '../object-type';
import type { Wire } from '../wire';

export const lineItem: ObjectType<InvoiceLine> = {
  noun: 'line_item',
  permission: 'invoice',
  render: renderLineItem,
  expandable: {
    'discount_amounts.discount': reference('discount'),
    discounts: reference('discount'),
    'pricing.price_details.price': reference('price'),
    subscription: reference('subscription'),
  },
};

export function renderLineItem(record: InvoiceLine, { world }: RenderContext) {
  return {
    id: record.id,
    object: 'line_item',
    amount: record.amountMinor,
    currency: world.prices.get(record.price).currency,
    description: record.description,
    discount_amounts: record.discountAmounts.map((applied) => ({
      amount: applied.amountMinor,
      discount: applied.discount,
    })),
    discountable: record.discountable,
    discounts: record.discountAmounts.map((applied) => applied.discount),
    invoice: record.invoice,
    livemode: false,
    metadata: {},
    parent: parentOf(record),
    period: { end: record.period.end, start: record.period.start },
    pretax_credit_amounts: record.discountAmounts.map((applied) => ({
      amount: applied.amountMinor,
      discount: applied.discount,
      type: 'discount',
    })),
    pricing: pricingOf(record.price, world),
    quantity: record.quantity,
    quantity_decimal: String(record.quantity),
    subscription: record.subscription,
    subtotal: record.amountMinor,
    taxes: renderTaxes(record.taxAmounts),
  } satisfies Wire<Stripe.InvoiceLineItem>;
}

/** A line of a subscription item names it, whether or not an invoice item (a proration) came in between. */
function parentOf(record: InvoiceLine) {
  const proration_details = record.proration ? { credited_items: null } : null;
  if (record.subscriptionItem !== null)
    return {
      invoice_item_details: null,
      subscription_item_details: {
        invoice_item: record.invoiceItem,
        proration: record.proration,
        proration_details,
        subscription: record.subscription,
        subscription_item: record.subscriptionItem,
      },
      type: 'subscription_item_details',
    };
  if (record.invoiceItem === null) return null;
  return {
    invoice_item_details: {
      invoice_item: record.invoiceItem,
      proration: record.proration,
      proration_details,
      subscription: record.subscription,
    },
    subscription_item_details: null,
    type: 'invoice_item_details',
  };
}

export function pricingOf(priceId: string, world: World) {
  const price = world.prices.get(priceId);
  return {
    price_details: { price: price.id, product: price.product },
    type: 'price_details' as const,
    unit_amount_decimal: price.unitAmountDecimal,
  };
}

export function renderTaxes(taxes: InvoiceLine['taxAmounts']) {
  return taxes.map((tax) => ({
    amount: tax.amountMinor,
    tax_behavior: 'exclusive',
    tax_rate_details: { tax_rate: tax.taxRate },
    taxability_reason: 'not_available',
    taxable_amount: tax.taxableMinor,
    type: 'tax_rate_details' as const,
  })) satisfies Wire<Stripe.InvoiceLineItem.Tax[]>;
}
