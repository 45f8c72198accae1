import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '@temporalio/activity';
import type { RecoupError } from '../domain/errors';

export const MINUTE_MS = 60_000;

/** Why the lanes of a walk stop. */
export type StopReason =
  /** Its time is up, or the worker shuts down: call again. */
  | 'time'
  /** Desired state says pause or cancel, or the activity was cancelled. */
  | 'wanted'
  /** An error that concerns every lane. */
  | 'failed';

/**
 * What the lanes of one walk share: when to stop, what went wrong, what was done. To stop is gentle, the page at hand is
 * still committed; to abandon also gives up requests on their way.
 */
export class WalkControl {
  pages = 0;
  objects = 0;
  changedRows = 0;
  failure: RecoupError | null = null;
  private reason: StopReason | null = null;
  private isOverdue = false;
  /** Wakes a lane that waits for work; the longest without some first. */
  private readonly idle: (() => void)[] = [];
  private readonly stopping = new AbortController();
  private readonly abandoning = new AbortController();

  get stopped(): StopReason | null {
    return this.reason;
  }

  /** Aborted when requests on their way are to be given up. */
  get abandoned(): AbortSignal {
    return this.abandoning.signal;
  }

  /** Lanes that wait for work. */
  get idleLanes(): number {
    return this.idle.length;
  }

  /** The first reason stands. */
  stop(reason: StopReason): void {
    this.reason ??= reason;
    this.stopping.abort();
    this.wakeLanes();
  }

  abandon(reason: StopReason): void {
    this.stop(reason);
    this.abandoning.abort();
  }

  fail(error: RecoupError): void {
    if (this.reason === null) this.failure = error;
    this.stop('failed');
  }

  /** A commit came through. */
  progressed(done: { readonly objects: number; readonly changedRows: number }): void {
    this.pages += 1;
    this.objects += done.objects;
    this.changedRows += done.changedRows;
    if (this.isOverdue) this.stop('time');
  }

  /**
   * Stops when the time is over or the activity is to end; returns how to let go of both. A walk that has nothing to show yet goes
   * on, up to the limit: otherwise what takes long to fail would begin anew each time, and never be judged.
   */
  follow(
    context: Context,
    { softLimitMs, limitMs }: { readonly softLimitMs: number; readonly limitMs: number },
  ): () => void {
    const onCancel = () => {
      // A worker that shuts down waits for the requests at hand; whoever cancels does not want them.
      if (context.cancellationDetails?.workerShutdown) this.stop('time');
      else this.abandon('wanted');
    };
    if (context.cancellationSignal.aborted) onCancel();
    context.cancellationSignal.addEventListener('abort', onCancel);
    const overdue = setTimeout(() => {
      this.isOverdue = true;
      if (this.pages > 0) this.stop('time');
    }, softLimitMs);
    const timeUp = setTimeout(() => this.stop('time'), limitMs);
    return () => {
      clearTimeout(overdue);
      clearTimeout(timeUp);
      context.cancellationSignal.removeEventListener('abort', onCancel);
    };
  }

  /** Waits to be woken, but not beyond the limit or a stop. */
  async waitForWork(limitMs: number): Promise<void> {
    const woken = new AbortController();
    const wake = () => woken.abort();
    this.idle.push(wake);
    await sleep(limitMs, undefined, { signal: woken.signal }).catch(() => undefined);
    this.idle.splice(this.idle.indexOf(wake), 1);
  }

  /** The one that waits longest. */
  wakeLane(): void {
    this.idle.at(0)?.();
  }

  wakeLanes(): void {
    for (const wake of [...this.idle]) wake();
  }

  /** Sleeps, but not beyond a stop. */
  async sleep(delayMs: number): Promise<void> {
    await sleep(delayMs, undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }
}
