/** Requests to the provider that are tried again while the trouble may pass, by the lanes of one walk. */
import type { Kysely } from 'kysely';
import type { Logger } from 'pino';
import { readDesired, type Run } from '../db/repositories/runs';
import { readTaskFacts } from '../db/repositories/tasks';
import type { Database } from '../db/schema';
import { asRecoupError, type RecoupError } from '../domain/errors';
import { backoffMs, MAX_PAGE_ATTEMPTS } from '../domain/sync/backoff';
import type { Provider, ProviderClient } from '../providers/provider';
import type { Committer } from './committer';
import type { Dispatcher } from './dispatcher';
import type { WalkControl } from './walk-control';

/** What the lanes of one walk work with. */
export interface Walk {
  readonly db: Kysely<Database>;
  readonly provider: Provider;
  readonly client: ProviderClient;
  readonly run: Run;
  /** Names this execution in leases. */
  readonly owner: string;
  readonly lanes: number;
  readonly logger: Logger;
  readonly control: WalkControl;
  readonly committer: Committer;
  readonly dispatcher: Dispatcher;
}

/** Stops the walk where desired state says pause or cancel. */
export async function stopIfUnwanted({
  db,
  run,
  control,
}: Pick<Walk, 'db' | 'run' | 'control'>): Promise<void> {
  if ((await readDesired(db, run.id)) !== 'run') control.stop('wanted');
}

export interface Try<T> {
  readonly resource: string;
  /** `makeMore` as in `PageRequest`: an answer that takes hundreds of requests is given up when nobody wants it any more. */
  readonly request: (how: {
    readonly signal: AbortSignal;
    readonly makeMore: <R>(request: () => Promise<R>) => Promise<R>;
  }) => Promise<T>;
  /** Spreads the tries of those that met the same trouble. */
  readonly seed: bigint;
  /** Whoever aborts it does not want the answer any more. */
  readonly unwanted?: AbortSignal;
}

/**
 * What the request gives; null when the walk was stopped before. Errors: the last one, once it has been tried often enough; where
 * nothing else comes through either, the whole walk has failed then.
 */
export async function tryWhilePassing<T>(walk: Walk, options: Try<T>): Promise<T | null> {
  const { control, logger } = walk;
  const { resource, request, seed, unwanted } = options;
  const givenUp = new AbortController();
  const { signal } = givenUp;
  const giveUp = (): void => givenUp.abort();
  const sources = [control.abandoned, ...(unwanted ? [unwanted] : [])];
  for (const source of sources) {
    if (source.aborted) giveUp();
    source.addEventListener('abort', giveUp);
  }
  const pagesBefore = control.pages;
  let exhausted: RecoupError | null = null;
  const attempts = async <R>(make: () => Promise<R>): Promise<R> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await make();
      } catch (thrown) {
        signal.throwIfAborted();
        const error = asRecoupError(thrown);
        if (!isPassing(error) || error === exhausted) throw error;
        if (attempt >= MAX_PAGE_ATTEMPTS) {
          exhausted = error;
          if (!(await isServed(walk, resource, pagesBefore))) control.fail(error);
          throw error;
        }
        const { code, retryAfterMs } = error;
        // A first 429 that names no time has slowed the pace of all: to wait there is enough.
        const isPaced = code === 'rate_limited' && retryAfterMs === undefined && attempt === 1;
        const delayMs = isPaced ? 0 : backoffMs({ attempt, retryAfterMs, seed });
        logger.info({ resource, code, attempt, delayMs }, 'waiting');
        await control.sleep(delayMs);
        if (!control.stopped) await stopIfUnwanted(walk);
        if (control.stopped) giveUp();
        signal.throwIfAborted();
      }
    }
  };
  const makeMore = async <R>(make: () => Promise<R>): Promise<R> => {
    await stopIfUnwanted(walk);
    if (control.stopped === 'wanted') giveUp();
    signal.throwIfAborted();
    return attempts(make);
  };
  try {
    return await attempts(() => request({ signal, makeMore }));
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  } finally {
    // These signals outlive thousands of requests.
    for (const source of sources) source.removeEventListener('abort', giveUp);
  }
}

/** A defect of ours does not pass by waiting. */
const isPassing = (error: RecoupError): boolean =>
  error.scope === 'transient' && error.code !== 'internal';

/** Whether it is this resource that fails, and not the service: something else came through meanwhile, or does now. */
async function isServed(walk: Walk, resource: string, pagesBefore: number): Promise<boolean> {
  const { db, run, client, control } = walk;
  if (control.pages > pagesBefore) return true;
  const tasks = await readTaskFacts(db, run.id);
  const isAlone = !tasks.some((task) => task.resource !== resource && task.state === 'done');
  // A run of hints alone has no lists that could tell.
  if (isAlone && run.kind !== 'changes') return false;
  return client.probe(control.abandoned).then(
    () => true,
    () => false,
  );
}
