/**
 * How a plan runs, for syncs and backfills alike: open the run, walk it until nothing is left, close it, and, where something
 * has changed that they show, count and load.
 */
import type {
  MetricsReport,
  OpenRunInput,
  ResourceProgress,
  RunResult,
  StepFailure,
  WalkReport,
  WarehouseReport,
} from '../activities/contract';
import { stepFailure } from './failure';
import { step } from './options';

/** How far a plan has come: small, and handed on at continue-as-new. */
export interface Position {
  readonly open: OpenRunInput;
  /** Null until the run is opened. */
  readonly run: string | null;
  /** The frozen end of the run's window, once it is opened here. */
  readonly until?: string;
  /** Whose account it is, once somebody has said so. */
  readonly provider?: string;
  /** Null until the run is closed. */
  readonly result: RunResult | null;
}

export type PlanEnd =
  | {
      readonly how: 'finished';
      readonly result: RunResult;
      /** Null where nothing has changed that they show. */
      readonly metrics: MetricsReport | null;
      readonly warehouse: WarehouseReport | null;
    }
  /** The desired state of run or account says so; the position is kept. */
  | { readonly how: 'stopped' }
  /** The caller asked for it between two walks; the position is kept. */
  | { readonly how: 'interrupted' }
  | { readonly how: 'failed'; readonly failure: StepFailure; readonly progressed: boolean };

export interface PlanOptions {
  readonly position: Position;
  /** As last seen: what has grown since is progress, whoever lost the report of it. */
  readonly progress: readonly ResourceProgress[];
  /** Called whenever the position moves: the caller keeps it. */
  readonly moved: (position: Position) => void;
  /** `goesOn`: more walks follow. */
  readonly walked: (progress: readonly ResourceProgress[], goesOn: boolean) => void;
  /** Asked before each walk. */
  readonly interrupt: () => boolean;
}

/** The first walks are short, so that ops see the numbers move; later ones longer, so that a long run is few steps. */
const FIRST_WALK_SECONDS = 5;
const WALK_GROWTH = 1.5;
/** The worker ends a walk earlier where it is configured to. */
const LONGEST_WALK_SECONDS = 3_600;

export const walkSeconds = (walksBefore: number): number =>
  Math.min(Math.round(FIRST_WALK_SECONDS * WALK_GROWTH ** walksBefore), LONGEST_WALK_SECONDS);

/** Never throws for a failed step: that is an end like others. A plan taken up again skips what is done. */
export async function runPlan(options: PlanOptions): Promise<PlanEnd> {
  let { position } = options;
  let objects = objectsOf(options.progress);
  let progressed = false;
  let walks = 0;
  const move = (change: Partial<Position>): void => {
    position = { ...position, ...change };
    options.moved(position);
  };
  const see = (progress: readonly ResourceProgress[], goesOn: boolean): void => {
    progressed ||= objectsOf(progress) > objects;
    objects = objectsOf(progress);
    options.walked(progress, goesOn);
  };
  const { account } = position.open;
  const walk = async (run: string): Promise<WalkReport> => {
    const seconds = walkSeconds(walks);
    walks += 1;
    const report = await step('walk', { run, seconds }, `walk run ${run}`);
    progressed ||= report.pages > 0;
    see(report.progress, report.outcome === 'more');
    return report;
  };
  try {
    let { run, result } = position;
    if (run === null) {
      const opened = await step('openRun', position.open, `open the ${position.open.kind} run`);
      const { until, provider } = opened;
      run = opened.run;
      move({ run, until, ...(provider !== undefined && { provider }) });
    }
    while (result === null) {
      if (options.interrupt()) return { how: 'interrupted' };
      const report = await walk(run);
      if (report.outcome === 'stopped') return { how: 'stopped' };
      if (report.outcome === 'failed') {
        return { how: 'failed', failure: report.failure ?? UNNAMED, progressed };
      }
      if (report.outcome === 'drained') {
        const because = 'Everything in its window was read.';
        result = await step('closeRun', { run, ended: 'drained', because }, `close run ${run}`);
        move({ result });
      }
    }
    if (result.casesDue === true) {
      await step('routeChanges', { account }, 'tell cases of what was read');
    }
    if (result.metricsDue === false) {
      return { how: 'finished', result, metrics: null, warehouse: null };
    }
    const metrics = await step('computeMetrics', { account }, 'compute metrics');
    const warehouse = await step('loadWarehouse', { account }, 'load the warehouse');
    return { how: 'finished', result, metrics, warehouse };
  } catch (thrown) {
    const failure = stepFailure(thrown);
    if (position.run !== null && position.result === null)
      await lookBack(position.run, (progress) => see(progress, false));
    return { how: 'failed', failure, progressed };
  }
}

/** A walk that died has told nothing, though it may have committed much. */
async function lookBack(
  run: string,
  see: (progress: readonly ResourceProgress[]) => void,
): Promise<void> {
  try {
    see((await step('readProgress', { run }, `see how far run ${run} has come`)).progress);
  } catch (thrown) {
    // Then nobody can say, and it counts as no progress: a defect of the workflow is thrown on.
    stepFailure(thrown);
  }
}

const objectsOf = (progress: readonly ResourceProgress[]): number =>
  progress.reduce((sum, { objects }) => sum + objects, 0);

const UNNAMED: StepFailure = {
  code: 'internal',
  message: 'The walk failed without saying why.',
  remedy: 'Look at the worker’s log.',
  retryAfterMs: null,
};
