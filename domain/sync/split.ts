/**
 * Splitting of windows: a cursor is sequential, windows are not. A lane without work takes the older part of what is left of
 * another lane's window, and both walk on side by side.
 */

/** A part of fewer objects, by estimate, costs more requests than it saves time: about two pages. */
const MIN_PART_OBJECTS = 200;

/** Providers filter creation times by whole seconds, so windows must meet on one. */
const GRAIN_MS = 1000;

/** A window that is being walked from `to` down; `[from, lastSeen]` is left. */
export interface WalkedWindow {
  /** Inclusive; null means since ever. */
  readonly from: Date | null;
  /** Exclusive. */
  readonly to: Date;
  /** Creation time of the oldest object read so far; null before the first page. */
  readonly lastSeen: Date | null;
  /** Objects read so far in this window. */
  readonly objects: number;
}

/** Objects that are probably left, judged by how dense the part already read was; 0 where nothing can be said yet. */
export function estimateObjectsLeft(window: WalkedWindow, floor: Date): number {
  if (window.lastSeen === null) return 0;
  const readMs = Math.max(GRAIN_MS, window.to.getTime() - window.lastSeen.getTime());
  const leftMs = window.lastSeen.getTime() - (window.from ?? floor).getTime();
  return (window.objects / readMs) * Math.max(0, leftMs);
}

/**
 * Where to cut the window: the older part `[from, at)` goes to an idle lane. Null when it is not worth it. Where several lanes
 * are idle, each takes an equal part of the whole, one after the other: so all are at work after the first page.
 */
export function splitPoint(window: WalkedWindow, floor: Date, idleLanes = 1): Date | null {
  if (window.lastSeen === null) return null;
  const worthParts = Math.floor(estimateObjectsLeft(window, floor) / MIN_PART_OBJECTS);
  const parts = Math.min(idleLanes + 1, worthParts);
  if (parts < 2) return null;
  const fromMs = (window.from ?? floor).getTime();
  const lastSeenMs = window.lastSeen.getTime();
  const atMs = Math.floor((fromMs + (lastSeenMs - fromMs) / parts) / GRAIN_MS) * GRAIN_MS;
  return atMs > fromMs && atMs < lastSeenMs ? new Date(atMs) : null;
}

/** The window with the most left to read and where to cut it; null when none is worth it. `floor`: nothing is thought to be older. */
export function chooseSplit<W extends WalkedWindow>(
  windows: readonly W[],
  floor: Date,
  idleLanes = 1,
): { readonly window: W; readonly at: Date } | null {
  const largestFirst = [...windows].sort(
    (a, b) => estimateObjectsLeft(b, floor) - estimateObjectsLeft(a, floor),
  );
  for (const window of largestFirst) {
    const at = splitPoint(window, floor, idleLanes);
    if (at) return { window, at };
  }
  return null;
}
