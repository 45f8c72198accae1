import { createHash } from 'node:crypto';
import { Context } from '@temporalio/activity';
import {
  countGroup,
  countSyncing,
  listGroup,
  listMoved,
  type Sleeper,
} from '../db/repositories/nights';
import type { SyncActivities } from './contract';
import type { ActivityDeps } from './deps';

/** Then the call reports, so that ops see the night move. */
const CALL_LIMIT_MS = 120_000;
const PAGE = 500;
/** Woken together at most, each at its own moment of the time until the next look. */
const BATCH = 100;
const LOOK_INTERVAL_MS = 1_000;
/** An account that has not moved by then is no longer counted as about to: no worker has taken it up. */
const SETTLE_LIMIT_MS = 15_000;

/**
 * Counts who is at work before it wakes more. Trying again wakes nobody twice: who is at work, or has read up to the night
 * already, is passed over.
 */
export const createWakeAccounts =
  (deps: Pick<ActivityDeps, 'db' | 'wakeAccount'>): SyncActivities['wakeAccounts'] =>
  async ({ timeZone, except, after, to, maxConcurrent }) => {
    const { db, wakeAccount } = deps;
    const context = Context.current();
    const group = { timeZone, except };
    const endMs = Date.now() + CALL_LIMIT_MS;
    const about = new AboutToBegin(deps);
    let cursor = after ?? '';
    let woken = 0;
    let passedOver = 0;
    let page: Sleeper[] = [];
    while (Date.now() < endMs) {
      if (page.length === 0) {
        const until = new Date(to);
        page = await listGroup(db, { group, after: cursor, to: until, limit: PAGE });
        if (page.length === 0) return { next: null, woken, passedOver, left: 0 };
      }
      const free = maxConcurrent - (await countSyncing(db)) - (await about.count());
      const taken = takeDue(page, Math.min(free, BATCH));
      page = page.slice(taken.length);
      const due = taken.filter((sleeper) => sleeper.due);
      await Promise.all(
        due.map(async (sleeper) => {
          await context.sleep(jitterMs(sleeper.id));
          about.add(sleeper);
          await wakeAccount(sleeper.id, { to });
        }),
      );
      cursor = taken.at(-1)?.id ?? cursor;
      woken += due.length;
      passedOver += taken.length - due.length;
      // Whoever is only passed over costs no time.
      if (due.length > 0 || taken.length === 0) await context.sleep(LOOK_INTERVAL_MS);
    }
    while ((await about.count()) > 0) await context.sleep(LOOK_INTERVAL_MS);
    const left = await countGroup(db, { group, after: cursor });
    return { next: left === 0 ? null : cursor, woken, passedOver, left };
  };

/** As many from the front as hold `limit` accounts that are due. */
function takeDue(page: readonly Sleeper[], limit: number): Sleeper[] {
  let due = 0;
  const end = page.findIndex((sleeper) => sleeper.due && ++due > limit);
  return page.slice(0, end === -1 ? page.length : end);
}

/** The same for an account each night, so that one can tell when it is woken. */
const jitterMs = (account: string): number =>
  createHash('sha256').update(account).digest().readUInt32BE(0) % LOOK_INTERVAL_MS;

/** Accounts that were woken and do not show yet that they are at work. */
class AboutToBegin {
  private readonly since = new Map<string, Sleeper & { readonly wokenMs: number }>();

  constructor(private readonly deps: Pick<ActivityDeps, 'db'>) {}

  add(sleeper: Sleeper): void {
    this.since.set(sleeper.id, { ...sleeper, wokenMs: Date.now() });
  }

  async count(): Promise<number> {
    const moved = new Set(await listMoved(this.deps.db, [...this.since.values()]));
    const limitMs = Date.now() - SETTLE_LIMIT_MS;
    for (const { id, wokenMs } of this.since.values()) {
      if (moved.has(id) || wokenMs < limitMs) this.since.delete(id);
    }
    return this.since.size;
  }
}
