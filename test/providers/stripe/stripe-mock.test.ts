/**
 * Against the official stripe-mock, which answers with the fixtures of Stripe's own specification and refuses parameters that
 * the specification does not know.
 */
import { NotNormalisable, type RawObject } from '../../../providers/provider';
import { findProvider } from '../../../providers/registry';
import { describeUnless } from '../../support/skip';
import {
  MOCK_ACCOUNT,
  startStripeMock,
  whyNoStripeMock,
  type StripeMock,
} from '../../support/stripe-mock';

const missing = whyNoStripeMock();
const stripe = findProvider('stripe');
const signal = new AbortController().signal;

/** Resources whose object in stripe-mock cannot be normalised, with the reason: it holds placeholders for what matters. */
const NOT_NORMALISABLE: Readonly<Record<string, string>> = {
  invoice_payment: 'invoice_payment.currency: expected the code of a currency',
};

describeUnless(missing, 'stripe-mock', () => {
  let mock: StripeMock;
  const connect = () =>
    stripe.connect({ externalId: MOCK_ACCOUNT, secret: 'sk_test_123', apiBase: mock.apiBase });

  beforeAll(async () => {
    mock = await startStripeMock();
  }, 600_000);
  afterAll(() => mock.stop());

  test('the account introduces itself', async () => {
    const probe = await connect().probe(signal);
    expect(probe.externalId).toBe(MOCK_ACCOUNT);
  });

  test.each(stripe.resources.map(({ name }) => name))(
    '%s: every page is fetched, and its objects become records or say why not',
    async (resource) => {
      const client = connect();
      const window = { from: new Date(0), to: new Date() };
      const objects: RawObject[] = [];
      let cursor: string | null = null;
      const MAX_PAGES = 3;
      for (let pages = 0; pages < MAX_PAGES; pages++) {
        const page = await client.fetchPage({ resource, window, cursor, lastSeen: null, signal });
        expect(page.readAt.getTime()).toBeLessThan(Date.now());
        objects.push(...page.objects);
        cursor = page.nextCursor;
        if (cursor === null) break;
      }
      expect(cursor).toBeNull();
      expect(objects.length).toBeGreaterThan(0);
      for (const object of objects) {
        const reason = NOT_NORMALISABLE[resource];
        if (reason === undefined) stripe.normalise(object);
        else expect(() => stripe.normalise(object)).toThrow(new NotNormalisable(reason));
      }
    },
  );

  test('payments ask for nothing that Stripe’s specification does not know', async () => {
    const { payments } = connect();
    if (payments === undefined) throw new Error('Stripe has payments.');
    const invoiceId = 'in_1';
    const sighting = await payments.readInvoice({ invoiceId, signal });
    expect(sighting).toMatchObject({ status: 'draft', amountDueMinor: 1_000n, currency: 'USD' });
    const since = new Date(0);
    const { objects } = await payments.readCharges({ customerId: 'cus_1', since, signal });
    expect(objects.map(({ resource }) => resource)).toEqual(['payment_attempt']);
    expect(await payments.findPayer({ chargeId: 'ch_1', signal })).toBe('elsewhere');
    const intended = { invoiceId, idempotencyKey: 'recoup/test/1', signal };
    const answer = await payments.pay({
      ...intended,
      credentialId: 'pm_1',
      sendBefore: new Date(Date.now() + 60_000),
      timeoutMs: 60_000,
    });
    // Its invoice stays a draft whatever is done with it: a 200 that proves nothing.
    expect(answer).toMatchObject({ kind: 'unknown', requestId: 'req_123' });
    const found = await payments.find({ ...intended, intendedAt: since, chargeBefore: null });
    expect(found).toMatchObject({ kind: 'absent' });
  });

  test('a wrong key is rejected', async () => {
    const client = stripe.connect({ externalId: 'x', secret: 'nonsense', apiBase: mock.apiBase });
    await expect(client.probe(signal)).rejects.toMatchObject({ code: 'credentials_rejected' });
  });
});
