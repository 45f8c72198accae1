/** The last task of every run: objects that hints name are read again by their ids, and committed in batches. */
import { commitObjects, type PageObject } from '../db/repositories/pages';
import { readAccount } from '../db/repositories/accounts';
import {
  dropAnsweredHints,
  listDueHints,
  readHintQueue,
  type Companioned,
  type DueHint,
  type HintSource,
} from '../db/repositories/hints';
import { finishTask, noteParked, readTaskFacts, type Lease } from '../db/repositories/tasks';
import type { FetchedObject } from '../providers/provider';
import { FEED_OVERLAP_MS } from '../domain/sync/run';
import { classify, notStorable, safeError } from './failures';
import { preparePageObject } from './page';
import { stopIfUnwanted, tryWhilePassing, type Walk } from './try';

/** Hints that are looked at together, whether a list has answered them already. */
const CHECKED_HINTS = 1_000;

/** Objects of one commit. */
const BATCH_OBJECTS = 50;

/**
 * Two reads of an object that overlapped are read again when a moment has passed. So often that moment is waited for: what
 * changes all the time is left to the next run.
 */
const MAX_WAITS = 5;
const MAX_WAIT_MS = 5_000;

/**
 * Hints that come in while the others are being read are taken along up to here. Where something changes all the time, the rest is
 * for the next run, which whoever told of it has asked for.
 */
const MAX_LATE_HINTS = 500;

/** A backfill reads what its own windows left open; what has changed elsewhere is for syncs. */
const BACKFILL_SOURCES: readonly HintSource[] = ['overlap', 'reference'];
const ALL_SOURCES: readonly HintSource[] = [...BACKFILL_SOURCES, 'feed', 'webhook'];

/** Works until no hint is due any more, then ends the task. */
export async function rereadObjects(walk: Walk, lease: Lease): Promise<void> {
  const { db, run, control } = walk;
  const { accountId } = lease;
  await stopIfUnwanted(walk);
  const sources = run.kind === 'backfill' ? BACKFILL_SOURCES : ALL_SOURCES;
  const told = await readHintQueue(db, { accountId, sources, exceptResources: [] });
  const companioned = await companionedOf(walk);
  let hintsLeft = told.waiting + MAX_LATE_HINTS;
  let waitsLeft = MAX_WAITS;
  while (!control.stopped) {
    const scope = { accountId, sources, exceptResources: await listLeftOut(walk) };
    if ((await dropAnsweredHints(db, { ...scope, companioned, limit: CHECKED_HINTS })) > 0)
      continue;
    const due = await listDueHints(db, { ...scope, limit: Math.min(BATCH_OBJECTS, hintsLeft) });
    hintsLeft -= due.length;
    if (due.length > 0) {
      await rereadBatch(walk, lease, due);
      continue;
    }
    const { nextInMs } = await readHintQueue(db, scope);
    const isDone = nextInMs === null || nextInMs > MAX_WAIT_MS;
    if (isDone || hintsLeft === 0 || waitsLeft === 0) {
      await finishTask(db, lease);
      return;
    }
    waitsLeft -= 1;
    await control.sleep(nextInMs);
  }
}

/**
 * A change that was told while an earlier run read its lists may lie between two of those: what changes with the object is read
 * along by its id then.
 */
async function companionedOf({ db, run, provider }: Walk): Promise<Companioned> {
  const tasks = await readTaskFacts(db, run.id);
  const feedFrom = tasks.find(({ resource }) => resource === provider.feed?.resource)?.from;
  return {
    resources: provider.resources.flatMap(({ name, hasCompanions }) => (hasCompanions ? name : [])),
    readSince: run.until,
    followedUntil: feedFrom ? new Date(feedFrom.getTime() + FEED_OVERLAP_MS) : null,
  };
}

/** Resources of which nothing is read in this run, whatever hints say. */
async function listLeftOut({ db, run }: Walk): Promise<string[]> {
  const { skipped_resources: skipped } = await readAccount(db, run.account_id);
  const tasks = await readTaskFacts(db, run.id);
  const left = tasks.filter(({ state }) => state === 'parked' || state === 'skipped');
  return [...new Set([...skipped, ...left.map(({ resource }) => resource)])];
}

interface Answer {
  readonly hint: DueHint;
  /** Null when the provider does not have it. */
  readonly fetched: FetchedObject | null;
}

async function rereadBatch(walk: Walk, lease: Lease, due: readonly DueHint[]): Promise<void> {
  const { control, client } = walk;
  const answers: Answer[] = [];
  const refused = new Set<string>();
  const queue = due.values();
  const worker = async (): Promise<void> => {
    for (const hint of queue) {
      if (refused.has(hint.resource)) continue;
      // What is wanted is read before every request, since commits that would tell are far apart.
      await stopIfUnwanted(walk);
      if (control.stopped) return;
      try {
        const { resource, id } = hint;
        const answer = await tryWhilePassing(walk, {
          resource,
          request: async (how) => ({ fetched: await client.fetchObject({ resource, id, ...how }) }),
          seed: hint.note,
        });
        if (answer) answers.push({ hint, ...answer });
      } catch (thrown) {
        refused.add(hint.resource);
        await settleRefusal(walk, hint.resource, thrown);
      }
    }
  };
  await Promise.all(Array.from({ length: walk.lanes }, worker));
  await commitAnswers(walk, lease, answers);
}

/** What concerns the whole account or service ends the walk; otherwise the resource alone is left out, and its hints stay. */
async function settleRefusal(
  { db, run, control, logger }: Walk,
  resource: string,
  thrown: unknown,
) {
  const error = classify(thrown);
  logger.warn({ run: run.id, resource, code: error.code, err: thrown }, 'object not read');
  if (error.scope === 'input' || error.scope === 'account') control.fail(error);
  if (control.failure !== null) return;
  await noteParked(db, { run, resource, error: safeError(error) });
}

async function commitAnswers(walk: Walk, lease: Lease, answers: readonly Answer[]): Promise<void> {
  const { db, run, control } = walk;
  if (answers.length === 0) return;
  for (const { fetched } of answers) {
    for (const { resource, error } of fetched?.refused ?? []) {
      await noteParked(db, { run, resource, error });
    }
  }
  try {
    const committed = await commitObjects(db, {
      lease,
      objects: answers.flatMap(({ fetched }) => (fetched ? objectsOf(walk, fetched) : [])),
      gone: answers.flatMap(({ hint, fetched }) => (fetched ? [] : [hint])),
      answered: answers.map(({ hint }) => hint),
      requests: answers.length,
    });
    control.progressed(committed);
    if (committed.desired !== 'run') control.stop('wanted');
  } catch (thrown) {
    const [first, ...others] = answers;
    const error = notStorable(first?.hint.resource ?? '', thrown);
    if (!first || error === null) throw thrown;
    if (others.length === 0) return settleRefusal(walk, first.hint.resource, error);
    // One object that cannot be stored must not keep the others out.
    for (const answer of answers) await commitAnswers(walk, lease, [answer]);
  }
}

const objectsOf = (walk: Walk, { object, companions, readAt }: FetchedObject): PageObject[] =>
  [object, ...companions].map((each) =>
    preparePageObject(walk.provider, { object: each, readAt }, walk.logger),
  );
