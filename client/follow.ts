/** Watches something that goes on by itself, until it has ended. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ResourceProgress } from '../activities/contract';
import { say } from './output';
import { NO_PROGRESS, openProgress } from './progress';

const POLL_MS = 300;
const EXIT_ON_INTERRUPT = 130;

export interface Look<T> {
  readonly progress: readonly ResourceProgress[];
  /** Something to tell, said once: why it waits. */
  readonly note: string | null;
  /** Null while it goes on. */
  readonly ended: T | null;
}

export interface FollowOptions {
  /** What to say when the watcher is interrupted: it goes on all the same. */
  readonly onInterrupt: string;
  /** Shows nothing meanwhile. */
  readonly quiet?: boolean | undefined;
}

/** Polls until `look` tells an end. There is no limit in time: what is watched has its own, and Ctrl-C ends the watching only. */
export async function follow<T>(look: () => Promise<Look<T>>, options: FollowOptions): Promise<T> {
  const view = options.quiet ? NO_PROGRESS : openProgress();
  const interrupt = (): void => {
    view.stop();
    say(options.onInterrupt);
    process.exit(EXIT_ON_INTERRUPT);
  };
  process.once('SIGINT', interrupt);
  let noted = '';
  try {
    for (;;) {
      const { progress, note, ended } = await look();
      view.update(progress);
      if (note !== null && note !== noted) view.note(note);
      noted = note ?? noted;
      if (ended !== null) return ended;
      await sleep(POLL_MS);
    }
  } finally {
    process.off('SIGINT', interrupt);
    view.stop();
  }
}

/** How long a command waits for what has failed and is tried again by itself, unless it was told to watch on. */
export const PATIENCE_MS = 120_000;

/** Asked at every failure that is seen: whether less than `limitMs` has passed since the first one. */
export function patience(limitMs: number): () => boolean {
  let sinceMs: number | null = null;
  return () => {
    sinceMs ??= performance.now();
    return performance.now() - sinceMs < limitMs;
  };
}
