import { randomUUID } from 'node:crypto';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import type { account } from '../../workflows/account';
import {
  accountChanged,
  disconnect,
  pause,
  requestSync,
  resume,
  retry,
  SEARCH_ATTRIBUTES,
  skip,
  status,
  wake,
} from '../../workflows/contract';
import {
  deferred,
  drained,
  dying,
  failing,
  held,
  more,
  untilToldToStop,
  type Fakes,
} from './fakes';
import { CACHES, detailsOf, eventually, Harness, POLICY } from './harness';

type Account = WorkflowHandle<typeof account>;

describe.each(CACHES)('account, $cache', ({ maxCachedWorkflows }) => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await Harness.start({ maxCachedWorkflows });
  });
  afterEach(() => harness.end());
  afterAll(() => harness.stop());

  const ask = (handle: Account, reason = 'a test') =>
    handle.executeUpdate(requestSync, { args: [{ reason }] });
  /** Waits until the account has recorded that it is in this state, `times` times. */
  const reaches = (fakes: Fakes, state: string, times = 1) =>
    eventually(
      () => fakes.transitions.filter(({ from, to }) => to === state && from !== to).length >= times,
    );

  test('a requested sync walks until all is read, counts, loads, and ends idle', async () => {
    const fakes = harness.fakes();
    fakes.walks = [more, more, drained];
    const handle = await harness.startAccount();
    const answer = await ask(handle);
    expect(answer).toEqual({ state: 'syncing', because: 'A sync was asked for. a test.' });
    await eventually(() => fakes.transitions.length === 2);
    expect(fakes.story).toEqual(['idle -sync_requested-> syncing', 'syncing -run_done-> idle']);
    expect(fakes.transitions.map(({ sequence }) => sequence)).toEqual([1, 2]);
    expect(fakes.walkedRuns).toEqual(['run_1', 'run_1', 'run_1']);
    expect(fakes.closed).toEqual(['run_1 drained']);
    expect([fakes.metricRuns, fakes.loads]).toEqual([1, 1]);
  });

  test('every sync is one run in the UI: it continues as new with what it knows', async () => {
    const fakes = harness.fakes();
    const handle = await harness.startAccount();
    const first = (await handle.describe()).runId;
    await ask(handle);
    await eventually(async () => (await handle.describe()).runId !== first);
    const second = (await handle.describe()).runId;
    expect(await handle.query(status)).toMatchObject({ state: 'idle', transitions: 2 });
    await ask(handle);
    await eventually(async () => (await handle.describe()).runId !== second);
    expect(fakes.transitions.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
    const id = handle.workflowId;
    expect(fakes.opened.map(({ key }) => key)).toEqual([`${id}/1`, `${id}/3`]);
  });

  test('two requests while a sync runs are served by that one', async () => {
    const fakes = harness.fakes();
    const slow = held();
    fakes.walks = [slow.walk];
    const handle = await harness.startAccount();
    const walking = fakes.nextWalk();
    await ask(handle);
    await walking;
    expect((await ask(handle)).because).toContain('A sync is running already');
    expect((await ask(handle)).state).toBe('syncing');
    slow.end('drained');
    await reaches(fakes, 'idle');
    expect(fakes.opened).toHaveLength(1);
    expect(fakes.mostWalksAtOnce).toBe(1);
  });

  test('what is parked raises attention, and a complete sync clears it', async () => {
    const fakes = harness.fakes();
    fakes.parked = [{ resource: 'dispute', reason: 'The key may not read disputes.' }];
    const handle = await harness.startAccount();
    await ask(handle);
    await reaches(fakes, 'idle');
    expect((await handle.query(status)).attention).toBe(true);
    fakes.parked = [];
    await ask(handle);
    await reaches(fakes, 'idle', 2);
    expect((await handle.query(status)).attention).toBe(false);
    expect(fakes.transitions.map(({ attention }) => attention)).toEqual([false, true, true, false]);
  });

  test('what has not changed anything is neither counted nor loaded', async () => {
    const fakes = harness.fakes();
    fakes.closing = { metricsDue: false };
    const handle = await harness.startAccount();
    await ask(handle);
    await reaches(fakes, 'idle');
    expect(fakes.closed).toEqual(['run_1 drained']);
    expect([fakes.metricRuns, fakes.loads]).toEqual([0, 0]);
    expect(fakes.campaign.routed).toBe(0);
  });

  test('cases are told of what was read, before it is counted', async () => {
    const fakes = harness.fakes();
    fakes.closing = { casesDue: true };
    fakes.campaign.routing = () => expect(fakes.metricRuns).toBe(0);
    const handle = await harness.startAccount();
    await ask(handle);
    await reaches(fakes, 'idle');
    expect([fakes.campaign.routed, fakes.metricRuns]).toEqual([1, 1]);
  });

  test('a wake for changes gathers them and reads only what was told', async () => {
    const fakes = harness.fakes();
    const handle = await harness.startAccount();
    await handle.signal(wake, { what: 'changes' });
    await handle.signal(wake, { what: 'changes' });
    await eventually(() => fakes.transitions.length >= 3);
    await reaches(fakes, 'idle');
    expect(fakes.story.slice(0, 2)).toEqual([
      'idle -changes_arrived-> syncing',
      'syncing -changes_arrived-> syncing',
    ]);
    expect(fakes.opened[0]).toMatchObject({ kind: 'changes', from: null, to: null });
  });

  test('a wake for a sync hands on where its window ends', async () => {
    const fakes = harness.fakes();
    const handle = await harness.startAccount();
    await handle.signal(wake, { what: 'sync', to: '2026-11-01T02:00:00Z' });
    await reaches(fakes, 'idle');
    expect(fakes.opened).toMatchObject([{ kind: 'sync', to: '2026-11-01T02:00:00Z' }]);
  });

  test('what a sync at work cannot serve follows it as one run, in a history of its own', async () => {
    const fakes = harness.fakes();
    const slow = held();
    fakes.walks = [slow.walk];
    const handle = await harness.startAccount();
    const first = (await handle.describe()).runId;
    const walking = fakes.nextWalk();
    await ask(handle);
    await walking;
    await handle.signal(wake, { what: 'changes' });
    await handle.signal(wake, { what: 'sync', to: '2026-11-01T02:00:00Z' });
    await eventually(() => fakes.transitions.length === 3);
    slow.end('drained');
    await reaches(fakes, 'idle');
    expect(fakes.story).toEqual([
      'idle -sync_requested-> syncing',
      'syncing -changes_arrived-> syncing',
      'syncing -sync_requested-> syncing',
      'syncing -run_done-> syncing',
      'syncing -run_done-> idle',
    ]);
    expect(fakes.opened.map(({ kind }) => kind)).toEqual(['sync', 'changes']);
    expect(fakes.mostWalksAtOnce).toBe(1);
    expect((await handle.describe()).runId).not.toBe(first);
  });

  test('a run of changes serves no sync: that follows', async () => {
    const fakes = harness.fakes();
    const slow = held();
    fakes.walks = [slow.walk];
    const handle = await harness.startAccount();
    const walking = fakes.nextWalk();
    await handle.signal(wake, { what: 'changes' });
    await walking;
    expect((await ask(handle)).because).toContain('a sync follows it');
    slow.end('drained');
    await reaches(fakes, 'idle');
    expect(fakes.opened.map(({ kind }) => kind)).toEqual(['changes', 'sync']);
  });

  test('changes that arrive while it is paused are read once it is resumed', async () => {
    const fakes = harness.fakes();
    const handle = await harness.startAccount();
    await handle.executeUpdate(pause, { args: [{}] });
    await handle.signal(wake, { what: 'changes' });
    await eventually(() => fakes.story.includes('paused -changes_arrived-> paused'));
    expect((await handle.executeUpdate(resume, { args: [{}] })).state).toBe('syncing');
    await reaches(fakes, 'idle');
    expect(fakes.opened.map(({ kind }) => kind)).toEqual(['changes']);
  });

  test('a wake that nobody understands changes nothing', async () => {
    const fakes = harness.fakes();
    const handle = await harness.startAccount();
    await handle.signal(wake, { what: 'everything' } as never);
    await handle.signal(wake, { what: 'changes' });
    await reaches(fakes, 'idle');
    expect(fakes.story).toEqual(['idle -changes_arrived-> syncing', 'syncing -run_done-> idle']);
  });

  test('a retry of what is parked takes the last run up again, and its end clears attention', async () => {
    const fakes = harness.fakes();
    fakes.parked = [{ resource: 'dispute', reason: 'The key may not read disputes.' }];
    const handle = await harness.startAccount();
    await ask(handle);
    await reaches(fakes, 'idle');
    fakes.parked = [];
    const answer = await handle.executeUpdate(retry, { args: [{ resource: 'dispute' }] });
    expect(answer).toEqual({
      state: 'syncing',
      because: 'A resource is taken up again. dispute it is.',
    });
    await reaches(fakes, 'idle', 2);
    const { account } = await handle.query(status);
    expect(fakes.retried).toEqual([{ account, run: 'run_1', resource: 'dispute' }]);
    expect(fakes.walkedRuns).toEqual(['run_1', 'run_1']);
    expect(fakes.opened).toHaveLength(1);
    expect((await handle.query(status)).attention).toBe(false);
  });

  test('a run of changes in between does not forget what is parked', async () => {
    const fakes = harness.fakes();
    fakes.parked = [{ resource: 'dispute', reason: 'The key may not read disputes.' }];
    const handle = await harness.startAccount();
    await ask(handle);
    await reaches(fakes, 'idle');
    fakes.parked = [];
    await handle.signal(wake, { what: 'changes' });
    await reaches(fakes, 'idle', 2);
    expect((await handle.query(status)).attention).toBe(true);
    await handle.executeUpdate(retry, { args: [{}] });
    expect(fakes.retried).toMatchObject([{ run: 'run_1', resource: null }]);
    await reaches(fakes, 'idle', 3);
  });

  test('a retry that comes between the last page and the end of the run makes it go on', async () => {
    const fakes = harness.fakes();
    fakes.parked = [{ resource: 'dispute', reason: 'The key may not read disputes.' }];
    const { promise: counting, resolve: count } = deferred<undefined>();
    const { computeMetrics } = fakes.activities;
    fakes.activities.computeMetrics = async (input) => {
      await counting;
      return computeMetrics(input);
    };
    const handle = await harness.startAccount();
    await ask(handle);
    await eventually(() => fakes.closed.length === 1);
    fakes.parked = [];
    const answer = await handle.executeUpdate(retry, { args: [{ resource: 'dispute' }] });
    expect(answer.state).toBe('syncing');
    count(undefined);
    await reaches(fakes, 'idle');
    expect(fakes.story).toContain('syncing -run_partial-> syncing');
    expect(fakes.story.at(-1)).toBe('syncing -run_done-> idle');
    expect(fakes.walkedRuns).toEqual(['run_1', 'run_1']);
  });

  test('skipping all that is parked clears attention, and with always it is left out for good', async () => {
    const fakes = harness.fakes();
    fakes.parked = ['dispute', 'refund'].map((resource) => ({ resource, reason: 'No.' }));
    const handle = await harness.startAccount();
    await ask(handle);
    await reaches(fakes, 'idle');
    const skipping = (resource: string, always: boolean) =>
      handle.executeUpdate(skip, { args: [{ resource, always }] });
    await skipping('dispute', true);
    expect((await handle.query(status)).attention).toBe(true);
    await skipping('refund', false);
    const { attention, account } = await handle.query(status);
    expect(attention).toBe(false);
    expect(fakes.skipped).toEqual([
      { account, run: 'run_1', resource: 'dispute', always: true },
      { account, run: 'run_1', resource: 'refund', always: false },
    ]);
  });

  test('a partial run that misses only what was skipped calls nobody', async () => {
    const fakes = harness.fakes();
    fakes.closing = { state: 'partial', settled: true };
    const handle = await harness.startAccount();
    await ask(handle);
    await reaches(fakes, 'idle');
    expect((await handle.query(status)).attention).toBe(false);
  });

  test('a retry or skip of nothing says so and changes nothing', async () => {
    const fakes = harness.fakes();
    const handle = await harness.startAccount();
    const answers = [
      await handle.executeUpdate(retry, { args: [{}] }),
      await handle.executeUpdate(skip, { args: [{ resource: 'dispute' }] }),
      await handle.executeUpdate(skip, { args: [{ resource: 'nonsense', always: true }] }),
    ];
    expect(answers.map(({ state }) => state)).toEqual(['idle', 'idle', 'idle']);
    expect(answers.map(({ because }) => because)).toEqual([
      'There is nothing to take up again. No run is at hand, and none is partial.',
      'There is nothing to leave out. No run is at hand, and none is partial.',
      'There is nothing to leave out. The run has no resource nonsense.',
    ]);
    expect(fakes.retried).toEqual([]);
  });

  test('a new workflow for an account that has ended partial can still retry', async () => {
    const fakes = harness.fakes();
    const partialRun = { run: 'run_old', parked: ['dispute'], unsettled: true };
    fakes.facts = { ...fakes.facts, lastTransition: 7, attention: true, partialRun };
    const handle = await harness.startAccount();
    expect((await handle.executeUpdate(retry, { args: [{}] })).state).toBe('syncing');
    await reaches(fakes, 'idle');
    expect(fakes.walkedRuns).toEqual(['run_old']);
    expect(fakes.transitions.map(({ attention }) => attention)).toEqual([true, false]);
  });

  test('walks that die without a report have made progress all the same when pages were committed', async () => {
    const fakes = harness.fakes();
    fakes.walks = [dying(100), dying(200), dying(300), drained];
    const policy = { ...POLICY, maxFailuresWithoutProgress: 1, patienceMs: 0 };
    const handle = await harness.startAccount({ policy });
    await ask(handle);
    await reaches(fakes, 'idle');
    expect(fakes.lookedBack).toBe(3);
    expect(fakes.story.filter((move) => move.endsWith('backing_off'))).toHaveLength(3);
  });

  test('walks that die without committing anything are given up', async () => {
    const fakes = harness.fakes();
    fakes.walks = [dying(100), dying(100), dying(100), dying(100)];
    const policy = { ...POLICY, maxFailuresWithoutProgress: 1, patienceMs: 0 };
    const handle = await harness.startAccount({ policy });
    await ask(handle);
    await reaches(fakes, 'blocked');
    expect(fakes.walkedRuns).toHaveLength(3);
  });

  test('transient failures back off and go on with the same run', async () => {
    const fakes = harness.fakes();
    fakes.walks = [failing('provider_unavailable'), failing('rate_limited', { pages: 2 }), drained];
    const handle = await harness.startAccount();
    await ask(handle);
    await eventually(() => fakes.transitions.length === 6);
    expect(fakes.story).toEqual([
      'idle -sync_requested-> syncing',
      'syncing -transient_failure-> backing_off',
      'backing_off -timer_fired-> syncing',
      'syncing -transient_failure-> backing_off',
      'backing_off -timer_fired-> syncing',
      'syncing -run_done-> idle',
    ]);
    expect(fakes.transitions[1]?.because).toBe(
      'The sync failed and is tried again. It was provider_unavailable. Do what helps.',
    );
    expect(new Set(fakes.walkedRuns)).toEqual(new Set(['run_1']));
    expect(fakes.opened).toHaveLength(1);
  });

  test('resume ends a wait at once', async () => {
    const fakes = harness.fakes();
    fakes.walks = [failing('rate_limited', { retryAfterMs: 3_600_000 }), drained];
    const handle = await harness.startAccount();
    await ask(handle);
    await reaches(fakes, 'backing_off');
    expect((await handle.query(status)).nextActionAt).not.toBeNull();
    await handle.executeUpdate(resume, { args: [{}] });
    await reaches(fakes, 'idle');
    expect(fakes.story.at(-1)).toBe('syncing -run_done-> idle');
  });

  test('too many failures block the account', async () => {
    const fakes = harness.fakes();
    fakes.walks = Array.from({ length: 4 }, () => failing('provider_unavailable'));
    const policy = { ...POLICY, maxFailuresWithoutProgress: 2, patienceMs: 0 };
    const handle = await harness.startAccount({ policy });
    await ask(handle);
    await reaches(fakes, 'blocked');
    expect((await handle.query(status)).because).toContain('failed too often for too long');
  });

  test('rejected credentials block, and new ones go on with the same run', async () => {
    const fakes = harness.fakes();
    fakes.walks = [more, failing('credentials_rejected'), drained];
    const handle = await harness.startAccount();
    await ask(handle);
    await reaches(fakes, 'blocked');
    const { because, attention, run } = await handle.query(status);
    expect(because).toBe('The sync cannot go on. It was credentials_rejected. Do what helps.');
    expect([attention, run]).toEqual([true, 'run_1']);
    expect((await ask(handle)).because).toContain('A blocked account must be mended');
    expect(await detailsOf(handle)).toContain('`recoup accounts rotate-secret acct_');
    expect((await handle.query(status)).because).toBe(because);
    const change = { what: 'credentials', reason: 'key rolled' } as const;
    await handle.executeUpdate(accountChanged, { args: [change] });
    await eventually(() => fakes.story.includes('syncing -run_done-> idle'));
    expect(fakes.walkedRuns).toEqual(['run_1', 'run_1', 'run_1']);
  });

  test('pause stops the walk by its desired state, and resume goes on with the same run', async () => {
    const fakes = harness.fakes();
    fakes.walks = [untilToldToStop, drained];
    const handle = await harness.startAccount();
    const walking = fakes.nextWalk();
    await ask(handle);
    await walking;
    const answer = await handle.executeUpdate(pause, { args: [{ reason: 'maintenance' }] });
    expect(answer).toEqual({ state: 'paused', because: 'Paused by a person. maintenance.' });
    expect(fakes.wanted).toEqual([{ run: null, desired: 'pause' }]);
    await eventually(() => fakes.story.includes('paused -run_stopped-> paused'));
    expect(await ask(handle)).toMatchObject({ state: 'paused' });
    await handle.executeUpdate(resume, { args: [{}] });
    await reaches(fakes, 'idle');
    expect(fakes.opened).toHaveLength(1);
    expect(fakes.closed).toEqual(['run_1 drained']);
  });

  test('a resume before the paused walk has returned never makes two walks', async () => {
    const fakes = harness.fakes();
    const slow = held();
    fakes.walks = [slow.walk, drained];
    const handle = await harness.startAccount();
    const walking = fakes.nextWalk();
    await ask(handle);
    await walking;
    await handle.executeUpdate(pause, { args: [{}] });
    await handle.executeUpdate(resume, { args: [{}] });
    slow.end('stopped');
    await reaches(fakes, 'idle');
    expect(fakes.story).toContain('syncing -run_stopped-> syncing');
    expect(fakes.mostWalksAtOnce).toBe(1);
    expect(fakes.closed).toEqual(['run_1 drained']);
  });

  test('disconnect during a sync cancels its run and ends the workflow', async () => {
    const fakes = harness.fakes();
    fakes.walks = [untilToldToStop];
    const handle = await harness.startAccount();
    const walking = fakes.nextWalk();
    await ask(handle);
    await walking;
    const answer = await handle.executeUpdate(disconnect, { args: [{}] });
    expect(answer.state).toBe('disconnected');
    expect(await handle.result()).toMatchObject({ state: 'disconnected' });
    expect(fakes.wanted).toEqual([{ run: null, desired: 'cancel' }]);
    expect(fakes.closed).toEqual(['run_1 canceled']);
  });

  test('a cancel from outside leaves a paused account and a cancelled workflow', async () => {
    const fakes = harness.fakes();
    fakes.walks = [untilToldToStop];
    const handle = await harness.startAccount();
    const walking = fakes.nextWalk();
    await ask(handle);
    await walking;
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow('cancelled');
    expect((await handle.describe()).status.name).toBe('CANCELLED');
    expect(fakes.wanted).toEqual([{ run: null, desired: 'pause' }]);
    expect(fakes.story).toContain('syncing -canceled-> paused');
    expect(fakes.closed).toEqual([]);
  });

  test('a new workflow goes on where the record says the account was', async () => {
    const fakes = harness.fakes();
    fakes.facts = { ...fakes.facts, state: 'paused', lastTransition: 7, openRun: 'run_old' };
    const handle = await harness.startAccount();
    expect((await handle.executeUpdate(resume, { args: [{}] })).state).toBe('syncing');
    await reaches(fakes, 'idle');
    expect(fakes.walkedRuns).toEqual(['run_old']);
    expect(fakes.transitions.map(({ sequence }) => sequence)).toEqual([8, 9]);
  });

  test('a request may start the workflow that answers it', async () => {
    const fakes = harness.fakes();
    const answer = await harness.client.workflow.executeUpdateWithStart(requestSync, {
      args: [{}],
      startWorkflowOperation: harness.accountStart(`acct_${randomUUID()}`),
    });
    expect(answer.state).toBe('syncing');
    await eventually(() => fakes.story.includes('syncing -run_done-> idle'));
  });

  test.each([
    ['an unknown field', { why: 'x' }, 'unknown field "why"'],
    ['a wrong type', { reason: 3 }, 'reason: '],
    ['something else than an object', 'now', 'expected one JSON object'],
  ])('an update with %s is rejected by name and leaves no event', async (_, given, message) => {
    harness.fakes();
    const handle = await harness.startAccount();
    const shown = async () =>
      (await handle.describe()).typedSearchAttributes.get(SEARCH_ATTRIBUTES.state);
    await eventually(async () => (await shown()) === 'idle');
    const before = (await handle.describe()).historyLength;
    const rejected = await handle
      .executeUpdate(requestSync, { args: [given as never] })
      .catch((error: unknown) => error);
    expect(rejected).toBeInstanceOf(WorkflowUpdateFailedError);
    expect(String((rejected as WorkflowUpdateFailedError).cause)).toContain(message);
    expect(String((rejected as WorkflowUpdateFailedError).cause)).toContain('{"reason":');
    expect((await handle.describe()).historyLength).toBe(before);
  });

  test('an unknown account fails at once and says where to look', async () => {
    harness.fakes();
    const handle = await harness.startAccount({ account: 'acct_unknown' });
    await expect(handle.result()).rejects.toMatchObject({
      cause: { type: 'unknown_account', message: expect.stringContaining('recoup accounts list') },
    });
  });

  test('a sync that takes more than one walk can be searched for, and a short one costs no upsert', async () => {
    const fakes = harness.fakes();
    const handle = await harness.startAccount();
    const { runId: born } = await handle.describe();
    await ask(handle);
    await reaches(fakes, 'idle');
    const runNow = async () => (await handle.describe()).runId;
    await eventually(async () => (await runNow()) !== born);
    const run = await runNow();
    await ask(handle);
    await eventually(async () => (await runNow()) !== run);
    const { events } = await harness.client.workflow
      .getHandle(handle.workflowId, run)
      .fetchHistory();
    expect(fakes.transitions).toHaveLength(4);
    expect(
      events?.filter((event) => event.upsertWorkflowSearchAttributesEventAttributes),
    ).toHaveLength(0);
    fakes.walks = [more, untilToldToStop];
    const walking = fakes.nextWalk();
    await ask(handle);
    await walking;
    const attributes = (await handle.describe()).typedSearchAttributes;
    expect(attributes.get(SEARCH_ATTRIBUTES.state)).toBe('syncing');
  });

  test('ops can search for it', async () => {
    const fakes = harness.fakes();
    fakes.walks = [failing('credentials_rejected')];
    const handle = await harness.startAccount();
    await ask(handle);
    await reaches(fakes, 'blocked');
    const attributes = (await handle.describe()).typedSearchAttributes;
    expect(attributes.get(SEARCH_ATTRIBUTES.provider)).toBe('stripe');
    expect(attributes.get(SEARCH_ATTRIBUTES.state)).toBe('blocked');
    expect(attributes.get(SEARCH_ATTRIBUTES.attention)).toBe(true);
  });
});
