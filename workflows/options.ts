/** How steps are called: a few named profiles, each with its reason. */
import { proxyActivities, proxyLocalActivities, workflowInfo } from '@temporalio/workflow';
import type { ActivityOptions, LocalActivityOptions } from '@temporalio/workflow';
import type { Activities } from '../activities/contract';
import { walkTaskQueue } from './contract';

/**
 * Requests of minutes: a worker that dies is noticed by its missing heartbeat, and what it had committed is kept. Its many
 * attempts are for workers that die: what the provider does wrong is in the report, and no failed attempt.
 */
const WALK: ActivityOptions = {
  startToCloseTimeout: '65 minutes',
  heartbeatTimeout: '6 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 1, maximumAttempts: 20 },
};

/**
 * A few statements or one request to the provider. What still fails then is for the state machine to decide; a worker that dies
 * holds it up for no longer than its missing beats take to be noticed.
 */
const QUICK: ActivityOptions = {
  startToCloseTimeout: '1 minute',
  heartbeatTimeout: '10 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '10 seconds', maximumAttempts: 4 },
};

/**
 * Writes that the account's state depends on: tried until the database is back, since giving up would leave what ops see and
 * what is true apart. The one profile without a limit of time.
 */
const MUST: ActivityOptions = {
  startToCloseTimeout: '20 seconds',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '30 seconds' },
};

/** Reads everything that is stored, reads and writes all dirty customers, or replaces the account's rows in the warehouse; the worker beats for it. */
const BULK: ActivityOptions = {
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds', maximumAttempts: 4 },
};

/** A page of a night takes minutes. It is tried for the rest of the night: the next one takes what this one could not. */
const NIGHT: ActivityOptions = {
  startToCloseTimeout: '10 minutes',
  scheduleToCloseTimeout: '6 hours',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute' },
};

/**
 * One request that moves money, with what is read and written around it. Never tried again: whoever loses its answer does not know
 * whether the money has moved, and looks that up. The time holds more than the request's own limit, so that an answer that comes
 * late is still an answer; a worker that is dead is noticed by its missing beats, and gives none.
 */
const PAYMENT: ActivityOptions = {
  startToCloseTimeout: '3 minutes',
  heartbeatTimeout: '10 seconds',
  retry: { maximumAttempts: 1 },
};

/** To somebody else's server, which may be down for a weekend; each try is short. */
const DELIVERY: ActivityOptions = {
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '3 days',
  retry: { initialInterval: '10 seconds', maximumInterval: '1 hour' },
};

/** Tells the cases of an account what a sync has read: what still fails then is for whoever asked to decide. */
const ROUTE: ActivityOptions = {
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds', maximumAttempts: 4 },
};

/** Pages of cases, each of which is told or started one by one; what was done is passed over when it is tried again. */
const CASES: ActivityOptions = {
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute' },
};

const PROFILES: { readonly [Name in keyof Activities]: ActivityOptions } = {
  readAccount: MUST,
  openRun: QUICK,
  walk: WALK,
  closeRun: MUST,
  readProgress: QUICK,
  retryResource: MUST,
  skipResource: MUST,
  wakeAccounts: NIGHT,
  setDesired: MUST,
  recordTransition: MUST,
  renormalise: BULK,
  computeMetrics: BULK,
  loadWarehouse: BULK,
  readCase: MUST,
  recordCase: MUST,
  setCaseDesired: MUST,
  reopenCase: QUICK,
  planCase: QUICK,
  checkCase: QUICK,
  chargeCase: PAYMENT,
  lookUpAttempt: QUICK,
  resolveAttempt: QUICK,
  noteCustomerNeeded: QUICK,
  deliverWebhook: DELIVERY,
  readCampaign: MUST,
  setCampaign: MUST,
  selectCases: CASES,
  steerCases: CASES,
  routeChanges: ROUTE,
};

/** Activities that work for minutes have slots and connections of their own. */
const LONG: readonly (keyof Activities)[] = [
  'walk',
  'renormalise',
  'computeMetrics',
  'loadWarehouse',
];

/** One short write. Where the database is not at hand it is tried as a step. */
const AT_ONCE: LocalActivityOptions = {
  scheduleToCloseTimeout: '5 seconds',
  retry: { maximumAttempts: 1 },
};

/**
 * Stores what a case has become: by whoever runs its workflow, which leaves one event in the history instead of six; where that fails, by
 * the step, which does not give up.
 */
export async function recordCase(
  input: Parameters<Activities['recordCase']>[0],
): ReturnType<Activities['recordCase']> {
  try {
    return await proxyLocalActivities<Activities>(AT_ONCE).recordCase(input);
  } catch {
    return step('recordCase', input, `now ${input.record.state}`);
  }
}

/** The step `name`, with a one-line summary for the timeline in the UI. */
export function step<Name extends keyof Activities>(
  name: Name,
  input: Parameters<Activities[Name]>[0],
  summary: string,
): Promise<Awaited<ReturnType<Activities[Name]>>> {
  const proxied = proxyActivities<Activities>({
    ...PROFILES[name],
    summary,
    ...(LONG.includes(name) && { taskQueue: walkTaskQueue(workflowInfo().taskQueue) }),
  });
  const call = proxied[name] as unknown as (
    given: Parameters<Activities[Name]>[0],
  ) => Promise<Awaited<ReturnType<Activities[Name]>>>;
  return call(input);
}
