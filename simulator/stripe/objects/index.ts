/** Every object type by its name on the wire. */
import type { Expandable, Noun, ObjectType, RenderContext, WireObject } from '../object-type';
import type { Permission } from '../keys';
import { charge } from './charge';
import { coupon } from './coupon';
import { creditNote } from './credit-note';
import { creditNoteLine } from './credit-note-line';
import { customer } from './customer';
import { discount } from './discount';
import { dispute } from './dispute';
import { event } from './event';
import { invoice } from './invoice';
import { invoiceItem } from './invoice-item';
import { invoicePayment } from './invoice-payment';
import { lineItem } from './line-item';
import { paymentIntent } from './payment-intent';
import { paymentMethod } from './payment-method';
import { price } from './price';
import { product } from './product';
import { refund } from './refund';
import { subscription } from './subscription';
import { subscriptionItem } from './subscription-item';

/** An object type without its record type: what `expand` needs. */
interface ExpansionTarget {
  permission: Permission;
  expandable: Readonly<Record<string, Expandable>>;
  renderById: (id: string, context: RenderContext) => (WireObject & { deleted?: true }) | undefined;
}

export const expansionTargets: Readonly<Record<Noun, ExpansionTarget>> = {
  charge: target(charge),
  coupon: target(coupon),
  credit_note: target(creditNote),
  credit_note_line_item: target(creditNoteLine),
  customer: target(customer),
  discount: target(discount),
  dispute: target(dispute),
  event: target(event),
  invoice: target(invoice),
  invoice_payment: target(invoicePayment),
  invoiceitem: target(invoiceItem),
  line_item: target(lineItem),
  payment_intent: target(paymentIntent),
  payment_method: target(paymentMethod),
  price: target(price),
  product: target(product),
  refund: target(refund),
  subscription: target(subscription),
  subscription_item: target(subscriptionItem),
};

function target<R>({ noun, permission, expandable, find, render }: ObjectType<R>): ExpansionTarget {
  return {
    permission,
    expandable,
    renderById: (id, context) => {
      // Of a customer and a product a stub stays.
      if ((noun === 'customer' || noun === 'product') && context.world.deleted.has(id))
        return { id, object: noun, deleted: true };
      const record = find?.(id, context.world);
      return record === undefined ? undefined : render(record, context);
    },
  };
}
