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
  /** Resources that fail while others go on: left alone for the rest of this walk. */
  readonly setAside = new Map<string, RecoupError>();
  private reason: StopReason | null = null;
  private readonly stopping = new AbortController();
  private readonly abandoning = new AbortController();

  get stopped(): StopReason | null {
    return this.reason;
  }

  /** Aborted when requests on their way are to be given up. */
  get abandoned(): AbortSignal {
    return this.abandoning.signal;
  }

  /** The first reason stands. */
  stop(reason: StopReason): void {
    this.reason ??= reason;
    this.stopping.abort();
  }

  abandon(reason: StopReason): void {
    this.stop(reason);
    this.abandoning.abort();
  }

  fail(error: RecoupError): void {
    if (this.reason === null) this.failure = error;
    this.stop('failed');
  }

  /** Stops when `limitMs` are over or the activity is to end; returns how to let go of both. */
  follow(context: Context, limitMs: number): () => void {
    const onCancel = () => {
      // A worker that shuts down waits for the requests at hand; whoever cancels does not want them.
      if (context.cancellationDetails?.workerShutdown) this.stop('time');
      else this.abandon('wanted');
    };
    if (context.cancellationSignal.aborted) onCancel();
    context.cancellationSignal.addEventListener('abort', onCancel);
    const timeUp = setTimeout(() => this.stop('time'), limitMs);
    return () => {
      clearTimeout(timeUp);
      context.cancellationSignal.removeEventListener('abort', onCancel);
    };
  }

  /** Sleeps, but not beyond a stop. */
  async sleep(delayMs: number): Promise<void> {
    await sleep(delayMs, undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }
}
