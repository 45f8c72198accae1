import Stripe from 'stripe';
import { storiesOf } from '../../simulator/oracle/charges';
import { ledger } from '../../simulator/oracle/ledger';
import { DEFAULT_API_KEY, startSimulator } from '../../simulator/server';
import { drawAccount } from '../../simulator/world/cards';
import { attachCard } from '../../simulator/world/customers';
import { resultOf } from '../../simulator/world/debits';
import { deleteCustomer } from '../../simulator/world/deletions';
import type { BankAccount } from '../../simulator/world/model';
import { payInvoice, settle } from '../../simulator/world/payments';
import { Random } from '../../simulator/world/random';
import { Scenario, at } from './world-scenario';

const HOUR = 3600;
const PAID_AT = at('2026-02-11');
const LATER = '2026-05-01';

type Wish = 'settled' | 'returned' | 'comes back';

/** An open invoice whose customer now has an account that behaves as wished, a debit of which was handed in. */
function debited(wish: Wish, debit: BankAccount['debit'] = 'sepa_debit') {
  const s = new Scenario();
  s.world.settings.retries = 'off';
  const customer = s.customer({ since: '2026-01-10', diesAt: '2026-02-01' });
  const { subscription } = s.subscription(customer, { price: s.price('1000') });
  s.until('2026-02-11');
  const invoice = s.world.invoices.get(subscription.latestInvoice ?? '');
  for (let n = 0; ; n += 1) {
    const drawn = drawAccount(new Random(`account ${n}`), { country: 'DE', at: PAID_AT, debit });
    const issuer = { ...drawn.issuer, diesAt: wish === 'returned' ? PAID_AT : null };
    const account = { ...drawn, issuer };
    const { returned, comesBackAt } = resultOf(account, PAID_AT);
    const is = returned ? 'returned' : comesBackAt === null ? 'settled' : 'comes back';
    if (is !== wish) continue;
    attachCard(s.world, customer, { at: PAID_AT, ...account });
    break;
  }
  const result = payInvoice(s.world, { invoice: invoice.id, at: PAID_AT });
  if (result.outcome !== 'pending') throw new Error(`Pending was expected: ${result.outcome}`);
  const story = () => storiesOf(s.world, [invoice.id])[0];
  return { s, customer, subscription, invoice, charge: result.charge, story };
}

test('a debit leaves the invoice open and its intent processing, and is not handed in twice', () => {
  const { s, invoice, charge, subscription } = debited('settled');
  expect([charge.status, invoice.status, invoice.nextPaymentAttempt]).toEqual([
    'pending',
    'open',
    null,
  ]);
  expect(s.world.paymentIntents.get(charge.paymentIntent).status).toBe('processing');
  expect(subscription.status).toBe('active');
  expect(payInvoice(s.world, { invoice: invoice.id, at: PAID_AT + HOUR })).toEqual({
    outcome: 'refused',
    reason: 'processing',
  });
});

test('days later it is settled: only then is the invoice paid and the money moved', () => {
  const { s, invoice, charge } = debited('settled');
  s.until(new Date((PAID_AT + 47 * HOUR) * 1000).toISOString());
  expect([charge.status, ledger(s.world).length]).toEqual(['pending', 1]);
  s.until(LATER);
  expect([charge.status, invoice.status]).toEqual(['succeeded', 'paid']);
  const [, movement] = ledger(s.world);
  expect(movement).toMatchObject({ charge: charge.id, amountMinor: '1000' });
  expect(at(movement?.at ?? '')).toBe(charge.settledAt);
  expect(charge.settledAt).toBeGreaterThan(PAID_AT + 47 * HOUR);
});

test.each([
  ['sepa_debit', /^(AC04|AC06|MD01)$/],
  ['us_bank_account', /^R(02|03|08|10)$/],
] as const)('or it is returned, with a code of its scheme (%s)', (scheme, code) => {
  const { s, invoice, charge, story } = debited('returned', scheme);
  const before = s.world.charges.size;
  s.until('2026-02-20');
  expect([charge.status, invoice.status, s.world.charges.size]).toEqual(['failed', 'open', before]);
  expect(s.world.paymentIntents.get(charge.paymentIntent).status).toBe('requires_payment_method');
  expect(story()?.charges.at(-1)).toMatchObject({
    result: 'failed',
    by: 'customer',
    network: scheme,
    networkDeclineCode: expect.stringMatching(code) as string,
  });
  expect(story()?.stops).toEqual([]);
});

test('money that had come may go again: a dispute that is lost from the start', () => {
  const { s, charge, story } = debited('comes back');
  s.until(LATER);
  const [dispute] = s.world.disputes.all;
  expect(dispute).toMatchObject({ charge: charge.id, status: 'lost', amountMinor: 1000 });
  expect(story()?.stops.map(({ kind }) => kind)).toEqual(['paid', 'disputed']);
  expect(ledger(s.world).filter((each) => each.charge === charge.id)).toMatchObject([
    { kind: 'charge', amountMinor: '1000' },
    { kind: 'dispute', amountMinor: '-1000' },
  ]);
});

test('a debit on its way arrives although its customer was deleted meanwhile', () => {
  const { s, customer, charge } = debited('settled');
  deleteCustomer(s.world, customer, PAID_AT + HOUR);
  s.until(LATER);
  expect(charge.status).toBe('succeeded');
});

test('a card charge is no debit: it cannot be settled later', () => {
  const { s } = debited('settled');
  const [card] = s.world.charges.all;
  if (card === undefined) throw new Error('A charge was expected.');
  expect(() => settle(s.world, card, PAID_AT)).toThrow('no direct debit');
});

test('over HTTP: 200 and open, then the event of its result; the account is shown as Stripe shows it', async () => {
  const now = new Date('2026-11-01T00:00:00Z');
  const simulator = await startSimulator({
    seed: 2,
    customers: 0,
    failures: 30,
    debitShare: 1,
    retries: 'off',
    asOf: now,
    now,
  });
  try {
    simulator.clock.set(now, { stopped: true });
    const { hostname, port } = new URL(simulator.url);
    const client = new Stripe(DEFAULT_API_KEY, { host: hostname, port, protocol: 'http' });
    const seen = new Set<string | null>();
    for await (const { id, customer } of client.invoices.list({ status: 'open' })) {
      const owner = simulator.world.customers.get(customer as string);
      const method = await client.paymentMethods.retrieve(owner.defaultPaymentMethod ?? '');
      if (method.type === 'card') continue;
      expect((method.sepa_debit ?? method.us_bank_account)?.fingerprint).toHaveLength(16);
      expect((await client.invoices.pay(id)).status).toBe('open');
      await expect(client.invoices.pay(id)).rejects.toMatchObject({
        statusCode: 400,
        code: 'payment_intent_unexpected_state',
      });
      seen.add(method.type);
    }
    expect([...seen].sort()).toEqual(['sepa_debit', 'us_bank_account']);
    await fetch(`${simulator.url}/_simulator/clock`, {
      method: 'POST',
      body: JSON.stringify({ now: '2026-11-07T00:00:00Z', stopped: true }),
    });
    const types = ['charge.succeeded', 'charge.failed'];
    const { data } = await client.events.list({ types, created: { gt: now.getTime() / 1000 } });
    expect(new Set(data.map(({ type }) => type)).size).toBe(2);
  } finally {
    await simulator.close();
  }
});
