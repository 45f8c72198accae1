/** How fast a run reads, from one report to the next by the workflow's clock, which replays the same. */
import type { ResourceProgress } from '../activities/contract';

export class Meter {
  /** Objects a second by resource; empty before the second report. */
  rates: ReadonlyMap<string, number> = new Map();
  private before: { readonly atMs: number; readonly objects: ReadonlyMap<string, number> } | null =
    null;

  read(progress: readonly ResourceProgress[], atMs: number): void {
    const { before } = this;
    const objects = new Map(progress.map((of) => [of.resource, of.objects]));
    this.before = { atMs, objects };
    if (before === null || atMs <= before.atMs) return;
    const seconds = (atMs - before.atMs) / 1000;
    this.rates = new Map(
      [...objects].map(([resource, count]) => [
        resource,
        Math.max(0, count - (before.objects.get(resource) ?? 0)) / seconds,
      ]),
    );
  }
}
