import { setTimeout as sleep } from 'node:timers/promises';
import type { Kysely, Transaction } from 'kysely';
import { isRetryable } from './errors';
import type { Database } from './schema';

/** Batches are sorted by key, so that a deadlock is rare and a second one in a row rarer. */
const MAX_ATTEMPTS = 5;
const RETRY_DELAY_MS = 20;

/** Runs `work` in one transaction, again from the start after a deadlock or a serialisation failure. */
export async function inTransaction<T>(
  db: Kysely<Database>,
  work: (trx: Transaction<Database>) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await db.transaction().execute(work);
    } catch (error) {
      if (!isRetryable(error) || attempt >= MAX_ATTEMPTS) throw error;
      await sleep(RETRY_DELAY_MS * attempt);
    }
  }
}
