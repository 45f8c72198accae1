import { generateWorld } from '../../simulator/world/generate';
import { setRetries } from '../../simulator/world/payments';
import type { RetryMode } from '../../simulator/world/settings';
import { Scenario, at } from './world-scenario';

/** An invoice of 10 February whose first attempt failed: `soft` is a decline that the service would try again. */
function failing(mode: RetryMode, deadDecline: string) {
  const s = new Scenario();
  s.world.settings.retries = mode;
  const customer = s.customer({ since: '2026-01-10', diesAt: '2026-02-01', deadDecline });
  const { subscription } = s.subscription(customer, { price: s.price('1000') });
  s.until('2026-02-10T02:00:00Z');
  const invoice = s.world.invoices.get(subscription.latestInvoice ?? '');
  const charges = () => s.world.charges.all.filter((charge) => charge.invoice === invoice.id);
  return { s, customer, subscription, invoice, charges };
}

test('on: a soft decline is tried again on schedule, a hard one only with a new card', () => {
  const soft = failing('on', 'expired_card');
  soft.s.until('2026-02-20');
  expect(soft.charges().length).toBeGreaterThan(2);
  const hard = failing('on', 'stolen_card');
  hard.s.until('2026-02-20');
  expect(hard.charges()).toHaveLength(1);
  expect(hard.invoice.attemptCount).toBeGreaterThan(2);
  expect(hard.invoice.nextPaymentAttempt).not.toBeNull();
});

test('off: after the first attempt nothing is scheduled, the invoice stays open and the subscription past due', () => {
  const { s, subscription, invoice, charges } = failing('off', 'expired_card');
  for (const iso of ['2026-02-10T03:00:00Z', '2026-03-09']) {
    s.until(iso);
    expect(charges()).toHaveLength(1);
    expect(invoice).toMatchObject({ status: 'open', nextPaymentAttempt: null, attemptCount: 1 });
    expect(subscription.status).toBe('past_due');
  }
});

test('scheduled, never executed: after any decline attempts are only scheduled and counted, until there is a new card', () => {
  const { s, customer, invoice, charges } = failing('scheduled_never_executed', 'expired_card');
  s.until('2026-02-15');
  expect(charges()).toHaveLength(1);
  expect(invoice.attemptCount).toBeGreaterThan(1);
  expect(invoice.nextPaymentAttempt).toBeGreaterThan(s.world.clock);
  s.card(customer, { since: '2026-02-15' });
  s.until('2026-02-20');
  expect(charges().map(({ status }) => status)).toEqual(['failed', 'succeeded']);
  expect(invoice).toMatchObject({ status: 'paid', nextPaymentAttempt: null });
});

test('turned off later, nothing stays scheduled, and each change is told by an event', () => {
  const world = generateWorld({ seed: 3, customers: 200, asOf: at('2026-11-01') });
  const scheduled = world.invoices.all.filter((each) => each.nextPaymentAttempt !== null);
  const before = world.events.size;
  setRetries(world, 'off', world.clock);
  expect(scheduled.length).toBeGreaterThan(0);
  expect(world.invoices.all.filter((each) => each.nextPaymentAttempt !== null)).toEqual([]);
  expect(world.events.size).toBe(before + scheduled.length);
});
