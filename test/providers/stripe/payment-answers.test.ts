/** What answers of Stripe's prove, and what an invoice tells before it is paid: those that no simulator gives. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Payments } from '../../../providers/provider';
import { stripe } from '../../../providers/stripe/stripe';
import { sendJson, startHttpStub, type HttpStub } from '../../support/http-stub';

const TIMEOUT_MS = 5_000;
const signal = new AbortController().signal;

type Json = Record<string, unknown>;
let stub: HttpStub;
/** Answers by path without its query; 404 for all others. */
let objects: Record<string, Json>;
let onPay: [status: number, body: Json];

const invoice = (fields: Json = {}, intent: Json | null = {}): Json => ({
  id: 'in_1',
  object: 'invoice',
  status: 'open',
  customer: { id: 'cus_1', object: 'customer' },
  currency: 'eur',
  amount_due: 900,
  amount_paid: 0,
  amount_remaining: 900,
  payments: {
    has_more: false,
    data: [
      {
        is_default: true,
        amount_paid: null,
        payment: {
          payment_intent: intent && {
            id: 'pi_1',
            status: 'requires_payment_method',
            amount_received: 0,
            latest_charge: 'ch_1',
            ...intent,
          },
        },
      },
    ],
  },
  ...fields,
});

beforeAll(async () => {
  stub = await startHttpStub((request: IncomingMessage, response: ServerResponse) => {
    const path = request.url?.replace(/\?.*/, '') ?? '';
    if (request.method === 'POST') {
      sendJson(response, ...onPay);
      return;
    }
    const found = objects[path];
    const error = { type: 'invalid_request_error', code: 'resource_missing', param: 'id' };
    sendJson(response, found === undefined ? 404 : 200, found ?? { error });
  });
});
afterAll(() => stub.close());
beforeEach(() => {
  objects = {
    '/v1/account': { id: 'acct_1', object: 'account' },
    '/v1/invoices/in_1': invoice(),
  };
});

function connect(): Payments {
  const connection = { externalId: 'acct_1', secret: 'sk_test_1', apiBase: stub.base };
  const { payments } = stripe.connect(connection);
  if (payments === undefined) throw new Error('Stripe has payments.');
  return payments;
}

const pay = (credentialId = 'pm_1') =>
  connect().pay({
    invoiceId: 'in_1',
    credentialId,
    idempotencyKey: 'recoup/test/1',
    sendBefore: new Date(Date.now() + TIMEOUT_MS),
    timeoutMs: TIMEOUT_MS,
    signal,
  });

describe('a 200', () => {
  test.each([
    ['processing', { kind: 'pending', chargeId: 'ch_1' }],
    ['requires_capture', { kind: 'pending', chargeId: 'ch_1' }],
    ['succeeded', { kind: 'succeeded', chargeId: 'ch_1', amountMinor: 900n }],
    ['requires_action', { kind: 'unknown' }],
    ['requires_payment_method', { kind: 'unknown' }],
    ['something_new', { kind: 'unknown' }],
  ])('of an open invoice says what its payment says: %s', async (status, outcome) => {
    onPay = [200, invoice({}, { status, amount_received: 900 })];
    expect(await pay()).toMatchObject(outcome);
  });

  test('of a paid invoice without any payment brought no charge and no money', async () => {
    const payments = { has_more: false, data: [] };
    onPay = [200, invoice({ status: 'paid', payments })];
    expect(await pay()).toMatchObject({ kind: 'succeeded', chargeId: null, amountMinor: 0n });
  });

  test('of a paid invoice whose payments came cut proves nothing', async () => {
    onPay = [200, invoice({ status: 'paid', payments: { has_more: true, data: [] } })];
    expect(await pay()).toMatchObject({ kind: 'unknown' });
  });

  test('that is no invoice proves nothing', async () => {
    onPay = [200, { id: 'in_1', object: 'customer' }];
    expect(await pay()).toMatchObject({ kind: 'unknown' });
  });
});

describe('an error', () => {
  test.each([
    [400, { type: 'invalid_request_error' }, 'refused'],
    [404, { type: 'invalid_request_error', code: 'resource_missing' }, 'refused'],
    [400, { type: 'idempotency_error' }, 'unknown'],
    [409, { type: 'idempotency_error', code: 'idempotency_key_in_use' }, 'unknown'],
    [409, { type: 'invalid_request_error', code: 'something_new' }, 'unknown'],
    [402, { type: 'invalid_request_error' }, 'unknown'],
    [424, { type: 'api_error' }, 'unknown'],
    [400, { type: 'api_error' }, 'unknown'],
    [401, { type: 'invalid_request_error' }, 'refused'],
    [403, { type: 'invalid_request_error' }, 'refused'],
    [429, { type: 'invalid_request_error', code: 'lock_timeout' }, 'not_sent'],
    [500, { type: 'api_error' }, 'unknown'],
    [503, { type: 'api_error' }, 'unknown'],
    [400, { message: 'of another service' }, 'unknown'],
  ])('%i %j: %s', async (status, error, kind) => {
    onPay = [status, { error }];
    expect((await pay()).kind).toBe(kind);
  });

  test.each(['paid', 'void', 'uncollectible'])(
    'that refuses an invoice names its status: %s',
    async (status) => {
      objects['/v1/invoices/in_1'] = invoice({ status });
      onPay = [400, { error: { type: 'invalid_request_error' } }];
      expect(await pay()).toMatchObject({
        kind: 'refused',
        error: { details: { invoiceStatus: status } },
      });
    },
  );

  test('that asks for the customer is a decline that says so, though no charge was made', async () => {
    const code = 'invoice_payment_intent_requires_action';
    onPay = [402, { error: { type: 'card_error', code } }];
    expect(await pay()).toMatchObject({
      kind: 'declined',
      chargeId: null,
      codes: { failureCode: 'authentication_required' },
    });
  });

  test('that its charge contradicts proves nothing', async () => {
    const error = { type: 'card_error', code: 'card_declined', charge: 'ch_2' };
    onPay = [402, { error }];
    const charge = { id: 'ch_2', created: 1, status: 'succeeded', amount: 900 };
    objects['/v1/charges/ch_2'] = { ...charge, disputed: false, refunded: false };
    expect(await pay()).toMatchObject({ kind: 'unknown' });
    objects['/v1/charges/ch_2'] = { ...charge, status: 'failed', disputed: false, refunded: false };
    expect(await pay()).toMatchObject({
      kind: 'declined',
      chargeId: 'ch_2',
      codes: { failureCode: 'card_declined' },
    });
  });
});

test('an attempt whose charge is not shown yet while its payment is being processed: unclear', async () => {
  objects['/v1/invoices/in_1'] = invoice({}, { status: 'processing' });
  const search = { idempotencyKey: 'recoup/test/1', intendedAt: new Date(), chargeBefore: 'ch_1' };
  const finding = await connect().find({ invoiceId: 'in_1', ...search, signal });
  expect(finding).toMatchObject({ kind: 'unclear' });
});

describe('what an invoice would be paid with', () => {
  const method = (id: string, fields: Json = {}): Json => ({
    id,
    type: 'card',
    customer: 'cus_1',
    card: { brand: 'visa', country: 'DE', fingerprint: `print of ${id}`, funding: 'debit' },
    ...fields,
  });
  const see = () => connect().readInvoice({ invoiceId: 'in_1', signal });
  /** From the first that Stripe looks for to the last. */
  const places: [string, Json][] = [
    ['the invoice’s method', { default_payment_method: 'pm_a' }],
    ['the invoice’s source', { default_source: 'card_b' }],
    ['the subscription’s method', subscription({ default_payment_method: 'pm_c' })],
    ['the subscription’s source', subscription({ default_source: 'card_d' })],
    ['the customer’s method', customer({ invoice_settings: { default_payment_method: 'pm_e' } })],
    ['the customer’s source', customer({ default_source: 'card_f' })],
  ];
  function subscription(fields: Json): Json {
    return { parent: { subscription_details: { subscription: { id: 'sub_1', ...fields } } } };
  }
  function customer(fields: Json): Json {
    return { customer: { id: 'cus_1', ...fields } };
  }

  test.each(places.map(([name], index) => [name, index] as const))(
    'is %s, before all that come after it',
    async (_, index) => {
      const left = places.slice(index).map(([, fields]) => fields);
      objects['/v1/invoices/in_1'] = invoice(merge(left));
      const id = ['pm_a', 'card_b', 'pm_c', 'card_d', 'pm_e', 'card_f'][index] ?? '';
      objects[`/v1/payment_methods/${id}`] = method(id);
      expect((await see())?.credential).toEqual({
        id,
        key: `print of ${id}`,
        methodType: 'card',
        network: 'visa',
        country: 'DE',
        funding: 'debit',
      });
    },
  );

  test('is nothing when there is none, or when it was detached', async () => {
    expect((await see())?.credential).toBeNull();
    objects['/v1/invoices/in_1'] = invoice({ default_payment_method: 'pm_a' });
    expect((await see())?.credential).toBeNull();
    objects['/v1/payment_methods/pm_a'] = method('pm_a', { customer: null });
    expect((await see())?.credential).toBeNull();
  });

  test('counts by its id where it has no fingerprint', async () => {
    objects['/v1/invoices/in_1'] = invoice({ default_payment_method: 'pm_a' });
    objects['/v1/payment_methods/pm_a'] = method('pm_a', { type: 'link', link: { email: null } });
    expect((await see())?.credential).toMatchObject({ key: 'pm_a', methodType: 'link' });
  });

  /** Objects within objects, so that a subscription's or a customer's fields come together. */
  function merge(parts: readonly Json[]): Json {
    const merged: Json = {};
    for (const part of parts) {
      for (const [key, value] of Object.entries(part)) {
        const before = merged[key];
        merged[key] = isJson(before) && isJson(value) ? merge([before, value]) : value;
      }
    }
    return merged;
  }
  function isJson(value: unknown): value is Json {
    return typeof value === 'object' && value !== null;
  }
});
