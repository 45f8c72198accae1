import { ApplicationFailure } from '@temporalio/common';
import { pause, resume, stop } from '../../workflows/contract';
import { deferred } from './fakes';
import { CACHES, detailsOf, eventually, Harness } from './harness';

const BECAUSE = { args: [{ reason: 'ticket 4711' }] as [{ reason: string }] };

describe.each(CACHES)('retryCampaign, $cache', ({ maxCachedWorkflows }) => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await Harness.start({ maxCachedWorkflows });
  });
  afterEach(() => harness.end());
  afterAll(() => harness.stop());

  const begin = async (change: { pages?: number } = {}) => {
    const fakes = harness.fakes().campaign;
    Object.assign(fakes, change);
    return { fakes, handle: await harness.startCampaign() };
  };
  const running = async () => {
    const { fakes, handle } = await begin();
    await eventually(() => fakes.set.includes('run running'));
    return { fakes, handle };
  };

  test('opens cases page after page, then waits for them, and is done with the last', async () => {
    const { fakes, handle } = await begin({ pages: 3 });
    await eventually(() => fakes.set.includes('run running'));
    expect(fakes.selected).toEqual([null, 'in_2', 'in_4']);
    fakes.endCases();
    expect(await handle.result()).toMatchObject({ cases: 6, open: 0 });
    expect(fakes.set).toEqual(['run running', 'run done']);
    expect(fakes.facts.because).toBe('All 6 cases have ended.');
  });

  test('a pause is written at once and told to its cases; a resume goes on where it was', async () => {
    const { fakes, handle } = await running();
    expect(await handle.executeUpdate(pause, BECAUSE)).toEqual({
      state: 'paused',
      because: 'ticket 4711',
    });
    expect(fakes.set.at(-1)).toBe('pause paused');
    await eventually(() => fakes.steered.length === 1);
    expect(await handle.executeUpdate(resume, { args: [{}] })).toMatchObject({ state: 'running' });
    await eventually(() => fakes.steered.length === 2);
    expect(fakes.steered).toEqual([
      { what: 'pause', after: null, reason: 'ticket 4711' },
      { what: 'resume', after: null, reason: 'Resumed by a person.' },
    ]);
    expect(fakes.selected).toEqual([null]);
  });

  test('paused while it still opens cases, it opens no more until it is resumed', async () => {
    const fakes = harness.fakes().campaign;
    fakes.pages = 2;
    const { promise: began, resolve: begun } = deferred<undefined>();
    fakes.selecting = async (page) => {
      if (page > 1) return;
      begun(undefined);
      await eventually(() => fakes.set.includes('pause paused'));
    };
    const handle = await harness.startCampaign();
    await began;
    await handle.executeUpdate(pause, { args: [{}] });
    await eventually(() => fakes.steered.length === 1);
    expect(fakes.selected).toEqual([null]);
    expect(await handle.executeUpdate(resume, { args: [{}] })).toMatchObject({
      state: 'selecting',
    });
    await eventually(() => fakes.set.includes('run running'));
    expect(fakes.selected).toEqual([null, 'in_2']);
  });

  test('a pause that is taken back before all cases were told of it is taken back for all', async () => {
    const { fakes, handle } = await running();
    fakes.steeredPages = 2;
    const { promise: told, resolve: tell } = deferred<undefined>();
    const { promise: goOn, resolve: go } = deferred<undefined>();
    fakes.steering = async (page) => {
      if (page > 1) return;
      tell(undefined);
      await goOn;
    };
    await handle.executeUpdate(pause, { args: [{}] });
    await told;
    await handle.executeUpdate(resume, { args: [{}] });
    go(undefined);
    await eventually(() => fakes.steered.some(({ what }) => what === 'resume'));
    expect(fakes.steered.map(({ what, after }) => [what, after])).toEqual([
      ['pause', null],
      ['resume', null],
    ]);
  });

  test('a stop cancels its cases, and it is stopped once the last has ended', async () => {
    const { fakes, handle } = await running();
    await handle.executeUpdate(stop, BECAUSE);
    expect(await handle.result()).toMatchObject({ open: 0 });
    expect(fakes.steered).toEqual([{ what: 'cancel', after: null, reason: 'ticket 4711' }]);
    expect(fakes.set.at(-1)).toBe('stop stopped');
    expect(fakes.facts.because).toBe('ticket 4711.');
  });

  test('a cancel of the workflow is a stop', async () => {
    const { fakes, handle } = await running();
    await handle.cancel();
    await handle.result();
    expect(fakes.steered).toMatchObject([{ what: 'cancel' }]);
    expect(fakes.set.at(-1)).toBe('stop stopped');
  });

  test('a stop is for good: neither a resume nor a pause takes it back', async () => {
    const { fakes, handle } = await running();
    fakes.steering = () => eventually(() => fakes.looks > 1_000);
    await handle.executeUpdate(stop, { args: [{}] });
    const again = { state: 'running', because: 'The campaign is being stopped already.' };
    expect(await handle.executeUpdate(resume, { args: [{}] })).toEqual(again);
    expect(await handle.executeUpdate(pause, { args: [{}] })).toEqual(again);
    fakes.looks = 2_000;
    await handle.result();
  });

  test('what is asked for twice changes nothing', async () => {
    const { fakes, handle } = await running();
    expect(await handle.executeUpdate(resume, { args: [{}] })).toEqual({
      state: 'running',
      because: 'Nothing is paused.',
    });
    await handle.executeUpdate(pause, { args: [{}] });
    expect(await handle.executeUpdate(pause, { args: [{}] })).toEqual({
      state: 'paused',
      because: 'It was paused already.',
    });
    expect(fakes.set).toEqual(['run running', 'pause paused']);
  });

  test('the control group, which has no workflows, is looked at whenever it looks at its cases', async () => {
    const { fakes } = await running();
    expect(fakes.routed).toBe(0);
    fakes.facts = { ...fakes.facts, heldOut: 1 };
    await eventually(() => fakes.routed > 0);
  });

  test('a step that fails for good is shown, and ends neither the campaign nor its steering', async () => {
    const { fakes, handle } = await running();
    fakes.facts = { ...fakes.facts, heldOut: 1 };
    fakes.routing = () => {
      throw ApplicationFailure.nonRetryable('Stripe rejects the key.', 'credentials_rejected');
    };
    await eventually(async () => (await detailsOf(handle)).includes('Stripe rejects the key.'));
    expect(await detailsOf(handle)).toContain('`recoup accounts rotate-secret`');
    fakes.routing = () => undefined;
    await handle.executeUpdate(stop, { args: [{}] });
    expect(await handle.result()).toMatchObject({ open: 0 });
  });

  test('started again after a terminate it goes on from its row', async () => {
    const fakes = harness.fakes().campaign;
    fakes.facts = { ...fakes.facts, state: 'paused', desired: 'pause', selected: true, open: 1 };
    const handle = await harness.startCampaign();
    await eventually(() => fakes.steered.length === 1);
    await handle.executeUpdate(resume, { args: [{}] });
    await eventually(() => fakes.set.includes('run running'));
    expect(fakes.selected).toEqual([]);
  });

  test('ops see cases by state, what was recovered, and what comes next', async () => {
    const { fakes, handle } = await begin();
    fakes.selecting = () => {
      fakes.facts = {
        ...fakes.facts,
        attention: 1,
        heldOut: 3,
        recovered: [
          { currency: 'EUR', exponent: 2, declineClass: 'funds', cases: 7, netMinor: '1234567' },
        ],
      };
    };
    await eventually(() => fakes.set.includes('run running'));
    await eventually(async () => (await detailsOf(handle)).includes('Every invoice'));
    const details = await detailsOf(handle);
    expect(details).toContain('### Campaign camp_1 of acct_1: running');
    expect(details).toContain('2 cases, 2 open, 3 in the control group, **1 need a person**');
    expect(details).toContain('| scheduled | 2 |');
    expect(details).toContain('| EUR | funds | 7 | 12,345.67 |');
    expect(details).toContain('| 2026-11-03T08:00:00.000Z | `in_1` | scheduled |');
  });

  test.each([
    [{ campaign: 'camp_0' }, 'No campaign is called "camp_0".'],
    [{ campagne: 'camp_1' }, 'unknown field "campagne"'],
  ])('refuses %j in words', async (input, message) => {
    harness.fakes();
    const handle = await harness.startCampaign(input as never);
    await expect(handle.result()).rejects.toMatchObject({
      cause: { type: 'invalid_input', message: expect.stringContaining(message) as string },
    });
  });
});
