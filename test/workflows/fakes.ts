/** Steps without a provider or a database, whose walks follow a script. */
import { ApplicationFailure } from '@temporalio/common';
import type {
  Activities,
  Desired,
  OpenRunInput,
  RunResult,
  StepFailure,
  TransitionInput,
  WalkReport,
} from '../../activities/contract';
import type { ErrorCode } from '../../domain/errors';

export type Walk = (fakes: Fakes) => Promise<WalkReport> | WalkReport;

const report = (outcome: WalkReport['outcome'], pages: number): WalkReport => ({
  outcome,
  failure: null,
  pages,
  objects: pages * 100,
  changedRows: pages * 100,
  progress: [
    { resource: 'customer', state: 'done', objects: 100, percent: 100, reason: null },
    { resource: 'invoice', state: 'walking', objects: 100, percent: 40, reason: null },
  ],
});

export const more: Walk = () => report('more', 3);
export const drained: Walk = () => report('drained', 1);

/** Walks until the desired state says otherwise, as the real one does. */
export const untilToldToStop: Walk = async (fakes) => {
  fakes.walking?.();
  while (fakes.desired === 'run') await new Promise((resolve) => setTimeout(resolve, 20));
  return report('stopped', 1);
};

/** Does not notice what is desired before it is told to end. */
export function held(): { walk: Walk; end: (outcome: WalkReport['outcome']) => void } {
  const { promise, resolve } = deferred<WalkReport['outcome']>();
  return {
    walk: async (fakes) => {
      fakes.walking?.();
      return report(await promise, 1);
    },
    end: resolve,
  };
}

export const failing =
  (code: ErrorCode, options: { pages?: number; retryAfterMs?: number } = {}): Walk =>
  () => ({ ...report('failed', options.pages ?? 0), failure: failure(code, options.retryAfterMs) });

const failure = (code: ErrorCode, retryAfterMs?: number): StepFailure => ({
  code,
  message: `It was ${code}.`,
  remedy: 'Do what helps.',
  retryAfterMs: retryAfterMs ?? null,
});

export function deferred<T>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

export class Fakes {
  /** What a new workflow reads about the account. */
  facts = {
    account: 'acct_1',
    provider: 'stripe',
    state: 'idle',
    lastTransition: 0,
    openRun: null as string | null,
  };
  desired: Desired = 'run';
  /** One for each call of walk; then all are drained. */
  walks: Walk[] = [];
  /** One for each call of fetchMissingPrices; then nothing is missing. */
  fetches: Walk[] = [];
  parked: RunResult['parked'] = [];
  walking: (() => void) | undefined;
  readonly opened: OpenRunInput[] = [];
  readonly closed: string[] = [];
  readonly transitions: TransitionInput[] = [];
  readonly wanted: { run: string | null; desired: Desired }[] = [];
  readonly walkedRuns: string[] = [];
  readonly fetchedFor: string[] = [];
  metricRuns = 0;
  loads = 0;
  walksAtOnce = 0;
  mostWalksAtOnce = 0;
  private readonly runs = new Map<string, string>();

  /** Resolves once a walk is under way that waits. */
  nextWalk(): Promise<void> {
    const { promise, resolve } = deferred<undefined>();
    this.walking = () => {
      this.walking = undefined;
      resolve(undefined);
    };
    return promise;
  }

  /** The moves so far, as `from -event-> to`. */
  get story(): string[] {
    return this.transitions.map(({ from, event, to }) => `${from} -${event}-> ${to}`);
  }

  readonly activities: Activities = {
    readAccount: ({ account }) => {
      if (account === 'acct_unknown') {
        throw ApplicationFailure.nonRetryable('No account acct_unknown.', 'unknown_account');
      }
      return Promise.resolve({ ...this.facts, account });
    },
    openRun: (input) => {
      if (input.resources?.includes('nonsense')) {
        throw ApplicationFailure.nonRetryable('resources: unknown "nonsense".', 'invalid_input');
      }
      this.opened.push(input);
      const run = this.runs.get(input.key) ?? `run_${String(this.runs.size + 1)}`;
      this.runs.set(input.key, run);
      return Promise.resolve({ run, until: '2026-11-01T00:00:00.000Z', tasks: 2 });
    },
    walk: async ({ run }) => {
      this.walkedRuns.push(run);
      this.walksAtOnce += 1;
      this.mostWalksAtOnce = Math.max(this.mostWalksAtOnce, this.walksAtOnce);
      try {
        return await (this.walks.shift() ?? drained)(this);
      } finally {
        this.walksAtOnce -= 1;
      }
    },
    retryResource: () => Promise.resolve({ changed: true, because: 'It was parked.' }),
    skipResource: () => Promise.resolve({ changed: true, because: 'It was parked.' }),
    wakeAccounts: () => Promise.resolve({ next: null, woken: 0, passedOver: 0 }),
    fetchMissingPrices: ({ run }) => {
      this.fetchedFor.push(run);
      const next = this.fetches.shift() ?? drained;
      return Promise.resolve(next(this)).then(({ outcome, failure: why }) => ({
        outcome,
        failure: why,
        fetched: 1,
        gone: 0,
      }));
    },
    closeRun: ({ run, ended }) => {
      this.closed.push(`${run} ${ended}`);
      const complete = this.parked.length > 0 ? 'partial' : 'complete';
      return Promise.resolve({
        run,
        state: ended === 'drained' ? complete : ended,
        objects: 400,
        changedRows: 400,
        parked: this.parked,
        summary: `400 objects, ${String(this.parked.length)} parked.`,
      });
    },
    setDesired: ({ run, desired }) => {
      this.wanted.push({ run, desired });
      this.desired = desired;
      return Promise.resolve();
    },
    recordTransition: (input) => {
      this.transitions.push(input);
      return Promise.resolve();
    },
    computeMetrics: () => {
      this.metricRuns += 1;
      return Promise.resolve({ metricRun: this.metricRuns, customers: 5, movements: 9 });
    },
    loadWarehouse: () => {
      this.loads += 1;
      return Promise.resolve({ metricRun: this.metricRuns, tables: 5, rows: 50, loaded: true });
    },
  };
}
