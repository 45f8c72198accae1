/**
 * Wakes accounts for which webhooks have left something to read. The first delivery wakes at once; what comes within the
 * next seconds is answered by one more look at their end, and by a signal only if something still waits then. So a burst costs
 * two signals, a run that is at work anyway none, and none is lost when Temporal was away.
 */
import type { Client } from '@temporalio/client';
import type { Kysely } from 'kysely';
import type { Logger } from 'pino';
import { listWaitingAccounts, readWaitingState } from '../../db/repositories/webhooks';
import type { Database } from '../../db/schema';
import { wakeAccount } from '../wake';

const REST_MS = 5_000;
const SIGNAL_TIMEOUT_MS = 10_000;
/** Accounts that a start of the process looks after; the nightly sync reads what is left. */
const MAX_AT_START = 1_000;

export interface WakerOptions {
  readonly db: Kysely<Database>;
  readonly client: Client;
  readonly taskQueue: string;
  readonly logger: Logger;
}

export class Waker {
  /** Accounts that were looked at a moment ago, and whether to look again. */
  private readonly resting = new Map<string, { again: boolean; timer: NodeJS.Timeout }>();
  private closed = false;

  constructor(private readonly options: WakerOptions) {}

  /** Looks after what was left waiting while no receiver ran, one account after the other. Never rejects. */
  async sweep(): Promise<void> {
    const { db, logger } = this.options;
    try {
      const waiting = await listWaitingAccounts(db, { limit: MAX_AT_START });
      for (const account of waiting) await this.look(account);
    } catch (error) {
      logger.warn({ err: error }, 'What was left waiting could not be looked after');
    }
  }

  /** Something was left to read. Never rejects: a delivery does not depend on it. */
  tell(account: string): void {
    const rest = this.resting.get(account);
    if (rest) rest.again = true;
    else void this.look(account);
  }

  close(): void {
    this.closed = true;
    for (const { timer } of this.resting.values()) clearTimeout(timer);
  }

  private async look(account: string): Promise<void> {
    if (this.closed) return;
    const timer = setTimeout(() => {
      this.resting.delete(account);
      if (rest.again) void this.look(account);
    }, REST_MS).unref();
    const rest = { again: false, timer };
    this.resting.set(account, rest);
    try {
      const state = await readWaitingState(this.options.db, account);
      // A run reads what waits at its end, but may have passed that. Whoever is paused or blocked reads it when it goes on.
      if (state === 'syncing') rest.again = true;
      if (state === 'idle') await this.signal(account);
    } catch (error) {
      rest.again = true;
      this.options.logger.warn({ account, err: error }, 'An account could not be woken yet');
    }
  }

  private signal(account: string): Promise<void> {
    const { client, taskQueue } = this.options;
    const given = { what: 'changes', reason: 'A webhook told of changes.' } as const;
    return client.withDeadline(Date.now() + SIGNAL_TIMEOUT_MS, () =>
      wakeAccount({ client, taskQueue }, account, given),
    );
  }
}
