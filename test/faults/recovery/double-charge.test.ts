/**
 * Every way in which somebody was ever charged twice, or charged when it was not wanted any more, as a story: a simulated Stripe
 * over HTTP, the ledger in Postgres, and the steps as workers run them. Where the service guards against paying an invoice
 * twice, it is told not to: what is tested is that we do.
 */
import { sql } from 'kysely';
import { chargeOnce, lookUp } from '../../../activities/recovery/attempt';
import { setAccountDesired } from '../../../db/repositories/accounts';
import type { Charge } from '../../../simulator/world/model';
import { attemptOnSchedule } from '../../../simulator/world/payments';
import { refundCharge } from '../../../simulator/world/refunds';
import { declinedCharge, storeCharge, VISA } from '../../support/recovery';
import { until } from '../../support/until';
import { AS_OF, doubleCharges, openShop, type Case, type Shop } from './shop';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
}, 120_000);
afterAll(() => shop.close());
beforeEach(() => {
  shop.simulator.world.settings.guard = false;
});
afterEach(() => {
  shop.simulator.faults.clear();
  shop.simulator.api.lag = { objectSeconds: 0, eventSeconds: 0 };
  expect(doubleCharges(shop.simulator)).toEqual([]);
});

const LIMIT_MS = 20_000;

type FaultKind = Parameters<Shop['simulator']['faults']['add']>[0][number]['kind'];

/** Strikes the next payment alone. */
const fault = (kind: FaultKind): void =>
  shop.simulator.faults.add([{ match: { method: 'POST' }, times: 1, kind }]);

const succeeded = (one: Case): number =>
  one.charges().filter(({ status }) => status === 'succeeded').length;

/** Made even after a hard code, after which it would only be announced. */
function retryByProvider({ bill }: Case): void {
  const { world } = shop.simulator;
  world.paymentIntents.get(bill.paymentIntent ?? '').lastPaymentError = null;
  attemptOnSchedule(world, bill, world.clock);
}

const atCase = ({ account, invoice }: Case) => ({ account, invoice });
const UNPLANNED = { plan: null, decision: {} };

/** Whoever would write an attempt with this key waits until it is released. */
async function holdKey(key: string): Promise<() => Promise<void>> {
  const holder = await shop.open();
  const trx = await shop.db.startTransaction().execute();
  const { ledger } = shop.tools();
  await ledger.fence({ ...atCase(holder), number: 1 }, { keySpace: 'recoup/other' });
  await trx
    .updateTable('recovery_attempt')
    .set({ idempotency_key: key })
    .where('invoice_id', '=', holder.invoice)
    .execute();
  return () => trx.rollback().execute();
}

const waiting = async (): Promise<number> => {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`.execute(shop.db);
  return rows[0]?.count ?? 0;
};

describe('an answer that is lost after the money has moved', () => {
  it.each(['reset-after-commit', '500-after-commit', 'truncate'] as const)(
    'is looked up and found, and nothing is sent again (%s)',
    async (kind) => {
      const one = await shop.open();
      fault(kind);
      expect(await one.charge(0)).toMatchObject({ attempt: 1, event: { type: 'outcome_unknown' } });
      // Neither the next number nor the same one: the open attempt comes first.
      for (const after of [0, 1]) {
        expect(await one.charge(after)).toMatchObject({
          attempt: 1,
          event: { type: 'outcome_unknown' },
        });
      }
      const charge = one.charges().at(-1);
      expect(await one.lookUp(1)).toMatchObject({
        event: { type: 'succeeded', by: 'us', chargeId: charge?.id, attempt: 1 },
      });
      expect(await one.charge(1)).toMatchObject({ attempt: 1, event: { type: 'succeeded' } });
      expect(one.sent()).toBe(1);
      expect(succeeded(one)).toBe(1);
    },
  );

  it('is found after the database was gone when it came', async () => {
    const one = await shop.open();
    const tools = shop.tools();
    const gone = () => Promise.reject(new Error('Postgres does not answer.'));
    await expect(
      chargeOnce(
        { ...tools, ledger: { ...tools.ledger, settle: gone } },
        { ...atCase(one), after: 0, ...UNPLANNED },
      ),
    ).rejects.toThrow('Postgres');
    expect((await one.charge(0)).event.type).toBe('outcome_unknown');
    expect((await one.lookUp(1)).event.type).toBe('succeeded');
    expect(one.sent()).toBe(1);
  });

  it('is found although what was charged is shown late', async () => {
    const one = await shop.open();
    shop.simulator.api.lag = { objectSeconds: 60, eventSeconds: 60 };
    fault('reset-after-commit');
    await one.charge(0);
    expect((await one.lookUp(1)).event.type).toBe('inconclusive');
    shop.simulator.api.lag = { objectSeconds: 0, eventSeconds: 0 };
    expect((await one.lookUp(1)).event.type).toBe('succeeded');
    expect(one.sent()).toBe(1);
  });

  it('is found when the key was forgotten long ago', async () => {
    const one = await shop.open();
    fault('reset-after-commit');
    await one.charge(0);
    shop.simulator.clock.set(new Date(AS_OF.getTime() + 3 * 86_400_000), { stopped: true });
    try {
      expect((await one.lookUp(1)).event.type).toBe('succeeded');
      expect(one.sent()).toBe(1);
    } finally {
      shop.simulator.clock.set(new Date(shop.simulator.world.clock * 1000), { stopped: true });
    }
  });

  it('is found to be a decline where the bank has declined, which no key replays', async () => {
    const one = await shop.open({ wish: 'declined' });
    fault('reset-after-commit');
    await one.charge(0);
    expect(await one.lookUp(1)).toMatchObject({ event: { attempt: 1, facts: { attempt: 1 } } });
    expect(await one.attempts()).toMatchObject([{ state: 'declined', settledBy: 'lookup' }]);
    expect(one.sent()).toBe(1);
  });

  it('is found although the invoice was voided in the same second', async () => {
    const one = await shop.open({ wish: 'declined' });
    const change = 'voidInvoice';
    shop.simulator.faults.add([
      { match: { method: 'POST' }, times: 1, kind: 'change-before', change },
    ]);
    fault('reset-after-commit');
    await one.charge(0);
    await one.proveAbsent();
    await one.lookUp(1);
    expect(await one.attempts()).toMatchObject([{ state: 'declined', settledBy: 'lookup' }]);
  });
});

describe('a request that never arrived', () => {
  it.each(['reset', '500', 'html-502', '409'] as const)(
    'is held for absent only once it could not appear any more, and the next one has a new key (%s)',
    async (kind) => {
      const one = await shop.open();
      fault(kind);
      expect(await one.charge(0)).toMatchObject({ attempt: 1, event: { type: 'outcome_unknown' } });
      expect((await one.lookUp(1)).event.type).toBe('inconclusive');
      expect((await one.charge(1)).event.type).toBe('outcome_unknown');
      expect(one.sent()).toBe(1);
      await one.proveAbsent();
      expect((await one.lookUp(1)).event.type).toBe('absent');
      expect(await one.charge(1)).toMatchObject({ attempt: 2, event: { type: 'succeeded' } });
      const [first, second] = await one.attempts();
      expect(second?.idempotencyKey).not.toBe(first?.idempotencyKey);
      expect(one.sent()).toBe(2);
      expect(succeeded(one)).toBe(1);
    },
  );

  it('was certainly not sent after a 429, and says so at once', async () => {
    const one = await shop.open();
    fault('429');
    expect(await one.charge(0)).toMatchObject({ attempt: 1, event: { type: 'not_sent' } });
    expect(await one.attempts()).toMatchObject([{ state: 'absent' }]);
  });
});

describe('a process that is frozen', () => {
  it('between claim and wire sends nothing when it wakes after its time', async () => {
    const one = await shop.open();
    let now = new Date();
    const tools = shop.tools({ clock: { now: () => now } });
    const { claim } = tools.ledger;
    const frozen = {
      ...tools.ledger,
      claim: async (...request: Parameters<typeof claim>) => {
        const claimed = await claim(...request);
        now = new Date(now.getTime() + tools.policy.sendWithinMs);
        return claimed;
      },
    };
    const charged = await chargeOnce(
      { ...tools, ledger: frozen },
      { ...atCase(one), after: 0, ...UNPLANNED },
    );
    expect(charged).toMatchObject({ attempt: 1, event: { type: 'not_sent' } });
    expect(one.sent()).toBe(0);
    expect(await one.attempts()).toMatchObject([{ state: 'absent', settledBy: 'fence' }]);
  });

  it('before the claim finds its number fenced by whoever has looked it up, and sends nothing', async () => {
    const one = await shop.open();
    expect((await one.lookUp(1)).event).toMatchObject({ type: 'absent' });
    expect(await one.charge(0)).toMatchObject({ attempt: 1, event: { type: 'absent' } });
    expect(one.sent()).toBe(0);
    expect(await one.charge(1)).toMatchObject({ attempt: 2, event: { type: 'succeeded' } });
  });

  it('on the wire has its late answer believed, and a person is told, when a lookup had held it for absent', async () => {
    const one = await shop.open();
    const tools = shop.tools();
    const asked = { ...atCase(one), number: 1 };
    const slow = {
      ...tools.payments,
      pay: async (request: Parameters<typeof tools.payments.pay>[0]) => {
        await one.proveAbsent();
        expect((await lookUp(tools, asked)).event.type).toBe('absent');
        return tools.payments.pay(request);
      },
    };
    const late = await chargeOnce(
      { ...tools, payments: slow },
      { ...atCase(one), after: 0, ...UNPLANNED },
    );
    expect(late).toMatchObject({ attempt: 1, event: { type: 'succeeded' } });
    const [attempt] = await one.attempts();
    expect(attempt?.conflict).toContain('a late answer says succeeded');
    expect(await one.row()).toMatchObject({ attention: true });
    expect(await one.charge(1)).toMatchObject({ attempt: 1, event: { type: 'succeeded' } });
    expect(one.sent()).toBe(1);
  });
});

describe('a step that is run again', () => {
  it('after a reset from the UI reports what the ledger has, and sends nothing', async () => {
    const one = await shop.open({ wish: 'declined' });
    expect(await one.charge(0)).toMatchObject({ attempt: 1, event: { type: 'declined' } });
    expect(await one.charge(1)).toMatchObject({ attempt: 2, event: { type: 'declined' } });
    for (const after of [0, 1]) {
      expect(await one.charge(after)).toMatchObject({
        attempt: after + 1,
        event: { type: 'declined' },
      });
    }
    expect(one.sent()).toBe(2);
  });

  it('by two workers at once is one attempt', async () => {
    const one = await shop.open();
    const both = await Promise.all([one.charge(0), one.charge(0), one.charge(0)]);
    expect(both.map(({ attempt }) => attempt ?? 1)).toEqual([1, 1, 1]);
    expect(one.sent()).toBe(1);
    expect(succeeded(one)).toBe(1);
  });

  it('while its first request is still being answered (409) is not sent again, but looked up', async () => {
    const one = await shop.open();
    fault('409');
    expect(await one.charge(0)).toMatchObject({ attempt: 1, event: { type: 'outcome_unknown' } });
    expect(await one.charge(1)).toMatchObject({ attempt: 1, event: { type: 'outcome_unknown' } });
    expect(one.sent()).toBe(1);
  });

  it('after a decline has a new key, since the old one would replay the decline for ever', async () => {
    const one = await shop.open({ wish: 'declined' });
    await one.charge(0);
    const { customers, paymentMethods } = shop.simulator.world;
    const { defaultPaymentMethod: method } = customers.get(one.bill.customer);
    paymentMethods.get(method ?? '').issuer.diesAt = null;
    expect(await one.charge(1)).toMatchObject({ attempt: 2, event: { type: 'succeeded' } });
    expect(succeeded(one)).toBe(1);
  });
});

describe('an invoice that is paid by somebody else', () => {
  it('by the provider’s own retry is theirs, and nothing is sent', async () => {
    const one = await shop.open();
    retryByProvider(one);
    const [charge] = one.charges().slice(-1);
    expect(await one.charge(0)).toMatchObject({
      attempt: null,
      event: { type: 'paid_elsewhere', by: 'provider', chargeId: charge?.id },
    });
    expect(one.sent()).toBe(0);
    expect(await one.attempts()).toEqual([]);
  });

  it('by the customer between the check and the claim is theirs, and nothing is sent', async () => {
    const one = await shop.open();
    shop.simulator.change([{ kind: 'payInvoice', id: one.invoice }]);
    expect(await one.charge(0)).toMatchObject({
      attempt: null,
      event: { type: 'paid_elsewhere', by: 'elsewhere' },
    });
    expect(one.sent()).toBe(0);
  });

  it('by the customer in the very second in which our request arrives is theirs alone', async () => {
    shop.simulator.world.settings.guard = true;
    const one = await shop.open();
    shop.simulator.faults.add([
      { match: { method: 'POST' }, times: 1, kind: 'change-before', change: 'payInvoice' },
    ]);
    expect(await one.charge(0)).toMatchObject({
      attempt: 1,
      event: { type: 'paid_elsewhere', by: 'elsewhere' },
    });
    expect(await one.attempts()).toMatchObject([{ state: 'absent' }]);
    expect(succeeded(one)).toBe(1);
  });

  it('while an attempt of ours is unknown is not held for ours', async () => {
    const one = await shop.open();
    fault('reset');
    await one.charge(0);
    shop.simulator.change([{ kind: 'payInvoice', id: one.invoice }]);
    expect((await one.lookUp(1)).event.type).toBe('inconclusive');
    await one.proveAbsent();
    expect((await one.lookUp(1)).event.type).toBe('absent');
    expect(await one.charge(1)).toMatchObject({
      attempt: null,
      event: { type: 'paid_elsewhere', by: 'elsewhere' },
    });
    expect(one.sent()).toBe(1);
    expect(succeeded(one)).toBe(1);
  });
});

describe('what was written before the claim', () => {
  it.each([
    ['a cancel', 'cancel', (one: Case) => one.set({ desired: 'cancel' })],
    ['a pause', 'pause', (one: Case) => one.set({ desired: 'pause' })],
    ['an end', 'cancel', (one: Case) => one.set({ state: 'hard_stopped' })],
    ['a stop of the campaign', 'cancel', (one: Case) => one.setCampaign('stop')],
    ['a pause of the campaign', 'pause', (one: Case) => one.setCampaign('pause')],
  ] as const)('keeps the attempt from being made: %s', async (_what, event, write) => {
    const one = await shop.open();
    await write(one);
    expect(await one.charge(0)).toMatchObject({ attempt: null, event: { type: event } });
    expect(one.sent()).toBe(0);
  });

  it('keeps the attempt from being made: the invoice was voided', async () => {
    const one = await shop.open();
    shop.simulator.change([{ kind: 'voidInvoice', id: one.invoice }]);
    expect(await one.charge(0)).toMatchObject({ attempt: null, event: { type: 'voided' } });
    expect(one.sent()).toBe(0);
  });

  const takeBack = {
    disputed: ({ id }: Charge) => {
      shop.simulator.change([{ kind: 'disputeCharge', id }]);
    },
    refunded: (part: Charge) => {
      const { amountMinor, created: at } = part;
      refundCharge(shop.simulator.world, part, { at, amountMinor });
    },
  };

  it.each(['disputed', 'refunded'] as const)(
    'keeps the attempt from being made: a part that the customer has paid was %s',
    async (what) => {
      const one = await shop.open();
      shop.simulator.change([{ kind: 'payPart', id: one.invoice }]);
      const part = one.charges().find(({ status }) => status === 'succeeded');
      if (part === undefined) throw new Error('A part was paid.');
      takeBack[what](part);
      expect(await one.charge(0)).toMatchObject({ attempt: null, event: { type: what } });
      expect(one.sent()).toBe(0);
    },
  );

  it('keeps the attempt from being made: the subscription was canceled', async () => {
    const one = await shop.open();
    shop.simulator.change([{ kind: 'cancelSubscription', id: one.bill.subscription ?? '' }]);
    expect(await one.charge(0)).toMatchObject({ attempt: null, event: { type: 'cancel' } });
    expect(one.sent()).toBe(0);
  });

  it('keeps the attempt from being made: the account was paused', async () => {
    const one = await shop.open();
    await setAccountDesired(shop.db, one.account, 'pause');
    try {
      expect(await one.charge(0)).toMatchObject({
        attempt: null,
        event: { type: 'account_paused' },
      });
      expect(one.sent()).toBe(0);
    } finally {
      await setAccountDesired(shop.db, one.account, 'run');
    }
    expect(await one.charge(0)).toMatchObject({ attempt: 1, event: { type: 'succeeded' } });
  });

  it.each([
    ['cancels the case', (one: Case) => one.set({ desired: 'cancel' })],
    ['pauses the campaign', (one: Case) => one.setCampaign('pause')],
    ['pauses the account', (one: Case) => setAccountDesired(shop.db, one.account, 'pause')],
  ] as const)(
    'counts from the moment in which it was written: whoever %s waits for a claim that was before',
    async (_what, write) => {
      const one = await shop.open();
      const release = await holdKey(`recoup/live/${one.account}/${one.invoice}/1`);
      const charged = one.charge(0);
      await until(async () => (await waiting()) === 1, { limitMs: LIMIT_MS });
      let isWritten = false;
      const written = write(one).then(() => (isWritten = true));
      try {
        await until(async () => isWritten || (await waiting()) === 2, { limitMs: LIMIT_MS });
        expect(isWritten).toBe(false);
      } finally {
        await release();
        await written;
        await setAccountDesired(shop.db, one.account, 'run');
      }
      expect(await charged).toMatchObject({ attempt: 1 });
    },
  );

  it('raises no counter for an attempt that does not come to be', async () => {
    const one = await shop.open();
    await one.set({ desired: 'pause' });
    await one.charge(0);
    // One that cannot be written: its key is another's.
    const other = await shop.open();
    await other.charge(0);
    await shop.db
      .updateTable('recovery_attempt')
      .set({ idempotency_key: `recoup/live/${one.account}/${one.invoice}/1` })
      .where('invoice_id', '=', other.invoice)
      .execute();
    await one.set({ desired: 'run' });
    await expect(one.charge(0)).rejects.toThrow();
    expect(one.sent()).toBe(0);
    expect(await one.row()).toMatchObject({ attempts: 0 });
    const { attempts_made: made } = await shop.db
      .selectFrom('campaign')
      .select('attempts_made')
      .where('id', '=', one.campaign)
      .executeTakeFirstOrThrow();
    expect(made).toBe(0);
  });
});

describe('a plan', () => {
  it('is not followed when the amount has changed since', async () => {
    const one = await shop.open();
    const sighting = await shop
      .payments()
      .readInvoice({ invoiceId: one.invoice, signal: new AbortController().signal });
    if (!sighting) throw new Error('The invoice is there.');
    const plan = {
      amountMinor: String(sighting.amountRemainingMinor + 1n),
      currency: sighting.currency,
      credential: sighting.credential?.id ?? null,
      providerRetryAtMs: sighting.providerRetryAt?.getTime() ?? null,
      latestCharge: sighting.latestChargeId,
      firstFailedAtMs: null,
    };
    const asked = { ...atCase(one), after: 0, decision: {} };
    expect(await chargeOnce(shop.tools(), { ...asked, plan })).toMatchObject({
      attempt: null,
      event: { type: 'plan_outdated' },
    });
    expect(one.sent()).toBe(0);
    const right = { ...plan, amountMinor: String(sighting.amountRemainingMinor) };
    expect(await chargeOnce(shop.tools(), { ...asked, plan: right })).toMatchObject({ attempt: 1 });
  });
});

describe('the ceilings', () => {
  it('count what others have tried, though no sync has seen it yet', async () => {
    const one = await shop.open({ wish: 'declined', state: 'precheck' });
    for (let i = 0; i < 25; i += 1) retryByProvider(one);
    expect((await one.check()).event.type).toBe('plan_outdated');
    await one.set({ state: 'charging' });
    expect(await one.charge(0)).toMatchObject({ attempt: null, event: { type: 'plan_outdated' } });
    expect(one.sent()).toBe(0);
  });

  it('are shared by the invoices of one card, those included whose outcome is not known', async () => {
    const [first, second] = [await shop.open(), await shop.open()];
    const { world } = shop.simulator;
    const method = world.customers.get(first.bill.customer).defaultPaymentMethod;
    world.customers.get(second.bill.customer).defaultPaymentMethod = method;
    const card = world.paymentMethods.get(method ?? '');
    if (!('brand' in card)) throw new Error('It is a card.');
    // Of Mastercard's ten declines in 24 hours, nine are made.
    card.brand = 'mastercard';
    const credential = { ...VISA, id: card.id, key: card.fingerprint };
    for (let i = 1; i < 10; i += 1) {
      const at = new Date(world.clock * 1000 - i * 60_000);
      const charge = declinedCharge(`ch_shared_${i}`, at, { network: 'mastercard' });
      await storeCharge(shop.db, first.account, charge, credential);
    }
    fault('reset');
    // The first one is held between counting and writing; the second one, of another campaign, comes meanwhile.
    const release = await holdKey(`recoup/live/${first.account}/${first.invoice}/1`);
    const one = first.charge(0);
    await until(async () => (await waiting()) === 1, { limitMs: LIMIT_MS });
    let isDone = false;
    const other = second.charge(0).finally(() => (isDone = true));
    await until(async () => isDone || (await waiting()) === 2, { limitMs: LIMIT_MS });
    await release();
    expect((await one).event.type).toBe('outcome_unknown');
    expect((await other).event.type).toBe('plan_outdated');
    expect(first.sent() + second.sent()).toBe(1);
  });
});

describe('the database', () => {
  const insertAgain = (one: Case, change: { number: number; key: string; charge?: string }) =>
    shop.db
      .insertInto('recovery_attempt')
      .columns([
        'account_id',
        'invoice_id',
        'number',
        'campaign_id',
        'credential_id',
        'credential_key',
        'currency',
        'amount_minor',
        'idempotency_key',
        'request_hash',
        'intended_at',
        'send_before',
        'absent_after',
        'decision',
        'state',
        'charge_id',
      ])
      .expression((from) =>
        from
          .selectFrom('recovery_attempt')
          .select((row) => [
            'account_id',
            'invoice_id',
            row.val(change.number).as('number'),
            'campaign_id',
            'credential_id',
            'credential_key',
            'currency',
            'amount_minor',
            row.val(change.key).as('idempotency_key'),
            'request_hash',
            'intended_at',
            'send_before',
            'absent_after',
            'decision',
            row.val(change.charge === undefined ? 'intended' : 'succeeded').as('state'),
            row.val(change.charge ?? null).as('charge_id'),
          ])
          .where('invoice_id', '=', one.invoice)
          .where('number', '=', 1),
      )
      .execute();

  it('refuses a second open attempt of one invoice', async () => {
    const one = await shop.open();
    fault('reset');
    await one.charge(0);
    await expect(insertAgain(one, { number: 2, key: 'other' })).rejects.toThrow(
      'recovery_attempt_open',
    );
  });

  it('refuses one number, one key and one charge twice', async () => {
    const one = await shop.open();
    await one.charge(0);
    const [attempt] = await one.attempts();
    await expect(insertAgain(one, { number: 1, key: 'other' })).rejects.toThrow('pkey');
    await expect(
      insertAgain(one, { number: 2, key: attempt?.idempotencyKey ?? '' }),
    ).rejects.toThrow('idempotency_key');
    await expect(
      insertAgain(one, { number: 2, key: 'other', charge: attempt?.chargeId ?? '' }),
    ).rejects.toThrow('recovery_attempt_by_charge');
  });
});
