/** Lives worth keeping: each leaves a history that every later version of the workflows must be able to replay. */
import type { WorkflowHandle } from '@temporalio/client';
import {
  backfillStatus,
  cancel,
  disconnect,
  pause,
  requestSync,
  resume,
} from '../../workflows/contract';
import { drained, failing, more, untilToldToStop, type Fakes } from './fakes';
import { eventually, type Harness } from './harness';

interface Stage {
  readonly harness: Harness;
  readonly fakes: Fakes;
}

/** Returns the workflow whose history is kept, in its run of that moment. */
export type Scenario = (stage: Stage) => Promise<WorkflowHandle>;

const NO_ARGS = { args: [{}] as [object] };
/** Longer than any recording takes. */
const LONG_MS = 3_600_000;

const reaches = (fakes: Fakes, state: string, times = 1): Promise<void> =>
  eventually(
    () => fakes.transitions.filter(({ from, to }) => to === state && from !== to).length >= times,
  );

/** A sync that walks until it is told to stop. */
async function syncing({ harness, fakes }: Stage) {
  fakes.walks = [more, untilToldToStop];
  const walking = fakes.nextWalk();
  const handle = await harness.startAccount({ account: 'acct_1' });
  await handle.executeUpdate(requestSync, NO_ARGS);
  await walking;
  return handle;
}

export const SCENARIOS: Record<string, Scenario> = {
  'account/idle': async ({ harness, fakes }) => {
    fakes.parked = [{ resource: 'dispute', reason: 'The key may not read disputes.' }];
    const handle = await harness.startAccount({ account: 'acct_1' });
    const { runId } = await handle.describe();
    await handle.executeUpdate(requestSync, NO_ARGS);
    await eventually(async () => (await handle.describe()).runId !== runId);
    return harness.client.workflow.getHandle(handle.workflowId, runId);
  },
  'account/idle-again': async ({ harness }) => {
    const handle = await harness.startAccount({ account: 'acct_1' });
    const { runId } = await handle.describe();
    await handle.executeUpdate(requestSync, NO_ARGS);
    await eventually(async () => (await handle.describe()).runId !== runId);
    await handle.executeUpdate(pause, NO_ARGS);
    await handle.executeUpdate(resume, NO_ARGS);
    return handle;
  },
  'account/syncing': async (stage) => {
    const handle = await syncing(stage);
    await handle.executeUpdate(requestSync, NO_ARGS);
    return handle;
  },
  'account/backing_off': async ({ harness, fakes }) => {
    fakes.walks = [
      failing('provider_unavailable'),
      failing('rate_limited', { retryAfterMs: LONG_MS }),
    ];
    const handle = await harness.startAccount({ account: 'acct_1' });
    await handle.executeUpdate(requestSync, NO_ARGS);
    await reaches(fakes, 'backing_off', 2);
    return handle;
  },
  'account/paused': async (stage) => {
    const { fakes } = stage;
    const handle = await syncing(stage);
    await handle.executeUpdate(pause, NO_ARGS);
    await eventually(() => fakes.story.includes('paused -run_stopped-> paused'));
    fakes.walks = [untilToldToStop];
    const walking = fakes.nextWalk();
    await handle.executeUpdate(resume, NO_ARGS);
    await walking;
    await handle.executeUpdate(pause, NO_ARGS);
    return handle;
  },
  'account/blocked': async ({ harness, fakes }) => {
    fakes.walks = [failing('credentials_rejected'), failing('credentials_rejected')];
    const handle = await harness.startAccount({ account: 'acct_1' });
    await handle.executeUpdate(requestSync, NO_ARGS);
    await reaches(fakes, 'blocked');
    await handle.executeUpdate(resume, NO_ARGS);
    await reaches(fakes, 'blocked', 2);
    return handle;
  },
  'account/disconnected': async (stage) => {
    const handle = await syncing(stage);
    await handle.executeUpdate(disconnect, NO_ARGS);
    await handle.result();
    return handle;
  },
  'account/canceled': async (stage) => {
    const handle = await syncing(stage);
    await handle.cancel();
    await handle.result().catch(() => undefined);
    return handle;
  },
  'backfill/complete': async ({ harness, fakes }) => {
    fakes.walks = [failing('provider_unavailable'), more, drained];
    const handle = await harness.startBackfill({
      account: 'acct_1',
      from: '2026-10-01',
      to: '2026-11-01',
      policy: { backoffFirstMs: 50 },
    });
    await handle.result();
    return handle;
  },
  'backfill/paused': async ({ harness, fakes }) => {
    fakes.walks = [untilToldToStop];
    const walking = fakes.nextWalk();
    const handle = await harness.startBackfill({ account: 'acct_1' });
    await walking;
    await handle.executeUpdate(pause, NO_ARGS);
    return handle;
  },
  'backfill/blocked': async ({ harness, fakes }) => {
    fakes.walks = [failing('credentials_rejected')];
    const handle = await harness.startBackfill({ account: 'acct_1' });
    await eventually(async () => (await handle.query(backfillStatus)).state === 'blocked');
    return handle;
  },
  'backfill/canceled': async ({ harness, fakes }) => {
    fakes.walks = [untilToldToStop];
    const walking = fakes.nextWalk();
    const handle = await harness.startBackfill({ account: 'acct_1' });
    await walking;
    await handle.executeUpdate(cancel, NO_ARGS);
    await handle.result();
    return handle;
  },
  'backfill/refused': async ({ harness }) => {
    const handle = await harness.startBackfill({ account: 'acct_1', form: '2026-10-01' });
    await handle.result().catch(() => undefined);
    return handle;
  },
};
