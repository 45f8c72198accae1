/**
 * How a plan runs, for syncs and backfills alike: open the run, walk it until nothing is left, fetch the prices that its rows
 * only name, close it, count, load.
 */
import type {
  MetricsReport,
  OpenRunInput,
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
  /** Null until the run is closed. */
  readonly result: RunResult | null;
}

export type PlanEnd =
  | {
      readonly how: 'finished';
      readonly result: RunResult;
      readonly metrics: MetricsReport;
      readonly warehouse: WarehouseReport;
    }
  /** The desired state of run or account says so; the position is kept. */
  | { readonly how: 'stopped' }
  /** The caller asked for it between two walks; the position is kept. */
  | { readonly how: 'interrupted' }
  | { readonly how: 'failed'; readonly failure: StepFailure; readonly progressed: boolean };

export interface PlanOptions {
  readonly position: Position;
  /** Called whenever the position moves: the caller keeps it. */
  readonly moved: (position: Position) => void;
  readonly walked: (report: WalkReport) => void;
  /** Asked before each walk. */
  readonly interrupt: () => boolean;
}

/** Never throws for a failed step: that is an end like others. A plan taken up again skips what is done. */
export async function runPlan(options: PlanOptions): Promise<PlanEnd> {
  let { position } = options;
  let progressed = false;
  const move = (change: Partial<Position>): void => {
    position = { ...position, ...change };
    options.moved(position);
  };
  const { account } = position.open;
  /** What the lists hold; once they are read, what they only name. */
  const walk = async (run: string): Promise<Pick<WalkReport, 'outcome' | 'failure'>> => {
    const report = await step('walk', { run }, `walk run ${run}`);
    options.walked(report);
    progressed ||= report.pages > 0;
    if (report.outcome !== 'drained') return report;
    const prices = await step('fetchMissingPrices', { run }, 'fetch prices that no list holds');
    progressed ||= prices.fetched > 0;
    return prices;
  };
  try {
    let run = position.run;
    if (run === null) {
      const opened = await step('openRun', position.open, `open the ${position.open.kind} run`);
      run = opened.run;
      move({ run });
    }
    let result = position.result;
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
    const metrics = await step('computeMetrics', { account }, 'compute metrics');
    const warehouse = await step('loadWarehouse', { account }, 'load the warehouse');
    return { how: 'finished', result, metrics, warehouse };
  } catch (thrown) {
    return { how: 'failed', failure: stepFailure(thrown), progressed };
  }
}

const UNNAMED: StepFailure = {
  code: 'internal',
  message: 'The walk failed without saying why.',
  remedy: 'Look at the worker’s log.',
  retryAfterMs: null,
};
