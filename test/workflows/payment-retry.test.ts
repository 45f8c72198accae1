import { WorkflowUpdateFailedError } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { CaseEvent } from '../../domain/recovery/decide';
import { RECOVERY_POLICY } from '../../domain/recovery/policy';
import {
  attemptNow,
  cancel,
  caseNews,
  caseStatus,
  pause,
  reopen,
  resolve,
  resume,
  SEARCH_ATTRIBUTES,
  tick,
} from '../../workflows/contract';
import type { paymentRetry } from '../../workflows/payment-retry';
import { PLANNED_IN_MS, succeeded, type CaseFakes } from './case-fakes';
import { deferred } from './fakes';
import { CACHES, detailsOf, eventually, Harness } from './harness';

type Case = WorkflowHandle<typeof paymentRetry>;

const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 10, 1, 9);

describe.each(CACHES)('paymentRetry, $cache', ({ maxCachedWorkflows }) => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await Harness.start({ maxCachedWorkflows });
  });
  afterEach(() => harness.end());
  afterAll(() => harness.stop());

  /** Steps of a case whose clock moves only when somebody moves it: by `later`. */
  function simulated(facts: Partial<CaseFakes['facts']> = {}) {
    const fakes = harness.cases();
    let nowMs = START_MS;
    fakes.now = () => nowMs;
    const windowEndsAtMs = nowMs + 28 * 24 * HOUR_MS;
    fakes.facts = { ...fakes.facts, clock: 'simulated', nowMs, windowEndsAtMs, ...facts };
    const later = async (handle: Case, byMs: number): Promise<void> => {
      nowMs += byMs;
      await handle.signal(tick, { nowMs });
    };
    return { fakes, later };
  }
  const at = (handle: Case, state: string) =>
    eventually(async () => (await handle.query(caseStatus)).state === state);
  const stored = (fakes: CaseFakes, state: string) =>
    eventually(() => fakes.record?.state === state);

  test('an attempt that succeeds: planned, waited for, checked, made, and stored by its steps', async () => {
    const { fakes, later } = simulated();
    fakes.script.charge = [succeeded];
    const handle = await harness.startCase();
    await stored(fakes, 'scheduled');
    expect(fakes.record?.nextActionAtMs).toBe(START_MS + PLANNED_IN_MS);
    await later(handle, PLANNED_IN_MS);
    expect(await handle.result()).toMatchObject({ state: 'recovered_by_us', attempts: 1 });
    expect(fakes.steps).toEqual(['read', 'plan', 'record', 'check', 'charge 1', 'record']);
    expect(fakes.story).toEqual([
      'planning -attempt_planned-> scheduled',
      'scheduled -timer_fired-> precheck',
      'precheck -clear-> charging',
      'charging -succeeded-> recovered_by_us',
    ]);
    expect([...fakes.transitions.keys()]).toEqual([3, 4, 5, 6]);
    expect(fakes.transitions.get(3)?.facts).toEqual({ edition: '2026-11', rules: ['ladder'] });
    expect(fakes.record?.recovery).toMatchObject({ by: 'us', recoveredMinor: '4200' });
  });

  test('a real clock is waited for by a timer', async () => {
    const fakes = harness.cases();
    fakes.byDefault.plan = () => ({ type: 'attempt_planned', atMs: Date.now() + 300 });
    fakes.script.charge = [{ type: 'declined' }, succeeded];
    const handle = await harness.startCase();
    expect(await handle.result()).toMatchObject({ state: 'recovered_by_us', attempts: 2 });
    expect(fakes.steps.filter((name) => name.startsWith('charge'))).toEqual([
      'charge 1',
      'charge 2',
    ]);
  });

  test('a payment step that dies is an unknown outcome: it is looked up, and made again only once that is proven', async () => {
    const { fakes, later } = simulated();
    fakes.script.charge = [
      () => {
        throw ApplicationFailure.retryable('The worker died.', 'internal');
      },
      succeeded,
    ];
    fakes.script.lookup = [
      { type: 'inconclusive', atMs: START_MS },
      { type: 'absent', because: 'Nothing of it is there.' },
    ];
    const handle = await harness.startCase();
    await stored(fakes, 'scheduled');
    await later(handle, PLANNED_IN_MS);
    await stored(fakes, 'unknown');
    await later(handle, RECOVERY_POLICY.lookupDelaysMs[0] ?? 0);
    await eventually(() => fakes.steps.includes('lookup 1'));
    await eventually(() => fakes.story.includes('unknown -inconclusive-> unknown'));
    await later(handle, RECOVERY_POLICY.lookupDelaysMs[1] ?? 0);
    await eventually(() => fakes.story.includes('planning -attempt_planned-> scheduled'));
    await stored(fakes, 'scheduled');
    await later(handle, PLANNED_IN_MS);
    expect(await handle.result()).toMatchObject({ state: 'recovered_by_us', attempts: 2 });
    const money = fakes.steps.filter((name) => /charge|lookup/.test(name));
    expect(money).toEqual(['charge 1', 'lookup 1', 'lookup 1', 'charge 2']);
  });

  test('what nothing proves is a person’s to say, and what is said is asked with its reason', async () => {
    const { fakes, later } = simulated();
    fakes.script.charge = [{ type: 'outcome_unknown' }];
    const handle = await harness.startCase({ policy: { lookupDelaysMs: [1_000, 2_000] } });
    const early = await handle.executeUpdate(resolve, {
      args: [{ outcome: 'absent', reason: 'I think so' }],
    });
    expect(early.because).toContain('No attempt waits');
    await stored(fakes, 'scheduled');
    await later(handle, PLANNED_IN_MS);
    for (const delayMs of [1_000, 2_000]) {
      await eventually(() => fakes.record?.nextActionAtMs === fakes.now() + delayMs);
      await later(handle, delayMs);
    }
    await stored(fakes, 'needs_human');
    expect(fakes.record).toMatchObject({ attention: true, nextActionAtMs: null });
    expect(await detailsOf(handle)).toContain('update `resolve` with');
    const { typedSearchAttributes: attributes } = await handle.describe();
    expect(attributes.get(SEARCH_ATTRIBUTES.attention)).toBe(true);
    const refused = handle.executeUpdate(resolve, { args: [{ outcome: 'absent', reason: ' ' }] });
    await expect(refused).rejects.toThrow(WorkflowUpdateFailedError);
    const answer = await handle.executeUpdate(resolve, {
      args: [{ outcome: 'succeeded', reason: 'seen on the statement' }],
    });
    expect(answer.state).toBe('recovered_by_us');
    expect(answer.because).toContain('seen on the statement');
    expect(await handle.result()).toMatchObject({ state: 'recovered_by_us', attention: false });
  });

  test('a pause stops before the attempt and a resume plans anew', async () => {
    const { fakes, later } = simulated();
    const handle = await harness.startCase();
    await stored(fakes, 'scheduled');
    const paused = await handle.executeUpdate(pause, { args: [{ reason: 'ticket 4711' }] });
    expect(paused).toEqual({ state: 'paused', because: 'Paused by a person. ticket 4711.' });
    expect(fakes.wanted).toEqual(['pause']);
    await later(handle, 2 * PLANNED_IN_MS);
    const refused = await handle.executeUpdate(attemptNow, { args: [{}] });
    expect(refused).toMatchObject({ state: 'paused' });
    expect(refused.because).toContain('resume it first');
    expect((await handle.executeUpdate(resume, { args: [{}] })).state).toBe('planning');
    await eventually(() => fakes.steps.filter((name) => name === 'plan').length === 2);
    expect(fakes.wanted).toEqual(['pause', 'run']);
    expect(fakes.steps).not.toContain('charge 1');
  });

  test('a cancel while a payment is on the wire is written at once and takes effect after its outcome', async () => {
    const { fakes, later } = simulated();
    const outcome = deferred<CaseEvent>();
    fakes.script.charge = [() => outcome.promise];
    const handle = await harness.startCase();
    await stored(fakes, 'scheduled');
    const charging = fakes.next('charge');
    await later(handle, PLANNED_IN_MS);
    await charging;
    const answer = await handle.executeUpdate(cancel, { args: [{}] });
    expect(answer.state).toBe('charging');
    expect(fakes.wanted).toEqual(['cancel']);
    expect(await detailsOf(handle)).toContain('**Afterwards:** cancel');
    outcome.resolve({ type: 'declined' });
    expect(await handle.result()).toMatchObject({ state: 'canceled', attempts: 1 });
  });

  test('a case that was reset and forgot an attempt is not canceled before the outcome of that is known', async () => {
    const { fakes, later } = simulated();
    fakes.script.lookup = [{ type: 'declined' }];
    const handle = await harness.startCase();
    await stored(fakes, 'scheduled');
    const { setCaseDesired } = fakes.activities;
    fakes.activities.setCaseDesired = async ({ record: _forgetful, ...input }) => {
      await setCaseDesired({ ...input, record: null });
      const openAttempt = { number: 1, state: 'unknown' } as const;
      const { size: transitions } = fakes.transitions;
      const known = { state: 'charging', attempts: 1, openAttempt, desired: 'cancel' } as const;
      fakes.facts = { ...fakes.facts, ...known, transitions: transitions + 2, nowMs: fakes.now() };
      return { isRefused: true };
    };
    const answer = await handle.executeUpdate(cancel, { args: [{}] });
    expect(answer.state).toBe('unknown');
    await later(handle, 2 * PLANNED_IN_MS);
    expect(await handle.result()).toMatchObject({ state: 'canceled', attempts: 1 });
    expect(fakes.steps).toContain('lookup 1');
    expect(fakes.steps).not.toContain('charge 1');
  });

  test('money that comes in after a cancel is recovered all the same, and says so', async () => {
    const { fakes, later } = simulated();
    const outcome = deferred<CaseEvent>();
    fakes.script.charge = [() => outcome.promise];
    const handle = await harness.startCase();
    await stored(fakes, 'scheduled');
    const charging = fakes.next('charge');
    await later(handle, PLANNED_IN_MS);
    await charging;
    await handle.cancel();
    await eventually(() => fakes.wanted.includes('cancel'));
    outcome.resolve(succeeded);
    const { state, because } = await handle.result();
    expect(state).toBe('recovered_by_us');
    expect(because).toContain('was to be stopped meanwhile');
  });

  test('cancelling the workflow in the UI is the update cancel', async () => {
    const { fakes } = simulated();
    const handle = await harness.startCase();
    await stored(fakes, 'scheduled');
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();
    expect((await handle.describe()).status.name).toBe('CANCELLED');
    expect(fakes.record).toMatchObject({ state: 'canceled' });
    expect(fakes.wanted).toEqual(['cancel']);
  });

  test('attemptNow does not wait for the plan, but is checked like any other attempt', async () => {
    const { fakes } = simulated();
    fakes.script.check = [{ type: 'disputed' }];
    const handle = await harness.startCase();
    await stored(fakes, 'scheduled');
    const answer = await handle.executeUpdate(attemptNow, { args: [{}] });
    expect(answer.state).toBe('precheck');
    expect(await handle.result()).toMatchObject({ state: 'hard_stopped', attempts: 0 });
    expect(fakes.steps).not.toContain('charge 1');
  });

  test('news are looked at and believed only then; without any change the plan holds', async () => {
    const { fakes } = simulated();
    fakes.script.check = [
      { type: 'clear' },
      { type: 'paid_elsewhere', by: 'elsewhere', amountMinor: '4200', chargeId: 'ch_9' },
    ];
    const handle = await harness.startCase();
    await stored(fakes, 'scheduled');
    await handle.signal(caseNews, { what: 'card_updated' });
    await eventually(() => fakes.story.includes('scheduled -clear-> scheduled'));
    await handle.signal(caseNews, { what: 'paid_elsewhere' });
    expect(await handle.result()).toMatchObject({ state: 'recovered_elsewhere', attempts: 0 });
    expect(fakes.record?.recovery).toMatchObject({ by: 'elsewhere', chargeId: 'ch_9' });
  });

  test('a signal that nobody understands changes nothing, and is shown', async () => {
    const { fakes } = simulated();
    const handle = await harness.startCase();
    await stored(fakes, 'scheduled');
    await handle.signal(caseNews, { what: 'gossip' } as never);
    await eventually(async () => (await detailsOf(handle)).includes('was not understood'));
    expect(fakes.steps).toEqual(['read', 'plan', 'record']);
  });

  test('whoever waits for the customer tells whoever wants to be told, and looks again by itself', async () => {
    const { fakes, later } = simulated();
    fakes.script.plan = [{ type: 'customer_needed', remedy: 'update' }];
    const handle = await harness.startCase();
    await stored(fakes, 'awaiting_customer');
    await eventually(() => fakes.delivered.length === 1);
    expect(fakes.record?.nextActionAtMs).toBe(START_MS + RECOVERY_POLICY.lookAgainMs);
    fakes.script.check = [{ type: 'card_updated' }];
    await eventually(async () =>
      (await detailsOf(handle)).includes('the customer pays by the link'),
    );
    await later(handle, RECOVERY_POLICY.lookAgainMs);
    await stored(fakes, 'scheduled');
    expect(fakes.steps).toEqual(['read', 'plan', 'note', 'check', 'plan', 'record']);
  });

  test('a case waits no longer than its window', async () => {
    const { fakes, later } = simulated();
    fakes.script.plan = [{ type: 'customer_needed', remedy: 'update' }];
    fakes.byDefault.check = { type: 'clear' };
    const handle = await harness.startCase();
    await stored(fakes, 'awaiting_customer');
    await later(handle, 28 * 24 * HOUR_MS);
    expect(await handle.result()).toMatchObject({ state: 'exhausted' });
  });

  test('a step that fails is tried again after a wait, and tells somebody when it goes on', async () => {
    const fakes = harness.cases();
    const failing = () => {
      throw ApplicationFailure.nonRetryable('Stripe rejects the key.', 'credentials_rejected');
    };
    fakes.script.plan = [failing, failing, failing];
    const policy = { backoffFirstMs: 20, backoffMaxMs: 50, alarmAfterFailures: 3 };
    const handle = await harness.startCase({ policy });
    await stored(fakes, 'scheduled');
    expect(fakes.story).toContain('planning -step_failed-> planning');
    expect((await handle.query(caseStatus)).attention).toBe(false);
    expect([...fakes.transitions.values()].map(({ because }) => because).join()).toContain(
      'Stripe rejects the key.',
    );
  });

  test('after a terminate a new workflow goes on from the row: an open attempt is looked up, never made again', async () => {
    const { fakes, later } = simulated({
      state: 'charging',
      transitions: 5,
      attempts: 1,
      openAttempt: { number: 1, state: 'intended' },
    });
    fakes.script.lookup = [succeeded];
    const handle = await harness.startCase();
    await stored(fakes, 'unknown');
    await later(handle, RECOVERY_POLICY.lookupDelaysMs[0] ?? 0);
    expect(await handle.result()).toMatchObject({ state: 'recovered_by_us', attempts: 1 });
    expect(fakes.steps).toEqual(['read', 'record', 'lookup 1', 'record']);
    expect([...fakes.transitions.keys()]).toEqual([6, 7]);
  });

  test('an attempt that had been begun and is not in the ledger is looked up by the next number, which fences it', async () => {
    const { fakes, later } = simulated({ state: 'charging', attempts: 3, transitions: 9 });
    fakes.script.lookup = [{ type: 'absent' }];
    const handle = await harness.startCase();
    await stored(fakes, 'unknown');
    await later(handle, RECOVERY_POLICY.lookupDelaysMs[0] ?? 0);
    await stored(fakes, 'scheduled');
    await later(handle, PLANNED_IN_MS);
    await eventually(() => fakes.steps.includes('charge 5'));
    expect(fakes.steps).toContain('lookup 4');
  });

  test('a claim that meets a paused account waits like a paused case, says so, and goes on when it is resumed', async () => {
    const { fakes, later } = simulated();
    fakes.script.charge = [{ type: 'account_paused', attempt: 0 }, succeeded];
    fakes.script.check = [{ type: 'clear' }, { type: 'account_paused' }];
    const handle = await harness.startCase();
    await stored(fakes, 'scheduled');
    await later(handle, PLANNED_IN_MS);
    await stored(fakes, 'paused');
    const details = await detailsOf(handle);
    expect(details).toContain('The account is paused: nothing is tried before it is resumed.');
    expect(details).toContain('**Next:** it goes on once its account is resumed');
    await later(handle, RECOVERY_POLICY.lookAgainMs);
    await eventually(() => fakes.story.includes('paused -account_paused-> paused'));
    fakes.script.check = [{ type: 'account_resumed' }];
    await handle.signal(caseNews, { what: 'account_resumed' });
    await stored(fakes, 'scheduled');
    await later(handle, PLANNED_IN_MS);
    expect(await handle.result()).toMatchObject({ state: 'recovered_by_us', attempts: 1 });
    expect(fakes.steps.filter((name) => name.startsWith('charge'))).toEqual([
      'charge 1',
      'charge 1',
    ]);
    expect(fakes.wanted).toEqual([]);
  });

  test('a case that a person has paused, too, stays so when its account is resumed', async () => {
    const { fakes } = simulated();
    fakes.script.plan = [{ type: 'account_paused' }];
    const handle = await harness.startCase();
    await stored(fakes, 'paused');
    await handle.executeUpdate(pause, { args: [{ reason: 'ticket 4711' }] });
    fakes.script.check = [{ type: 'account_resumed' }];
    await handle.signal(caseNews, { what: 'account_resumed' });
    await eventually(() => fakes.story.includes('planning -pause-> paused'));
    expect(fakes.steps.filter((name) => name === 'plan')).toHaveLength(1);
    expect((await handle.executeUpdate(resume, { args: [{}] })).state).toBe('planning');
    await stored(fakes, 'scheduled');
  });

  test('an exhausted case that a person opens again goes on from its row, and no other does', async () => {
    const { fakes } = simulated({ state: 'exhausted', attempts: 2, transitions: 9 });
    const handle = await harness.reopenCase();
    await stored(fakes, 'scheduled');
    expect(fakes.steps).toEqual(['read', 'reopen', 'plan', 'record']);
    expect([...fakes.transitions.keys()]).toEqual([11]);
    const again = await handle.executeUpdate(reopen, { args: [{ reason: 'once more' }] });
    expect(again).toEqual({
      state: 'scheduled',
      because: 'It has not ended: there is nothing to open again. once more.',
    });
    const unsaid = handle.executeUpdate(reopen, { args: [{ reason: ' ' }] });
    await expect(unsaid).rejects.toThrow(WorkflowUpdateFailedError);
  });

  test.each([
    ['pause', 'paused'],
    ['cancel', 'canceled'],
  ] as const)('a case that was told to %s while nobody ran it is %s', async (desired, state) => {
    const { fakes } = simulated({ desired });
    await harness.startCase();
    await stored(fakes, state);
    expect(fakes.steps).not.toContain('plan');
  });

  test.each(['recovered_by_us', 'holdout', 'canceled'] as const)(
    'a workflow of a case that is %s has nothing to do',
    async (state) => {
      const { fakes } = simulated({ state });
      const handle = await harness.startCase();
      expect(await handle.result()).toMatchObject({ state });
      expect(fakes.steps).toEqual(['read']);
    },
  );

  test('a case that nobody has opened fails the workflow with its reason', async () => {
    harness.cases();
    const handle = await harness.startCase({ invoice: 'in_unknown' });
    await expect(handle.result()).rejects.toMatchObject({
      cause: { message: expect.stringContaining('No case in_unknown') as unknown },
    });
  });

  test('an attempt costs fewer than 60 history events', async () => {
    const { fakes, later } = simulated();
    const attempts = 8;
    const handle = await harness.startCase();
    for (let made = 0; made < attempts; made += 1) {
      await eventually(
        () =>
          fakes.record?.state === 'scheduled' &&
          fakes.record.nextActionAtMs === fakes.now() + PLANNED_IN_MS,
      );
      await later(handle, PLANNED_IN_MS);
      await eventually(() => fakes.steps.includes(`charge ${String(made + 1)}`));
    }
    await at(handle, 'scheduled');
    const { events } = await handle.fetchHistory();
    const perAttempt = (events?.length ?? 0) / attempts;
    expect(perAttempt).toBeLessThan(60);
  });

  test('a direct debit costs fewer than 60 history events from its plan to its very end', async () => {
    const { fakes, later } = simulated();
    fakes.script.charge = [{ type: 'pending' }];
    fakes.script.lookup = [{ type: 'pending' }, succeeded];
    const handle = await harness.startCase();
    await stored(fakes, 'scheduled');
    await later(handle, PLANNED_IN_MS);
    await stored(fakes, 'pending_settlement');
    for (const delayMs of RECOVERY_POLICY.settlementDelaysMs.slice(0, 2)) {
      expect(fakes.record?.nextActionAtMs).toBe(fakes.now() + delayMs);
      const seen = fakes.transitions.size;
      await later(handle, delayMs);
      await eventually(() => fakes.transitions.size > seen);
    }
    expect(await handle.result()).toMatchObject({ state: 'recovered_by_us', attempts: 1 });
    const events = (await handle.fetchHistory()).events ?? [];
    const planned = events.findIndex(
      ({ activityTaskScheduledEventAttributes: scheduled }) =>
        scheduled?.activityType?.name === 'planCase',
    );
    expect(planned).toBeGreaterThan(0);
    expect(events.length - planned).toBeLessThan(60);
  });

  test('a database that is away for a while is waited for, and then has what the case has become', async () => {
    const { fakes } = simulated();
    const { recordCase } = fakes.activities;
    const failures = 2;
    let tries = 0;
    fakes.activities.recordCase = (input) => {
      tries += 1;
      if (tries <= failures) throw new Error('no connection');
      return recordCase(input);
    };
    const handle = await harness.startCase();
    await stored(fakes, 'scheduled');
    expect(tries).toBe(failures + 1);
    expect(await handle.query(caseStatus)).toMatchObject({ state: 'scheduled', attention: false });
  });

  test('state, account, provider, amount and the next action can be searched for', async () => {
    const { fakes } = simulated();
    const handle = await harness.startCase({ account: undefined as never });
    await stored(fakes, 'scheduled');
    await eventually(async () => {
      const { typedSearchAttributes: attributes } = await handle.describe();
      return attributes.get(SEARCH_ATTRIBUTES.state) === 'scheduled';
    });
    const { typedSearchAttributes: attributes } = await handle.describe();
    expect(attributes.get(SEARCH_ATTRIBUTES.amountMinor)).toBe(4200);
    expect(attributes.get(SEARCH_ATTRIBUTES.provider)).toBe('stripe');
    expect(attributes.get(SEARCH_ATTRIBUTES.nextActionAt)).toEqual(
      new Date(START_MS + PLANNED_IN_MS),
    );
    const details = await detailsOf(handle);
    expect(details).toContain('attempt 1 is made at 2026-11-01 09:01 UTC');
    expect(details).toContain('**Last decision:** The ladder says so.');
    expect(details).toContain('by the rule ladder (edition 2026-11)');
    expect(details).toContain('recoup recoveries explain in_1');
  });
});
