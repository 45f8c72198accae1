import { judge, storiesOf } from '../../simulator/oracle/charges';
import { applyChangeAround } from '../../simulator/world/changes';
import { generateFailures } from '../../simulator/world/failures';
import { payInvoice } from '../../simulator/world/payments';
import { Random } from '../../simulator/world/random';
import { carryOut, receive } from '../../simulator/world/requests';
import type { World } from '../../simulator/world/world';
import { at } from './world-scenario';

const AS_OF = at('2026-11-01');
const DAY = 86_400;

function unpaidOf({ invoices }: World) {
  return invoices.all.filter(({ status }) => status === 'open');
}

test.each([1, 2, 301])('makes exactly %i failed invoices', (invoices) => {
  for (const debitShare of [0, 0.3]) {
    const world = generateFailures({ seed: 4, invoices, asOf: AS_OF, debitShare });
    const unpaid = unpaidOf(world);
    expect(unpaid).toHaveLength(invoices);
    for (const { paymentIntent, attemptCount, amountRemainingMinor } of unpaid) {
      const { latestCharge } = world.paymentIntents.get(paymentIntent ?? '');
      const charge = world.charges.get(latestCharge ?? '');
      expect(charge.status).toBe('failed');
      expect(charge.settledAt ?? charge.created).toBeGreaterThan(AS_OF - DAY);
      expect([attemptCount, charge.amountMinor]).toEqual([1, amountRemainingMinor]);
    }
  }
});

test('they are of every brand, funding, scheme and many declines, some of them two on one credential', () => {
  const world = generateFailures({ seed: 4, invoices: 600, asOf: AS_OF, debitShare: 0.3 });
  const charges = storiesOf(
    world,
    unpaidOf(world).map(({ id }) => id),
  ).flatMap((story) => story.charges);
  const networks = new Set(charges.map(({ network }) => network));
  expect([...networks].sort()).toEqual([
    'amex',
    'mastercard',
    'sepa_debit',
    'us_bank_account',
    'visa',
  ]);
  const fundings = world.paymentMethods.all.flatMap((each) =>
    each.debit === undefined ? each.funding : [],
  );
  expect(new Set(fundings).size).toBe(3);
  expect(new Set(charges.map(({ declineCode }) => declineCode)).size).toBeGreaterThan(12);
  const credentials = charges.map(({ credential }) => credential);
  expect(credentials.length - new Set(credentials).size).toBeGreaterThan(20);
});

test('they are the same for the same seed, and others for another', () => {
  const make = (seed: number) => generateFailures({ seed, invoices: 40, asOf: AS_OF });
  expect(make(1).charges.all).toEqual(make(1).charges.all);
  expect(make(1).charges.all).not.toEqual(make(2).charges.all);
});

test.each([
  ['', true],
  [', by a world that writes no events', false],
])('a case is driven in this process, by requests and changes, and judged%s', (_, events) => {
  const world = generateFailures({
    seed: 4,
    invoices: 50,
    asOf: AS_OF,
    settings: { retries: 'off', guard: false, events },
  });
  const choices = new Random('a case');
  const ask = (invoice: string, idempotencyKey: string) =>
    carryOut(
      world,
      receive(world, { id: `req_${idempotencyKey}`, idempotencyKey, at: world.clock }),
      () => payInvoice(world, { invoice, at: world.clock }),
    );
  for (const [index, { id }] of unpaidOf(world).entries()) {
    const kind = index % 2 === 0 ? 'replaceCard' : 'payInvoice';
    expect(
      applyChangeAround(world, { kind, invoice: id }, { at: world.clock, choices }),
    ).toBeDefined();
    if (kind === 'replaceCard') expect(ask(id, `${id}/1`).outcome).toBe('paid');
  }
  expect(world.events.size > 0).toBe(events);
  expect(judge(world)).toEqual({ doubleCharges: [], forbiddenCharges: [] });
  const [paid] = world.invoices.all.filter((invoice) => invoice.statusTransitions.paidAt === AS_OF);
  ask(paid?.id ?? '', 'once more');
  expect(judge(world)).toMatchObject({
    doubleCharges: [{ invoice: paid?.id }],
    forbiddenCharges: [{ idempotencyKey: 'once more', after: { kind: 'paid' } }],
  });
});

test.each([
  [10, 0],
  [40, 1],
])(
  'a request %i seconds after a stop, carried out minutes later, is judged by when it came',
  (seconds, forbidden) => {
    const settings = { retries: 'off', guard: false } as const;
    const world = generateFailures({ seed: 4, invoices: 1, asOf: AS_OF, settings });
    const [{ id: invoice } = { id: '' }] = unpaidOf(world);
    const doing = { at: AS_OF, choices: new Random('a stop') };
    applyChangeAround(world, { kind: 'voidInvoice', invoice }, doing);
    const request = receive(world, { id: 'req_1', idempotencyKey: '1', at: AS_OF + seconds });
    carryOut(world, request, () => payInvoice(world, { invoice, at: AS_OF + 150 }));
    expect(judge(world, { graceSeconds: 30 }).forbiddenCharges).toHaveLength(forbidden);
  },
);
