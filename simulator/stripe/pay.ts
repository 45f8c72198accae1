/** The one endpoint that changes something: paying an invoice. */
import type { Invoice } from '../world/model';
import { payInvoice, type Unpayable } from '../world/payments';
import { carryOut, receive } from '../world/requests';
import { ApiError, invalidRequest, noSuch } from './errors';
import { prepareExpand } from './expand';
import { invoice as invoiceType } from './objects/invoice';
import { cardError, renderPaymentIntent } from './objects/payment-intent';
import { renderPaymentMethod } from './objects/payment-method';
import { expandParam, flag, readParams, text } from './params';
import type { Call } from './route';

const refusals: Record<Unpayable, string> = {
  already_paid: 'Invoice is already paid',
  voided: 'You can only pay an invoice that is open or uncollectible; this invoice is void.',
  processing:
    'This invoice has a payment that is still processing. Wait until it has succeeded or failed before paying it again.',
  no_payment_method:
    'This customer has no attached payment source or default payment method. Please consider adding a default payment method. For more information, visit https://docs.stripe.com/billing/subscriptions/payment-methods-setting#payment-method-priority.',
};

/**
 * `POST /v1/invoices/:id/pay`. Of Stripe's parameters it knows payment_method, off_session, forgive and expand; a
 * decline is 402 `card_error`, an invoice that cannot be paid 400; a direct debit leaves the invoice open.
 */
export function preparePay(invoice: Invoice, call: Call): () => object {
  const { context } = call;
  const { world } = context;
  const params = readParams(
    { payment_method: text, off_session: flag, forgive: flag, expand: expandParam },
    call.raw,
  );
  const expandBody = prepareExpand(params.expand ?? [], {
    noun: 'invoice',
    isList: false,
    mayRead: call.mayRead,
  });
  const paymentMethod = params.payment_method;
  if (
    paymentMethod !== undefined &&
    world.paymentMethods.find(paymentMethod)?.customer !== invoice.customer
  )
    throw noSuch('PaymentMethod', paymentMethod, { param: 'payment_method', status: 400 });

  const at = Math.max(call.now, world.clock);
  const { requestId: id, idempotencyKey } = call;
  const request = receive(world, { id, idempotencyKey, at });

  return () => {
    const result = carryOut(world, request, () =>
      payInvoice(world, {
        invoice: invoice.id,
        at,
        ...(paymentMethod !== undefined && { paymentMethod }),
      }),
    );
    if (result.outcome === 'refused')
      throw invalidRequest(
        refusals[result.reason],
        result.reason === 'processing' ? { code: 'payment_intent_unexpected_state' } : {},
      );
    if (result.outcome === 'declined') {
      const { charge, decline } = result;
      const card = world.paymentMethods.get(charge.paymentMethod);
      throw new ApiError(402, {
        ...cardError(decline),
        charge: charge.id,
        payment_intent: renderPaymentIntent(
          world.paymentIntents.get(charge.paymentIntent),
          context,
        ),
        payment_method: renderPaymentMethod(card, context),
      });
    }
    const body = invoiceType.render(invoice, context);
    expandBody(body, context);
    return body;
  };
}
