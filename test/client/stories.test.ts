/** Cases of every kind, by their real steps on a simulated Stripe and in Postgres, and their stories as people read them. */
import { PassThrough } from 'node:stream';
import { readStory } from '../../db/repositories/recoveries';
import {
  answer,
  clockAt,
  failureOf,
  happen,
  recorded,
  recordOf,
  takeUp,
  taskOf,
  told,
} from '../../domain/recovery/engine';
import type { CaseEvent } from '../../domain/recovery/decide';
import type { CaseMemory } from '../../domain/recovery/memory';
import { RECOVERY_POLICY, SIMULATED_WIRE } from '../../domain/recovery/policy';
import type { CaseStepName } from '../../domain/recovery/work';
import { renderStory } from '../../client/recovery-view';
import { paintFor } from '../../client/output';
import { setAccountDesired } from '../../db/repositories/accounts';
import { renderCase } from '../../workflows/case-details';
import { openShop, type Case, type Shop } from '../faults/recovery/shop';

/** More than any of these cases takes. */
const MOST_TASKS = 200;
const policy = { ...RECOVERY_POLICY, ...SIMULATED_WIRE };

const PLAIN = paintFor(new PassThrough());

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.db.updateTable('account').set({ clock: 'simulated' }).execute();
}, 120_000);
afterAll(() => shop.close());

/** Runs a case as its workflow does, by the engine and the steps, until it has ended, waits for people, or `until` holds. */
async function run(one: Case, until: (memory: CaseMemory) => boolean = () => false) {
  const { simulator, harness } = shop;
  const { steps, act } = harness;
  const ref = { account: one.account, invoice: one.invoice };
  const facts = await act(() => steps.readCase(ref));
  let memory = takeUp(facts, policy);
  const moment = () => ({ nowMs: memory.nowMs, policy });
  const storing = async <T>(
    call: (input: { record: ReturnType<typeof recordOf> }) => Promise<T>,
  ) => {
    const record = recordOf(memory, moment());
    const given = await call({ record });
    memory = recorded(memory, record);
    return given;
  };
  const step = async (name: CaseStepName): Promise<void> => {
    const { state: begunIn, attempts, open } = memory;
    const seen = await storing(({ record }) =>
      act(() => {
        const input = { ...ref, record };
        switch (name) {
          case 'plan':
            return steps.planCase(input);
          case 'check':
            return steps.checkCase(input);
          case 'charge':
            return steps.chargeCase({ ...input, after: attempts });
          case 'lookup':
            return steps.lookUpAttempt({ ...input, number: open ?? attempts });
        }
      }),
    ).catch(() => ({
      nowMs: memory.nowMs,
      event: failureOf(name, { because: 'The step failed.', retryAfterMs: null }),
    }));
    memory = clockAt(memory, seen.nowMs);
    const attempt = 'attempt' in seen ? { attempt: seen.attempt as number | null } : {};
    memory = answer(memory, { step: name, event: seen.event, begunIn, ...attempt }, moment());
  };
  const store = () =>
    storing(async ({ record }) => {
      if (record !== null) await act(() => steps.recordCase({ ...ref, record }));
    });
  for (let task = 0; task < MOST_TASKS && !until(memory); task += 1) {
    const next = taskOf(memory, moment());
    if (next.do === 'step') await step(next.step);
    else if (next.do === 'apply') memory = happen(memory, next.event, moment());
    else if (next.do === 'tell') memory = told(memory);
    else if (next.do === 'wait' && next.untilMs !== null) {
      await store();
      const nowMs = Math.max(simulator.clock.now().getTime(), next.untilMs);
      simulator.clock.set(new Date(nowMs), { stopped: true });
      memory = clockAt(memory, nowMs);
    } else break;
  }
  await store();
  return {
    memory,
    /** What a person asks for. */
    hear: async (event: CaseEvent) => {
      memory = happen(memory, event, moment());
      await store();
    },
    details: () => renderCase({ memory, policy, nowMs: memory.nowMs, notes: [] }),
  };
}

async function tell(one: Case): Promise<string> {
  const row = await shop.db
    .selectFrom('recovery_case')
    .selectAll()
    .where('invoice_id', '=', one.invoice)
    .executeTakeFirstOrThrow();
  const story = await readStory(shop.db, row);
  const told = renderStory(row, story, { paint: PLAIN, width: 100 });
  if (process.env['RECOUP_TELL_STORIES']) process.stdout.write(`\n${told}\n`);
  return told;
}

/** A case whose card works again, and may be tried whatever it has answered in the past. */
async function openPayable(terms = {}): Promise<Case> {
  for (let tried = 0; tried < 40; tried += 1) {
    const one = await shop.open({ state: 'precheck', terms });
    const { event } = await one.check();
    await one.set({ state: event.type === 'clear' ? 'planning' : 'excluded' });
    if (event.type === 'clear') return one;
  }
  throw new Error('No card may be tried again.');
}

const fault = (kind: 'reset' | 'reset-after-commit') =>
  shop.simulator.faults.add([{ match: { method: 'POST' }, times: 1, kind }]);
const issuerOf = ({ bill }: Case) => {
  const { customers, paymentMethods } = shop.simulator.world;
  return paymentMethods.get(customers.get(bill.customer).defaultPaymentMethod ?? '').issuer;
};

/** Words of the machine, which nobody has to know. */
const JARGON = /precheck|timer fired|ceilings|fence|inconclusive|→/;

/** Whatever is told: each decision by its rules, each attempt with its request and outcome, nothing twice in one paragraph. */
function expectReadable(story: string): void {
  expect(story).not.toMatch(JARGON);
  for (const paragraph of story.split('\n\n').slice(1)) {
    const text = paragraph.replace(/\s+/g, ' ');
    if (/ scheduled /.test(text))
      expect(text).toMatch(/For \d{4}-\d\d-\d\d \d\d:\d\d UTC, by the rules? .+ \(edition \d{4}-/);
    if (/ attempt \d+ /.test(text)) expect(text).toMatch(/Request req_|No request id is known/);
    const said = text.split(/(?<=[.!?]) /);
    expect(said).toEqual([...new Set(said)]);
  }
}

const decline = (one: Case, code = 'insufficient_funds'): void =>
  void Object.assign(issuerOf(one), { diesAt: 0, deadDecline: code });
const recover = (one: Case): void => void Object.assign(issuerOf(one), { diesAt: null });

test('a case that is declined and then recovered', async () => {
  const one = await openPayable();
  decline(one);
  await run(one, ({ attempts }) => attempts >= 1);
  recover(one);
  await run(one);
  const story = await tell(one);
  expectReadable(story);
  expect(story).toMatch(
    /Declined: insufficient funds \(visa: 51\)\.\n +Request req_\w+, charge ch_/,
  );
  expect(story).toContain('An attempt of ours has brought the money.');
});

test('a case that is exhausted, and opened again by a person', async () => {
  const one = await openPayable({ maxAttempts: 1 });
  decline(one);
  await run(one);
  expectReadable(await tell(one));
  const reason = 'ticket 4711: the customer has called her bank';
  const { account, invoice } = one;
  await shop.harness.act(() => shop.harness.steps.reopenCase({ account, invoice, reason }));
  recover(one);
  await run(one);
  const story = await tell(one);
  expectReadable(story);
  expect(story).toMatch(
    / exhausted\n[^]+allows one try[^]+Opened again by a person\. ticket 4711[^]+ recovered by us\n/,
  );
});

test('a case whose answer was lost tells what a lookup has shown', async () => {
  const one = await openPayable();
  fault('reset-after-commit');
  await run(one);
  const story = await tell(one);
  expectReadable(story);
  expect(story).toContain('Paid, as a lookup has shown.');
  expect(story.match(/ECONNRESET/g)).toHaveLength(1);
});

test('a case that needs a person tells once what was seen again and again, and who has said what', async () => {
  const one = await openPayable();
  fault('reset-after-commit');
  shop.simulator.api.lag = { objectSeconds: 0, eventSeconds: 30 * 86_400 };
  const ran = await run(one);
  shop.simulator.api.lag = { objectSeconds: 0, eventSeconds: 0 };
  expect(ran.details()).toContain('update `resolve` with');
  expectReadable(await tell(one));
  const { account, invoice } = one;
  const said = {
    number: 1,
    outcome: 'succeeded',
    reason: 'ticket 4711: seen at the bank',
  } as const;
  const { event } = await shop.harness.act(() =>
    shop.harness.steps.resolveAttempt({ account, invoice, record: null, ...said }),
  );
  await ran.hear(event);
  const story = await tell(one);
  expectReadable(story);
  expect(story.match(/Nothing proves yet/g)).toHaveLength(1);
  expect(story.replace(/\s+/g, ' ')).toContain('The same 7 times more, the last at');
  expect(story).toContain('Paid, as a person has said.');
  expect(story).toContain('ticket 4711: seen at the bank.');
});

test('a case that is disputed before its attempt ends without one, and says why', async () => {
  const one = await openPayable();
  const { memory } = await run(one, ({ state }) => state === 'scheduled');
  shop.simulator.change([{ kind: 'payPart', id: one.invoice }]);
  const part = one.charges().find(({ status }) => status === 'succeeded');
  shop.simulator.change([{ kind: 'disputeCharge', id: part?.id ?? '' }]);
  expect(memory.state).toBe('scheduled');
  await run(one);
  const story = await tell(one);
  expectReadable(story);
  expect(story).toMatch(
    / scheduled\n[^]+ hard stopped\n +A charge of the invoice is disputed: it is not charged again\.\n*$/,
  );
  expect(story).not.toContain(' attempt 1');
});

test('a case that waits for its customer says why no other try is made', async () => {
  const one = await openPayable();
  decline(one, 'stolen_card');
  const ran = await run(one, ({ state }) => state === 'awaiting_customer');
  const story = await tell(one);
  expectReadable(story);
  expect(story).toContain('The card was reported stolen.');
  expect(ran.details()).toContain('**Next:** the customer pays by the link');
});

test('a case of a paused account says so, goes on, and ends where somebody else was faster', async () => {
  const one = await openPayable();
  await setAccountDesired(shop.db, one.account, 'pause');
  const held = await run(one, ({ state }) => state === 'paused');
  expect(held.details()).toContain('it goes on once its account is resumed');
  await setAccountDesired(shop.db, one.account, 'run');
  await run(one, ({ state }) => state === 'scheduled');
  shop.simulator.change([{ kind: 'payInvoice', id: one.invoice }]);
  await run(one);
  const story = await tell(one);
  expectReadable(story);
  expect(story).toMatch(
    /The account is paused[^]+The account was resumed[^]+ recovered elsewhere\n/,
  );
});
