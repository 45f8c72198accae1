/** Requests to the provider that are tried again while the trouble may pass, by whoever works under a `WalkControl`. */
import type { Kysely } from 'kysely';
import type { Logger } from 'pino';
import { readDesired, type Run } from '../db/repositories/runs';
import type { Database } from '../db/schema';
import { asRecoupError, type RecoupError } from '../domain/errors';
import { backoffMs, MAX_PAGE_ATTEMPTS } from '../domain/sync/backoff';
import type { WalkControl } from './walk-control';

export interface Work {
  readonly db: Kysely<Database>;
  readonly run: Run;
  readonly control: WalkControl;
  readonly logger: Logger;
}

/** Stops the work where desired state says pause or cancel. */
export async function stopIfUnwanted({
  db,
  run,
  control,
}: Pick<Work, 'db' | 'run' | 'control'>): Promise<void> {
  if ((await readDesired(db, run.id)) !== 'run') control.stop('wanted');
}

/** A defect of ours does not pass by waiting. */
export const isPassing = (error: RecoupError): boolean =>
  error.scope === 'transient' && error.code !== 'internal';

/** What the request gives; null when the work was stopped before. Errors: the last one, once it has been tried often enough. */
export async function tryWhilePassing<T>(
  work: Work,
  options: {
    readonly request: () => Promise<T>;
    /** For the log. */
    readonly subject: string;
    readonly signal: AbortSignal;
    /** Spreads the tries of those that met the same trouble. */
    readonly seed: bigint;
  },
): Promise<T | null> {
  const { control, logger } = work;
  const { request, subject, signal, seed } = options;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await request();
    } catch (thrown) {
      if (signal.aborted) return null;
      const error = asRecoupError(thrown);
      if (!isPassing(error) || attempt >= MAX_PAGE_ATTEMPTS) throw error;
      const delayMs = backoffMs({ attempt, retryAfterMs: error.retryAfterMs, seed });
      logger.info({ subject, code: error.code, attempt, delayMs }, 'waiting');
      await control.sleep(delayMs);
      if (!control.stopped) await stopIfUnwanted(work);
      if (control.stopped) return null;
    }
  }
}
