import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { readAccount } from '../db/repositories/accounts';
import { readDesired, readProgress, readRun, setRunState, type Run } from '../db/repositories/runs';
import { listOpenResources, releaseTasks, renewLeases } from '../db/repositories/tasks';
import { Committer } from './committer';
import { connectAccount } from './connection';
import type { StepFailure, SyncActivities, WalkReport } from './contract';
import type { ActivityDeps } from './deps';
import { Dispatcher } from './dispatcher';
import { classify, toStepFailure } from './failures';
import { runLane } from './lane';
import { stopIfUnwanted, type Walk } from './try';
import { MINUTE_MS, WalkControl } from './walk-control';

/** How often the walk prolongs its leases and looks at what is wanted. To Temporal the worker beats for it. */
const LEASE_RENEWAL_MS = 5_000;

export const createWalk =
  (deps: ActivityDeps): SyncActivities['walk'] =>
  async ({ run: runId, seconds }) => {
    const { db, config, logger } = deps;
    const context = Context.current();
    const control = new WalkControl();
    const run = await readRun(db, runId);
    if (run.ended_at) return report(deps, run, control);
    await stopIfUnwanted({ db, run, control });
    if (control.stopped) return report(deps, run, control);

    const { provider, client } = await connectAccount(deps, await readAccount(db, run.account_id));
    const { workflowExecution, activityId, attempt } = context.info;
    const owner = [workflowExecution?.runId, activityId, attempt].join('/');
    const lanes = config.RECOUP_LANES;
    const committer = new Committer(db);
    const dispatcher = new Dispatcher({ db, run, provider, owner, control });
    const work = { control, committer, dispatcher };
    const walk: Walk = { db, provider, client, run, owner, lanes, logger, ...work };
    const limitMs = config.RECOUP_WALK_MINUTES * MINUTE_MS;
    const softLimitMs = Math.min(limitMs, (seconds ?? Infinity) * 1000);
    const unfollow = control.follow(context, { softLimitMs, limitMs });
    const ended = new AbortController();
    const keeping = keepLeases(walk, ended.signal);
    try {
      await setRunState(db, { runId, state: 'running' });
      // A run has one walk at a time: whoever holds its tasks now has died, or is frozen and will find its leases lost.
      await releaseTasks(db, { runId });
      const working = Array.from({ length: lanes }, () =>
        runLane(walk).catch((thrown: unknown) => {
          control.fail(classify(thrown));
          control.abandon('failed');
          throw thrown;
        }),
      );
      const results = await Promise.allSettled(working);
      await releaseTasks(db, { runId, owner });
      const broken = results.find((result) => result.status === 'rejected');
      if (broken) throw broken.reason;
      return await report(deps, run, control);
    } finally {
      ended.abort();
      unfollow();
      client.close();
      await keeping;
    }
  };

async function keepLeases(walk: Walk, ended: AbortSignal): Promise<void> {
  const { db, run, owner, logger } = walk;
  while (!ended.aborted) {
    try {
      await renewLeases(db, { runId: run.id, owner });
      await stopIfUnwanted(walk);
    } catch (error) {
      // The next commit meets the same trouble and tells of it.
      logger.warn({ run: run.id, err: error }, 'leases not renewed');
    }
    await sleep(LEASE_RENEWAL_MS, undefined, { signal: ended }).catch(() => undefined);
  }
}

async function report(deps: ActivityDeps, run: Run, control: WalkControl): Promise<WalkReport> {
  const { db } = deps;
  const { outcome, failure } = await judge(deps, run, control);
  // A walk that Temporal has given up was stopped too, while another one may be at work.
  if (outcome === 'stopped' && (await readDesired(db, run.id)) !== 'run') {
    await setRunState(db, { runId: run.id, state: 'paused' });
  }
  const { pages, objects, changedRows } = control;
  const progress = await readProgress(db, run);
  return { outcome, failure, pages, objects, changedRows, progress };
}

async function judge(
  { db }: ActivityDeps,
  run: Run,
  control: WalkControl,
): Promise<{ outcome: WalkReport['outcome']; failure: StepFailure | null }> {
  const open = await listOpenResources(db, run.id);
  if (open.length === 0 || run.ended_at) return { outcome: 'drained', failure: null };
  if (control.stopped === 'wanted') return { outcome: 'stopped', failure: null };
  return control.failure
    ? { outcome: 'failed', failure: toStepFailure(control.failure) }
    : { outcome: 'more', failure: null };
}
