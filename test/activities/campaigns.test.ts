import { MockActivityEnvironment } from '@temporalio/testing';
import { sql, type Kysely } from 'kysely';
import pino from 'pino';
import { createActivities } from '../../activities';
import type { Activities, SelectCasesReport } from '../../activities/contract';
import type { CaseRunners } from '../../activities/case-runners';
import { createCampaign, readCampaign } from '../../db/repositories/campaigns';
import { saveAccount, setAccountDesired } from '../../db/repositories/accounts';
import { createSecretBox } from '../../db/secret-box';
import type { Database } from '../../db/schema';
import type { InvoiceSighting } from '../../domain/recovery/payment';
import { DEFAULT_TERMS, type CampaignTerms } from '../../domain/recovery/terms';
import type { Payments, Provider } from '../../providers/provider';
import { findProvider } from '../../providers/registry';
import { createDuckDbWarehouse } from '../../warehouse/duckdb';
import { openTestDatabase } from '../support/database';
import { FakeService } from '../support/fake-provider';
import { storeFailedInvoice } from '../support/failed-invoice';

const secretBox = createSecretBox({ key: 'a'.repeat(64), keyFile: '' });
const OLD = new Date('2026-11-01T00:00:00Z');
const LATER = new Date('2026-11-05T00:00:00Z');

let db: Kysely<Database>;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});
afterAll(() => close());

let accounts = 0;

/** An account with failed invoices, whose cases nobody runs but a list of what they were told. */
async function scene(change: { invoices?: number; terms?: Partial<CampaignTerms> } = {}) {
  accounts += 1;
  const account = `acct_${accounts}`;
  const { invoices = 3, terms = {} } = change;
  await saveAccount(db, {
    normaliserVersion: 1,
    id: account,
    provider: 'fake',
    displayName: null,
    apiBase: null,
    sealedSecret: secretBox.seal('sk_fake', account),
  });
  await db.updateTable('account').set({ read_as_of: OLD }).where('id', '=', account).execute();
  for (let n = 1; n <= invoices; n += 1) await storeFailedInvoice(db, account, { id: `in_${n}` });
  const said: string[] = [];
  const payers = new Map<string, 'provider' | 'elsewhere' | null>();
  let broken = false;
  const cases: CaseRunners = {
    start: ({ invoice }) => {
      if (broken) return Promise.reject(new Error('No Temporal.'));
      said.push(`start ${invoice}`);
      return Promise.resolve();
    },
    tell: ({ invoice }, what) => Promise.resolve(void said.push(`${what} ${invoice}`)),
    steer: ({ invoice }, { what, reason }) =>
      Promise.resolve(void said.push(`${what} ${invoice}: ${reason}`)),
  };
  const steps = createActivities({
    db,
    warehouse: createDuckDbWarehouse({ path: ':memory:' }),
    secretBox,
    findProvider: () => payingProvider(payers),
    config: { RECOUP_LANES: 1, RECOUP_WALK_MINUTES: 1 },
    wakeAccount: () => Promise.resolve(),
    cases,
    logger: pino({ level: 'silent' }),
  });
  const open = async (more: Partial<CampaignTerms> = {}) => {
    const campaign = await createCampaign(db, {
      accountId: account,
      terms: { ...DEFAULT_TERMS, holdoutBp: 0, ...terms, ...more },
    });
    return campaign.id;
  };
  const act = <K extends keyof Activities>(
    name: K,
    input: Parameters<Activities[K]>[0],
  ): ReturnType<Activities[K]> =>
    new MockActivityEnvironment().run(steps[name] as never, input) as never;
  const row = (invoice: string) =>
    db
      .selectFrom('recovery_case')
      .selectAll()
      .where('account_id', '=', account)
      .where('invoice_id', '=', invoice)
      .executeTakeFirstOrThrow();
  return {
    account,
    said,
    payers,
    open,
    act,
    row,
    campaign: await open(),
    break: (is: boolean) => {
      broken = is;
    },
    select: (campaign: string): Promise<SelectCasesReport> =>
      act('selectCases', { campaign, after: null }),
    route: async () => {
      said.length = 0;
      return act('routeChanges', { account });
    },
    /** What a later sync has read of an invoice. */
    invoiceIs: (invoice: string, set: Record<string, unknown>) =>
      db
        .updateTable('invoice')
        .set({ version: LATER, ...set })
        .where('account_id', '=', account)
        .where('external_id', '=', invoice)
        .execute(),
    chargeIs: (charge: string, set: Record<string, unknown>) =>
      db
        .updateTable('payment_attempt')
        .set({ version: LATER, ...set })
        .where('account_id', '=', account)
        .where('external_id', '=', charge)
        .execute(),
    caseIs: (invoice: string, set: Record<string, unknown>) =>
      db
        .updateTable('recovery_case')
        .set(set)
        .where('account_id', '=', account)
        .where('invoice_id', '=', invoice)
        .execute(),
  };
}

const PAID: InvoiceSighting = {
  status: 'paid',
  customerId: 'cus_1',
  customerDeleted: false,
  currency: 'EUR',
  amountDueMinor: 2_500n,
  amountPaidMinor: 2_500n,
  amountRemainingMinor: 0n,
  credential: null,
  providerRetryAt: null,
  paymentPageUrl: null,
  isSettling: false,
  latestChargeId: 'ch_paid',
  isDisputed: false,
  isRefunded: false,
  isCanceled: false,
  readAt: LATER,
};

/** Its invoices are paid, by whom the map says. */
function payingProvider(payers: ReadonlyMap<string, 'provider' | 'elsewhere' | null>): Provider {
  const { provider } = new FakeService();
  const never = (): never => {
    throw new Error('Nothing is paid here.');
  };
  const payments: Payments = {
    readInvoice: ({ invoiceId }) =>
      Promise.resolve({ ...PAID, latestChargeId: `ch_${invoiceId}_paid` }),
    readCharges: never,
    pay: never,
    find: never,
    findPayer: ({ chargeId }) =>
      Promise.resolve(payers.has(chargeId) ? (payers.get(chargeId) ?? null) : 'elsewhere'),
  };
  return {
    ...provider,
    readDecline: findProvider('stripe').readDecline,
    connect: (...given) => ({ ...provider.connect(...given), payments }),
  };
}

describe('selecting', () => {
  test('opens a case for each invoice that fits, starts it, and says what it left alone', async () => {
    const { account, campaign, select, said, row } = await scene();
    await storeFailedInvoice(db, account, { id: 'in_8', charges: [] });
    await storeFailedInvoice(db, account, { id: 'in_9', invoice: { status: 'paid' } });
    expect(await select(campaign)).toEqual({
      next: null,
      opened: 3,
      heldOut: 0,
      skipped: 0,
      excluded: 1,
    });
    expect(said).toEqual(['start in_1', 'start in_2', 'start in_3']);
    expect(await row('in_1')).toMatchObject({
      state: 'planning',
      decline_class: 'funds',
      transitions: 2,
      amount_minor: 2_500n,
      held_out: false,
    });
  });

  test('tried again it opens nothing more, and starts what was not started', async () => {
    const stage = await scene();
    stage.break(true);
    await expect(stage.select(stage.campaign)).rejects.toThrow();
    stage.break(false);
    expect(await stage.select(stage.campaign)).toMatchObject({ opened: 3, skipped: 0 });
    expect(stage.said).toEqual(['start in_1', 'start in_2', 'start in_3']);
  });

  test('of two campaigns the second one skips what is a case already, and says so', async () => {
    const { campaign, open, select, said } = await scene();
    await select(campaign);
    said.length = 0;
    expect(await select(await open())).toEqual({
      next: null,
      opened: 0,
      heldOut: 0,
      skipped: 3,
      excluded: 0,
    });
    expect(said).toEqual([]);
  });

  test('does not start again what has ended', async () => {
    const { campaign, select, said, caseIs } = await scene();
    await select(campaign);
    said.length = 0;
    await caseIs('in_2', { state: 'exhausted', ended_at: LATER });
    await select(campaign);
    expect(said).toEqual(['start in_1', 'start in_3']);
  });

  test('who is held out gets a row and no workflow, for later campaigns too', async () => {
    const { account, campaign, open, select, said, row } = await scene({
      terms: { holdoutBp: 5_000 },
      invoices: 40,
    });
    const { opened, heldOut } = await select(campaign);
    expect(opened).toBe(40);
    expect(heldOut).toBeGreaterThan(0);
    expect(said).toHaveLength(40 - heldOut);
    const { rows } = await sql<{ customer_id: string }>`
      select customer_id from holdout_customer where account_id = ${account}`.execute(db);
    expect(rows).toHaveLength(heldOut);
    const customer = rows[0]?.customer_id ?? '';
    await storeFailedInvoice(db, account, { id: 'in_next', customerId: customer });
    expect(await select(await open({ holdoutBp: 0 }))).toMatchObject({ opened: 1, heldOut: 1 });
    expect(await row('in_next')).toMatchObject({ state: 'holdout', held_out: true });
    expect(said).not.toContain('start in_next');
  });

  test('stops between pages once the campaign is not to run', async () => {
    const { campaign, act, select } = await scene({ invoices: 201 });
    await act('setCampaign', { campaign, desired: 'pause', state: 'paused', because: 'A test.' });
    expect(await select(campaign)).toMatchObject({ next: expect.any(String) as string });
  });
});

describe('steering', () => {
  test('what a person has paused by itself is not resumed with its campaign', async () => {
    const { campaign, select, act, said, caseIs } = await scene();
    await select(campaign);
    await caseIs('in_2', { desired: 'pause', state: 'paused' });
    said.length = 0;
    const steer = (what: 'pause' | 'resume', reason: string) =>
      act('steerCases', { campaign, after: null, what, reason });
    await steer('pause', 'ticket');
    expect(said).toEqual(['pause in_1: ticket', 'pause in_3: ticket']);
    said.length = 0;
    expect(await steer('resume', 'go')).toEqual({ next: null, told: 2 });
    expect(said).toEqual(['resume in_1: go', 'resume in_3: go']);
  });

  test('a cancel reaches the cases that run, and ends those of the control group on their rows', async () => {
    const { campaign, select, act, said, row, caseIs } = await scene();
    await select(campaign);
    await caseIs('in_1', { held_out: true, state: 'holdout' });
    said.length = 0;
    await act('steerCases', { campaign, after: null, what: 'cancel', reason: 'enough' });
    expect(said).toEqual(['cancel in_2: enough', 'cancel in_3: enough']);
    expect(await row('in_1')).toMatchObject({
      state: 'canceled',
      because: 'Canceled. enough.',
      ended_at: expect.any(Date) as Date,
    });
  });
});

describe('routing', () => {
  const selected = async (change?: Parameters<typeof scene>[0]) => {
    const stage = await scene(change);
    await stage.select(stage.campaign);
    return stage;
  };

  test('nobody is told while nothing has changed', async () => {
    const { route, said } = await selected();
    expect(await route()).toEqual({ told: 0 });
    expect(said).toEqual([]);
  });

  test('a case that has done nothing although it was due gets another workflow; who waits for a person, or for later, does not', async () => {
    const { account, route, said, caseIs } = await selected({ invoices: 4 });
    await caseIs('in_1', { state: 'scheduled', next_action_at: OLD });
    await caseIs('in_2', { state: 'scheduled', next_action_at: LATER });
    await caseIs('in_3', { state: 'needs_human', next_action_at: null, opened_at: OLD });
    await caseIs('in_4', { state: 'planning', next_action_at: null, opened_at: OLD });
    await db.updateTable('account').set({ read_as_of: LATER }).where('id', '=', account).execute();
    await route();
    expect(said).toEqual(['start in_1', 'start in_4']);
  });

  test('a case that waits for its account hears that it was resumed; who was paused by a person does not', async () => {
    const { account, route, said, caseIs } = await selected();
    await caseIs('in_1', { state: 'paused', next_action_at: LATER });
    await caseIs('in_2', { state: 'paused', desired: 'pause', next_action_at: LATER });
    await setAccountDesired(db, account, 'pause');
    await route();
    expect(said).toEqual([]);
    await setAccountDesired(db, account, 'run');
    await route();
    expect(said).toEqual(['account_resumed in_1']);
  });

  test.each([
    ['paid_elsewhere', { status: 'paid' }],
    ['voided', { status: 'void' }],
    ['voided', { status: 'uncollectible' }],
  ])('a case hears %s when its invoice is %j, once', async (what, set) => {
    const { route, said, invoiceIs } = await selected();
    await invoiceIs('in_2', set);
    expect(await route()).toEqual({ told: 1 });
    expect(said).toEqual([`${what} in_2`]);
    expect(await route()).toEqual({ told: 0 });
  });

  test('a case hears of a dispute and of a refund of its charge', async () => {
    const { route, said, chargeIs } = await selected();
    await chargeIs('ch_in_1_1', { disputed: true });
    await chargeIs('ch_in_2_1', { amount_refunded_minor: 2_500n });
    await route();
    expect(said.sort()).toEqual(['disputed in_1', 'refunded in_2']);
  });

  test('a case hears that its customer has changed, which may be a new card', async () => {
    const { account, route, said } = await selected();
    await db
      .insertInto('customer')
      .values({
        account_id: account,
        external_id: 'cus_in_3',
        version: LATER,
        raw_hash: Buffer.from('hash'),
        name: null,
        email: null,
        currency: null,
        country: null,
        created_at: OLD,
      })
      .execute();
    await route();
    expect(said).toEqual(['card_updated in_3']);
  });

  test('a payment that is being settled is told how that ended', async () => {
    const { route, said, caseIs, chargeIs, invoiceIs } = await selected();
    await caseIs('in_1', { state: 'pending_settlement' });
    await caseIs('in_2', { state: 'pending_settlement' });
    await chargeIs('ch_in_1_1', { status: 'failed' });
    await invoiceIs('in_2', { status: 'paid' });
    await route();
    expect(said.sort()).toEqual(['returned in_1', 'settled in_2']);
  });

  describe('the control group', () => {
    const heldOut = async () => {
      const stage = await selected();
      for (const id of ['in_1', 'in_2', 'in_3']) {
        await stage.caseIs(id, { held_out: true, state: 'holdout' });
      }
      return stage;
    };

    test('is recovered by nobody before the provider says by whom', async () => {
      const { route, row, invoiceIs, payers } = await heldOut();
      payers.set('ch_in_1_paid', null);
      await invoiceIs('in_1', { status: 'paid' });
      expect(await route()).toEqual({ told: 0 });
      expect(await row('in_1')).toMatchObject({ state: 'holdout' });
      payers.set('ch_in_1_paid', 'provider');
      expect(await route()).toEqual({ told: 1 });
      expect(await row('in_1')).toMatchObject({ recovered_by: 'provider' });
    });

    test('is recovered elsewhere or by the provider, as the provider says of the charge', async () => {
      const { route, said, row, invoiceIs, payers } = await heldOut();
      payers.set('ch_in_2_paid', 'provider');
      await invoiceIs('in_1', { status: 'paid' });
      await invoiceIs('in_2', { status: 'paid' });
      await route();
      expect(said).toEqual([]);
      const recovered = { state: 'recovered_elsewhere', recovered_minor: 2_500n };
      expect(await row('in_1')).toMatchObject({ ...recovered, recovered_by: 'elsewhere' });
      expect(await row('in_2')).toMatchObject({ ...recovered, recovered_by: 'provider' });
      expect(await row('in_3')).toMatchObject({ state: 'holdout' });
    });

    test('ends with its window, once everything up to then was read', async () => {
      const { account, route, row, caseIs } = await heldOut();
      await caseIs('in_1', { window_ends_at: LATER });
      await route();
      expect(await row('in_1')).toMatchObject({ state: 'holdout' });
      await db
        .updateTable('account')
        .set({ read_as_of: LATER })
        .where('id', '=', account)
        .execute();
      await route();
      expect(await row('in_1')).toMatchObject({
        state: 'exhausted',
        ended_at: expect.any(Date) as Date,
      });
    });
  });

  describe('what was recovered', () => {
    const recovered = async () => {
      const stage = await selected();
      for (const id of ['in_1', 'in_2', 'in_3']) {
        await stage.caseIs(id, {
          state: 'recovered_by_us',
          recovered_by: 'us',
          recovered_minor: 2_500n,
          recovered_charge_id: `ch_${id}_1`,
          recovered_at: OLD,
          ended_at: OLD,
        });
        await stage.chargeIs(`ch_${id}_1`, { status: 'succeeded' });
        await stage.invoiceIs(id, { status: 'paid' });
      }
      await stage.route();
      return stage;
    };
    const AGAIN = new Date('2026-11-09T00:00:00Z');

    test('is not reversed by being paid', async () => {
      const { row } = await recovered();
      expect(await row('in_1')).toMatchObject({ state: 'recovered_by_us', reversed_minor: 0n });
    });

    test('is reversed by as much as was refunded, and by more when more is', async () => {
      const { route, row, chargeIs, said } = await recovered();
      await chargeIs('ch_in_1_1', { amount_refunded_minor: 500n, version: AGAIN });
      await route();
      expect(await row('in_1')).toMatchObject({ state: 'reversed', reversed_minor: 500n });
      const more = new Date(AGAIN.getTime() + 1_000);
      await chargeIs('ch_in_1_1', { amount_refunded_minor: 2_500n, version: more });
      await route();
      expect(await row('in_1')).toMatchObject({
        state: 'reversed',
        reversed_minor: 2_500n,
        recovered_minor: 2_500n,
        recovered_by: 'us',
      });
      expect(said).toEqual([]);
    });

    test('is reversed by a dispute that is lost, and not by one that goes on', async () => {
      const { account, route, row } = await recovered();
      const dispute = (status: string, version: Date) =>
        sql`
        insert into dispute (account_id, external_id, version, raw_hash, attempt_id, status, currency, exponent,
          amount_minor, created_at)
        values (${account}, 'dp_1', ${version}, '\\x00', 'ch_in_2_1', ${status}, 'EUR', 2, 2500, ${OLD})
        on conflict (account_id, external_id) do update set status = excluded.status, version = excluded.version`.execute(
          db,
        );
      await dispute('needs_response', AGAIN);
      await route();
      expect(await row('in_2')).toMatchObject({ state: 'recovered_by_us' });
      await dispute('lost', new Date(AGAIN.getTime() + 1_000));
      await route();
      expect(await row('in_2')).toMatchObject({ state: 'reversed', reversed_minor: 2_500n });
    });

    test('is reversed by a debit that was returned after all', async () => {
      const { route, row, chargeIs } = await recovered();
      await chargeIs('ch_in_3_1', { status: 'failed', version: AGAIN });
      await route();
      expect(await row('in_3')).toMatchObject({ state: 'reversed', reversed_minor: 2_500n });
    });
  });
});

test('a campaign shows what it is from its rows', async () => {
  const { campaign, select, act, caseIs } = await scene();
  await select(campaign);
  await caseIs('in_1', {
    state: 'recovered_by_us',
    recovered_by: 'us',
    recovered_minor: 2_500n,
    reversed_minor: 500n,
    ended_at: LATER,
  });
  await caseIs('in_2', { state: 'scheduled', next_action_at: LATER });
  await act('setCampaign', { campaign, desired: 'run', state: 'running', because: 'A test.' });
  expect(await act('readCampaign', { campaign })).toEqual({
    campaign,
    account: expect.any(String) as string,
    provider: 'fake',
    state: 'running',
    desired: 'run',
    because: 'A test.',
    selected: true,
    cases: 3,
    open: 2,
    heldOut: 0,
    attention: 0,
    states: [
      { state: 'planning', cases: 1 },
      { state: 'recovered_by_us', cases: 1 },
      { state: 'scheduled', cases: 1 },
    ],
    recovered: [
      { currency: 'EUR', exponent: 2, declineClass: 'funds', cases: 1, netMinor: '2000' },
    ],
    next: [{ invoice: 'in_2', state: 'scheduled', at: LATER.toISOString() }],
  });
  expect(await readCampaign(db, campaign)).toMatchObject({ state: 'running' });
});
