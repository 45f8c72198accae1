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
  SEARCH_ATTRIBUTES,
  status,
} from '../../workflows/contract';
import { drained, failing, held, more, untilToldToStop, type Fakes } from './fakes';
import { CACHES, eventually, Harness, POLICY } from './harness';

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
    await eventually(async () => (await handle.query(status)).state === 'idle');
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
