/** The histories of all cases, from the server: how long they are, and whether the workflow of today replays them. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Runtime, Worker } from '@temporalio/worker';
import { StackError } from '../../dev/children.mjs';
import { ROOT } from '../../dev/paths.mjs';

const require = createRequire(import.meta.url);
const { workflowBundle } = require(join(ROOT, 'dist', 'workers', 'bundle.js'));
const { createLogger, temporalLogger } = require(join(ROOT, 'dist', 'workers', 'log.js'));

/** One replays a history at a time: one for each core of a small machine. */
const REPLAYERS = 2;
const FETCHED_AT_ONCE = 4;
const MAX_FETCHED = 100;

/**
 * @param {{ client: import('@temporalio/client').Client, say: import('../../dev/say.mjs').Say }} options
 * @returns {Promise<{ histories: number, replayed: number, maxEventsPerAttempt: number, maxEventsPerCase: number }>}
 */
export async function readHistories({ client, say }) {
  const counts = { histories: 0, replayed: 0, maxEventsPerAttempt: 0, maxEventsPerCase: 0 };
  const step = say.step('Replay', 'every history');
  step.watch(() => `${counts.replayed} replayed`);
  const eventsOf = new Map();
  const listed = client.workflow
    .list({ query: 'WorkflowType = "paymentRetry"' })
    .intoHistories({ concurrency: FETCHED_AT_ONCE, bufferLimit: MAX_FETCHED });
  async function* counted() {
    for await (const { workflowId, history } of listed) {
      const events = (eventsOf.get(workflowId) ?? 0) + history.events.length;
      eventsOf.set(workflowId, events);
      counts.histories += 1;
      counts.maxEventsPerCase = Math.max(counts.maxEventsPerCase, events);
      counts.maxEventsPerAttempt = Math.max(
        counts.maxEventsPerAttempt,
        ...eventsOfAttempts(history.events),
      );
      yield { workflowId, history };
    }
  }
  const logger = temporalLogger(createLogger('error'));
  Runtime.install({ logger });
  const bundle = await workflowBundle(logger);
  const histories = counted();
  async function replay() {
    const results = Worker.runReplayHistories({ workflowBundle: bundle }, histories);
    for await (const { workflowId, error } of results) {
      if (error) throw new StackError(`${workflowId} does not replay: ${error.message}`);
      counts.replayed += 1;
    }
  }
  try {
    await Promise.all(Array.from({ length: REPLAYERS }, replay));
  } catch (error) {
    step.failed();
    throw error;
  }
  step.done(`${counts.replayed} histories`);
  return counts;
}

/** What follows an attempt, when its case has not ended with it: another plan, or the wait for a customer. */
const AFTER_ATTEMPT = new Set(['planCase', 'noteCustomerNeeded']);

/** Of each attempt that was made: from the step that planned it to what follows it, the wait for a bank included. */
export function eventsOfAttempts(events) {
  const steps = events.flatMap(({ activityTaskScheduledEventAttributes: scheduled }, at) =>
    scheduled ? [{ at, name: scheduled.activityType.name }] : [],
  );
  return steps.flatMap(({ name, at: charged }, index) => {
    if (name !== 'chargeCase') return [];
    const plan = steps.findLast((step) => step.at < charged && step.name === 'planCase');
    const after = steps.slice(index).find((step) => AFTER_ATTEMPT.has(step.name));
    return [(after?.at ?? events.length) - plan.at];
  });
}
