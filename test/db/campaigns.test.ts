import { sql, type Kysely } from 'kysely';
import {
  countByState,
  countCases,
  countUnmapped,
  createCampaign,
  listCampaigns,
  listNextActions,
  readCampaign,
  reportCampaign,
  setCampaign,
} from '../../db/repositories/campaigns';
import { listCandidates } from '../../db/repositories/candidates';
import { listOpened, openCases, type NewCase } from '../../db/repositories/openings';
import type { Database } from '../../db/schema';
import { DEFAULT_TERMS } from '../../domain/recovery/terms';
import { openTestDatabase } from '../support/database';
import { storeCharge, storeFailedInvoice } from '../support/failed-invoice';
import { newAccountOn } from './reading';

let db: Kysely<Database>;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});
afterAll(() => close());

const candidates = (accountId: string, after: string | null = null, limit = 100) =>
  listCandidates(db, { accountId, after, limit });
const newCampaign = async (accountId: string) =>
  (await createCampaign(db, { accountId, terms: DEFAULT_TERMS })).id;

const OPENED_AT = new Date('2026-11-01T00:00:00Z');
const WINDOW_ENDS_AT = new Date('2026-11-29T00:00:00Z');
const newCase = (invoiceId: string, change: Partial<NewCase> = {}): NewCase => ({
  invoiceId,
  customerId: `cus_${invoiceId}`,
  currency: 'EUR',
  exponent: 2,
  amountMinor: 2_500n,
  heldOut: false,
  declineClass: 'funds',
  declineReason: 'insufficient_funds',
  story: [
    { from: 'discovered', event: 'fit', to: 'eligibility', because: 'It is fit.', facts: null },
  ],
  ...change,
});
const open = (accountId: string, campaignId: string, cases: NewCase[]) =>
  openCases(db, {
    accountId,
    campaignId,
    openedAt: OPENED_AT,
    windowEndsAt: WINDOW_ENDS_AT,
    cases,
  });
const opened = (campaignId: string, after: string | null = null) =>
  listOpened(db, { campaignId, after, upTo: 'in_zzz' });

describe('candidates', () => {
  test('are the open invoices in order of their ids, page by page', async () => {
    const accountId = await newAccountOn(db);
    for (const id of ['in_c', 'in_a', 'in_b']) await storeFailedInvoice(db, accountId, { id });
    await storeFailedInvoice(db, accountId, { id: 'in_paid', invoice: { status: 'paid' } });
    await storeFailedInvoice(db, await newAccountOn(db), { id: 'in_other' });
    const ids = async (after: string | null) =>
      (await candidates(accountId, after, 2)).map(({ invoiceId }) => invoiceId);
    expect(await ids(null)).toEqual(['in_a', 'in_b']);
    expect(await ids('in_b')).toEqual(['in_c']);
  });

  test('carry the codes of the newest failed charge, and the time of the first one', async () => {
    const accountId = await newAccountOn(db);
    const charges = [
      { decline_code: 'first', created_at: new Date('2026-10-01T00:00:00Z') },
      {
        decline_code: 'newest',
        created_at: new Date('2026-10-09T00:00:00Z'),
        card_brand: 'mastercard',
      },
      { decline_code: 'second', created_at: new Date('2026-10-05T00:00:00Z') },
    ];
    await storeFailedInvoice(db, accountId, { id: 'in_1', charges });
    expect(await candidates(accountId)).toMatchObject([
      {
        firstFailedAt: charges[0]?.created_at,
        remainingMinor: 2_500n,
        exponent: 2,
        codes: { declineCode: 'newest', cardBrand: 'mastercard', networkDeclineCode: '51' },
      },
    ]);
  });

  test('that have never failed have no codes', async () => {
    const accountId = await newAccountOn(db);
    await storeFailedInvoice(db, accountId, { id: 'in_1', charges: [] });
    await storeFailedInvoice(db, accountId, { id: 'in_2', charges: [{ status: 'pending' }] });
    expect(await candidates(accountId)).toMatchObject([
      { firstFailedAt: null, codes: null, isSettling: false },
      { firstFailedAt: null, codes: null, isSettling: true },
    ]);
  });

  test('know charges that are tied to the invoice without a payment between them', async () => {
    const accountId = await newAccountOn(db);
    await storeFailedInvoice(db, accountId, { id: 'in_1', charges: [] });
    await db
      .updateTable('invoice_payment')
      .set({ payment_id: null, attempt_id: 'ch_direct' })
      .where('account_id', '=', accountId)
      .execute();
    await storeCharge(db, accountId, { external_id: 'ch_direct', decline_code: 'direct' });
    expect(await candidates(accountId)).toMatchObject([{ codes: { declineCode: 'direct' } }]);
  });

  test('say of a deleted customer, a dispute and a refund', async () => {
    const accountId = await newAccountOn(db);
    await storeFailedInvoice(db, accountId, { id: 'in_1', charges: [{ disputed: true }] });
    await storeFailedInvoice(db, accountId, {
      id: 'in_2',
      charges: [{ amount_refunded_minor: 1n }],
    });
    await storeFailedInvoice(db, accountId, { id: 'in_3' });
    await sql`insert into object_head (account_id, resource, external_id, version, deleted, changed_by)
      values (${accountId}, 'customer', 'cus_in_3', now(), true, pg_current_xact_id())`.execute(db);
    expect(await candidates(accountId)).toMatchObject([
      { isDisputed: true, isRefunded: false, customerDeleted: false },
      { isDisputed: false, isRefunded: true, customerDeleted: false },
      { isDisputed: false, isRefunded: false, customerDeleted: true },
    ]);
  });

  test('say of a subscription that somebody has canceled, and not of one that ended for want of money', async () => {
    const accountId = await newAccountOn(db);
    for (const [id, reason] of [
      ['in_1', 'cancellation_requested'],
      ['in_2', 'payment_failed'],
    ] as const) {
      await storeFailedInvoice(db, accountId, { id, invoice: { subscription_id: `sub_${id}` } });
      await sql`insert into subscription (account_id, external_id, version, raw_hash, status, currency, created_at,
          started_at, cancel_at_period_end, end_reason)
        values (${accountId}, ${`sub_${id}`}, now(), '', 'canceled', 'EUR', now(), now(), false, ${reason})`.execute(
        db,
      );
    }
    expect(await candidates(accountId)).toMatchObject([
      { isCanceled: true },
      { isCanceled: false },
    ]);
  });

  test('draw the same for all invoices of a customer, and otherwise in another account', async () => {
    const [one, other] = [await newAccountOn(db), await newAccountOn(db)];
    for (const account of [one, other]) {
      await storeFailedInvoice(db, account, { id: 'in_1', customerId: 'cus_1' });
      await storeFailedInvoice(db, account, { id: 'in_2', customerId: 'cus_1' });
    }
    const [a, b] = await candidates(one);
    const [c] = await candidates(other);
    expect(a?.draw).toEqual(b?.draw);
    expect(a?.draw).not.toEqual(c?.draw);
    expect(a?.draw).toHaveLength(32);
  });

  test('are found by an index, however many invoices are paid', async () => {
    const accountId = await newAccountOn(db);
    await storeFailedInvoice(db, accountId, { id: 'in_1' });
    await sql`insert into invoice select (jsonb_populate_record(invoice,
        jsonb_build_object('external_id', 'in_paid_' || n, 'status', 'paid'))).*
      from invoice cross join generate_series(1, 20000) as n where account_id = ${accountId}`.execute(
      db,
    );
    await sql`analyze invoice`.execute(db);
    const { rows } = await sql<Record<string, string>>`
      explain select * from invoice where account_id = ${accountId} and status = 'open'
        and external_id > '' order by external_id limit 200`.execute(db);
    expect(JSON.stringify(rows)).toContain('invoice_open');
    expect(await candidates(accountId)).toHaveLength(1);
  });
});

describe('cases', () => {
  test('two campaigns on one invoice yield one case, which is of the one that opened it', async () => {
    const accountId = await newAccountOn(db);
    const [first, second] = [await newCampaign(accountId), await newCampaign(accountId)];
    await Promise.all([
      open(accountId, first, [newCase('in_1'), newCase('in_2')]),
      open(accountId, second, [newCase('in_2'), newCase('in_1'), newCase('in_3')]),
    ]);
    const all = [...(await opened(first)), ...(await opened(second))];
    expect(all.map(({ invoiceId }) => invoiceId).sort()).toEqual(['in_1', 'in_2', 'in_3']);
    const { rows } = await sql<{ stories: string }>`
      select count(*)::int as stories from recovery_transition where account_id = ${accountId}`.execute(
      db,
    );
    expect(rows).toEqual([{ stories: 3 }]);
  });

  test('opening again changes nothing, whatever the case has become', async () => {
    const accountId = await newAccountOn(db);
    const campaignId = await newCampaign(accountId);
    await open(accountId, campaignId, [newCase('in_1')]);
    await db
      .updateTable('recovery_case')
      .set({ state: 'exhausted', ended_at: OPENED_AT })
      .where('account_id', '=', accountId)
      .execute();
    await open(accountId, campaignId, [newCase('in_1'), newCase('in_2')]);
    expect(await opened(campaignId)).toEqual([
      { invoiceId: 'in_1', heldOut: false, hasEnded: true },
      { invoiceId: 'in_2', heldOut: false, hasEnded: false },
    ]);
    expect(await opened(campaignId, 'in_1')).toHaveLength(1);
  });

  test('whoever is held out stays in the control group for later campaigns', async () => {
    const accountId = await newAccountOn(db);
    const campaignId = await newCampaign(accountId);
    for (const id of ['in_1', 'in_2']) {
      await storeFailedInvoice(db, accountId, { id, customerId: 'cus_1' });
    }
    await open(accountId, campaignId, [newCase('in_1', { heldOut: true, customerId: 'cus_1' })]);
    expect(await candidates(accountId)).toMatchObject([
      { campaignId, isHeldOut: true },
      { campaignId: null, isHeldOut: true },
    ]);
  });
});

describe('campaigns', () => {
  test('keep their terms, and are listed newest first with the counts of their cases', async () => {
    const accountId = await newAccountOn(db);
    const [first, second] = [await newCampaign(accountId), await newCampaign(accountId)];
    await open(accountId, first, [newCase('in_1'), newCase('in_2', { heldOut: true })]);
    expect((await readCampaign(db, first)).terms).toEqual(DEFAULT_TERMS);
    expect(await listCampaigns(db, { accountId, limit: 10 })).toMatchObject([
      { id: second, cases: 0, open: 0 },
      { id: first, cases: 2, open: 2, heldOut: 1, attention: 0 },
    ]);
    expect(await countCases(db, first)).toEqual({ cases: 2, open: 2, heldOut: 1, attention: 0 });
  });

  test('one that is not there is named', async () => {
    await expect(readCampaign(db, 'camp_0')).rejects.toThrow('No campaign is called "camp_0".');
  });

  test('a stop is for good, however late a pause or resume is written', async () => {
    const campaignId = await newCampaign(await newAccountOn(db));
    const set = (desired: 'run' | 'pause' | 'stop', state: 'running' | 'paused' | 'stopped') =>
      setCampaign(db, campaignId, { desired, state, because: 'A test.' });
    await set('pause', 'paused');
    await set('run', 'running');
    await set('stop', 'running');
    await set('run', 'running');
    await set('run', 'stopped');
    expect(await readCampaign(db, campaignId)).toMatchObject({
      desired: 'stop',
      state: 'stopped',
      selected_at: expect.any(Date) as Date,
      ended_at: expect.any(Date) as Date,
    });
  });

  test('a report tells cases, attempts and money by currency, class and control group, and by whom it came', async () => {
    const accountId = await newAccountOn(db);
    const campaignId = await newCampaign(accountId);
    await open(accountId, campaignId, [
      newCase('in_1'),
      newCase('in_2'),
      newCase('in_3', { currency: 'JPY', exponent: 0, declineClass: null }),
      newCase('in_4', { heldOut: true }),
    ]);
    const recover = (invoiceId: string, by: 'us' | 'elsewhere', reversedMinor: bigint) =>
      db
        .updateTable('recovery_case')
        .set({
          recovered_by: by,
          recovered_minor: 2_500n,
          reversed_minor: reversedMinor,
          ended_at: OPENED_AT,
        })
        .where('invoice_id', '=', invoiceId)
        .where('account_id', '=', accountId)
        .execute();
    await recover('in_1', 'us', 500n);
    await recover('in_4', 'elsewhere', 0n);
    for (const [number, state] of (['declined', 'absent', 'succeeded'] as const).entries()) {
      await storeAttempt({ accountId, campaignId, invoiceId: 'in_1', number, state });
    }
    const nothing = {
      grossMinor: 0n,
      reversedMinor: 0n,
      usMinor: 0n,
      usReversedMinor: 0n,
      elsewhereMinor: 0n,
      elsewhereReversedMinor: 0n,
      providerMinor: 0n,
      providerReversedMinor: 0n,
    };
    const group = { currency: 'EUR', exponent: 2, declineClass: 'funds', heldOut: false };
    expect(await reportCampaign(db, campaignId)).toEqual([
      {
        ...group,
        ...nothing,
        cases: 2,
        open: 1,
        attempts: 2,
        amountMinor: 5_000n,
        recoveredCases: 1,
        grossMinor: 2_500n,
        reversedMinor: 500n,
        usMinor: 2_500n,
        usReversedMinor: 500n,
      },
      {
        ...group,
        ...nothing,
        heldOut: true,
        cases: 1,
        open: 0,
        attempts: 0,
        amountMinor: 2_500n,
        recoveredCases: 1,
        grossMinor: 2_500n,
        elsewhereMinor: 2_500n,
      },
      {
        ...group,
        ...nothing,
        currency: 'JPY',
        exponent: 0,
        declineClass: 'unknown',
        cases: 1,
        open: 1,
        attempts: 0,
        amountMinor: 2_500n,
        recoveredCases: 0,
      },
    ]);
  });

  test('codes that no vocabulary holds are counted, those of the opening and those of its attempts', async () => {
    const accountId = await newAccountOn(db);
    const campaignId = await newCampaign(accountId);
    const facts = { decline: { unmapped: 'visa=ZZ' } };
    const [first] = newCase('in_1').story;
    if (first === undefined) throw new Error('It has a story.');
    await open(accountId, campaignId, [
      newCase('in_1', { story: [{ ...first, facts }] }),
      newCase('in_2'),
    ]);
    const declined = { accountId, campaignId, state: 'declined' as const, number: 1 };
    await storeAttempt({ ...declined, invoiceId: 'in_1', decline: { unmapped: 'visa=ZZ' } });
    await storeAttempt({ ...declined, invoiceId: 'in_2', decline: { unmapped: 'stripe=new' } });
    expect(await countUnmapped(db, campaignId)).toEqual([
      { code: 'visa=ZZ', times: 2 },
      { code: 'stripe=new', times: 1 },
    ]);
  });

  test('show their cases by state, and what these do next, the soonest first', async () => {
    const accountId = await newAccountOn(db);
    const campaignId = await newCampaign(accountId);
    await open(
      accountId,
      campaignId,
      ['in_1', 'in_2', 'in_3'].map((id) => newCase(id)),
    );
    const plan = (invoiceId: string, at: Date) =>
      db
        .updateTable('recovery_case')
        .set({ state: 'scheduled', next_action_at: at })
        .where('invoice_id', '=', invoiceId)
        .where('account_id', '=', accountId)
        .execute();
    await plan('in_1', new Date('2026-11-03T00:00:00Z'));
    await plan('in_2', new Date('2026-11-02T00:00:00Z'));
    expect(await countByState(db, campaignId)).toEqual([
      { state: 'scheduled', cases: 2 },
      { state: 'eligibility', cases: 1 },
    ]);
    expect(await listNextActions(db, { campaignId, limit: 1 })).toEqual([
      { invoiceId: 'in_2', state: 'scheduled', at: new Date('2026-11-02T00:00:00Z') },
    ]);
  });
});

const storeAttempt = ({
  accountId,
  campaignId,
  invoiceId,
  number,
  state,
  decline,
}: {
  readonly accountId: string;
  readonly campaignId: string;
  readonly invoiceId: string;
  readonly number: number;
  readonly state: 'declined' | 'absent' | 'succeeded';
  readonly decline?: Record<string, unknown>;
}) =>
  db
    .insertInto('recovery_attempt')
    .values({
      account_id: accountId,
      invoice_id: invoiceId,
      number,
      campaign_id: campaignId,
      customer_id: null,
      credential_id: 'pm_1',
      credential_key: 'fp_1',
      network: 'visa',
      country: 'DE',
      currency: 'EUR',
      amount_minor: 2_500n,
      state,
      idempotency_key: `${accountId}/${invoiceId}/${number}`,
      request_hash: Buffer.from('hash'),
      intended_at: OPENED_AT,
      charge_before: null,
      send_before: OPENED_AT,
      absent_after: OPENED_AT,
      charge_id: null,
      request_id: null,
      settled_by: null,
      settled_at: null,
      note: null,
      decline: decline === undefined ? null : JSON.stringify(decline),
      decision: JSON.stringify({}),
    })
    .execute();
