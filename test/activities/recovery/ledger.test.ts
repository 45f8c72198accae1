/** What every ledger of attempts keeps: the one of real accounts, and the one that benches run a hundred thousand cases with. */
import type { Kysely } from 'kysely';
import type { Database } from '../../../db/schema';
import { eventOf, type Attempt, type CaseRef } from '../../../domain/recovery/attempt';
import type { ClaimRequest } from '../../../domain/recovery/claim';
import type { Said } from '../../../domain/recovery/settlement';
import { openTestDatabase } from '../../support/database';
import { daysFrom, declinedCharge, FUNDS, NOW, sightingOf, VISA } from '../../support/recovery';
import { memoryWorld, postgresWorld, type LedgerFactory, type LedgerWorld } from './ledgers';

let db: Kysely<Database>;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});
afterAll(() => close());

const TERMS = { keySpace: 'recoup/test', sendWithinMs: 10_000, appearWithinMs: 60_000 };

const asked = (ref: CaseRef, over: Partial<ClaimRequest> = {}): ClaimRequest => ({
  ...ref,
  after: 0,
  sighting: sightingOf(),
  plan: null,
  decision: { edition: 'test' },
  terms: TERMS,
  ...over,
});

const said = (state: Said['state'], over: Partial<Said> = {}): Said => ({
  state,
  by: 'answer',
  chargeId: null,
  requestId: 'req_1',
  paidMinor: state === 'succeeded' ? 2_000n : null,
  decline: state === 'declined' ? FUNDS : null,
  note: null,
  ...over,
});

async function claimed(world: LedgerWorld, request: ClaimRequest): Promise<Attempt> {
  const claim = await world.ledger.claim(request);
  if (claim.kind !== 'claimed')
    throw new Error(`expected an attempt, got ${JSON.stringify(claim)}`);
  return claim.attempt;
}

const refusal = async (world: LedgerWorld, request: ClaimRequest): Promise<string> => {
  const claim = await world.ledger.claim(request);
  return claim.kind === 'refused' ? claim.event.type : claim.kind;
};

/** So many declined charges that Visa allows no further one. */
async function fillCeiling(world: LedgerWorld, count = 20): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    await world.addCharge(declinedCharge(`ch_${i}`, daysFrom(-1 - i)));
  }
}

const FACTORIES: [string, () => LedgerFactory][] = [
  ['in memory', () => memoryWorld],
  ['in Postgres', () => postgresWorld(() => db)],
];

describe.each(FACTORIES)('the ledger %s', (_, factory) => {
  const newWorld: LedgerFactory = (terms) => factory()(terms);

  it('holds the intent with its key and its deadlines before anything can be sent', async () => {
    const world = await newWorld();
    const ref = await world.open('in_1');
    const attempt = await claimed(
      world,
      asked(ref, { sighting: sightingOf({ latestChargeId: 'ch_0' }) }),
    );
    const { attempt: stored, now } = await world.ledger.read({ ...ref, number: 1 });
    expect(stored).toEqual(attempt);
    expect(attempt).toMatchObject({
      number: 1,
      state: 'intended',
      idempotencyKey: `recoup/test/${world.account}/in_1/1`,
      credentialId: VISA.id,
      credentialKey: VISA.key,
      amountMinor: 2_000n,
      intendedAt: NOW,
      chargeBefore: 'ch_0',
    });
    expect(attempt.sendBefore > now).toBe(true);
    expect(attempt.absentAfter.getTime() - attempt.sendBefore.getTime()).toBe(TERMS.appearWithinMs);
  });

  it('reports an attempt that is asked for again, and gives no second one', async () => {
    const world = await newWorld();
    const ref = await world.open('in_1');
    const attempt = await claimed(world, asked(ref));
    expect(await world.ledger.claim(asked(ref))).toEqual({ kind: 'known', attempt });
    await world.ledger.settle(attempt, said('declined', { chargeId: 'ch_1' }));
    expect(await world.ledger.claim(asked(ref))).toMatchObject({
      kind: 'known',
      attempt: { number: 1, state: 'declined' },
    });
    expect(await world.list(ref)).toHaveLength(1);
  });

  it('gives two that ask at once for one number one attempt', async () => {
    const world = await newWorld();
    const ref = await world.open('in_1');
    const claims = await Promise.all(
      Array.from({ length: 8 }, () => world.ledger.claim(asked(ref))),
    );
    expect(claims.map(({ kind }) => kind).sort()).toEqual([
      'claimed',
      ...Array<string>(7).fill('known'),
    ]);
    expect(await world.attemptsMade()).toBe(1);
  });

  it.each(['intended', 'unknown', 'pending'] as const)(
    'gives no number to a case with an attempt that is %s',
    async (state) => {
      const world = await newWorld();
      const ref = await world.open('in_1');
      const attempt = await claimed(world, asked(ref));
      if (state !== 'intended') await world.ledger.settle(attempt, said(state));
      expect(await world.ledger.claim(asked(ref, { after: 1 }))).toMatchObject({
        kind: 'known',
        attempt: { number: 1, state },
      });
    },
  );

  it('gives a new number and a new key after a decline, and none after a success', async () => {
    const world = await newWorld();
    const ref = await world.open('in_1');
    await world.ledger.settle(
      await claimed(world, asked(ref)),
      said('declined', { chargeId: 'ch_1' }),
    );
    const second = await claimed(world, asked(ref, { after: 1 }));
    expect(second).toMatchObject({
      number: 2,
      idempotencyKey: `recoup/test/${world.account}/in_1/2`,
    });
    await world.ledger.settle(second, said('succeeded', { chargeId: 'ch_2' }));
    expect(await world.ledger.claim(asked(ref, { after: 2 }))).toMatchObject({
      kind: 'known',
      attempt: { number: 2, state: 'succeeded', paidMinor: 2_000n, settledBy: 'answer' },
    });
  });

  it('gives no number that does not follow the newest', async () => {
    const world = await newWorld();
    const ref = await world.open('in_1');
    await expect(world.ledger.claim(asked(ref, { after: 3 }))).rejects.toMatchObject({
      code: 'invalid_input',
    });
    await expect(world.ledger.claim(asked({ ...ref, invoice: 'in_other' }))).rejects.toMatchObject({
      code: 'invalid_input',
    });
  });

  it('lets nobody claim a number that a lookup has fenced', async () => {
    const world = await newWorld();
    const ref = await world.open('in_1');
    const fenced = await world.ledger.fence({ ...ref, number: 1 }, TERMS);
    expect(fenced).toMatchObject({ state: 'absent', settledBy: 'fence' });
    expect(await world.ledger.claim(asked(ref))).toMatchObject({
      kind: 'known',
      attempt: { number: 1, state: 'absent' },
    });
    expect(await world.attemptsMade()).toBe(0);
    expect(await claimed(world, asked(ref, { after: 1 }))).toMatchObject({ number: 2 });
  });

  it('fences nothing that was claimed', async () => {
    const world = await newWorld();
    const ref = await world.open('in_1');
    const attempt = await claimed(world, asked(ref));
    expect(await world.ledger.fence(attempt, TERMS)).toEqual(attempt);
  });

  it.each([
    ['the case is canceled', 'cancel', { desired: 'cancel' }],
    ['the case is paused', 'pause', { desired: 'pause' }],
    ['the case has ended', 'cancel', { state: 'exhausted' }],
    ['the case is of the control group', 'cancel', { state: 'holdout' }],
    ['the case is elsewhere', 'plan_outdated', { state: 'scheduled' }],
    ['the time of the case is over', 'window_ended', { windowEndsAt: NOW }],
  ] as const)('gives no attempt when %s', async (_what, event, change) => {
    const world = await newWorld();
    const ref = await world.open('in_1');
    await world.setCase(ref, change);
    expect(await refusal(world, asked(ref))).toBe(event);
    expect(await world.list(ref)).toEqual([]);
  });

  it('gives no attempt when the campaign is paused or stopped', async () => {
    const world = await newWorld();
    const ref = await world.open('in_1');
    await world.setCampaign('pause');
    expect(await refusal(world, asked(ref))).toBe('pause');
    await world.setCampaign('stop');
    expect(await refusal(world, asked(ref))).toBe('cancel');
    expect(await world.list(ref)).toEqual([]);
  });

  it('gives no attempt while the account is paused, and goes on once it is resumed', async () => {
    const world = await newWorld();
    const ref = await world.open('in_1');
    await world.setAccount('pause');
    expect(await refusal(world, asked(ref))).toBe('account_paused');
    expect(await world.list(ref)).toEqual([]);
    await world.setAccount('run');
    expect(await refusal(world, asked(ref))).toBe('claimed');
  });

  it('gives no attempt for an account that is being disconnected', async () => {
    const world = await newWorld();
    await world.setAccount('cancel');
    expect(await refusal(world, asked(await world.open('in_1')))).toBe('cancel');
  });

  it.each([
    ['paid', 'paid', { status: 'paid' }],
    ['void', 'voided', { status: 'void' }],
    ['uncollectible', 'voided', { status: 'uncollectible' }],
    ['a draft', 'voided', { status: 'draft' }],
    ['open with nothing left to pay', 'paid', { amountRemainingMinor: 0n }],
    ['disputed', 'disputed', { isDisputed: true }],
    ['refunded', 'refunded', { isRefunded: true }],
    ['for a canceled subscription', 'cancel', { isCanceled: true }],
    ['being settled by another payment', 'plan_outdated', { isSettling: true }],
    ['without anything to charge', 'plan_outdated', { credential: null }],
    ['of a deleted customer', 'plan_outdated', { customerDeleted: true }],
  ] as const)('gives no attempt for an invoice that is %s', async (_what, event, over) => {
    const world = await newWorld();
    const ref = await world.open('in_1');
    expect(await refusal(world, asked(ref, { sighting: sightingOf(over) }))).toBe(event);
    expect(await world.list(ref)).toEqual([]);
  });

  it('gives no attempt for an invoice that is gone', async () => {
    const world = await newWorld();
    expect(await refusal(world, asked(await world.open('in_1'), { sighting: null }))).toBe(
      'voided',
    );
  });

  it.each([
    ['amount', { amountRemainingMinor: 1_500n }],
    ['currency', { currency: 'eur' }],
    ['payment method', { credential: { ...VISA, id: 'pm_other' } }],
    ['retry of the provider', { providerRetryAt: daysFrom(1) }],
    ['newest charge', { latestChargeId: 'ch_other' }],
  ] as const)('gives no attempt when the %s is not what was planned for', async (_what, over) => {
    const world = await newWorld();
    const ref = await world.open('in_1');
    const plan = {
      amountMinor: '2000',
      currency: 'usd',
      credential: VISA.id,
      providerRetryAtMs: null,
      latestCharge: null,
      firstFailedAtMs: null,
    };
    expect(await refusal(world, asked(ref, { plan, sighting: sightingOf(over) }))).toBe(
      'plan_outdated',
    );
    expect(await claimed(world, asked(ref, { plan }))).toMatchObject({ number: 1 });
  });

  it('counts the charges of others towards the ceilings', async () => {
    const world = await newWorld();
    const ref = await world.open('in_1');
    await fillCeiling(world);
    expect(await refusal(world, asked(ref))).toBe('plan_outdated');
    const other = { ...VISA, id: 'pm_2', key: 'fingerprint_2' };
    expect(
      await claimed(world, asked(ref, { sighting: sightingOf({ credential: other }) })),
    ).toMatchObject({
      number: 1,
    });
  });

  it('counts what two invoices do with one card together, one that is open included', async () => {
    const world = await newWorld();
    const [first, second] = [await world.open('in_1'), await world.open('in_2')];
    await fillCeiling(world, 19);
    const claims = await Promise.all([refusal(world, asked(first)), refusal(world, asked(second))]);
    expect(claims.sort()).toEqual(['claimed', 'plan_outdated']);
  });

  it('counts an attempt and its synced charge once', async () => {
    const world = await newWorld();
    const [first, second] = [await world.open('in_1'), await world.open('in_2')];
    await fillCeiling(world, 18);
    const attempt = await claimed(world, asked(first));
    await world.ledger.settle(attempt, said('declined', { chargeId: 'ch_ours' }));
    await world.addCharge(declinedCharge('ch_ours', NOW));
    expect(await refusal(world, asked(second))).toBe('claimed');
  });

  it('counts what never happened towards nothing', async () => {
    const world = await newWorld({ budgetAttempts: 1, maxAttempts: 1 });
    const ref = await world.open('in_1');
    await fillCeiling(world, 19);
    await world.ledger.settle(await claimed(world, asked(ref)), said('absent'));
    expect(await world.attemptsMade()).toBe(0);
    expect(await claimed(world, asked(ref, { after: 1 }))).toMatchObject({ number: 2 });
  });

  it('keeps to the tries of a case and of a campaign', async () => {
    const world = await newWorld({ maxAttempts: 2, budgetAttempts: 3 });
    const [first, second] = [await world.open('in_1'), await world.open('in_2')];
    for (const after of [0, 1]) {
      const attempt = await claimed(world, asked(first, { after }));
      await world.ledger.settle(attempt, said('declined', { chargeId: `ch_${after}` }));
    }
    expect(await refusal(world, asked(first, { after: 2 }))).toBe('ceilings_used_up');
    const third = await claimed(world, asked(second));
    await world.ledger.settle(third, said('declined', { chargeId: 'ch_3' }));
    expect(await refusal(world, asked(second, { after: 1 }))).toBe('ceilings_used_up');
    expect(await world.attemptsMade()).toBe(3);
  });

  it('settles an attempt once: what says the same again changes nothing', async () => {
    const world = await newWorld();
    const attempt = await claimed(world, asked(await world.open('in_1')));
    const settled = await world.ledger.settle(attempt, said('declined', { chargeId: 'ch_1' }));
    expect(settled).toMatchObject({
      state: 'declined',
      chargeId: 'ch_1',
      decline: FUNDS,
      conflict: null,
    });
    expect(
      await world.ledger.settle(attempt, said('declined', { chargeId: 'ch_1', by: 'lookup' })),
    ).toEqual(settled);
    expect(await world.ledger.settle(attempt, said('unknown', { by: 'lookup' }))).toEqual(settled);
  });

  it('says of an attempt that was found what came of it, and no more that its answer was lost', async () => {
    const world = await newWorld();
    const attempt = await claimed(world, asked(await world.open('in_1')));
    const lost = await world.ledger.settle(attempt, said('unknown', { note: 'No answer came.' }));
    expect(eventOf(lost).because).toBe('No answer came.');
    const found = await world.ledger.settle(attempt, said('declined', { by: 'lookup' }));
    expect(found.note).toBeNull();
    expect(eventOf(found).because).toBeUndefined();
  });

  it('keeps what a person has said of an attempt, whatever comes to light later', async () => {
    const world = await newWorld();
    const attempt = await claimed(world, asked(await world.open('in_1')));
    const reason = 'The bank says so.';
    await world.ledger.settle(attempt, said('absent', { by: 'person', note: reason }));
    const corrected = await world.ledger.settle(
      attempt,
      said('succeeded', { by: 'lookup', chargeId: 'ch_1' }),
    );
    expect(corrected).toMatchObject({ state: 'succeeded', note: reason });
  });

  it('keeps what it has when something contradicts it, and says so', async () => {
    const world = await newWorld();
    const attempt = await claimed(world, asked(await world.open('in_1')));
    await world.ledger.settle(attempt, said('succeeded', { chargeId: 'ch_1' }));
    const contradicted = await world.ledger.settle(attempt, said('absent', { by: 'lookup' }));
    expect(contradicted).toMatchObject({ state: 'succeeded', chargeId: 'ch_1' });
    expect(contradicted.conflict).toContain('a lookup says absent');
  });

  it('believes money that moved after all, counts it again, and says so', async () => {
    const world = await newWorld();
    const ref = await world.open('in_1');
    const attempt = await claimed(world, asked(ref));
    await world.ledger.settle(attempt, said('absent', { by: 'lookup' }));
    const corrected = await world.ledger.settle(attempt, said('succeeded', { chargeId: 'ch_1' }));
    expect(corrected).toMatchObject({ state: 'succeeded', chargeId: 'ch_1', paidMinor: 2_000n });
    expect(corrected.conflict).toContain('a late answer says succeeded (ch_1)');
    expect(await world.attemptsMade()).toBe(1);
    expect(await refusal(world, asked(ref, { after: 1 }))).toBe('known');
  });

  it('has a payment that was taken and failed later as returned', async () => {
    const world = await newWorld();
    const attempt = await claimed(world, asked(await world.open('in_1')));
    await world.ledger.settle(attempt, said('pending', { chargeId: 'ch_1' }));
    expect(
      await world.ledger.settle(attempt, said('declined', { chargeId: 'ch_1', by: 'lookup' })),
    ).toMatchObject({ state: 'returned', decline: FUNDS });
  });
});
