/**
 * A lane: claims one task after the other and walks it page by page. While a page is normalised and committed, the next one is
 * on its way.
 */
import type { Kysely } from 'kysely';
import type { Logger } from 'pino';
import { commitPage, type PageCommitted } from '../db/repositories/pages';
import type { Run } from '../db/repositories/runs';
import {
  claimTask,
  listOpenResources,
  parkResource,
  releaseTask,
  splitTask,
  type Lease,
} from '../db/repositories/tasks';
import type { Database } from '../db/schema';
import { asRecoupError, RecoupError } from '../domain/errors';
import type { Page, Provider, ProviderClient, Window } from '../providers/provider';
import { preparePageObject } from './page';
import { isPassing, stopIfUnwanted, tryWhilePassing } from './try';
import type { WalkControl } from './walk-control';

/** How often a lane without work looks whether there is some: others' leases expire, their windows become worth a cut. */
const IDLE_POLL_MS = 250;

export interface Walk {
  readonly db: Kysely<Database>;
  readonly provider: Provider;
  readonly client: ProviderClient;
  readonly run: Run;
  /** Names this execution in leases. */
  readonly owner: string;
  readonly logger: Logger;
  readonly control: WalkControl;
}

/** Works until the run has no open task left that this walk could take up, or the walk is stopped. */
export async function runLane(walk: Walk): Promise<void> {
  const { control } = walk;
  while (!control.stopped) {
    const lease = await findWork(walk);
    if (lease) {
      await walkTask(walk, lease).catch((thrown: unknown) => settleFailure(walk, lease, thrown));
      continue;
    }
    const open = await listOpenResources(walk.db, walk.run.id);
    if (open.every((resource) => control.setAside.has(resource))) return;
    await control.sleep(IDLE_POLL_MS);
  }
}

async function findWork({ db, provider, run, owner, control }: Walk): Promise<Lease | null> {
  const except = [...control.setAside.keys()];
  const claim = { accountId: run.account_id, runId: run.id, owner, except };
  const splittable = provider.resources.filter((r) => r.splittable).map(({ name }) => name);
  return (
    (await claimTask(db, claim)) ??
    (await splitTask(db, { ...claim, splittable, floor: run.floor }))
  );
}

async function walkTask(walk: Walk, lease: Lease): Promise<void> {
  const { control } = walk;
  const task = new AbortController();
  const signal = AbortSignal.any([task.signal, control.abandoned]);
  let from = lease.windowFrom;
  const fetch = (position: Pick<Lease, 'cursor' | 'lastSeen'>) => {
    const page = fetchPage(walk, {
      ...position,
      lease,
      window: { from, to: lease.windowTo },
      signal,
    });
    // It is awaited later, or not at all when the window ends before.
    page.catch(() => undefined);
    return page;
  };
  try {
    // Desired is read once more while the first page is on its way, so that between a pause and the commit that sees it no
    // second request can start.
    let coming = fetch(lease);
    await stopIfUnwanted(walk);
    for (;;) {
      const page = await coming;
      if (!page) return;
      const next =
        page.nextCursor === null
          ? null
          : { cursor: page.nextCursor, lastSeen: page.oldestCreatedAt ?? lease.lastSeen };
      const ahead = next && !control.stopped ? fetch(next) : null;
      const committed = await commit(walk, lease, page, from);
      from = committed.windowFrom;
      if (committed.done || !ahead) return;
      coming = ahead;
    }
  } finally {
    task.abort();
    await releaseTask(walk.db, lease);
  }
}

async function commit(
  walk: Walk,
  lease: Lease,
  page: Page,
  from: Date | null,
): Promise<PageCommitted> {
  const { control } = walk;
  const { readAt } = page;
  // What lies before the window belongs to the lane that has split it off since the page was asked for.
  const objects = page.objects.filter(
    ({ createdAt }) => from === null || createdAt === null || createdAt >= from,
  );
  const committed = await commitPage(walk.db, {
    lease,
    objects: objects.map((object) =>
      preparePageObject(walk.provider, { object, readAt }, walk.logger),
    ),
    readAt,
    nextCursor: page.nextCursor,
    oldestCreatedAt: page.oldestCreatedAt,
    requests: page.requests,
  });
  control.pages += 1;
  control.objects += committed.objects;
  control.changedRows += committed.changedRows;
  if (committed.desired !== 'run') control.stop('wanted');
  return committed;
}

interface Fetch {
  readonly lease: Lease;
  readonly window: Window;
  readonly cursor: string | null;
  readonly lastSeen: Date | null;
  readonly signal: AbortSignal;
}

/** The page; null when the walk was stopped before it came. */
async function fetchPage(walk: Walk, fetch: Fetch): Promise<Page | null> {
  const { control, client } = walk;
  const { lease, window, cursor, lastSeen, signal } = fetch;
  const { resource } = lease;
  const pagesBefore = control.pages;
  return tryWhilePassing(walk, {
    request: () => client.fetchPage({ resource, window, cursor, lastSeen, signal }),
    subject: resource,
    signal,
    seed: lease.taskId,
  }).catch((thrown: unknown) => {
    // Where other pages came through meanwhile, it is this resource that fails and not the service.
    const error = asRecoupError(thrown);
    if (isPassing(error) && control.pages === pagesBefore) control.fail(error);
    throw error;
  });
}

/** Decides how far a failure of one task reaches; what is no error of the taxonomy ends the walk. */
async function settleFailure(walk: Walk, lease: Lease, thrown: unknown): Promise<void> {
  if (!(thrown instanceof RecoupError)) throw thrown;
  const { control, logger } = walk;
  const { resource } = lease;
  logger.warn({ run: walk.run.id, resource, code: thrown.code, err: thrown }, 'task failed');
  switch (thrown.scope) {
    case 'input':
    case 'account':
      return control.fail(thrown);
    case 'resource':
      return parkResource(walk.db, { runId: walk.run.id, resource, error: thrown });
    case 'transient':
      if (thrown.code !== 'lease_lost') control.setAside.set(resource, thrown);
  }
}
