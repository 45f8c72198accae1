/**
 * A lane: claims one task after the other and walks it page by page. While a page is normalised and committed, the next one is
 * on its way.
 */
import type { PageCommitted, PageObject } from '../db/repositories/pages';
import {
  claimTask,
  listOpenResources,
  parkResource,
  releaseTask,
  splitTask,
  type Lease,
} from '../db/repositories/tasks';
import { RecoupError } from '../domain/errors';
import { REREAD } from '../domain/sync/run';
import type { Page } from '../providers/provider';
import { notStorable, safeError } from './failures';
import { preparePageObject } from './page';
import { rereadObjects } from './reread';
import { stopIfUnwanted, tryWhilePassing, type Walk } from './try';

/**
 * How often a lane without work looks whether there is some though nobody of its own walk says so: leases of others expire, and
 * other workers of the run get done.
 */
const IDLE_POLL_MS = 500;

/** Works until the run has no open task left, or the walk is stopped. */
export async function runLane(walk: Walk): Promise<void> {
  const { control } = walk;
  try {
    while (!control.stopped) {
      const lease = await findWork(walk);
      if (lease) {
        control.wakeLane();
        const isLastTry = control.lastTry.has(lease.resource);
        await workOn(walk, lease).catch((thrown: unknown) =>
          settleFailure(walk, { lease, isLastTry, thrown }),
        );
        continue;
      }
      const open = await listOpenResources(walk.db, walk.run.id);
      if (open.length === 0) return;
      if (!takeUpAgain(walk, open)) await control.waitForWork(IDLE_POLL_MS);
    }
  } finally {
    control.wakeLane();
  }
}

async function findWork({ db, provider, run, owner, control }: Walk): Promise<Lease | null> {
  const except = [...control.setAside, REREAD];
  const claim = { accountId: run.account_id, runId: run.id, owner, except };
  const splittable = provider.resources.filter((r) => r.splittable).map(({ name }) => name);
  const found =
    (await claimTask(db, claim)) ??
    (await splitTask(db, {
      ...claim,
      splittable,
      floor: run.floor,
      idleLanes: control.idleLanes + 1,
    }));
  if (found) return found;
  // What lists do not answer is read by id once they are read: many hints have their answer by then.
  const open = await listOpenResources(db, run.id);
  return open.every((resource) => resource === REREAD)
    ? claimTask(db, { ...claim, except: [] })
    : null;
}

/** Once the others are done, what was set aside is tried once more. Tells whether there is such. */
function takeUpAgain({ control }: Walk, open: readonly string[]): boolean {
  const aside = open.filter((resource) => control.setAside.has(resource));
  if (aside.length === 0 || aside.length < open.filter((r) => r !== REREAD).length) return false;
  for (const resource of aside) {
    control.setAside.delete(resource);
    control.lastTry.add(resource);
  }
  return true;
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

/** At once when the page comes: what the provider gave takes many times the memory of what is stored, and lanes wait in turn. */
function preparePage({ provider, logger }: Walk, page: Page): PreparedPage {
  const { readAt } = page;
  return {
    ...page,
    objects: page.objects.map((object) => preparePageObject(provider, { object, readAt }, logger)),
  };
}

async function commit(
  walk: Walk,
  lease: Lease,
  page: PreparedPage,
  from: Date | null,
): Promise<PageCommitted> {
  const { control, provider } = walk;
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
  control.wakeLane();
  if (committed.desired !== 'run') control.stop('wanted');
  return committed;
}

/** Decides how far a failure of one task reaches; what is no error of the taxonomy ends the walk. */
async function settleFailure(
  { db, run, control, logger }: Walk,
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
      if (!control.lastTry.has(resource)) control.setAside.add(resource);
  }
}
