/**
 * Stored histories, one per state, replayed by the workflows of today. A failure here means that running workflows would
 * break: change the workflow so that it replays, or patch it (workflows/patches.ts).
 * `RECOUP_RECORD_HISTORIES=1 npx jest test/workflows/replay` records those of a new version beside the old ones.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import { bundleWorkflowCode, Worker, type WorkflowBundle } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { workflowBundle } from '../../workers/bundle';
import type { WORKFLOW_TYPES } from '../../workflows/contract';
import { Harness, logger } from './harness';
import { SCENARIOS } from './scenarios';

const FOLDER = join(__dirname, '..', 'histories');
/** Of the histories that are recorded now; those of before stay. */
const VERSION = '0.2';
const recording = process.env['RECOUP_RECORD_HISTORIES'] === '1';

const read = (file: string): unknown => JSON.parse(readFileSync(join(FOLDER, file), 'utf8'));
const stored = (): string[] =>
  readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .sort();

const newestOf = (name: string): string =>
  stored().findLast((file) => file.startsWith(`${name}@`)) ?? name;

if (recording) {
  describe('recording', () => {
    let harness: Harness;
    beforeAll(async () => {
      harness = await Harness.start({ maxCachedWorkflows: 50 });
    });
    afterEach(() => harness.end());
    afterAll(() => harness.stop());

    test.each(Object.entries(SCENARIOS))('%s', async (name, scenario) => {
      const handle = await scenario({ harness, fakes: harness.fakes() });
      const file = join(FOLDER, `${name}@${VERSION}.json`);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, anonymous(historyToJSON(await handle.fetchHistory())));
    });
  });
}

/** Without what tells of the machine that recorded it: host names, process ids and paths. */
function anonymous(history: string): string {
  const kept = JSON.stringify(
    JSON.parse(history),
    (key, value: unknown) => {
      if (key === 'stackTrace') return '';
      if (typeof value !== 'string') return value;
      if (key === 'identity') return 'recorder';
      return value.includes(hostname()) ? 'recorder' : value;
    },
    1,
  );
  return `${kept}\n`;
}

test('there is a history for every life worth keeping', () => {
  const names = new Set(stored().map((file) => file.replace(/@.*$/, '')));
  expect([...names].sort()).toEqual(Object.keys(SCENARIOS).sort());
});

test.each(stored())('%s holds nothing of the machine that recorded it', (file) => {
  const text = readFileSync(join(FOLDER, file), 'utf8');
  expect(text).not.toMatch(/\d+@|\/work\/|\/home\/|\/root\/|node_modules/);
  expect(text).not.toContain(hostname());
});

test.each(stored())('%s replays', async (file) => {
  const workflowBundleOption = await workflowBundle(logger);
  await Worker.runReplayHistory({ workflowBundle: workflowBundleOption }, read(file));
});

describe('a workflow that does something else no longer replays:', () => {
  let changed: WorkflowBundle;
  beforeAll(async () => {
    changed = await bundleWorkflowCode({ workflowsPath: require.resolve('./changed'), logger });
  });

  const HISTORIES: Record<keyof typeof WORKFLOW_TYPES, string> = {
    account: 'account/idle',
    backfill: 'backfill/complete',
    nightlySync: 'nightlySync/ended',
    paymentRetry: 'paymentRetry/recovered_by_us',
    retryCampaign: 'retryCampaign/done',
    deliverMessage: 'deliverMessage/delivered',
    restateMetrics: 'restateMetrics/restated',
  };

  test.each(Object.values(HISTORIES))('%s', async (name) => {
    await expect(
      Worker.runReplayHistory({ workflowBundle: changed }, read(newestOf(name))),
    ).rejects.toThrow(DeterminismViolationError);
  });
});
