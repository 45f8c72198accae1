/** A run as people and programs read it. */
import type { Kysely } from 'kysely';
import {
  countNotNormalised,
  listNotNormalised,
  listRuns,
  readProgress,
  readRun,
  type NotNormalised,
  type Run,
} from '../db/repositories/runs';
import { readTaskFacts } from '../db/repositories/tasks';
import type { Database } from '../db/schema';
import { progressOf, type ResourceProgress } from '../domain/sync/progress';
import { countOf } from '../domain/words';
import {
  formatCount,
  formatInstant,
  paintFor,
  renderTable,
  widthOf,
  type Column,
  type Paint,
} from './output';
import { asideOf } from './progress';

/** Objects kept raw only that a view names; the run counts them all. */
const MAX_NOT_NORMALISED = 100;

export interface RunView {
  readonly run: Run;
  readonly resources: readonly ResourceProgress[];
  readonly objects: number;
  readonly changedRows: number;
  readonly notNormalised: {
    readonly count: number;
    readonly first: readonly NotNormalised[];
  };
}

/** Errors: invalid_input for a run that does not exist. */
export async function readRunView(db: Kysely<Database>, id: string): Promise<RunView> {
  const run = await readRun(db, id);
  const [tasks, first, count] = await Promise.all([
    readTaskFacts(db, id),
    listNotNormalised(db, { runId: id, limit: MAX_NOT_NORMALISED }),
    countNotNormalised(db, id),
  ]);
  return {
    run,
    resources: progressOf(tasks, run.floor),
    objects: tasks.reduce((sum, task) => sum + task.objects, 0),
    changedRows: tasks.reduce((sum, task) => sum + task.changedRows, 0),
    notNormalised: { count, first },
  };
}

export interface Parked {
  readonly resource: string;
  readonly reason: string;
}

/** No backfill, and no run of mere changes. */
export async function newestSync(
  db: Kysely<Database>,
  accountId: string,
): Promise<Run | undefined> {
  const [newest] = await listRuns(db, { accountId, kind: 'sync', limit: 1 });
  return newest;
}

/** What is parked in the newest sync of an account. */
export async function readParked(db: Kysely<Database>, accountId: string): Promise<Parked[]> {
  const run = await newestSync(db, accountId);
  const progress = run === undefined ? [] : await readProgress(db, run);
  return progress.flatMap(({ resource, state, reason }) =>
    state === 'parked' ? { resource, reason: reason ?? 'no reason was kept' } : [],
  );
}

export const runHeadJson = (run: Run) => ({
  run: run.id,
  account: run.account_id,
  kind: run.kind,
  state: run.state,
  desired: run.desired,
  from: run.window_from,
  until: run.until,
  startedAt: run.started_at,
  endedAt: run.ended_at,
  note: run.note,
  summary: run.summary,
});

export const runJson = ({ run, ...rest }: RunView) => ({ ...runHeadJson(run), ...rest });

/** How it ended, or where it stands, in one line. */
export const runLine = ({ id, state, summary }: Pick<Run, 'id' | 'state' | 'summary'>): string =>
  `${id} is ${state}${summary === null ? '.' : `: ${summary}`}`;

export const paintState = (paint: Paint, state: string): string =>
  state === 'complete' || state === 'idle'
    ? paint.green(state)
    : state === 'running' || state === 'syncing'
      ? paint.cyan(state)
      : paint.yellow(state);

/** Head, resources, and whatever is missing with its reason. */
export function renderRun({ run, ...view }: RunView): string {
  const paint = paintFor(process.stdout);
  const width = widthOf(process.stdout);
  const facts = [
    ['Run', `${run.id}, ${CALLED[run.kind]} of ${run.account_id}`],
    ['State', paintState(paint, run.state)],
    [
      'Window',
      `${run.window_from === null ? 'since ever' : `from ${formatInstant(run.window_from)}`}, until ${formatInstant(run.until)}`,
    ],
    ...(run.note === null ? [] : [['Note', run.note]]),
    ['Started', formatInstant(run.started_at)],
    ['Ended', formatInstant(run.ended_at)],
    run.summary === null
      ? [
          'So far',
          `${countOf(view.objects, 'object')} read, ${countOf(view.changedRows, 'row')} changed`,
        ]
      : ['Summary', run.summary],
  ];
  const blocks = [
    renderTable([{ head: '' }, { head: '' }], facts, { paint, width }).trimStart(),
    renderResources(view.resources, { paint, width }),
    renderNotNormalised(view.notNormalised, { paint, width }),
  ];
  return blocks.filter((block) => block !== '').join('\n\n');
}

const CALLED: Record<Run['kind'], string> = {
  sync: 'a sync',
  backfill: 'a backfill',
  changes: 'changes',
};

function renderResources(
  resources: RunView['resources'],
  options: { paint: Paint; width: number },
): string {
  // How much is left is an estimate, and of interest only while something is.
  const anyLeft = resources.some(({ left }) => left);
  const columns: Column[] = [
    { head: 'Resource' },
    { head: 'Objects', align: 'right' },
    { head: 'Read', align: 'right' },
    ...(anyLeft ? [{ head: 'Left', align: 'right' } as const] : []),
    { head: 'State' },
  ];
  const rows = resources.map(({ resource, objects, percent, state, left, reason }) => [
    resource,
    formatCount(objects),
    `${percent} %`,
    ...(anyLeft ? [left ? `~${formatCount(left)}` : ''] : []),
    state === 'parked' || state === 'skipped'
      ? options.paint.yellow(asideOf(state, reason))
      : state,
  ]);
  return renderTable(columns, rows, options);
}

function renderNotNormalised(
  { count, first }: RunView['notNormalised'],
  options: { paint: Paint; width: number },
): string {
  if (count === 0) return '';
  const rows = first.map(({ type, id, reason }) => [type, id, reason]);
  const shown = first.length < count ? `, the first ${first.length}` : '';
  const title = `Kept raw only, since they could not be normalised (${formatCount(count)}${shown})`;
  return `${title}\n${renderTable([{ head: 'Type' }, { head: 'Id' }, { head: 'Reason' }], rows, options)}`;
}
