/**
 * Whole cases: the workflow on a real Temporal server, its real steps, the ledger in Postgres, a simulated Stripe over HTTP whose
 * clock is moved to whatever is due next.
 */
import { caseStatus, recoveryWorkflowId, tick } from '../../../workflows/contract';
import { isTerminal, type CaseState } from '../../../domain/recovery/states';
import { startRecoup, type Recoup } from '../../support/recoup';
import { eventually, Harness } from '../../workflows/harness';
import { doubleCharges, openShop, type Case, type Shop } from './shop';

/** More than a case of four weeks has waits. */
const MOST_WAITS = 60;
/** Unpaid invoices until one is found whose card may be tried again. */
const MOST_TRIED = 40;

let shop: Shop;
let harness: Harness;
beforeAll(async () => {
  shop = await openShop();
  await shop.db.updateTable('account').set({ clock: 'simulated' }).execute();
  harness = await Harness.start({ maxCachedWorkflows: 50 });
}, 120_000);
beforeEach(() => {
  Object.assign(harness.cases().activities, shop.harness.steps);
});
afterEach(async () => {
  shop.simulator.faults.clear();
  await harness.end();
  expect(doubleCharges(shop.simulator)).toEqual([]);
});
afterAll(async () => {
  await harness.stop();
  await shop.close();
});

const rowOf = ({ account, invoice }: Case) =>
  shop.db
    .selectFrom('recovery_case')
    .selectAll()
    .where('account_id', '=', account)
    .where('invoice_id', '=', invoice)
    .executeTakeFirstOrThrow();

const storyOf = ({ account, invoice }: Case) =>
  shop.db
    .selectFrom('recovery_transition')
    .select(['sequence', 'from_state', 'event', 'to_state'])
    .where('account_id', '=', account)
    .where('invoice_id', '=', invoice)
    .orderBy('sequence')
    .execute();

/** A case whose card works again, and may be tried whatever it has answered in the past. */
async function openPayable(): Promise<Case> {
  for (let tried = 0; tried < MOST_TRIED; tried += 1) {
    const one = await shop.open({ state: 'precheck' });
    const { event } = await one.check();
    await one.set({ state: event.type === 'clear' ? 'planning' : 'excluded' });
    if (event.type === 'clear') return one;
  }
  throw new Error('No card may be tried again.');
}

const start = ({ account, invoice }: Case) => harness.startCase({ account, invoice });

/**
 * The clock goes to what is due next, and the case is told; returns once that has come to something. A case at work is told, too: the
 * service says the time in whole seconds, so that what is due may still be ahead for the case.
 */
async function goOn(one: Case): Promise<void> {
  const { clock } = shop.simulator;
  const handle = harness.client.workflow.getHandle(
    recoveryWorkflowId({ accountId: one.account, invoiceId: one.invoice }),
  );
  const { state, transitions, next_action_at: due } = await rowOf(one);
  if (isTerminal(state)) return;
  const nowMs = Math.max(clock.now().getTime(), due?.getTime() ?? 0);
  clock.set(new Date(nowMs), { stopped: true });
  await handle.signal(tick, { nowMs });
  await eventually(async () => {
    const row = await rowOf(one);
    return row.transitions > transitions || row.next_action_at?.getTime() !== due?.getTime();
  });
}

async function reaches(one: Case, state: CaseState): Promise<void> {
  for (let wait = 0; wait < MOST_WAITS; wait += 1) {
    if ((await rowOf(one)).state === state) return;
    await goOn(one);
  }
  throw new Error(`The case does not come to ${state}.`);
}

async function toItsEnd(one: Case): Promise<void> {
  for (let wait = 0; wait < MOST_WAITS; wait += 1) {
    if (isTerminal((await rowOf(one)).state)) return;
    await goOn(one);
  }
  throw new Error('The case does not come to an end.');
}

test('a case whose card works again is recovered by one attempt, and its row says so', async () => {
  const one = await openPayable();
  const handle = await start(one);
  await toItsEnd(one);
  expect(await handle.result()).toMatchObject({ state: 'recovered_by_us', attempts: 1 });
  expect(one.sent()).toBe(1);
  const row = await rowOf(one);
  expect(row).toMatchObject({ state: 'recovered_by_us', recovered_by: 'us', attempts: 1 });
  expect(row.recovered_minor).toBe(row.amount_minor);
  const story = await storyOf(one);
  expect(story.map(({ sequence }) => sequence)).toEqual(story.map((_, index) => index + 1));
  expect(story.map(({ to_state }) => to_state)).toEqual([
    'scheduled',
    'precheck',
    'charging',
    'recovered_by_us',
  ]);
});

test('a case whose card is dead comes to an end, and each attempt in the ledger was sent once', async () => {
  const one = await shop.open({ state: 'planning', wish: 'declined' });
  const handle = await start(one);
  await toItsEnd(one);
  const { state, attempts } = await handle.result();
  expect(['hard_stopped', 'exhausted']).toContain(state);
  expect(one.sent()).toBe(attempts);
  expect((await one.attempts()).map(({ number }) => number)).toEqual(
    Array.from({ length: attempts }, (_, index) => index + 1),
  );
});

test('an answer that is lost after the money has moved is looked up, and nothing is sent again', async () => {
  const one = await openPayable();
  shop.simulator.faults.add([{ match: { method: 'POST' }, times: 1, kind: 'reset-after-commit' }]);
  const handle = await start(one);
  await reaches(one, 'unknown');
  await one.proveAbsent();
  await toItsEnd(one);
  expect(await handle.result()).toMatchObject({ state: 'recovered_by_us', attempts: 1 });
  expect(one.sent()).toBe(1);
});

test('a case that was terminated while its payment was on the wire goes on from its row and ledger', async () => {
  const one = await openPayable();
  shop.simulator.faults.add([{ match: { method: 'POST' }, times: 1, kind: 'hang-after-commit' }]);
  const first = await start(one);
  await reaches(one, 'scheduled');
  await goOn(one);
  await eventually(() => one.sent() === 1);
  await first.terminate();
  const second = await start(one);
  await eventually(async () => (await second.query(caseStatus)).state === 'unknown');
  await one.proveAbsent();
  await toItsEnd(one);
  expect(await second.result()).toMatchObject({ state: 'recovered_by_us', attempts: 1 });
  expect(one.sent()).toBe(1);
});

describe('an attempt that nothing proves', () => {
  const REASON = 'ticket 4711: asked the bank';
  let recoup: Recoup;
  beforeAll(async () => {
    recoup = await startRecoup({
      DATABASE_URL: shop.url,
      RECOUP_SYNC_TASK_QUEUE: harness.taskQueue,
    });
  });
  afterEach(() => {
    shop.simulator.api.lag = { objectSeconds: 0, eventSeconds: 0 };
  });
  afterAll(() => recoup.close());

  /** The case needs a person, and people are shown that it does. */
  async function untilPersonIsCalled(one: Case): Promise<void> {
    // Whoever made the newest charge is not told as long as anybody looks.
    shop.simulator.api.lag = { objectSeconds: 0, eventSeconds: 30 * 86_400 };
    await reaches(one, 'unknown');
    await one.proveAbsent();
    await reaches(one, 'needs_human');
    expect(await rowOf(one)).toMatchObject({ attention: true, attempts: 1 });
    const listed = await recoup.json(['recoveries', 'list', '--attention', '--json']);
    expect(listed).toMatchObject([{ invoice: one.invoice, state: 'needs_human' }]);
    const { stdout } = await recoup.cli(['recoveries', 'show', one.invoice]);
    expect(stdout).toContain(`recoup recoveries resolve ${one.invoice}`);
  }
  const resolve = (one: Case, outcome: string) =>
    recoup.cli(['recoveries', 'resolve', one.invoice, '--outcome', outcome, '--reason', REASON]);

  test('is money once a person says so, and the reason is kept', async () => {
    const one = await openPayable();
    shop.simulator.faults.add([
      { match: { method: 'POST' }, times: 1, kind: 'reset-after-commit' },
    ]);
    const handle = await start(one);
    await untilPersonIsCalled(one);
    const { code, stdout } = await resolve(one, 'succeeded');
    expect(code).toBe(0);
    expect(stdout).toContain(`${one.invoice} is recovered_by_us.`);
    expect(await handle.result()).toMatchObject({ state: 'recovered_by_us', attention: false });
    expect(await one.attempts()).toMatchObject([
      { state: 'succeeded', settledBy: 'person', note: REASON },
    ]);
    const row = await rowOf(one);
    expect(row).toMatchObject({ attention: false, recovered_minor: row.amount_minor });
    const told = await recoup.cli(['recoveries', 'explain', one.invoice]);
    expect(told.stdout).toContain(REASON);
    expect(one.sent()).toBe(1);
  });

  test('never happened once a person says so: the next one has a number and a key of its own', async () => {
    const one = await openPayable();
    const { world } = shop.simulator;
    shop.simulator.faults.add([{ match: { method: 'POST' }, times: 1, kind: 'reset' }]);
    await start(one);
    await reaches(one, 'unknown');
    // Somebody else has tried meanwhile, in vain.
    const { defaultPaymentMethod } = world.customers.get(one.bill.customer);
    const { issuer } = world.paymentMethods.get(defaultPaymentMethod ?? '');
    issuer.diesAt = 0;
    shop.simulator.change([{ kind: 'providerRetry', id: one.invoice }]);
    issuer.diesAt = null;
    await untilPersonIsCalled(one);
    const { code, stdout } = await resolve(one, 'absent');
    expect(code).toBe(0);
    expect(stdout).toContain(`${one.invoice} is planning.`);
    shop.simulator.api.lag = { objectSeconds: 0, eventSeconds: 0 };
    expect(await one.attempts()).toMatchObject([
      { state: 'absent', settledBy: 'person', note: REASON },
    ]);
    await eventually(async () => (await rowOf(one)).state !== 'needs_human');
    expect(await rowOf(one)).toMatchObject({ attention: false });
    await toItsEnd(one);
    const attempts = await one.attempts();
    expect(attempts.map(({ number }) => number)).toEqual(attempts.map((_, index) => index + 1));
    expect(new Set(attempts.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(
      attempts.length,
    );
    expect(one.sent()).toBe(attempts.length);
  });
});
