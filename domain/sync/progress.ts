/** How far a run has come, by resource: what the UI and the progress bars show. */
import type { WalkedWindow } from './split';

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
    reason: ofResource.find(({ parkedReason }) => parkedReason !== null)?.parkedReason ?? null,
  }));
}

function stateOf(tasks: readonly TaskFacts[]): ResourceProgress['state'] {
  if (tasks.some(({ state }) => state === 'parked')) return 'parked';
  if (tasks.every(({ state }) => state === 'done')) return 'done';
  return tasks.some(({ state, leased, lastSeen }) => state === 'done' || leased || lastSeen)
    ? 'walking'
    : 'waiting';
}

function percentOf(tasks: readonly TaskFacts[], floor: Date): number {
  if (tasks.every(({ state }) => state === 'done')) return 100;
  let widthMs = 0;
  let readMs = 0;
  for (const { from, to, lastSeen, state } of tasks) {
    const taskMs = Math.max(0, to.getTime() - (from ?? floor).getTime());
    widthMs += taskMs;
    const seenMs = lastSeen ? to.getTime() - lastSeen.getTime() : 0;
    readMs += state === 'done' ? taskMs : Math.min(taskMs, Math.max(0, seenMs));
  }
  return widthMs === 0 ? 0 : Math.min(99, Math.floor((100 * readMs) / widthMs));
}
