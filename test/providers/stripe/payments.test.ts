/** Stripe's payments against the simulator over HTTP: every answer, every fault, and what proves an outcome afterwards. */
import fc from 'fast-check';
import { RecoupError } from '../../../domain/errors';
import type { PaymentAnswer, PaymentFinding, Payments } from '../../../providers/provider';
import { stripe } from '../../../providers/stripe/stripe';
import { storiesOf } from '../../../simulator/oracle/charges';
import { ledger } from '../../../simulator/oracle/ledger';
import { DEFAULT_API_KEY, startSimulator, type Simulator } from '../../../simulator/server';
import { finalizeInvoice } from '../../../simulator/world/invoices';
import { invoiceByHand } from '../../../simulator/world/manual-invoices';
import type { Charge, Invoice, Subscription } from '../../../simulator/world/model';
import { walkList } from '../../support/stripe-walk';

const AS_OF = new Date('2026-10-01T00:00:00Z');
const TIMEOUT_MS = 5_000;
const never = new AbortController().signal;

let simulator: Simulator;
/** Customers who were used up: each test takes fresh ones. */
const taken = new Set<string>();
let keys = 0;

beforeAll(async () => {
  simulator = await startSimulator({
    seed: 11,
    customers: 400,
    asOf: AS_OF,
    now: AS_OF,
    debitShare: 0.1,
  });
  simulator.clock.set(AS_OF, { stopped: true });
}, 120_000);
afterAll(() => simulator.close());
afterEach(() => {
  simulator.faults.clear();
  simulator.api.lag = { objectSeconds: 0, eventSeconds: 0 };
  simulator.api.latencyMs = 0;
});

function connect(secret = DEFAULT_API_KEY, apiBase = simulator.url): Payments {
  const { payments } = stripe.connect({ externalId: simulator.accountId, secret, apiBase });
  if (payments === undefined) throw new Error('Stripe has payments.');
  return payments;
}

interface Wish {
  readonly wish?: 'paid' | 'declined';
  /** With a bank account instead of a card. */
  readonly byDebit?: boolean;
}

/** A new open invoice that Stripe collects, whose attempts from now on come through, or are declined. */
function takeInvoice(wish: Wish['wish'] = 'paid', { byDebit = false }: Wish = {}): Invoice {
  const { world } = simulator;
  const customer = world.customers.all.find(
    ({ id, balanceMinor, defaultPaymentMethod: method }) =>
      !taken.has(id) &&
      balanceMinor === 0 &&
      !world.deleted.has(id) &&
      method !== null &&
      (world.paymentMethods.get(method).debit !== undefined) === byDebit,
  );
  if (customer === undefined) throw new Error('No customer is left.');
  taken.add(customer.id);
  const { issuer } = world.paymentMethods.get(customer.defaultPaymentMethod ?? '');
  issuer.troubleRate = 0;
  issuer.diesAt = wish === 'paid' ? null : 0;
  const price = world.prices.all.find(
    ({ recurring, currency }) => recurring === null && currency === customer.currency,
  );
  if (price === undefined) throw new Error('There are one-time prices.');
  const at = world.clock;
  const invoice = invoiceByHand(world, {
    at,
    customer,
    lines: [{ price, quantity: 1 }],
    collectionMethod: 'charge_automatically',
  });
  finalizeInvoice(world, invoice, at);
  return invoice;
}

function methodOf(invoice: Invoice) {
  const { world } = simulator;
  const id = world.customers.get(invoice.customer).defaultPaymentMethod;
  return id === null ? null : world.paymentMethods.get(id);
}

const chargesOf = (invoice: Invoice): Charge[] =>
  simulator.world.charges.all.filter((charge) => charge.invoice === invoice.id);
/** The newest charge. */
const newestOf = ({ paymentIntent }: Invoice): Charge => {
  const { charges, paymentIntents } = simulator.world;
  return charges.get(paymentIntents.get(paymentIntent ?? '').latestCharge ?? '');
};
const newKey = (): string => `recoup/test/${String((keys += 1))}`;

interface Attempt {
  readonly invoice: Invoice;
  readonly key: string;
  readonly chargeBefore: string | null;
  readonly intendedAt: Date;
}

/** As the ledger does it: the invoice is read, and then the attempt is intended. */
async function intend(invoice: Invoice): Promise<Attempt> {
  const seen = await connect().readInvoice({ invoiceId: invoice.id, signal: never });
  if (seen === null) throw new Error('The invoice is there.');
  return { invoice, key: newKey(), chargeBefore: seen.latestChargeId, intendedAt: seen.readAt };
}

const pay = (
  { invoice, key }: Attempt,
  {
    payments = connect(),
    timeoutMs = TIMEOUT_MS,
  }: { payments?: Payments; timeoutMs?: number } = {},
): Promise<PaymentAnswer> =>
  payments.pay({
    invoiceId: invoice.id,
    credentialId: methodOf(invoice)?.id ?? 'pm_none',
    idempotencyKey: key,
    sendBefore: new Date(Date.now() + TIMEOUT_MS),
    timeoutMs,
    signal: never,
  });

const find = ({ invoice, key, ...attempt }: Attempt): Promise<PaymentFinding> =>
  connect().find({ ...attempt, invoiceId: invoice.id, idempotencyKey: key, signal: never });

const findPayer = (charge: Charge | undefined): Promise<string | null> =>
  connect().findPayer({ chargeId: charge?.id ?? '', signal: never });

/** Strikes the payment alone. */
function fault(kind: string): void {
  simulator.faults.add([{ match: { method: 'POST' }, times: 1, kind: kind as '500' }]);
}

function expectDeclined(answer: PaymentAnswer | PaymentFinding, charge: Charge | undefined): void {
  if (charge === undefined || charge.decline === null)
    throw new Error('There is a declined charge.');
  const card = simulator.world.paymentMethods.get(charge.paymentMethod);
  const { decline } = charge;
  expect(answer).toMatchObject({
    kind: 'declined',
    chargeId: charge.id,
    codes: {
      methodType: 'card',
      cardBrand: 'brand' in card ? card.brand : null,
      cardCountry: card.country,
      networkAdviceCode: decline.networkAdviceCode,
      networkDeclineCode: decline.networkDeclineCode,
      adviceCode: decline.adviceCode,
      declineCode: decline.declineCode,
      failureCode: decline.code,
      outcomeType: decline.outcomeType,
    },
  });
}

describe('an answer', () => {
  test('a payment that came through has its charge and the amount', async () => {
    const attempt = await intend(takeInvoice('paid'));
    const due = BigInt(attempt.invoice.amountRemainingMinor);
    const answer = await pay(attempt);
    const charge = newestOf(attempt.invoice);
    expect(answer).toEqual({
      kind: 'succeeded',
      chargeId: charge?.id,
      amountMinor: due,
      requestId: expect.stringMatching(/^req_/),
    });
    expect(ledger(simulator.world).filter(({ charge: id }) => id === charge?.id)).toHaveLength(1);
  });

  test('a decline has all codes of its charge', async () => {
    const attempt = await intend(takeInvoice('declined'));
    expectDeclined(await pay(attempt), newestOf(attempt.invoice));
  });

  test('a decline whose charge cannot be read has the codes of the error', async () => {
    const attempt = await intend(takeInvoice('declined'));
    simulator.faults.add([{ match: { path: '/v1/charges' }, kind: '500' }]);
    const answer = await pay(attempt);
    const charge = newestOf(attempt.invoice);
    expect(answer).toMatchObject({
      kind: 'declined',
      chargeId: charge?.id,
      codes: { declineCode: charge?.decline?.declineCode, outcomeType: null },
    });
  });

  test('an invoice that is paid already is refused, in words that say so', async () => {
    const invoice = takeInvoice('paid');
    await pay(await intend(invoice));
    const answer = await pay({ ...(await intend(invoice)) });
    expect(answer).toMatchObject({
      kind: 'refused',
      error: {
        code: 'request_refused',
        message: `The invoice ${invoice.id} is paid already: nothing was charged.`,
      },
    });
  });

  test('an invoice that is not there is refused', async () => {
    const attempt = await intend(takeInvoice());
    const answer = await pay({ ...attempt, invoice: { ...attempt.invoice, id: 'in_none' } });
    expect(answer).toMatchObject({
      kind: 'refused',
      error: { message: 'The invoice in_none is not there: nothing was charged.' },
    });
  });

  test('a key that may not pay is refused, and the permission is named', async () => {
    const attempt = await intend(takeInvoice('paid'));
    const before = chargesOf(attempt.invoice).length;
    simulator.api.keys.set('rk_test_reader', { permissions: { invoice: 'read' } });
    const answer = await pay(attempt, { payments: connect('rk_test_reader') });
    expect(answer).toMatchObject({
      kind: 'refused',
      error: {
        code: 'permission_missing',
        message: 'The key may not pay invoices: it lacks the permission rak_invoice_write.',
      },
    });
    expect(chargesOf(attempt.invoice)).toHaveLength(before);
  });

  test('a key that was revoked is refused', async () => {
    const attempt = await intend(takeInvoice());
    simulator.api.keys.set('rk_test_old', { permissions: 'all', revoked: true });
    const answer = await pay(attempt, { payments: connect('rk_test_old') });
    expect(answer).toMatchObject({ kind: 'refused', error: { code: 'credentials_rejected' } });
  });

  test('the answer of an earlier request with the same key is its outcome', async () => {
    const attempt = await intend(takeInvoice('declined'));
    const first = await pay(attempt);
    const before = chargesOf(attempt.invoice).length;
    expect(await pay(attempt)).toMatchObject({
      kind: 'declined',
      chargeId: (first as { chargeId: string }).chargeId,
    });
    expect(chargesOf(attempt.invoice)).toHaveLength(before);
  });

  test('a key that was used with other parameters leaves it unknown: the earlier request may have happened', async () => {
    const attempt = await intend(takeInvoice('paid'));
    await pay({ ...attempt, invoice: takeInvoice('paid') });
    expect(await pay(attempt)).toMatchObject({ kind: 'unknown' });
  });

  test('a key that is in use leaves it unknown', async () => {
    const attempt = await intend(takeInvoice('paid'));
    simulator.api.latencyMs = 300;
    const first = pay(attempt);
    // The first one must have arrived.
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(await pay(attempt)).toMatchObject({ kind: 'unknown' });
    expect(await first).toMatchObject({ kind: 'succeeded' });
  });

  test('an old key that Stripe has forgotten is a new payment, refused by the invoice that is paid', async () => {
    const attempt = await intend(takeInvoice('paid'));
    await pay(attempt);
    const before = chargesOf(attempt.invoice).length;
    simulator.clock.set(new Date(AS_OF.getTime() + 25 * 3_600_000), { stopped: true });
    try {
      expect(await pay(attempt)).toMatchObject({ kind: 'refused' });
    } finally {
      simulator.clock.set(AS_OF, { stopped: true });
    }
    expect(chargesOf(attempt.invoice)).toHaveLength(before);
  });
});

describe('a fault on the way', () => {
  test.each(['500', 'html-200', 'html-502', 'reset'])(
    '%s before it was carried out: unknown, and absent when it is looked up',
    async (kind) => {
      const attempt = await intend(takeInvoice('paid'));
      const before = chargesOf(attempt.invoice).length;
      fault(kind);
      expect(await pay(attempt)).toMatchObject({ kind: 'unknown' });
      expect(chargesOf(attempt.invoice)).toHaveLength(before);
      expect(await find(attempt)).toMatchObject({ kind: 'absent' });
    },
  );

  test.each(['500-after-commit', 'reset-after-commit', 'truncate'])(
    '%s: unknown, and found when it is looked up',
    async (kind) => {
      for (const wish of ['paid', 'declined'] as const) {
        const attempt = await intend(takeInvoice(wish));
        const before = chargesOf(attempt.invoice).length;
        fault(kind);
        expect(await pay(attempt)).toMatchObject({ kind: 'unknown' });
        expect(chargesOf(attempt.invoice)).toHaveLength(before + 1);
        const charge = newestOf(attempt.invoice);
        const finding = await find(attempt);
        if (wish === 'declined') expectDeclined(finding, charge);
        else
          expect(finding).toMatchObject({
            kind: 'succeeded',
            chargeId: charge?.id,
            amountMinor: BigInt(charge?.amountMinor ?? -1),
            requestId: expect.stringMatching(/^req_/),
          });
      }
    },
  );

  test('429: certainly not carried out', async () => {
    const attempt = await intend(takeInvoice('paid'));
    const before = chargesOf(attempt.invoice).length;
    fault('429');
    expect(await pay(attempt)).toMatchObject({ kind: 'not_sent', error: { code: 'rate_limited' } });
    expect(chargesOf(attempt.invoice)).toHaveLength(before);
  });

  test.each([
    ['hang', 'absent'],
    ['hang-after-commit', 'succeeded'],
  ])('no answer in time (%s): unknown, and %s when it is looked up', async (kind, found) => {
    const attempt = await intend(takeInvoice('paid'));
    fault(kind);
    expect(await pay(attempt, { timeoutMs: 300 })).toMatchObject({ kind: 'unknown' });
    expect(await find(attempt)).toMatchObject({ kind: found });
  });
});

describe('what happens on the invoice meanwhile', () => {
  /** Stripe's own attempt, with the same card even after a hard code: what counts here is that it comes later. */
  const retryByStripe = (invoice: Invoice): void => {
    const { paymentIntents } = simulator.world;
    paymentIntents.get(invoice.paymentIntent ?? '').lastPaymentError = null;
    simulator.change([{ kind: 'providerRetry', id: invoice.id }]);
  };

  test.each(['paid', 'declined'] as const)(
    'an attempt of Stripe’s own (%s) is not ours: absent, though the latest charge is a new one',
    async (wish) => {
      const attempt = await intend(takeInvoice(wish));
      fault('reset');
      expect(await pay(attempt)).toMatchObject({ kind: 'unknown' });
      retryByStripe(attempt.invoice);
      const charge = newestOf(attempt.invoice);
      expect(charge?.id).not.toBe(attempt.chargeBefore);
      expect(await find(attempt)).toMatchObject({ kind: 'absent' });
      expect(await findPayer(charge)).toBe('provider');
    },
  );

  test('a payment by link is not ours either', async () => {
    const attempt = await intend(takeInvoice('paid'));
    fault('reset');
    await pay(attempt);
    simulator.change([{ kind: 'payInvoice', id: attempt.invoice.id }]);
    expect(await find(attempt)).toMatchObject({ kind: 'absent' });
    expect(await findPayer(newestOf(attempt.invoice))).toBe('elsewhere');
  });

  test('who has paid is not known before events tell, and nobody’s any more once they will not', async () => {
    const attempt = await intend(takeInvoice('paid'));
    fault('reset');
    await pay(attempt);
    retryByStripe(attempt.invoice);
    const charge = newestOf(attempt.invoice);
    simulator.api.lag = { objectSeconds: 0, eventSeconds: 3_600 };
    expect(await findPayer(charge)).toBeNull();
    simulator.api.lag = { objectSeconds: 0, eventSeconds: 0 };
    expect(await findPayer(charge)).toBe('provider');
    simulator.api.lag = { objectSeconds: 0, eventSeconds: 3_600 };
    const at = simulator.clock.now().getTime();
    simulator.clock.set(new Date(at + 600_000), { stopped: true });
    expect(await findPayer(charge)).toBe('elsewhere');
    simulator.clock.set(new Date(at), { stopped: true });
    simulator.api.lag = { objectSeconds: 0, eventSeconds: 0 };
  });

  test('ours is found under a later one of Stripe’s own', async () => {
    const attempt = await intend(takeInvoice('declined'));
    fault('500-after-commit');
    await pay(attempt);
    const ours = newestOf(attempt.invoice);
    expect(ours?.id).not.toBe(attempt.chargeBefore);
    retryByStripe(attempt.invoice);
    expect(newestOf(attempt.invoice).id).not.toBe(ours?.id);
    expectDeclined(await find(attempt), ours);
  });

  test('while the list of charges is behind, ours may lie under a later one: unclear', async () => {
    const attempt = await intend(takeInvoice('declined'));
    fault('500-after-commit');
    await pay(attempt);
    retryByStripe(attempt.invoice);
    simulator.api.lag = { objectSeconds: 3_600, eventSeconds: 0 };
    expect(await find(attempt)).toMatchObject({ kind: 'unclear' });
    simulator.api.lag = { objectSeconds: 0, eventSeconds: 0 };
    expect(await find(attempt)).toMatchObject({ kind: 'declined' });
  });

  test('while events are behind, nobody can tell who made a charge: unclear', async () => {
    const attempt = await intend(takeInvoice('paid'));
    fault('reset-after-commit');
    await pay(attempt);
    simulator.api.lag = { objectSeconds: 0, eventSeconds: 3_600 };
    const finding = await find(attempt);
    expect(finding).toMatchObject({ kind: 'unclear' });
    expect((finding as { because: string }).because).toContain(
      'Stripe does not tell, yet or any more',
    );
    simulator.api.lag = { objectSeconds: 0, eventSeconds: 0 };
    expect(await find(attempt)).toMatchObject({ kind: 'succeeded' });
  });

  test('once events are forgotten, nobody can tell any more who made a charge: unclear', async () => {
    const attempt = await intend(takeInvoice('paid'));
    fault('reset-after-commit');
    await pay(attempt);
    simulator.clock.set(new Date(AS_OF.getTime() + 31 * 86_400_000), { stopped: true });
    try {
      expect(await find(attempt)).toMatchObject({ kind: 'unclear' });
    } finally {
      simulator.clock.set(AS_OF, { stopped: true });
    }
  });

  test('what was never sent is absent though every list is behind: ids are enough', async () => {
    const attempt = await intend(takeInvoice('paid'));
    simulator.api.lag = { objectSeconds: 3_600, eventSeconds: 3_600 };
    simulator.requests.reset();
    expect(await find(attempt)).toMatchObject({ kind: 'absent' });
    expect(simulator.requests.last(10).map(({ path }) => path)).toEqual([
      '/v1/account',
      `/v1/invoices/${attempt.invoice.id}`,
    ]);
  });
});

describe('what is read', () => {
  test('an open invoice: amounts, credential, the charge before, the link to pay', async () => {
    const invoice = takeInvoice('declined');
    simulator.change([{ kind: 'providerRetry', id: invoice.id }]);
    const card = methodOf(invoice);
    const seen = await connect().readInvoice({ invoiceId: invoice.id, signal: never });
    expect(seen).toMatchObject({
      status: 'open',
      customerId: invoice.customer,
      customerDeleted: false,
      currency: invoice.currency.toUpperCase(),
      amountDueMinor: BigInt(invoice.amountDueMinor),
      amountPaidMinor: 0n,
      amountRemainingMinor: BigInt(invoice.amountRemainingMinor),
      credential: {
        id: card?.id,
        key: card?.fingerprint,
        methodType: 'card',
        country: card?.country,
      },
      isSettling: false,
      isDisputed: false,
      isRefunded: false,
      latestChargeId: newestOf(invoice).id,
    });
    expect(seen?.providerRetryAt?.getTime() ?? null).toBe(
      invoice.nextPaymentAttempt === null ? null : invoice.nextPaymentAttempt * 1000,
    );
  });

  test('disputes and refunds in full are seen on the invoice', async () => {
    const { world } = simulator;
    const client = connect();
    const seenOf = (invoiceId: string) => client.readInvoice({ invoiceId, signal: never });
    const disputed = world.charges.all.find((charge) => charge.disputed);
    const refunded = world.charges.all.find(
      (charge) =>
        charge.status === 'succeeded' && charge.amountRefundedMinor === charge.amountMinor,
    );
    expect(await seenOf(disputed?.invoice ?? '')).toMatchObject({ isDisputed: true });
    expect(await seenOf(refunded?.invoice ?? '')).toMatchObject({ isRefunded: true });
  });

  test('a subscription that was canceled on request is seen, one that ended for want of money is not', async () => {
    const { world } = simulator;
    const invoiceOf = (fits: (subscription: Subscription) => boolean) =>
      world.invoices.all.find(
        ({ subscription }) => subscription !== null && fits(world.subscriptions.get(subscription)),
      )?.id ?? '';
    const running = world.subscriptions.all.find(
      ({ status, pauseCollection }) => status === 'active' && pauseCollection === null,
    );
    const billed = invoiceOf(({ id }) => id === running?.id);
    const client = connect();
    const isCanceled = async (invoiceId: string) =>
      (await client.readInvoice({ invoiceId, signal: never }))?.isCanceled;
    expect(await isCanceled(billed)).toBe(false);
    simulator.change([{ kind: 'cancelSubscription', id: running?.id ?? '' }]);
    expect(await isCanceled(billed)).toBe(true);
    const unpaid = invoiceOf(({ cancellationReason }) => cancellationReason === 'payment_failed');
    expect(await isCanceled(unpaid)).toBe(false);
  });

  test('an invoice that is not there is null', async () => {
    expect(await connect().readInvoice({ invoiceId: 'in_none', signal: never })).toBeNull();
  });

  test('charges of a customer since then are those that the sync stores', async () => {
    const { world } = simulator;
    const [{ customer: customerId } = { customer: '' }] = world.charges.all;
    const all = world.charges.all.filter(({ customer }) => customer === customerId);
    expect(all.length).toBeGreaterThan(3);
    const since = new Date((all[2]?.created ?? 0) * 1000);
    const { objects } = await connect().readCharges({ customerId, since, signal: never });
    expect(objects.map(({ id }) => id).sort()).toEqual(
      all
        .slice(2)
        .map(({ id }) => id)
        .sort(),
    );
    const window = { from: since, to: new Date(AS_OF.getTime() + 86_400_000) };
    const walked = await walkList(simulator, { resource: 'payment_attempt', window });
    expect(objects).toEqual(walked.filter(({ value }) => value['customer'] === customerId));
  });
});

describe('money that takes its time, or comes in parts', () => {
  test('a direct debit is pending, and settling is seen on the invoice', async () => {
    const attempt = await intend(takeInvoice('paid', { byDebit: true }));
    const answer = await pay(attempt);
    const charge = newestOf(attempt.invoice);
    expect(answer).toMatchObject({ kind: 'pending', chargeId: charge.id });
    expect(await find(attempt)).toMatchObject({ kind: 'pending', chargeId: charge.id });
    const account = methodOf(attempt.invoice);
    const seen = await connect().readInvoice({ invoiceId: attempt.invoice.id, signal: never });
    expect(seen).toMatchObject({
      status: 'open',
      isSettling: true,
      credential: { key: account?.fingerprint, methodType: account?.debit, network: null },
    });
    const again = await pay({ ...attempt, key: newKey() });
    expect(again).toMatchObject({ kind: 'refused' });
  });

  test('a part that the customer pays by link is not ours, and does not hide ours', async () => {
    const attempt = await intend(takeInvoice('declined'));
    fault('reset');
    await pay(attempt);
    simulator.change([{ kind: 'payPart', id: attempt.invoice.id }]);
    expect(await find(attempt)).toMatchObject({ kind: 'absent' });
    const second = await intend(attempt.invoice);
    expect(second.chargeBefore).toBe(attempt.chargeBefore);
    fault('500-after-commit');
    await pay(second);
    expectDeclined(await find(second), newestOf(attempt.invoice));
  });

  test('the rest after a part is what a payment brings', async () => {
    const { invoice } = await intend(takeInvoice('paid'));
    simulator.change([{ kind: 'payPart', id: invoice.id }]);
    const rest = BigInt(invoice.amountRemainingMinor);
    expect(rest).toBeLessThan(BigInt(invoice.amountDueMinor));
    const attempt = await intend(invoice);
    expect(await pay(attempt)).toMatchObject({ kind: 'succeeded', amountMinor: rest });
  });

  test('a customer who was deleted is known as such', async () => {
    const invoice = takeInvoice();
    simulator.change([{ kind: 'deleteCustomer', id: invoice.customer }]);
    const seen = await connect().readInvoice({ invoiceId: invoice.id, signal: never });
    expect(seen).toMatchObject({ customerDeleted: true });
  });
});

describe('whatever goes wrong', () => {
  const FAULTS = [
    ...['409', '429', '500', 'html-200', 'html-502', 'reset'],
    ...['500-after-commit', 'reset-after-commit', 'truncate'],
  ];
  const MEANWHILE = ['payInvoice', 'payPart', 'providerRetry', 'voidInvoice', 'replaceCard'];
  const plans = fc.record({
    wish: fc.constantFrom('paid', 'declined', 'declined'),
    byDebit: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.boolean()),
    fault: fc.option(fc.constantFrom(...FAULTS), { freq: 6 }),
    race: fc.option(
      fc.record({
        kind: fc.constantFrom('change-before', 'change-after'),
        change: fc.constantFrom(...MEANWHILE),
      }),
    ),
    afterwards: fc.option(fc.constantFrom(...MEANWHILE)),
    brokenReads: fc.option(fc.constantFrom('500', 'reset', 'html-200', '429')),
    objectSeconds: fc.constantFrom(0, 3_600),
    eventSeconds: fc.constantFrom(0, 3_600),
  });
  type Plan = typeof plans extends fc.Arbitrary<infer P> ? P : never;

  /** What the service knows of the attempt, by its key. */
  function truthOf({ invoice, key }: Attempt) {
    const [story] = storiesOf(simulator.world, [invoice.id]);
    const ours = story?.charges.filter(({ idempotencyKey }) => idempotencyKey === key) ?? [];
    expect(ours.length).toBeLessThanOrEqual(1);
    return ours[0] ?? null;
  }

  function expectTrue(said: PaymentAnswer | PaymentFinding, attempt: Attempt): void {
    const truth = truthOf(attempt);
    switch (said.kind) {
      case 'succeeded':
      case 'pending':
        expect(truth).toMatchObject({ id: said.chargeId, result: said.kind });
        break;
      case 'declined':
        expect(truth).toMatchObject({ id: said.chargeId, result: 'failed' });
        break;
      case 'not_sent':
      case 'refused':
      case 'absent':
        expect(truth).toBeNull();
        break;
      case 'unknown':
      case 'unclear':
    }
  }

  /** The customers are few: those of the plan before last serve again. */
  async function run(plan: Plan): Promise<void> {
    const { wish, byDebit } = plan;
    taken.clear();
    for (const { customer } of used.slice(-20)) taken.add(customer);
    const invoice = takeInvoice(wish as 'paid', { byDebit });
    used.push(invoice);
    const attempt = await intend(invoice);
    const match = { method: 'POST' };
    if (plan.fault !== null) fault(plan.fault);
    if (plan.race !== null) simulator.faults.add([{ ...plan.race, match, times: 1 } as never]);
    if (plan.brokenReads !== null) {
      const kind = plan.brokenReads as '500';
      simulator.faults.add([{ kind, match: { method: 'GET' }, everyNth: 2 }]);
    }
    const payments = connect();
    // Whose key it is must be known for anything to be sent.
    await payments.readInvoice({ invoiceId: invoice.id, signal: never }).catch(() => null);
    expectTrue(await pay(attempt, { payments }), attempt);
    try {
      simulator.change([{ kind: plan.afterwards as 'payInvoice', id: invoice.id }]);
    } catch {
      // Not possible any more, or not of this invoice.
    }
    simulator.api.lag = plan;
    const late = await find(attempt).catch((error: unknown) => {
      if (error instanceof RecoupError) return null;
      throw error;
    });
    if (late !== null) expectTrue(late, attempt);

    simulator.faults.clear();
    simulator.api.lag = { objectSeconds: 0, eventSeconds: 0 };
    const found = await find(attempt);
    expect(found.kind).not.toBe('unclear');
    expectTrue(found, attempt);
    kinds.add(found.kind);
  }
  const used: Invoice[] = [];
  const kinds = new Set<string>();

  test('no answer and no finding ever contradicts what the service knows, and in the end everything is found', async () => {
    await fc.assert(fc.asyncProperty(plans, run), { numRuns: 100 });
    // Few plans leave a debit pending: those are tried one by one above.
    expect([...kinds]).toEqual(expect.arrayContaining(['absent', 'declined', 'succeeded']));
  }, 120_000);
});

test('nothing but a payment is ever anything else than a GET', async () => {
  simulator.requests.reset();
  const attempt = await intend(takeInvoice('declined'));
  await pay(attempt);
  await find(attempt);
  await findPayer(newestOf(attempt.invoice));
  await connect().readCharges({
    customerId: attempt.invoice.customer,
    since: new Date(0),
    signal: never,
  });
  const writes = simulator.requests.last(100).filter(({ method }) => method !== 'GET');
  expect(writes.map(({ method, path }) => `${method} ${path}`)).toEqual([
    `POST /v1/invoices/${attempt.invoice.id}/pay`,
  ]);
});
