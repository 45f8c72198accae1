/** Every fixture of Stripe's published specification whose type a walk meets. */
import { z } from 'zod';
import { NotNormalisable } from '../../../providers/provider';
import { KNOWN_TYPES } from '../../../providers/stripe/normalise/normalise';
import { stripe } from '../../../providers/stripe/stripe';
import { describeUnless } from '../../support/skip';
import { readSpec, whyNoSpec } from '../../support/specs';

const FILE = 'stripe/fixtures3.json';
const missing = whyNoSpec(FILE);

const fixtures = z.object({
  resources: z.record(z.string(), z.looseObject({ object: z.string().optional() })),
});

describeUnless(missing, 'the published fixtures', () => {
  const known = (): [string, Record<string, unknown> & { object: string }][] =>
    Object.entries(fixtures.parse(readSpec(FILE)).resources).flatMap(([name, value]) => {
      const { object } = value;
      return object !== undefined && KNOWN_TYPES.includes(object)
        ? [[name, { ...value, object }]]
        : [];
    });

  test('there is one of each type that a walk meets', () => {
    const types = new Set(known().map(([, value]) => value.object));
    expect([...types].sort()).toEqual([...KNOWN_TYPES].sort());
  });

  test('become records, but for these, which say what they lack', () => {
    const reasons: Record<string, string> = {};
    const kinds: Record<string, string[]> = {};
    for (const [name, value] of known()) {
      try {
        const { records } = stripe.normalise({
          type: value.object,
          id: String(value['id']),
          value,
        });
        kinds[name] = records.map(({ kind }) => kind);
      } catch (error) {
        if (!(error instanceof NotNormalisable)) throw error;
        reasons[name] = error.message;
      }
    }
    expect(reasons).toEqual({
      invoice_payment: 'invoice_payment.currency: expected the code of a currency',
    });
    expect(kinds).toEqual({
      charge: ['payment_attempt'],
      coupon: ['coupon'],
      credit_note: ['credit_note'],
      customer: ['customer'],
      deleted_coupon: [],
      deleted_customer: [],
      deleted_invoice: [],
      deleted_invoiceitem: [],
      deleted_price: [],
      deleted_product: [],
      dispute: ['dispute'],
      event: [],
      invoice: ['invoice', 'invoice_line'],
      invoiceitem: ['invoice_item'],
      payment_intent: ['payment'],
      price: ['price'],
      product: ['product'],
      refund: ['refund'],
      subscription: ['subscription', 'subscription_item'],
    });
  });
});
