/** Lives worth keeping: each leaves a history that every later version of the workflows must be able to replay. */
import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import {
  attemptNow,
  backfillStatus,
  cancel,
  caseNews,
  disconnect,
  pause,
  requestSync,
  resolve,
  resume,
  retry,
  skip,
  stop,
  tick,
  wake,
} from '../../workflows/contract';
import { succeeded, type CaseFakes, type Says } from './case-fakes';
import { drained, dying, failing, more, untilToldToStop, type Fakes } from './fakes';
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
const NIGHT = '2026-11-01T02:00:00.000Z';

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

/** An account that has ended a partial sync: in the history after it, and the run id of the one before. */
async function partial({ harness, fakes }: Stage) {
  fakes.parked = [{ resource: 'dispute', reason: 'The key may not read disputes.' }];
  const handle = await harness.startAccount({ account: 'acct_1' });
  const { runId } = await handle.describe();
  await handle.executeUpdate(requestSync, NO_ARGS);
  await eventually(async () => (await handle.describe()).runId !== runId);
  return { handle, syncedIn: runId };
}

const CASE_START_MS = Date.UTC(2026, 10, 1, 9);
/** By so much each wait is ended: longer than any of the first waits. */
const CASE_LEAP_MS = 7_200_000;

/** A recovery case by a simulated clock, whose steps answer so; returns once it is stored in this state. */
async function recovery(
  { harness }: Stage,
  options: {
    readonly reaches: string;
    readonly answers?: Partial<Record<keyof CaseFakes['script'], Says[]>>;
    /** Seen by each tick that is sent. */
    readonly leaps?: number;
    readonly facts?: Partial<CaseFakes['facts']>;
  },
) {
  const { reaches: state, answers = {}, leaps = 0, facts = {} } = options;
  const cases = harness.cases();
  Object.assign(cases.script, answers);
  let nowMs = CASE_START_MS;
  cases.now = () => nowMs;
  const windowEndsAtMs = nowMs + 28 * 86_400_000;
  cases.facts = { ...cases.facts, clock: 'simulated', nowMs, windowEndsAtMs, ...facts };
  const handle = await harness.startCase({ account: 'acct_1' });
  for (let leap = 0; leap < leaps; leap += 1) {
    await eventually(() => (cases.record?.nextActionAtMs ?? 0) > nowMs);
    nowMs += CASE_LEAP_MS;
    await handle.signal(tick, { nowMs });
  }
  await eventually(() => cases.record?.state === state);
  return { handle, cases };
}

export const SCENARIOS: Record<string, Scenario> = {
  'account/idle': async (stage) => {
    const { handle, syncedIn } = await partial(stage);
    return stage.harness.client.workflow.getHandle(handle.workflowId, syncedIn);
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
  'account/changes': async ({ harness, fakes }) => {
    fakes.closing = { metricsDue: false };
    const handle = await harness.startAccount({ account: 'acct_1' });
    const { runId } = await handle.describe();
    await handle.signal(wake, { what: 'changes' });
    await handle.signal(wake, { what: 'everything' } as never);
    await eventually(async () => (await handle.describe()).runId !== runId);
    return harness.client.workflow.getHandle(handle.workflowId, runId);
  },
  'account/followed': async (stage) => {
    const { harness, fakes } = stage;
    const handle = await syncing(stage);
    const { runId } = await handle.describe();
    await handle.signal(wake, { what: 'changes' });
    await handle.signal(wake, { what: 'sync', to: '2026-11-01T02:00:00Z' });
    await handle.executeUpdate(pause, NO_ARGS);
    await handle.executeUpdate(resume, NO_ARGS);
    await reaches(fakes, 'idle');
    return harness.client.workflow.getHandle(handle.workflowId, runId);
  },
  'account/retried': async (stage) => {
    const { harness, fakes } = stage;
    const { handle } = await partial(stage);
    const { runId } = await handle.describe();
    await handle.executeUpdate(skip, { args: [{ resource: 'dispute', always: true }] });
    await handle.executeUpdate(retry, { args: [{ resource: 'dispute' }] });
    await reaches(fakes, 'idle', 2);
    return harness.client.workflow.getHandle(handle.workflowId, runId);
  },
  'account/backing_off': async ({ harness, fakes }) => {
    fakes.walks = [dying(100), failing('rate_limited', { retryAfterMs: LONG_MS })];
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
  'backfill/running': async ({ harness, fakes }) => {
    fakes.walks = [more, untilToldToStop];
    const walking = fakes.nextWalk();
    const handle = await harness.startBackfill({ account: 'acct_1' });
    await walking;
    await handle.executeUpdate(retry, { args: [{ resource: 'dispute' }] });
    await handle.executeUpdate(skip, { args: [{ resource: 'refund' }] });
    return handle;
  },
  'backfill/backing_off': async ({ harness, fakes }) => {
    fakes.walks = [dying(100), failing('rate_limited', { retryAfterMs: LONG_MS })];
    const policy = { backoffFirstMs: 50 };
    const handle = await harness.startBackfill({ account: 'acct_1', policy });
    await eventually(() => fakes.walkedRuns.length === 2);
    await eventually(async () => (await handle.query(backfillStatus)).state === 'backing_off');
    return handle;
  },
  'backfill/retaken': async ({ harness }) => {
    const input = { account: 'acct_1', run: 'run_7', resources: ['dispute'] };
    const handle = await harness.startBackfill(input);
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
  'nightlySync/ended': async ({ harness, fakes }) => {
    fakes.nights = [
      { next: 'acct_5', woken: 5, passedOver: 1, left: 3 },
      { next: null, woken: 2, passedOver: 1, left: 0 },
    ];
    const handle = await harness.startNight({ timeZone: 'Europe/Berlin', maxConcurrent: 5 });
    await handle.result();
    return handle;
  },
  'nightlySync/running': async ({ harness, fakes }) => {
    fakes.nights = [{ next: 'acct_5', woken: 5, passedOver: 1, left: 3 }, 'endless'];
    const handle = await harness.startNight();
    await eventually(() => fakes.pagesWoken.length === 2);
    return handle;
  },
  'nightlySync/continued': async ({ harness }) => {
    const carried = { v: 1, after: 'acct_5', left: 3, woken: 5, passedOver: 1, from: NIGHT };
    const handle = await harness.startNight({ carried });
    await handle.result();
    return handle;
  },
  'nightlySync/canceled': async ({ harness, fakes }) => {
    fakes.nights = ['endless'];
    const handle = await harness.startNight();
    await eventually(() => fakes.pagesWoken.length === 1);
    await handle.cancel();
    await handle.result().catch(() => undefined);
    return handle;
  },
  'nightlySync/refused': async ({ harness }) => {
    const handle = await harness.startNight({ timeZone: 'Berlin' });
    await handle.result().catch(() => undefined);
    return handle;
  },
  'paymentRetry/recovered_by_us': async (stage) => {
    const answers = { charge: [{ type: 'declined' }, succeeded] satisfies Says[] };
    const reached = await recovery(stage, { reaches: 'recovered_by_us', answers, leaps: 2 });
    await reached.handle.result();
    return reached.handle;
  },
  'paymentRetry/timer': async ({ harness }) => {
    const cases = harness.cases();
    cases.byDefault.plan = () => ({ type: 'attempt_planned', atMs: Date.now() + 200 });
    cases.script.charge = [{ type: 'declined' }, succeeded];
    const handle = await harness.startCase({ account: 'acct_1' });
    await handle.result();
    return handle;
  },
  'paymentRetry/planning': async ({ harness }) => {
    const cases = harness.cases();
    cases.script.plan = [
      () => {
        throw ApplicationFailure.nonRetryable('Stripe rejects the key.', 'credentials_rejected');
      },
    ];
    const handle = await harness.startCase({
      account: 'acct_1',
      policy: { backoffFirstMs: LONG_MS },
    });
    await eventually(() => cases.story.includes('planning -step_failed-> planning'));
    return handle;
  },
  'paymentRetry/scheduled': async (stage) => {
    const { handle, cases } = await recovery(stage, { reaches: 'scheduled' });
    await handle.signal(caseNews, { what: 'card_updated' });
    await eventually(() => cases.story.includes('scheduled -clear-> scheduled'));
    await handle.signal(caseNews, { what: 'gossip' } as never);
    return handle;
  },
  'paymentRetry/monitoring': async (stage) => {
    const atMs = CASE_START_MS + LONG_MS;
    const answers = { plan: [{ type: 'provider_retry_pending', atMs }] satisfies Says[] };
    return (await recovery(stage, { reaches: 'monitoring', answers })).handle;
  },
  'paymentRetry/unknown': async (stage) => {
    const dies = () => {
      throw ApplicationFailure.retryable('The worker died.', 'internal');
    };
    const answers = { charge: [dies] };
    return (await recovery(stage, { reaches: 'unknown', answers, leaps: 2 })).handle;
  },
  'paymentRetry/pending_settlement': async (stage) => {
    const answers = { charge: [{ type: 'pending' }] satisfies Says[] };
    const reached = await recovery(stage, { reaches: 'pending_settlement', answers, leaps: 1 });
    await reached.handle.executeUpdate(pause, NO_ARGS);
    return reached.handle;
  },
  'paymentRetry/awaiting_customer': async (stage) => {
    const answers = { plan: [{ type: 'customer_needed', remedy: 'update' }] satisfies Says[] };
    const reached = await recovery(stage, { reaches: 'awaiting_customer', answers });
    await eventually(() => reached.cases.delivered.length === 1);
    return reached.handle;
  },
  'paymentRetry/paused': async (stage) => {
    const { handle } = await recovery(stage, { reaches: 'scheduled' });
    await handle.executeUpdate(pause, NO_ARGS);
    await handle.executeUpdate(resume, NO_ARGS);
    await handle.executeUpdate(attemptNow, NO_ARGS);
    await handle.executeUpdate(pause, NO_ARGS);
    return handle;
  },
  'paymentRetry/needs_human': async (stage) => {
    const answers = { charge: [{ type: 'refused' }] satisfies Says[] };
    return (await recovery(stage, { reaches: 'needs_human', answers, leaps: 1 })).handle;
  },
  'paymentRetry/resolved': async (stage) => {
    const openAttempt = { number: 1, state: 'unknown' } as const;
    const { harness } = stage;
    const cases = harness.cases();
    cases.facts = { ...cases.facts, state: 'needs_human', attempts: 1, openAttempt };
    const handle = await harness.startCase({ account: 'acct_1' });
    await handle.executeUpdate(resolve, { args: [{ outcome: 'absent', reason: 'ticket 4711' }] });
    await eventually(() => cases.record?.state === 'scheduled');
    return handle;
  },
  'paymentRetry/reopened': async ({ harness }) => {
    const cases = harness.cases();
    cases.facts = { ...cases.facts, state: 'exhausted', attempts: 2, transitions: 9 };
    const handle = await harness.reopenCase({ account: 'acct_1' });
    await eventually(() => cases.record?.state === 'scheduled');
    return handle;
  },
  'paymentRetry/account-paused': async (stage) => {
    const answers = { check: [{ type: 'account_paused' }] satisfies Says[] };
    const { handle, cases } = await recovery(stage, { reaches: 'paused', answers, leaps: 1 });
    cases.script.check = [{ type: 'account_resumed' }];
    await handle.signal(caseNews, { what: 'account_resumed' });
    await eventually(() => cases.record?.state === 'scheduled');
    return handle;
  },
  'paymentRetry/taken-up': async (stage) => {
    const openAttempt = { number: 1, state: 'intended' } as const;
    const facts = { state: 'charging', attempts: 1, openAttempt } as const;
    return (await recovery(stage, { reaches: 'unknown', facts })).handle;
  },
  'paymentRetry/canceled': async (stage) => {
    const { handle } = await recovery(stage, { reaches: 'scheduled' });
    await handle.cancel();
    await handle.result().catch(() => undefined);
    return handle;
  },
  'paymentRetry/refused': async ({ harness }) => {
    harness.cases();
    const handle = await harness.startCase({ account: 'acct_1', invoice: 'in_unknown' });
    await handle.result().catch(() => undefined);
    return handle;
  },
  'account/routed': async ({ harness, fakes }) => {
    fakes.closing = { casesDue: true, metricsDue: false };
    const handle = await harness.startAccount({ account: 'acct_1' });
    const { runId } = await handle.describe();
    await handle.executeUpdate(requestSync, NO_ARGS);
    await eventually(async () => (await handle.describe()).runId !== runId);
    return harness.client.workflow.getHandle(handle.workflowId, runId);
  },
  'retryCampaign/done': async ({ harness, fakes: { campaign } }) => {
    campaign.pages = 2;
    const handle = await harness.startCampaign();
    await eventually(() => campaign.set.includes('run running'));
    campaign.endCases();
    await handle.result();
    return handle;
  },
  'retryCampaign/running': async ({ harness, fakes: { campaign } }) => {
    campaign.facts = { ...campaign.facts, heldOut: 1 };
    const handle = await harness.startCampaign();
    await eventually(() => campaign.routed > 0);
    return handle;
  },
  'retryCampaign/paused': async ({ harness, fakes: { campaign } }) => {
    const handle = await harness.startCampaign();
    await eventually(() => campaign.set.includes('run running'));
    await handle.executeUpdate(pause, NO_ARGS);
    await handle.executeUpdate(resume, NO_ARGS);
    await handle.executeUpdate(pause, NO_ARGS);
    await eventually(() => campaign.steered.length > 0);
    return handle;
  },
  'retryCampaign/stopped': async ({ harness, fakes: { campaign } }) => {
    const handle = await harness.startCampaign();
    await eventually(() => campaign.set.includes('run running'));
    await handle.executeUpdate(stop, NO_ARGS);
    await handle.result();
    return handle;
  },
  'retryCampaign/canceled': async ({ harness, fakes: { campaign } }) => {
    const handle = await harness.startCampaign();
    await eventually(() => campaign.set.includes('run running'));
    await handle.cancel();
    await handle.result();
    return handle;
  },
  'retryCampaign/continued': async ({ harness, fakes: { campaign } }) => {
    campaign.facts = { ...campaign.facts, state: 'running', selected: true };
    const carried = { v: 1, begunAtMs: 0, after: null, told: 'run' };
    const handle = await harness.startCampaign({ campaign: 'camp_1', carried });
    await handle.result();
    return handle;
  },
  'retryCampaign/refused': async ({ harness }) => {
    const handle = await harness.startCampaign({ campaign: 'camp_0' });
    await handle.result().catch(() => undefined);
    return handle;
  },
  'deliverMessage/delivered': async ({ harness }) => {
    harness.cases();
    const handle = await harness.startDelivery();
    await handle.result();
    return handle;
  },
  'deliverMessage/refused': async ({ harness }) => {
    const handle = await harness.startDelivery({ account: 'acct_1' } as never);
    await handle.result().catch(() => undefined);
    return handle;
  },
  'restateMetrics/restated': async ({ harness }) => {
    const handle = await harness.startRestatement();
    await handle.result();
    return handle;
  },
  'restateMetrics/refused': async ({ harness }) => {
    const handle = await harness.startRestatement({ account: 'acct_1', rows: 'all' } as never);
    await handle.result().catch(() => undefined);
    return handle;
  },
};
