/** What a lane without work does next, decided from the open tasks of its run. */
import { REREAD } from './run';
import { chooseSplit, type WalkedWindow } from './split';

export interface OpenTask extends WalkedWindow {
  readonly resource: string;
  /** Whether a lane has it now. */
  readonly leased: boolean;
}

export interface WorkTerms {
  /** Resources that fail while others go on. */
  readonly setAside: ReadonlySet<string>;
  /** Resources whose windows may be walked side by side. */
  readonly splittable: ReadonlySet<string>;
  /** Nothing is thought to be older. */
  readonly floor: Date;
  /** Lanes without work, the one that asks included. */
  readonly idleLanes: number;
}

export type Work<T extends OpenTask> =
  | { readonly how: 'claim'; readonly task: T }
  /** The older part of the task's window, up to `at`, becomes a task of its own. */
  | { readonly how: 'split'; readonly task: T; readonly at: Date }
  /** Only what was set aside is left: it is tried once more. */
  | { readonly how: 'try_again'; readonly resources: readonly string[] }
  /** Others are at work, and nothing of that is worth a cut. */
  | { readonly how: 'wait' }
  /** No task is open. */
  | { readonly how: 'end' };

/** `open`: in plan order. */
export function chooseWork<T extends OpenTask>(open: readonly T[], terms: WorkTerms): Work<T> {
  if (open.length === 0) return { how: 'end' };
  const { setAside, splittable, floor, idleLanes } = terms;
  // What lists do not answer is read by id once they are read: many hints have their answer by then.
  const lists = open.filter(({ resource }) => resource !== REREAD);
  const wanted =
    lists.length === 0 ? open : lists.filter(({ resource }) => !setAside.has(resource));
  const free = wanted.find(({ leased }) => !leased);
  if (free) return { how: 'claim', task: free };
  const walked = wanted.filter(({ resource }) => splittable.has(resource));
  const split = chooseSplit(walked, floor, idleLanes);
  if (split) return { how: 'split', task: split.window, at: split.at };
  return wanted.length === 0
    ? { how: 'try_again', resources: [...new Set(lists.map(({ resource }) => resource))] }
    : { how: 'wait' };
}
