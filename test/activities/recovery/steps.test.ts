/** The steps of a case, on a simulated Stripe and in Postgres: what they store, what they see, and whom they tell. */
import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CaseRecord, CaseTransition } from '../../../activities/contract';
import { setAccountDesired } from '../../../db/repositories/accounts';
import { replayOutgoing } from '../../../db/repositories/outgoing';
import { readPlan, reopenCase } from '../../../db/repositories/cases';
import { createSecretBox } from '../../../db/secret-box';
import type { CaseState } from '../../../domain/recovery/states';
import { setRetries } from '../../../simulator/world/payments';
import { daysFrom, declinedCharge, storeCharge, VISA } from '../../support/recovery';
import { AS_OF, openShop, type Case, type Shop } from '../../faults/recovery/shop';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
}, 120_000);
afterAll(() => shop.close());

const ref = ({ account, invoice }: Case) => ({ account, invoice });

const move = (
  sequence: number,
  from: CaseState,
  to: CaseState,
  over: Partial<CaseTransition> = {},
): CaseTransition => ({
  sequence,
  from,
  event: 'clear',
  to,
  because: 'It is a test.',
  facts: null,
  atMs: AS_OF.getTime(),
  ...over,
});

const recordOf = (
  transitions: readonly CaseTransition[],
  over: Partial<CaseRecord> = {},
): CaseRecord => ({
  transitions,
  state: transitions.at(-1)?.to ?? 'planning',
  because: 'It is a test.',
  attention: false,
  nextActionAtMs: null,
  recovery: null,
  ...over,
});

const store = (one: Case, record: CaseRecord) =>
  shop.harness.act(() => shop.harness.steps.recordCase({ ...ref(one), record }));

const want = (one: Case, record: CaseRecord, desired: 'pause' | 'cancel' = 'pause') =>
  shop.harness.act(() => shop.harness.steps.setCaseDesired({ ...ref(one), record, desired }));

const rowOf = (one: Case) =>
  shop.db
    .selectFrom('recovery_case')
    .selectAll()
    .where('invoice_id', '=', one.invoice)
    .executeTakeFirstOrThrow();

const storyOf = async (one: Case): Promise<string[]> => {
  const rows = await shop.db
    .selectFrom('recovery_transition')
    .selectAll()
    .where('invoice_id', '=', one.invoice)
    .orderBy('sequence')
    .execute();
  return rows.map((row) => `${row.sequence} ${row.from_state} → ${row.to_state}`);
};

describe('recordCase', () => {
  it('stores each line of a story once, however often it is told, and shows where the case stands', async () => {
    const one = await shop.open({ state: 'planning' });
    const first = [move(1, 'planning', 'scheduled'), move(2, 'scheduled', 'precheck')];
    await store(one, recordOf(first, { nextActionAtMs: AS_OF.getTime() + 1_000, attention: true }));
    await store(one, recordOf(first.slice(0, 1)));
    expect(await rowOf(one)).toMatchObject({ state: 'precheck', attention: true });
    await store(one, recordOf([...first, move(3, 'precheck', 'charging')]));
    expect(await storyOf(one)).toEqual([
      '1 planning → scheduled',
      '2 scheduled → precheck',
      '3 precheck → charging',
    ]);
    expect(await rowOf(one)).toMatchObject({
      state: 'charging',
      transitions: 3,
      attention: false,
      next_action_at: null,
      ended_at: null,
    });
  });

  it('stores what came of the money, and when it ended', async () => {
    const one = await shop.open();
    const recovery = {
      by: 'us',
      recoveredMinor: '4200',
      reversedMinor: '0',
      chargeId: 'ch_1',
    } as const;
    await store(one, recordOf([move(1, 'charging', 'recovered_by_us')], { recovery }));
    const reversed = { ...recovery, reversedMinor: '4200' };
    await store(
      one,
      recordOf([move(2, 'recovered_by_us', 'reversed', { atMs: AS_OF.getTime() + 5_000 })], {
        recovery: reversed,
      }),
    );
    expect(await rowOf(one)).toMatchObject({
      state: 'reversed',
      recovered_by: 'us',
      recovered_minor: 4_200n,
      reversed_minor: 4_200n,
      recovered_charge_id: 'ch_1',
      recovered_at: AS_OF,
      ended_at: AS_OF,
    });
  });

  it('keeps the end of a case from a runner that was reset and does not know of it', async () => {
    const one = await shop.open();
    await store(one, recordOf([move(1, 'charging', 'hard_stopped')]));
    const other = [move(1, 'charging', 'planning'), move(2, 'planning', 'scheduled')];
    await store(one, recordOf(other));
    expect(await rowOf(one)).toMatchObject({ state: 'hard_stopped', transitions: 1 });
    expect(await one.charge(0)).toMatchObject({ attempt: null, event: { type: 'cancel' } });
    expect(one.sent()).toBe(0);
  });

  it('keeps the attention that a contradicted attempt has asked for', async () => {
    const one = await shop.open();
    await one.charge(0);
    await shop.db
      .updateTable('recovery_attempt')
      .set({ conflict: 'Both cannot be true.' })
      .where('invoice_id', '=', one.invoice)
      .execute();
    await store(one, recordOf([move(1, 'charging', 'recovered_by_us')]));
    expect(await rowOf(one)).toMatchObject({ attention: true });
  });
});

describe('setCaseDesired', () => {
  it('writes the wish with what it has come to', async () => {
    const one = await shop.open({ state: 'scheduled' });
    await want(one, recordOf([move(1, 'scheduled', 'paused', { event: 'pause' })]));
    expect(await rowOf(one)).toMatchObject({ desired: 'pause', state: 'paused' });
    expect(await storyOf(one)).toEqual(['1 scheduled → paused']);
  });

  it('leaves a cancel as it is, for a workflow that was reset has forgotten it', async () => {
    const one = await shop.open({ state: 'scheduled' });
    await one.set({ desired: 'cancel' });
    await want(one, recordOf([move(1, 'scheduled', 'paused', { event: 'pause' })]));
    expect(await rowOf(one)).toMatchObject({ desired: 'cancel' });
  });

  it('writes neither where one of them cannot be written', async () => {
    const one = await shop.open({ state: 'scheduled' });
    const unstorable = move(1, 'scheduled', 'paused', { facts: { text: '\u0000' } });
    await expect(want(one, recordOf([unstorable]))).rejects.toThrow();
    expect(await rowOf(one)).toMatchObject({ desired: 'run', state: 'scheduled' });
  });
});

describe('readCase', () => {
  it('says where a runner goes on, with the attempt that is open', async () => {
    const one = await shop.open();
    shop.simulator.faults.add([{ match: { method: 'POST' }, times: 1, kind: 'reset' }]);
    await one.charge(0);
    const { act, steps } = shop.harness;
    expect(await act(() => steps.readCase(ref(one)))).toMatchObject({
      ...ref(one),
      campaign: one.campaign,
      provider: 'stripe',
      clock: 'real',
      state: 'charging',
      attempts: 1,
      openAttempt: { number: 1, state: 'unknown' },
      amountMinor: String(one.bill.amountRemainingMinor),
      desired: 'run',
      recovery: null,
    });
    await expect(
      act(() => steps.readCase({ ...ref(one), invoice: 'in_none' })),
    ).rejects.toMatchObject({ type: 'invalid_input' });
  });

  it('has the clock of a simulated account from the service', async () => {
    const one = await shop.open();
    const { act, steps } = shop.harness;
    const clock = (to: 'real' | 'simulated') =>
      shop.db.updateTable('account').set({ clock: to }).execute();
    await clock('simulated');
    try {
      const { nowMs } = await act(() => steps.readCase(ref(one)));
      // It is told to the second, as of the start of the request.
      expect(Math.round(nowMs / 10_000)).toBe(shop.simulator.clock.now().getTime() / 10_000);
    } finally {
      await clock('real');
    }
  });
});

describe('planCase', () => {
  it('ends a case whose account was disconnected, and so does every other step', async () => {
    const one = await shop.open({ state: 'planning' });
    const set = (state: string) => shop.db.updateTable('account').set({ state }).execute();
    await set('disconnected');
    try {
      expect((await one.plan()).event.type).toBe('cancel');
      expect((await one.check()).event.type).toBe('cancel');
      await one.set({ state: 'charging' });
      expect(await one.charge(0)).toMatchObject({ attempt: null, event: { type: 'cancel' } });
      expect(one.sent()).toBe(0);
    } finally {
      await set('idle');
    }
  });

  it('plans an attempt, and says by what it was decided', async () => {
    const one = await shop.open({ state: 'planning' });
    const { event } = await one.plan();
    expect(event).toMatchObject({
      type: 'attempt_planned',
      facts: {
        model: 'ladder/1',
        propensity: 1,
        plan: { amountMinor: String(one.bill.amountRemainingMinor) },
      },
    });
    expect(event.because).not.toBe('');
  });

  it('goes by the ledger first', async () => {
    const one = await shop.open();
    shop.simulator.faults.add([
      { match: { method: 'POST' }, times: 1, kind: 'reset-after-commit' },
    ]);
    await one.charge(0);
    expect((await one.plan()).event).toMatchObject({ type: 'outcome_unknown', attempt: 1 });
    await one.lookUp(1);
    expect((await one.plan()).event).toMatchObject({ type: 'succeeded', by: 'us' });
  });

  it('waits for the provider as long as its retries are to be believed', async () => {
    const { simulator, db } = shop;
    const one = await shop.open({ state: 'planning', wish: 'declined' });
    simulator.world.invoices.get(one.invoice).nextPaymentAttempt = simulator.world.clock + 86_400;
    const planned = await one.plan();
    expect(planned.event.type).toBe('provider_retry_pending');
    // Twice announced and waited for, and no charge has come.
    const facts = (day: number) => ({ plan: { providerRetryAtMs: day } });
    await store(
      one,
      recordOf([
        move(1, 'planning', 'monitoring', { event: 'provider_retry_pending', facts: facts(1) }),
        move(2, 'monitoring', 'planning'),
        move(3, 'planning', 'monitoring', { event: 'provider_retry_pending', facts: facts(2) }),
        move(4, 'monitoring', 'planning'),
      ]),
    );
    expect((await one.plan()).event.type).toBe('attempt_planned');
    await db.updateTable('account').set({ provider_retries: 'off' }).execute();
    const other = await shop.open({ state: 'planning' });
    simulator.world.invoices.get(other.invoice).nextPaymentAttempt = simulator.world.clock + 86_400;
    expect((await other.plan()).event.type).toBe('attempt_planned');
    await db.updateTable('account').set({ provider_retries: 'wait' }).execute();
  });

  it('asks the customer where nothing can be charged', async () => {
    const one = await shop.open({ state: 'planning' });
    shop.simulator.world.customers.get(one.bill.customer).defaultPaymentMethod = null;
    expect((await one.plan()).event).toMatchObject({ type: 'customer_needed', remedy: 'update' });
    expect(await rowOf(one)).toMatchObject({ payment_page_url: expect.stringContaining('http') });
  });
});

describe('a paused account', () => {
  const want = (desired: 'run' | 'pause') =>
    setAccountDesired(shop.db, shop.harness.account, desired);

  it('asks and charges nothing, holds its cases up, and has them go on when it is resumed', async () => {
    const one = await shop.open({ state: 'planning' });
    await want('pause');
    try {
      const asked = shop.simulator.requests.counts();
      expect((await one.plan()).event).toEqual({ type: 'account_paused' });
      await one.set({ state: 'precheck' });
      expect((await one.check()).event).toEqual({ type: 'account_paused' });
      expect(shop.simulator.requests.counts()).toEqual(asked);
      await one.set({ state: 'charging' });
      expect(await one.charge(0)).toMatchObject({
        attempt: null,
        event: { type: 'account_paused' },
      });
      expect(await one.attempts()).toEqual([]);
      expect(one.sent()).toBe(0);
    } finally {
      await want('run');
    }
    await one.set({ state: 'paused' });
    expect((await one.check()).event).toEqual({ type: 'account_resumed' });
    await one.set({ state: 'paused', desired: 'pause' });
    expect((await one.check()).event).toEqual({ type: 'clear' });
  });

  it('still has an attempt looked up that nobody knows the outcome of', async () => {
    const one = await shop.open();
    shop.simulator.faults.add([
      { match: { method: 'POST' }, times: 1, kind: 'reset-after-commit' },
    ]);
    await one.charge(0);
    await want('pause');
    try {
      expect((await one.lookUp(1)).event).toMatchObject({ type: 'succeeded', by: 'us' });
    } finally {
      await want('run');
    }
  });
});

describe('reopenCase', () => {
  const reopen = (one: Case) =>
    shop.harness.act(() =>
      shop.harness.steps.reopenCase({ ...ref(one), reason: 'The customer has called.' }),
    );
  /** A case whose only try is used, as its campaign has it, and whose time is over. */
  async function openExhausted(): Promise<Case> {
    const one = await shop.open({ wish: 'declined', terms: { maxAttempts: 1, windowDays: 10 } });
    await one.charge(0);
    await store(one, recordOf([move(1, 'charging', 'exhausted', { event: 'window_ended' })]));
    return one;
  }

  it('gives an exhausted case its campaign’s window and tries once more, and keeps the reason', async () => {
    const one = await openExhausted();
    const facts = await reopen(one);
    expect(facts).toMatchObject({ state: 'planning', desired: 'run', transitions: 2 });
    const days = Math.ceil((facts.windowEndsAtMs - facts.nowMs) / 86_400_000);
    expect(days).toBe(10);
    expect(await storyOf(one)).toEqual(['1 charging → exhausted', '2 exhausted → planning']);
    expect(await rowOf(one)).toMatchObject({
      ended_at: null,
      because: 'Opened again by a person. The customer has called.',
    });
    // Tried again by Temporal, it says the same.
    expect(await reopen(one)).toMatchObject({ state: 'planning', transitions: 2 });
    await one.set({ state: 'charging' });
    expect(await one.charge(1)).toMatchObject({ attempt: 2, event: { type: 'declined' } });
    expect(await one.charge(2)).toMatchObject({
      attempt: null,
      event: { type: 'ceilings_used_up' },
    });
  });

  it('loosens no rule of the networks: what was tried before still counts', async () => {
    const one = await openExhausted();
    const row = await shop.db
      .selectFrom('recovery_attempt')
      .selectAll()
      .where('invoice_id', '=', one.invoice)
      .executeTakeFirstOrThrow();
    const credential = { ...VISA, id: row.credential_id, key: row.credential_key };
    for (let tried = 0; tried < 20; tried += 1) {
      const at = new Date(row.intended_at.getTime() - tried * 3_600_000);
      const charge = declinedCharge(`ch_${one.invoice}_${tried}`, at, {
        country: row.country,
        amountMinor: row.amount_minor,
        currency: row.currency,
      });
      await storeCharge(shop.db, one.account, charge, credential);
    }
    await reopen(one);
    await one.set({ state: 'charging' });
    expect(await one.charge(1)).toMatchObject({ attempt: null, event: { type: 'plan_outdated' } });
    expect(one.sent()).toBe(1);
  });

  it('opens nothing of the control group, of a stopped campaign, or that has ended otherwise', async () => {
    const heldOut = await openExhausted();
    await shop.db
      .updateTable('recovery_case')
      .set({ held_out: true })
      .where('invoice_id', '=', heldOut.invoice)
      .execute();
    await expect(reopen(heldOut)).rejects.toMatchObject({ type: 'invalid_input' });
    const stopped = await openExhausted();
    await stopped.setCampaign('stop');
    await expect(reopen(stopped)).rejects.toMatchObject({ type: 'invalid_input' });
    const canceled = await shop.open();
    await store(canceled, recordOf([move(1, 'charging', 'canceled')]));
    expect(await reopen(canceled)).toMatchObject({ state: 'canceled' });
    // Nor where it has ended after it was looked at.
    const record = recordOf([move(2, 'exhausted', 'planning', { event: 'reopen' })]);
    const late = reopenCase(shop.db, ref(canceled), { record, windowEndsAt: daysFrom(7, AS_OF) });
    await expect(late).rejects.toMatchObject({ code: 'invalid_input' });
  });
});

/** A case as its runner would have it, from its plan to the check before the attempt. */
async function toPrecheck(one: Case): Promise<void> {
  const { event } = await one.plan();
  const planned = { event: event.type, because: event.because ?? '', facts: event.facts ?? null };
  await store(
    one,
    recordOf([
      move(1, 'planning', 'scheduled', planned),
      move(2, 'scheduled', 'precheck', { event: 'timer_fired' }),
    ]),
  );
}

describe('checkCase', () => {
  it('lets a plan go on that still holds, and has stored what was charged lately', async () => {
    const one = await shop.open({ state: 'planning' });
    await toPrecheck(one);
    expect((await one.check()).event).toEqual({ type: 'clear' });
    const stored = await shop.db
      .selectFrom('payment_attempt')
      .select('external_id')
      .where('customer_id', '=', one.bill.customer)
      .execute();
    const since = AS_OF.getTime() / 1000 - 30 * 86_400;
    const charged = shop.simulator.world.charges.all.filter(
      ({ customer, created }) => customer === one.bill.customer && created >= since,
    );
    expect(stored.map((row) => row.external_id).sort()).toEqual(charged.map(({ id }) => id).sort());
    expect(charged.length).toBeGreaterThan(0);
    const record = recordOf([move(3, 'precheck', 'charging')]);
    const { act, steps } = shop.harness;
    expect(await act(() => steps.chargeCase({ ...ref(one), record, after: 0 }))).toMatchObject({
      attempt: 1,
      event: { type: 'succeeded' },
    });
    const { decision } = await shop.db
      .selectFrom('recovery_attempt')
      .select('decision')
      .where('invoice_id', '=', one.invoice)
      .executeTakeFirstOrThrow();
    expect(decision).toMatchObject({ model: 'ladder/1', propensity: 1 });
    expect(decision.because).toBe((await readPlan(shop.db, ref(one)))?.decision.because);
  });

  it('finds a plan outdated by a new card, before the attempt and while it is scheduled', async () => {
    const one = await shop.open({ state: 'planning' });
    await toPrecheck(one);
    await one.set({ state: 'scheduled' });
    expect((await one.check()).event.type).toBe('clear');
    shop.simulator.change([{ kind: 'replaceCard', id: one.bill.customer }]);
    expect((await one.check()).event.type).toBe('plan_outdated');
    await one.set({ state: 'precheck' });
    expect((await one.check()).event.type).toBe('plan_outdated');
    await one.set({ state: 'awaiting_customer' });
    expect((await one.check()).event.type).toBe('card_updated');
    await one.set({ state: 'paused', desired: 'pause' });
    expect((await one.check()).event.type).toBe('clear');
  });

  it('sees who has paid, in whatever state the case waits', async () => {
    const one = await shop.open({ state: 'awaiting_customer' });
    expect((await one.check()).event.type).not.toBe('paid_elsewhere');
    shop.simulator.change([{ kind: 'payInvoice', id: one.invoice }]);
    expect((await one.check()).event).toMatchObject({ type: 'paid_elsewhere', by: 'elsewhere' });
  });

  it('does not say who has paid before that can be known', async () => {
    const one = await shop.open({ state: 'scheduled' });
    const { world, api } = shop.simulator;
    setRetries(world, 'on', world.clock);
    shop.simulator.change([{ kind: 'providerRetry', id: one.invoice }]);
    setRetries(world, 'off', world.clock);
    api.lag = { objectSeconds: 0, eventSeconds: 3_600 };
    const unsaid = 'The invoice was paid meanwhile, and by whom is not known yet.';
    expect((await one.check()).event).toMatchObject({ type: 'step_failed', because: unsaid });
    await one.set({ state: 'charging' });
    expect(await one.charge(0)).toMatchObject({
      attempt: null,
      event: { type: 'plan_outdated', because: unsaid },
    });
    api.lag = { objectSeconds: 0, eventSeconds: 0 };
    expect((await one.plan()).event).toMatchObject({ type: 'paid_elsewhere', by: 'provider' });
    expect(one.sent()).toBe(0);
  });

  it('waits on while the provider’s own retry is still to come, and no longer', async () => {
    const { world } = shop.simulator;
    setRetries(world, 'on', world.clock);
    const one = await shop.open({ state: 'planning', wish: 'declined' });
    const bill = world.invoices.get(one.invoice);
    bill.nextPaymentAttempt = world.clock + 86_400;
    const { event } = await one.plan();
    await store(
      one,
      recordOf([
        move(1, 'planning', 'monitoring', { event: event.type, facts: event.facts ?? null }),
      ]),
    );
    expect((await one.check()).event.type).toBe('provider_retry_pending');
    bill.nextPaymentAttempt = null;
    expect((await one.check()).event.type).toBe('clear');
    setRetries(world, 'off', world.clock);
  });
});

describe('an attempt of a simulated account', () => {
  it('that hung is looked up within one step, since no clock goes on meanwhile', async () => {
    const one = await shop.open();
    const clock = (to: 'real' | 'simulated') =>
      shop.db.updateTable('account').set({ clock: to }).execute();
    await clock('simulated');
    try {
      shop.simulator.faults.add([{ match: { method: 'POST' }, times: 1, kind: 'reset' }]);
      expect((await one.charge(0)).event.type).toBe('outcome_unknown');
      expect((await one.lookUp(1)).event.type).toBe('absent');
    } finally {
      await clock('real');
    }
  });
});

describe('resolveAttempt', () => {
  it('takes a person’s word once nothing can be on its way any more, and keeps the reason', async () => {
    const one = await shop.open();
    shop.simulator.faults.add([{ match: { method: 'POST' }, times: 1, kind: 'reset' }]);
    await one.charge(0);
    const { act, steps } = shop.harness;
    const resolve = () =>
      act(() =>
        steps.resolveAttempt({
          ...ref(one),
          record: null,
          number: 1,
          outcome: 'absent',
          reason: 'The bank says so.',
        }),
      );
    await expect(resolve()).rejects.toMatchObject({ type: 'invalid_input' });
    await one.proveAbsent();
    expect((await resolve()).event.type).toBe('absent');
    expect(await one.attempts()).toMatchObject([
      { state: 'absent', settledBy: 'person', note: 'The bank says so.' },
    ]);
  });
});

describe('whoever the account wants told', () => {
  const SECRET = `whsec_${Buffer.from('a secret of theirs').toString('base64')}`;

  async function listen(answers: number[]) {
    const taken: { headers: IncomingHttpHeaders; body: string }[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        taken.push({ headers: request.headers, body });
        response.writeHead(answers.shift() ?? 204).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const close = () => new Promise((resolve) => server.close(resolve));
    return { url: `http://127.0.0.1:${port}/hooks`, taken, close };
  }

  const tellAt = (url: string | null) => {
    const box = createSecretBox({ key: 'a'.repeat(64), keyFile: '' });
    return shop.db
      .updateTable('account')
      .set({ outgoing_url: url, outgoing_secret: box.seal(SECRET, shop.simulator.accountId) })
      .execute();
  };
  const note = (one: Case, record: CaseRecord | null = null) =>
    shop.harness.act(() => shop.harness.steps.noteCustomerNeeded({ ...ref(one), record }));
  const deliver = (one: Case, message: string) =>
    shop.harness.act(() => shop.harness.steps.deliverWebhook({ account: one.account, message }));
  const stateOf = async (message: string) =>
    (
      await shop.db
        .selectFrom('outgoing_webhook')
        .select('state')
        .where('id', '=', message)
        .executeTakeFirstOrThrow()
    ).state;

  it('is told nothing when there is nobody', async () => {
    expect(await note(await shop.open())).toEqual({ message: null });
  });

  it('is told once of one thing, signed, until it is taken; and again when somebody wants it replayed', async () => {
    const { url, taken, close } = await listen([500]);
    await tellAt(url);
    try {
      const one = await shop.open({ state: 'planning' });
      await one.plan();
      const record = recordOf([move(1, 'planning', 'awaiting_customer')]);
      const { message } = await note(one, record);
      if (message === null) throw new Error('Somebody is to be told.');
      expect(await note(one, record)).toEqual({ message });
      await expect(deliver(one, message)).rejects.toMatchObject({ type: 'provider_unavailable' });
      expect(await stateOf(message)).toBe('waiting');
      await deliver(one, message);
      await deliver(one, message);
      expect(await stateOf(message)).toBe('sent');
      expect(taken).toHaveLength(2);
      const [, last] = taken;
      const stamp = last?.headers['webhook-timestamp'];
      expect(last?.headers['webhook-id']).toBe(message);
      expect(last?.headers['webhook-signature']).toBe(
        `v1,${createHmac('sha256', 'a secret of theirs')
          .update(`${message}.${String(stamp)}.${last?.body}`)
          .digest('base64')}`,
      );
      expect(JSON.parse(last?.body ?? '')).toMatchObject({
        type: 'recovery.customer_needed',
        data: {
          case: `recovery/${one.account}/${one.invoice}`,
          invoice: one.invoice,
          paymentPage: expect.stringContaining('http') as string,
          amountMinor: String(one.bill.amountRemainingMinor),
          currency: 'usd',
        },
      });
      await replayOutgoing(shop.db, message);
      await deliver(one, message);
      expect(taken).toHaveLength(3);
    } finally {
      await close();
      await tellAt(null);
    }
  });

  it.each(['http://example.com/hooks', 'ftp://127.0.0.1/hooks', 'https://user:pass@example.com/'])(
    'is told nothing at an address that others could listen to: %s',
    async (url) => {
      await tellAt(url);
      try {
        const one = await shop.open();
        const { message } = await note(one);
        await deliver(one, message ?? '');
        expect(await stateOf(message ?? '')).toBe('given_up');
      } finally {
        await tellAt(null);
      }
    },
  );
});

describe('a runner that was reset', () => {
  it('does not end its case while an attempt that it has forgotten is open', async () => {
    const one = await shop.open({ wish: 'declined' });
    shop.simulator.faults.add([{ match: { method: 'POST' }, times: 1, kind: 'reset' }]);
    await one.charge(0);
    const end = recordOf([move(1, 'scheduled', 'canceled', { event: 'cancel' })]);
    expect(await store(one, end)).toEqual({ isRefused: true });
    expect(await want(one, end, 'cancel')).toEqual({ isRefused: true });
    expect(await rowOf(one)).toMatchObject({
      state: 'charging',
      desired: 'cancel',
      ended_at: null,
    });
    expect(await storyOf(one)).toEqual([]);
    await shop.db
      .updateTable('recovery_attempt')
      .set({ state: 'declined' })
      .where('invoice_id', '=', one.invoice)
      .execute();
    expect(await store(one, end)).toEqual({ isRefused: false });
    expect(await rowOf(one)).toMatchObject({ state: 'canceled' });
  });

  it('does not end its case where the story went on since', async () => {
    const one = await shop.open({ state: 'planning' });
    await store(one, recordOf([move(1, 'planning', 'scheduled'), move(2, 'scheduled', 'paused')]));
    const end = recordOf([move(1, 'planning', 'canceled', { event: 'cancel' })]);
    expect(await store(one, end)).toEqual({ isRefused: true });
    expect(await rowOf(one)).toMatchObject({ state: 'paused', transitions: 2, ended_at: null });
  });
});
