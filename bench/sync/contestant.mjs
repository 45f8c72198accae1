/** What the processes of the contenders share: their arguments, how an account is cut into ranges, and how they tell their time. */
import { parseArgs } from 'node:util';
import { SPREAD_SECONDS } from './invoices.mjs';

/**
 * One account to bring in: its API, and the ranges of creation times that it is cut into.
 * @typedef {{ api: URL, ranges: { gte: number, lt: number }[] }} Account
 */

/** @returns {{ database: string, account: Account, warmUp: Account | null }} `warmUp` is brought in first, and not measured */
export function readArguments() {
  const { values } = parseArgs({
    options: {
      api: { type: 'string' },
      'warm-up-api': { type: 'string' },
      database: { type: 'string' },
      before: { type: 'string' },
      ranges: { type: 'string' },
    },
  });
  const { api, 'warm-up-api': warmUpApi, database, before } = values;
  const ranges = cut(Number(before), Number(values.ranges));
  return {
    database,
    account: { api: new URL(api), ranges },
    warmUp: warmUpApi === undefined ? null : { api: new URL(warmUpApi), ranges },
  };
}

/** Ranges of creation times of equal length that hold everything created before. */
function cut(before, count) {
  const edge = (index) => before - SPREAD_SECONDS + Math.floor((SPREAD_SECONDS * index) / count);
  return Array.from({ length: count }, (_, index) => ({ gte: edge(index), lt: edge(index + 1) }));
}

/**
 * Does the work for both accounts, tells when that for the measured one began and ended, and waits to be stopped: the bench reads
 * the memory of this process from outside.
 * @param {{ account: Account, warmUp: Account | null }} accounts
 * @param {(account: Account) => Promise<{ objects: number }>} work
 */
export async function timed({ account, warmUp }, work) {
  if (warmUp) await work(warmUp);
  const beganMs = Date.now();
  const { objects } = await work(account);
  process.stdout.write(
    `${JSON.stringify({ ready: true, beganMs, endedMs: Date.now(), objects })}\n`,
  );
  setInterval(() => undefined, 60_000);
}
