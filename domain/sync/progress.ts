/** How far a run has come, by resource: what the UI and the progress bars show. */
import { estimateObjectsLeft, type WalkedWindow } from './split';

export interface TaskFacts extends WalkedWindow {
  readonly resource: string;
  readonly state: 'open' | 'done' | 'parked' | 'skipped';
  /** Whether a lane has it now. */
  readonly leased: boolean;
  readonly parkedReason: string | null;
}

export interface ResourceProgress {
  readonly resource: string;
  readonly state: 'waiting' | 'walking' | 'done' | 'parked' | 'skipped';
  readonly objects: number;
  /** Share of the window that is read, 0 to 100, by creation time; 100 only when it is done. */
  readonly percent: number;
  /** Objects that are probably left, by how dense the read part was; null where nothing can be said yet. Absent in older histories. */
  readonly left?: number | null;
  /** Why it is parked or skipped. */
  readonly reason: string | null;
}

/** One line per resource, in the order in which the tasks name them first. */
export function progressOf(tasks: readonly TaskFacts[], floor: Date): ResourceProgress[] {
  const byResource = new Map<string, TaskFacts[]>();
  for (const task of tasks) {
    const known = byResource.get(task.resource);
    if (known) known.push(task);
    else byResource.set(task.resource, [task]);
  }
  return [...byResource].map(([resource, ofResource]) => ({
    resource,
    state: stateOf(ofResource),
    objects: ofResource.reduce((sum, { objects }) => sum + objects, 0),
    percent: percentOf(ofResource, floor),
    left: leftOf(ofResource, floor),
    reason: ofResource.find(({ parkedReason }) => parkedReason !== null)?.parkedReason ?? null,
  }));
}

function stateOf(tasks: readonly TaskFacts[]): ResourceProgress['state'] {
  if (tasks.some(({ state }) => state === 'parked')) return 'parked';
  if (tasks.some(({ state }) => state === 'skipped')) return 'skipped';
  if (tasks.every(({ state }) => state === 'done')) return 'done';
  return tasks.some(({ state, leased, lastSeen }) => state === 'done' || leased || lastSeen)
    ? 'walking'
    : 'waiting';
}

/** A window of which nothing is read yet is as dense as the others of its resource. */
function leftOf(tasks: readonly TaskFacts[], floor: Date): number | null {
  const open = tasks.filter(({ state }) => state === 'open');
  if (open.length === 0) return tasks.every(({ state }) => state === 'done') ? 0 : null;
  const begun = tasks.filter(({ state, lastSeen }) => state === 'done' || lastSeen !== null);
  const objects = begun.reduce((sum, task) => sum + task.objects, 0);
  const readMs = begun.reduce((sum, task) => sum + readMsOf(task, floor), 0);
  if (readMs === 0) return null;
  const left = open.map((task) =>
    task.lastSeen === null
      ? (objects / readMs) * widthMsOf(task, floor)
      : estimateObjectsLeft(task, floor),
  );
  return Math.round(left.reduce((sum, each) => sum + each, 0));
}

function percentOf(tasks: readonly TaskFacts[], floor: Date): number {
  if (tasks.every(({ state }) => state === 'done')) return 100;
  const widthMs = tasks.reduce((sum, task) => sum + widthMsOf(task, floor), 0);
  const readMs = tasks.reduce((sum, task) => sum + readMsOf(task, floor), 0);
  return widthMs === 0 ? 0 : Math.min(99, Math.floor((100 * readMs) / widthMs));
}

const widthMsOf = ({ from, to }: TaskFacts, floor: Date): number =>
  Math.max(0, to.getTime() - (from ?? floor).getTime());

function readMsOf(task: TaskFacts, floor: Date): number {
  const widthMs = widthMsOf(task, floor);
  if (task.state === 'done') return widthMs;
  const seenMs = task.lastSeen ? task.to.getTime() - task.lastSeen.getTime() : 0;
  return Math.min(widthMs, Math.max(0, seenMs));
}
