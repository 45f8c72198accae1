/** Many small calls, some at a time and so many a second at most, so that cases never flood the Temporal server. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';

/** Together: what a small server carries beside its other work. */
const CALLS_PER_SECOND = 50;
const CALLS_AT_ONCE = 10;
const SECOND_MS = 1_000;

/** Ends early with the first call that fails, or when the step is cancelled. */
export async function eachBounded<T>(
  items: readonly T[],
  call: (item: T) => Promise<void>,
): Promise<void> {
  const { cancellationSignal } = Context.current();
  for (let from = 0; from < items.length; from += CALLS_AT_ONCE) {
    cancellationSignal.throwIfAborted();
    const batch = items.slice(from, from + CALLS_AT_ONCE);
    const spread = sleep((batch.length * SECOND_MS) / CALLS_PER_SECOND);
    await Promise.all([...batch.map(call), spread]);
  }
}
