import type { WorkflowHandle } from '@temporalio/client';
import type { backfill } from '../../workflows/backfill';
import { backfillStatus, cancel, pause, resume, retry, skip } from '../../workflows/contract';
import { deferred, drained, failing, more, untilToldToStop } from './fakes';
import { CACHES, detailsOf, eventually, Harness, POLICY } from './harness';

type Handle = WorkflowHandle<typeof backfill>;

const INPUT = { account: 'acct_1', policy: POLICY };

describe.each(CACHES)('backfill, $cache', ({ maxCachedWorkflows }) => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await Harness.start({ maxCachedWorkflows });
  });
  afterEach(() => harness.end());
  afterAll(() => harness.stop());

  const reaches = (handle: Handle, state: string) =>
    eventually(async () => (await handle.query(backfillStatus)).state === state);

  test('walks its window until all is read, counts, loads, and returns what it did', async () => {
    const fakes = harness.fakes();
    fakes.walks = [more, drained];
    const handle = await harness.startBackfill({
      ...INPUT,
      from: '2026-10-01',
      to: '2026-11-01T02:00+02:00',
      resources: ['invoice'],
      refetch: true,
    });
    expect(await handle.result()).toMatchObject({ run: 'run_1', state: 'complete', objects: 400 });
    expect(fakes.opened).toEqual([
      {
        account: 'acct_1',
        kind: 'backfill',
        key: `${handle.workflowId}/${handle.firstExecutionRunId}`,
        from: '2026-10-01T00:00:00.000Z',
        to: '2026-11-01T00:00:00.000Z',
        resources: ['invoice'],
        refetch: true,
      },
    ]);
    expect([fakes.metricRuns, fakes.loads]).toEqual([1, 1]);
    expect(fakes.transitions).toEqual([]);
  });

  test('all but the account may be left out', async () => {
    const fakes = harness.fakes();
    const handle = await harness.startBackfill({ account: 'acct_1' });
    await handle.result();
    expect(fakes.opened[0]).toMatchObject({
      from: null,
      to: null,
      resources: null,
      refetch: false,
    });
  });

  test.each([
    ['a date', '2026-10-01'],
    ['a date without dashes', '20261001'],
    ['a month', '2026-10'],
    ['a week date', '2026-W40-4'],
    ['an instant with a zone', '2026-10-01T02:00:00+02:00'],
    ['an instant without a zone, which means UTC', '2026-10-01T00:00'],
  ])('takes %s', async (_, from) => {
    const fakes = harness.fakes();
    await (await harness.startBackfill({ ...INPUT, from })).result();
    expect(fakes.opened[0]?.from).toBe('2026-10-01T00:00:00.000Z');
  });

  test.each([
    ['an unknown field', { ...INPUT, form: '2026-10-01' }, 'unknown field "form"'],
    ['no account', {}, 'account: '],
    ['no object', 'acct_1', 'expected one JSON object'],
    ['an unparsable date', { ...INPUT, from: 'last week' }, 'from: "last week" is no ISO date'],
    ['a time of day', { ...INPUT, from: 'T10:00' }, 'from: "T10:00" is no ISO date'],
    ['an impossible date', { ...INPUT, to: '2026-02-30' }, 'to: "2026-02-30" is no ISO date'],
    [
      'an inverted window',
      { ...INPUT, from: '2026-11', to: '2026-10' },
      'to: "2026-10" is not after the window\'s start "2026-11"',
    ],
    ['a wrong type', { ...INPUT, resources: 'invoice' }, 'resources: '],
    [
      'a window beside a run',
      { ...INPUT, run: 'run_7', from: '2026-10' },
      'from: leave it out: the run has its window already',
    ],
    ['refetch beside a run', { ...INPUT, run: 'run_7', refetch: true }, 'refetch: leave it out'],
    [
      'a run that has nothing to take up',
      { ...INPUT, run: 'run_7', resources: ['nonsense'] },
      'run: The run has no resource nonsense.',
    ],
    ['an unknown resource', { ...INPUT, resources: ['nonsense'] }, 'resources: unknown "nonsense"'],
  ])('refuses %s by name and shows a correct input', async (_, input, message) => {
    const fakes = harness.fakes();
    const handle = await harness.startBackfill(input);
    await expect(handle.result()).rejects.toMatchObject({
      cause: { type: 'invalid_input', message: expect.stringContaining(message) },
    });
    await expect(handle.result()).rejects.toMatchObject({
      cause: { message: expect.stringContaining('{"account":"acct_1","from":"2026-10-01"') },
    });
    expect(fakes.opened).toEqual([]);
  });

  test('an unknown account fails at once', async () => {
    harness.fakes();
    const handle = await harness.startBackfill({ account: 'acct_unknown' });
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'unknown_account' } });
  });

  test('what is wanted last is written last, however long the write before it takes', async () => {
    const fakes = harness.fakes();
    const { setDesired } = fakes.activities;
    fakes.activities.setDesired = async (input) => {
      if (input.desired === 'pause') await new Promise((resolve) => setTimeout(resolve, 500));
      return setDesired(input);
    };
    fakes.walks = [untilToldToStop, drained];
    const walking = fakes.nextWalk();
    const handle = await harness.startBackfill(INPUT);
    await walking;
    const paused = handle.executeUpdate(pause, { args: [{}] });
    await reaches(handle, 'paused');
    await handle.executeUpdate(resume, { args: [{}] });
    await paused;
    expect(fakes.wanted.map(({ desired }) => desired)).toEqual(['pause', 'run']);
    expect(await handle.result()).toMatchObject({ state: 'complete' });
  });

  test('pause stops its run alone, and resume goes on with it', async () => {
    const fakes = harness.fakes();
    fakes.walks = [untilToldToStop, drained];
    const walking = fakes.nextWalk();
    const handle = await harness.startBackfill(INPUT);
    await walking;
    const answer = await handle.executeUpdate(pause, { args: [{ reason: 'Too much load.' }] });
    expect(answer).toEqual({ state: 'paused', because: 'Too much load.' });
    expect(await handle.executeUpdate(resume, { args: [{}] })).toMatchObject({ state: 'running' });
    expect(await handle.result()).toMatchObject({ run: 'run_1', state: 'complete' });
    expect(fakes.wanted).toEqual([
      { run: 'run_1', desired: 'pause' },
      { run: 'run_1', desired: 'run' },
    ]);
    expect(fakes.opened).toHaveLength(1);
    expect(fakes.mostWalksAtOnce).toBe(1);
  });

  test('a run that has ended partial is completed by a new backfill', async () => {
    const fakes = harness.fakes();
    const input = { ...INPUT, run: 'run_7', resources: ['dispute', 'refund'] };
    const handle = await harness.startBackfill(input);
    expect(await handle.result()).toMatchObject({ run: 'run_7', state: 'complete' });
    expect(fakes.retried.map(({ run, resource }) => [run, resource])).toEqual([
      ['run_7', 'dispute'],
      ['run_7', 'refund'],
    ]);
    expect(fakes.opened).toEqual([]);
    expect(fakes.walkedRuns).toEqual(['run_7']);
  });

  test('an end says how to complete what is partial', async () => {
    const fakes = harness.fakes();
    fakes.parked = [{ resource: 'dispute', reason: 'No.' }];
    const handle = await harness.startBackfill(INPUT);
    expect(await handle.result()).toMatchObject({ state: 'partial' });
    expect(await detailsOf(handle)).toContain('`{"account":"acct_1","run":"run_1"}`');
  });

  test('retry and skip change its run while it walks', async () => {
    const fakes = harness.fakes();
    fakes.walks = [untilToldToStop, drained];
    const walking = fakes.nextWalk();
    const handle = await harness.startBackfill(INPUT);
    await walking;
    const answers = [
      await handle.executeUpdate(retry, { args: [{ resource: 'dispute' }] }),
      await handle.executeUpdate(skip, { args: [{ resource: 'refund' }] }),
      await handle.executeUpdate(skip, { args: [{ resource: 'nonsense', always: true }] }),
    ];
    expect(answers).toEqual([
      { state: 'running', because: 'dispute it is.' },
      { state: 'running', because: 'refund it is.' },
      { state: 'running', because: 'The run has no resource nonsense.' },
    ]);
    expect(fakes.retried).toEqual([{ account: 'acct_1', run: 'run_1', resource: 'dispute' }]);
    expect(fakes.skipped[0]).toMatchObject({ resource: 'refund', always: false });
    await handle.executeUpdate(cancel, { args: [{}] });
    await handle.result();
  });

  test('a retry that comes between the last page and the end of the run makes it go on', async () => {
    const fakes = harness.fakes();
    fakes.parked = [{ resource: 'dispute', reason: 'No.' }];
    const { promise: counting, resolve: count } = deferred<undefined>();
    const { computeMetrics } = fakes.activities;
    fakes.activities.computeMetrics = async (input) => {
      await counting;
      return computeMetrics(input);
    };
    const handle = await harness.startBackfill(INPUT);
    await eventually(() => fakes.closed.length === 1);
    fakes.parked = [];
    await handle.executeUpdate(retry, { args: [{}] });
    count(undefined);
    expect(await handle.result()).toMatchObject({ run: 'run_1', state: 'complete' });
    expect(fakes.walkedRuns).toEqual(['run_1', 'run_1']);
  });

  test('failures are counted on over continue-as-new', async () => {
    const fakes = harness.fakes();
    const open = { account: 'acct_1', kind: 'backfill', key: 'k', from: null, to: null };
    const carried = {
      v: 2,
      position: { open: { ...open, resources: null }, run: 'run_9', result: null },
      state: 'running',
      because: 'It was started.',
      desired: 'run',
      failures: {
        withoutProgress: { count: 20, sinceMs: Date.UTC(2026, 0, 1) },
        withProgress: { count: 0, sinceMs: null },
      },
      // As much as the walk reports, so that it is no progress.
      progress: [
        { resource: 'invoice', state: 'walking', objects: 200, percent: 40, reason: null },
      ],
    };
    fakes.walks = [failing('provider_unavailable')];
    const handle = await harness.startBackfill({ account: 'acct_1', carried });
    await reaches(handle, 'blocked');
  });

  test('cancel closes the run as canceled and ends well', async () => {
    const fakes = harness.fakes();
    fakes.walks = [untilToldToStop];
    const walking = fakes.nextWalk();
    const handle = await harness.startBackfill(INPUT);
    await walking;
    await handle.executeUpdate(cancel, { args: [{}] });
    expect(await handle.result()).toMatchObject({ run: 'run_1', state: 'canceled' });
    expect(fakes.closed).toEqual(['run_1 canceled']);
    expect(fakes.loads).toBe(0);
  });

  test('a cancel from outside does the same and ends as cancelled', async () => {
    const fakes = harness.fakes();
    fakes.walks = [untilToldToStop];
    const walking = fakes.nextWalk();
    const handle = await harness.startBackfill(INPUT);
    await walking;
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow('cancelled');
    expect((await handle.describe()).status.name).toBe('CANCELLED');
    expect(fakes.wanted).toEqual([{ run: 'run_1', desired: 'cancel' }]);
    expect(fakes.closed).toEqual(['run_1 canceled']);
  });

  test('transient failures are tried again, and rejected credentials wait for a person', async () => {
    const fakes = harness.fakes();
    fakes.walks = [failing('provider_unavailable'), failing('credentials_rejected'), drained];
    const handle = await harness.startBackfill(INPUT);
    await reaches(handle, 'blocked');
    expect(await handle.query(backfillStatus)).toMatchObject({
      because: 'It was credentials_rejected. Do what helps.',
      attention: true,
      run: 'run_1',
    });
    await handle.executeUpdate(resume, { args: [{}] });
    expect(await handle.result()).toMatchObject({ run: 'run_1', state: 'complete' });
    expect(fakes.walkedRuns).toEqual(['run_1', 'run_1', 'run_1']);
  });

  test('a walk that stops because the account is paused leaves it paused', async () => {
    const fakes = harness.fakes();
    fakes.walks = [untilToldToStop, drained];
    const walking = fakes.nextWalk();
    const handle = await harness.startBackfill(INPUT);
    await walking;
    fakes.desired = 'pause';
    await reaches(handle, 'paused');
    await handle.executeUpdate(resume, { args: [{}] });
    expect(await handle.result()).toMatchObject({ state: 'complete' });
  });
});
