/**
 * A lane: claims one task after the other and walks it page by page. While a page is normalised and committed, the next one is
 * on its way.
 */
import { setImmediate } from 'node:timers/promises';
import type { PageCommitted, PageObject } from '../db/repositories/pages';
import { parkResource, releaseTask, type Lease } from '../db/repositories/tasks';
import { RecoupError } from '../domain/errors';
import { REREAD } from '../domain/sync/run';
import type { Page } from '../providers/provider';
import { notStorable, safeError } from './failures';
import { preparePageObject } from './page';
import { rereadObjects } from './reread';
import { stopIfUnwanted, tryWhilePassing, type Walk } from './try';

/** Works until the run has no open task left, or the walk is stopped. */
export async function runLane(walk: Walk): Promise<void> {
  const { dispatcher } = walk;
  for (let lease = await dispatcher.next(); lease; lease = await dispatcher.next()) {
    const failed = { lease, isLastTry: dispatcher.isLastTry(lease.resource) };
    await workOn(walk, lease).catch((thrown: unknown) =>
      settleFailure(walk, { ...failed, thrown }),
    );
  }
}

async function workOn(walk: Walk, lease: Lease): Promise<void> {
  try {
    await (lease.resource === REREAD ? rereadObjects(walk, lease) : walkTask(walk, lease));
  } finally {
    await releaseTask(walk.db, lease);
  }
}

async function walkTask(walk: Walk, lease: Lease): Promise<void> {
  const { control, client } = walk;
  const { resource, windowTo: to } = lease;
  const ended = new AbortController();
  let from = lease.windowFrom;
  const fetch = (position: Pick<Lease, 'cursor' | 'lastSeen'>) => {
    const window = { from, to };
    const page = tryWhilePassing(walk, {
      resource,
      request: (how) => client.fetchPage({ resource, window, ...position, ...how }),
      seed: lease.taskId,
      unwanted: ended.signal,
    }).then((given) => given && preparePage(walk, given));
    // It is awaited later, or not at all when the window ends before.
    page.catch(() => undefined);
    return page;
  };
  try {
    // Desired is read once more while the first page is on its way, so that between a pause and the commit that sees it no
    // second request can start.
    let coming = fetch({ cursor: lease.cursor, lastSeen: lease.lastSeen });
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
    ended.abort();
  }
}

interface PreparedPage extends Omit<Page, 'objects'> {
  readonly objects: readonly PageObject[];
}

/** Objects that are prepared in one go. */
const GO_OBJECTS = 10;

/**
 * At once when the page comes: what the provider gave takes many times the memory of what is stored, and lanes wait in turn. Others get
 * theirs in between, or Postgres would wait for the next statement of a commit until the page is done.
 */
async function preparePage({ provider, logger }: Walk, page: Page): Promise<PreparedPage> {
  const { readAt } = page;
  const objects: PageObject[] = [];
  for (const object of page.objects) {
    if (objects.length > 0 && objects.length % GO_OBJECTS === 0) await setImmediate();
    objects.push(preparePageObject(provider, { object, readAt }, logger));
  }
  return { ...page, objects };
}

async function commit(
  walk: Walk,
  lease: Lease,
  page: PreparedPage,
  from: Date | null,
): Promise<PageCommitted> {
  const { control, dispatcher, provider } = walk;
  // What lies before the window belongs to the lane that has split it off since the page was asked for.
  const objects = page.objects.filter(
    ({ createdAt }) => from === null || createdAt === null || createdAt >= from,
  );
  const feed = provider.feed?.resource === lease.resource ? provider.feed : null;
  const committed = await walk.committer.commit({
    lease,
    objects,
    readAt: page.readAt,
    nextCursor: page.nextCursor,
    oldestCreatedAt: page.oldestCreatedAt,
    requests: page.requests,
    ...(feed && { feed }),
  });
  control.progressed(committed);
  // What is left of the window is known better now.
  dispatcher.tell();
  if (committed.desired !== 'run') control.stop('wanted');
  return committed;
}

/** Decides how far a failure of one task reaches; what is no error of the taxonomy ends the walk. */
async function settleFailure(
  { db, run, control, dispatcher, logger }: Walk,
  failed: { readonly lease: Lease; readonly isLastTry: boolean; readonly thrown: unknown },
): Promise<void> {
  const { thrown, isLastTry } = failed;
  const { resource } = failed.lease;
  const error = thrown instanceof RecoupError ? thrown : notStorable(resource, thrown);
  if (error === null) throw thrown;
  logger.warn({ run: run.id, resource, code: error.code, err: thrown }, 'task failed');
  const park = () => parkResource(db, { runId: run.id, resource, error: safeError(error) });
  switch (error.scope) {
    case 'input':
    case 'account':
      return control.fail(error);
    case 'resource':
      return park();
    case 'transient':
      if (error.code === 'lease_lost' || control.failure !== null) return;
      if (isLastTry) return park();
      dispatcher.putAside(resource);
  }
}
