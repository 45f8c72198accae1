/** State that running workflows have handed on: every version that ever was must still be taken up. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { upgradeState } from '../../workflows/carried';
import { backfillStatus, caseStatus, resume, status } from '../../workflows/contract';
import { eventually, Harness } from './harness';

const FOLDER = join(__dirname, 'carried');
const samples = readdirSync(FOLDER).filter((file) => file.startsWith('account'));
const caseSamples = readdirSync(FOLDER).filter((file) => file.startsWith('case'));
const sample = (file: string): object =>
  JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as object;

describe('carried state', () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await Harness.start({ maxCachedWorkflows: 50 });
  });
  afterEach(() => harness.end());
  afterAll(() => harness.stop());

  test.each(samples)(
    '%s, handed on in the middle of a sync, goes on with that run',
    async (file) => {
      const fakes = harness.fakes();
      const handle = await harness.startAccount({ account: 'acct_1', carried: sample(file) });
      await eventually(() => fakes.transitions.length === 1);
      expect(fakes.story).toEqual(['syncing -run_done-> idle']);
      expect(fakes.transitions[0]?.sequence).toBe(18);
      expect(fakes.opened).toEqual([]);
      expect(fakes.walkedRuns).toEqual(['run_9']);
      expect(await handle.query(status)).toMatchObject({ state: 'idle', attention: false });
    },
  );

  test.each(caseSamples)(
    '%s, handed on right before an attempt, makes that one, and remembers to pause after it',
    async (file) => {
      const cases = harness.cases();
      const handle = await harness.startCase({ account: 'acct_1', carried: sample(file) });
      await eventually(() => cases.record?.state === 'paused');
      expect(cases.steps).toEqual(['charge 3', 'record']);
      expect(cases.story).toEqual([
        'precheck -clear-> charging',
        'charging -declined-> planning',
        'planning -pause-> paused',
      ]);
      expect(cases.record?.transitions.at(-1)?.sequence).toBe(19);
      expect(await handle.query(caseStatus)).toMatchObject({ state: 'paused', attempts: 3 });
    },
  );

  test('a version that nobody knows is not guessed at', () => {
    expect(() => upgradeState({ v: 3 })).toThrow('Carried state has version 3');
    expect(() => upgradeState(null)).toThrow('Carried state has version undefined');
  });

  test('a backfill that was paused when its history was handed on stays paused', async () => {
    const fakes = harness.fakes();
    const open = { account: 'acct_1', kind: 'backfill', key: 'k', from: null, to: null };
    const position = { open: { ...open, resources: null }, run: 'run_9', result: null };
    const carried = { v: 1, position, state: 'paused', because: 'Too much.', desired: 'pause' };
    const handle = await harness.startBackfill({ account: 'acct_1', carried });
    await eventually(async () => {
      const { state, run } = await handle.query(backfillStatus);
      return state === 'paused' && run === 'run_9';
    });
    await handle.executeUpdate(resume, { args: [{}] });
    expect(await handle.result()).toMatchObject({ run: 'run_9', state: 'complete' });
    expect(fakes.opened).toEqual([]);
  });
});
