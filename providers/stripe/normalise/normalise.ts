import { NotNormalisable, type Normalised, type RawObject } from '../../provider';
import { normaliseCharge } from './charge';
import { normaliseCoupon } from './coupon';
import { normaliseCreditNote } from './credit-note';
import { normaliseCustomer } from './customer';
import { normaliseDispute } from './dispute';
import { normaliseEvent } from './event';
import { normaliseInvoice } from './invoice';
import { normaliseInvoiceItem } from './invoice-item';
import { normaliseInvoicePayment } from './invoice-payment';
import { normalisePaymentIntent } from './payment-intent';
import { normalisePrice } from './price';
import { normaliseProduct } from './product';
import { normaliseRefund } from './refund';
import { normaliseSubscription } from './subscription';

/** Raised with every change of what an object gives: `recoup metrics restate` then makes the rows of before anew. */
export const NORMALISER_VERSION = 2;

/** Every type of object that a walk meets. */
const NORMALISERS: Readonly<Record<string, (value: unknown) => Partial<Normalised>>> = {
  charge: normaliseCharge,
  coupon: normaliseCoupon,
  credit_note: normaliseCreditNote,
  customer: normaliseCustomer,
  dispute: normaliseDispute,
  event: normaliseEvent,
  invoice: normaliseInvoice,
  invoice_payment: normaliseInvoicePayment,
  invoiceitem: normaliseInvoiceItem,
  payment_intent: normalisePaymentIntent,
  price: normalisePrice,
  product: normaliseProduct,
  refund: normaliseRefund,
  subscription: normaliseSubscription,
};

export const KNOWN_TYPES: readonly string[] = Object.keys(NORMALISERS);

const NOTHING: Normalised = { records: [], mentions: [], customerIds: [], hints: [], unknowns: [] };

/** Canonical records of one Stripe object. A deleted one, of which only the id is left, gives none. */
export function normalise({ type, value }: Pick<RawObject, 'type' | 'value'>): Normalised {
  const normaliser = Object.hasOwn(NORMALISERS, type) ? NORMALISERS[type] : undefined;
  if (normaliser === undefined) throw new NotNormalisable(`${type}: not a type that is known`);
  if (value['deleted'] === true) return NOTHING;
  const { records, mentions, customerIds, hints, unknowns } = normaliser(value);
  return {
    records: records ?? [],
    mentions: mentions ?? [],
    customerIds: customerIds ?? [],
    hints: hints ?? [],
    unknowns: unknowns ?? [],
  };
}
