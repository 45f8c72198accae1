/**
 * Prices that rows name and no list holds. A price that was made inline for one customer is shown in passing while an item
 * holds it; once it was replaced, only old invoice lines and the change feed name it, by its id.
 */
import { Context } from '@temporalio/activity';
import { readAccount } from '../db/repositories/accounts';
import { commitLoose } from '../db/repositories/pages';
import { listMissingPrices } from '../db/repositories/prices';
import { readRun } from '../db/repositories/runs';
import { isParked, noteParked } from '../db/repositories/tasks';
import { RecoupError } from '../domain/errors';
import type { Provider, ProviderClient } from '../providers/provider';
import { connectAccount } from './connection';
import type { MissingPricesReport, SyncActivities } from './contract';
import type { ActivityDeps } from './deps';
import { classify, toStepFailure } from './failures';
import { preparePageObject } from './page';
import { stopIfUnwanted, tryWhilePassing, type Work } from './try';
import { MINUTE_MS, WalkControl } from './walk-control';

const RESOURCE = 'price';

/** Ids in memory at once; each look for more goes over the account's rows. */
const BATCH_IDS = 1_000;

interface Fetching extends Work {
  readonly provider: Provider;
  readonly client: ProviderClient;
  readonly counts: { fetched: number; gone: number };
}

export const createFetchMissingPrices =
  (deps: ActivityDeps): SyncActivities['fetchMissingPrices'] =>
  async ({ run: runId }) => {
    const { db, config, logger } = deps;
    const control = new WalkControl();
    const counts = { fetched: 0, gone: 0 };
    const run = await readRun(db, runId);
    // A key that may not read prices is told so once in a run.
    if (run.ended_at || (await isParked(db, { runId, resource: RESOURCE }))) {
      return report(control, counts);
    }
    await stopIfUnwanted({ db, run, control });
    const listAfter = (after: string) =>
      listMissingPrices(db, { accountId: run.account_id, after, limit: BATCH_IDS });
    let missing = control.stopped ? [] : await listAfter('');
    if (missing.length === 0) return report(control, counts);

    const { provider, client } = await connectAccount(deps, await readAccount(db, run.account_id));
    const fetching: Fetching = { db, run, control, logger, provider, client, counts };
    const unfollow = control.follow(Context.current(), config.RECOUP_WALK_MINUTES * MINUTE_MS);
    try {
      // Ids only ascend, so that one which is gone is asked for once.
      while (missing.length > 0 && !control.stopped) {
        const queue = missing.values();
        const lanes = Array.from({ length: config.RECOUP_LANES }, (_, lane) =>
          runLane({ ...fetching, lane }, queue),
        );
        const results = await Promise.allSettled(lanes);
        const broken = results.find((result) => result.status === 'rejected');
        if (broken) throw broken.reason;
        missing = await listAfter(missing.at(-1) ?? '');
      }
      return report(control, counts);
    } finally {
      unfollow();
      client.close();
    }
  };

async function runLane(
  fetching: Fetching & { readonly lane: number },
  queue: Iterable<string>,
): Promise<void> {
  const { control } = fetching;
  for (const id of queue) {
    if (control.stopped) return;
    await fetchPrice(fetching, id).catch((thrown: unknown) => settleFailure(fetching, thrown));
  }
}

async function fetchPrice(
  fetching: Fetching & { readonly lane: number },
  id: string,
): Promise<void> {
  const { db, run, control, logger, provider, client, counts } = fetching;
  const signal = control.abandoned;
  const answer = await tryWhilePassing(fetching, {
    request: async () => ({ found: await client.fetchObject({ resource: RESOURCE, id, signal }) }),
    subject: RESOURCE,
    signal,
    seed: BigInt(fetching.lane),
  });
  if (answer === null) return;
  if (answer.found === null) {
    counts.gone += 1;
    logger.info({ run: run.id, price: id }, 'the provider does not have this price');
    const gone = [{ resource: RESOURCE, id }];
    await commitLoose(db, { accountId: run.account_id, runId: run.id, objects: [], gone });
    return stopIfUnwanted(fetching);
  }
  const { desired } = await commitLoose(db, {
    accountId: run.account_id,
    runId: run.id,
    objects: [preparePageObject(provider, answer.found, logger)],
    gone: [],
  });
  counts.fetched += 1;
  if (desired !== 'run') control.stop('wanted');
}

/** What concerns the whole account or service ends the call; what is refused by itself is noted in the run. */
async function settleFailure(fetching: Fetching, thrown: unknown): Promise<void> {
  const { db, run, control, logger } = fetching;
  const error = classify(thrown);
  logger.warn({ run: run.id, resource: RESOURCE, code: error.code, err: thrown }, 'price not read');
  if (!(thrown instanceof RecoupError) || error.scope !== 'resource') return control.fail(error);
  await noteParked(db, { run, resource: RESOURCE, error });
  if (error.code === 'permission_missing') control.stop('failed');
}

function report(control: WalkControl, counts: Fetching['counts']): MissingPricesReport {
  const { failure, stopped } = control;
  if (failure) return { outcome: 'failed', failure: toStepFailure(failure), ...counts };
  const outcome = stopped === 'wanted' ? 'stopped' : stopped === 'time' ? 'more' : 'drained';
  return { outcome, failure: null, ...counts };
}
