/** The words of a run: which kinds there are, what is wanted of one, and what became of it. */

export type RunKind = 'sync' | 'backfill';

export type Desired = 'run' | 'pause' | 'cancel';

export type RunState = 'running' | 'complete' | 'partial' | 'paused' | 'canceled' | 'failed';
