/**
 * What Temporal Cloud bills as actions, counted from histories: each start of a run (continue-as-new included), each attempt of
 * an activity, each timer, signal, accepted update, upsert of search attributes, marker and child. Queries, validators that refuse
 * and workflow tasks cost nothing. Heartbeats leave no event: of each activity that beats, its last attempt is taken to have
 * beaten as often as the worker's interval fits into it. The Schedule's own start is the first event of `nightlySync`.
 */

/** `workers/heartbeat.ts`: so often within an activity's heartbeat timeout. */
const BEATS = 3;

/** The billed name of an event that costs one action, whatever it holds. */
const ONE_EACH = {
  workflowExecutionStartedEventAttributes: 'starts',
  timerStartedEventAttributes: 'timers',
  workflowExecutionSignaledEventAttributes: 'signals',
  workflowExecutionUpdateAcceptedEventAttributes: 'updates',
  upsertWorkflowSearchAttributesEventAttributes: 'searchAttributes',
  markerRecordedEventAttributes: 'markers',
  startChildWorkflowExecutionInitiatedEventAttributes: 'children',
  signalExternalWorkflowExecutionInitiatedEventAttributes: 'signals',
};

const msOf = ({ seconds = 0, nanos = 0 } = {}) => Number(seconds) * 1_000 + nanos / 1e6;

/** Actions by kind of those events of a history that came at `sinceMs` or later. */
export function countActions(events, { sinceMs }) {
  const counts = {};
  const add = (kind, count = 1) => {
    if (count > 0) counts[kind] = (counts[kind] ?? 0) + count;
  };
  const scheduled = new Map();
  const begun = new Map();
  for (const event of events) {
    const atMs = msOf(event.eventTime);
    const id = String(event.eventId);
    if (event.activityTaskScheduledEventAttributes) {
      scheduled.set(id, event.activityTaskScheduledEventAttributes);
    }
    if (event.activityTaskStartedEventAttributes) begun.set(idOfScheduled(event), atMs);
    if (atMs < sinceMs) continue;
    for (const [attributes, kind] of Object.entries(ONE_EACH)) if (event[attributes]) add(kind);
    const started = event.activityTaskStartedEventAttributes;
    if (started) add('activities', started.attempt);
    if (event.activityTaskCompletedEventAttributes) {
      const key = idOfScheduled(event);
      const timeoutMs = msOf(scheduled.get(key)?.heartbeatTimeout ?? undefined);
      if (timeoutMs > 0) add('heartbeats', beats(atMs - begun.get(key), timeoutMs));
    }
  }
  return counts;
}

const beats = (tookMs, timeoutMs) => Math.floor(tookMs / (timeoutMs / BEATS));

const idOfScheduled = (event) =>
  String(
    (event.activityTaskStartedEventAttributes ?? event.activityTaskCompletedEventAttributes)
      .scheduledEventId,
  );

export function addCounts(all) {
  const sum = {};
  for (const counts of all) {
    for (const [kind, count] of Object.entries(counts)) sum[kind] = (sum[kind] ?? 0) + count;
  }
  return sum;
}

export const totalOf = (counts) => Object.values(counts).reduce((a, b) => a + b, 0);
