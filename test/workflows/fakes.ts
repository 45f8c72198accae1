/** Steps without a provider or a database, whose walks follow a script. */
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type {
  Activities,
  CaseActivities,
  Desired,
  AccountFacts,
  OpenRunInput,
  RunChange,
  RunResult,
  StepFailure,
  TransitionInput,
  WakeAccountsInput,
  WakeAccountsReport,
  WalkReport,
} from '../../activities/contract';
import type { ErrorCode } from '../../domain/errors';
import { CampaignFakes } from './campaign-fakes';

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

/** Ends without a report once so many objects of its run are committed. */
export const dying =
  (objects: number): Walk =>
  (fakes) => {
    fakes.progress = [{ resource: 'invoice', state: 'walking', objects, percent: 1, reason: null }];
    throw ApplicationFailure.nonRetryable('The worker died.', 'internal');
  };

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

const BEAT_MS = 100;

function assertKnown(account: string): void {
  if (account !== 'acct_unknown') return;
  throw ApplicationFailure.nonRetryable('No account acct_unknown.', 'unknown_account');
}

export class Fakes {
  /** What a new workflow reads about the account. */
  facts: AccountFacts = {
    account: 'acct_1',
    provider: 'stripe',
    state: 'idle',
    lastTransition: 0,
    openRun: null,
  };
  desired: Desired = 'run';
  /** One for each call of walk; then all are drained. */
  walks: Walk[] = [];
  parked: RunResult['parked'] = [];
  /** What closeRun says beside. */
  closing: Partial<RunResult> = {};
  walking: (() => void) | undefined;
  readonly opened: OpenRunInput[] = [];
  readonly closed: string[] = [];
  readonly transitions: TransitionInput[] = [];
  readonly wanted: { run: string | null; desired: Desired }[] = [];
  readonly walkedRuns: string[] = [];
  readonly retried: Parameters<Activities['retryResource']>[0][] = [];
  readonly skipped: Parameters<Activities['skipResource']>[0][] = [];
  /** What a run that nobody reports on has come to. */
  progress: WalkReport['progress'] = [];
  lookedBack = 0;
  /** One for each call of wakeAccounts; then nobody is left. An endless one waits for its end, or that of the case. */
  nights: (WakeAccountsReport | 'endless')[] = [];
  readonly pagesWoken: WakeAccountsInput[] = [];
  metricRuns = 0;
  loads = 0;
  walksAtOnce = 0;
  mostWalksAtOnce = 0;
  private readonly runs = new Map<string, string>();

  readonly campaign = new CampaignFakes();

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

  /** Whatever is known can be changed. */
  private answer(resource: string | null): RunChange {
    return resource === 'nonsense'
      ? { changed: false, because: 'The run has no resource nonsense.' }
      : { changed: true, because: `${resource ?? 'All'} it is.` };
  }

  /** Those of cases are faked apart. */
  readonly activities: Omit<Activities, keyof CaseActivities> = {
    readAccount: ({ account }) => {
      assertKnown(account);
      return Promise.resolve({ ...this.facts, account });
    },
    openRun: (input) => {
      assertKnown(input.account);
      if (input.resources?.includes('nonsense')) {
        throw ApplicationFailure.nonRetryable('resources: unknown "nonsense".', 'invalid_input');
      }
      this.opened.push(input);
      const run = this.runs.get(input.key) ?? `run_${String(this.runs.size + 1)}`;
      this.runs.set(input.key, run);
      const { provider } = this.facts;
      return Promise.resolve({ run, until: '2026-11-01T00:00:00.000Z', tasks: 2, provider });
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
    readProgress: () => {
      this.lookedBack += 1;
      return Promise.resolve({ progress: this.progress });
    },
    retryResource: (input) => {
      this.retried.push(input);
      return Promise.resolve(this.answer(input.resource));
    },
    skipResource: (input) => {
      this.skipped.push(input);
      return Promise.resolve(this.answer(input.resource));
    },
    wakeAccounts: async (input) => {
      this.pagesWoken.push(input);
      const night = this.nights.shift() ?? { next: null, woken: 0, passedOver: 0, left: 0 };
      if (night !== 'endless') return night;
      while (this.desired === 'run') {
        Context.current().heartbeat();
        await Context.current().sleep(BEAT_MS);
      }
      return { next: null, woken: 0, passedOver: 0, left: 0 };
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
        ...this.closing,
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
    renormalise: () => Promise.resolve({ objects: 400, changedRows: 3, notNormalised: 1 }),
    computeMetrics: () => {
      this.metricRuns += 1;
      return Promise.resolve({ metricRun: this.metricRuns, customers: 5, movements: 9 });
    },
    loadWarehouse: () => {
      this.loads += 1;
      return Promise.resolve({ metricRun: this.metricRuns, tables: 5, rows: 50, loaded: true });
    },
    ...this.campaign.activities,
  };
}
