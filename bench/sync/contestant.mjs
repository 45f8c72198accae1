/** What the processes of the contenders share: their arguments, how an account is cut into ranges, and how they tell their time. */
import { parseArgs } from 'node:util';
import { SPREAD_SECONDS } from './invoices.mjs';

/** @returns {{ api: URL, database: string, ranges: { gte: number, lt: number }[] }} */
export function readArguments() {
  const { values } = parseArgs({
    options: {
      api: { type: 'string' },
      database: { type: 'string' },
      before: { type: 'string' },
      ranges: { type: 'string' },
    },
  });
  const { api, database, before, ranges } = values;
  return { api: new URL(api), database, ranges: cut(Number(before), Number(ranges)) };
}

/** Ranges of creation times of equal length that hold everything created before. */
function cut(before, count) {
  const edge = (index) => before - SPREAD_SECONDS + Math.floor((SPREAD_SECONDS * index) / count);
  return Array.from({ length: count }, (_, index) => ({ gte: edge(index), lt: edge(index + 1) }));
}

/**
 * Runs the work, tells when it began and ended, and waits to be stopped: the bench reads the memory of this process from
 * outside.
 * @param {() => Promise<{ objects: number }>} work
 */
export async function timed(work) {
  const beganMs = Date.now();
  const { objects } = await work();
  process.stdout.write(
    `${JSON.stringify({ ready: true, beganMs, endedMs: Date.now(), objects })}\n`,
  );
  setInterval(() => undefined, 60_000);
}
