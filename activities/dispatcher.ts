import type { Kysely } from 'kysely';
import type { Run } from '../db/repositories/runs';
import { claimTask, listOpenTasks, splitTask, type Lease } from '../db/repositories/tasks';
import type { Database } from '../db/schema';
import { chooseWork } from '../domain/sync/work';
import type { Provider } from '../providers/provider';
import type { WalkControl } from './walk-control';

/**
 * How often a lane without work looks whether there is some though nobody of its own walk says so: leases of others expire, and
 * other workers of the run get done.
 */
const IDLE_POLL_MS = 500;

export interface DispatcherOptions {
  readonly db: Kysely<Database>;
  readonly run: Run;
  readonly provider: Provider;
  /** Names the walk in leases. */
  readonly owner: string;
  readonly control: WalkControl;
}

/**
 * Gives the lanes of a walk their tasks. One of them looks at a time, since what one does not find no other would: the rest waits
 * to be woken.
 */
export class Dispatcher {
  private readonly setAside = new Set<string>();
  private readonly lastTry = new Set<string>();
  private readonly splittable: ReadonlySet<string>;
  private isLooking = false;
  private isOver = false;
  /** Counts what may have made work since somebody looked. */
  private news = 0;

  constructor(private readonly options: DispatcherOptions) {
    const { resources } = options.provider;
    this.splittable = new Set(resources.flatMap((one) => (one.splittable ? one.name : [])));
  }

  /** Waits for a task. Null when the run has no open one left, or the walk is stopped. */
  async next(): Promise<Lease | null> {
    const { control } = this.options;
    // Whoever asks has ended what it was at.
    this.news += 1;
    while (!control.stopped && !this.isOver) {
      const lease = this.isLooking ? null : await this.look();
      // What was claimed while the walk was being stopped is given back with all that it holds.
      if (control.stopped || this.isOver) break;
      if (lease) {
        control.wakeLane();
        return lease;
      }
      await control.waitForWork(IDLE_POLL_MS);
    }
    control.wakeLanes();
    return null;
  }

  /** There may be work now: one lane looks, and wakes the next one where it finds some. */
  tell(): void {
    this.news += 1;
    this.options.control.wakeLane();
  }

  /** Leaves a resource that fails alone until the others are done, unless this was its last try. */
  putAside(resource: string): void {
    if (!this.lastTry.has(resource)) this.setAside.add(resource);
  }

  /** Whether it was set aside before. */
  isLastTry(resource: string): boolean {
    return this.lastTry.has(resource);
  }

  private async look(): Promise<Lease | null> {
    this.isLooking = true;
    try {
      for (;;) {
        const { news } = this;
        const lease = await this.take();
        if (lease || this.news === news || this.options.control.stopped) return lease;
      }
    } finally {
      this.isLooking = false;
    }
  }

  private async take(): Promise<Lease | null> {
    const { db, run, owner, control } = this.options;
    const { setAside, splittable } = this;
    const idleLanes = control.idleLanes + 1;
    const open = await listOpenTasks(db, run.id);
    const work = chooseWork(open, { setAside, splittable, floor: run.floor, idleLanes });
    const claim = { accountId: run.account_id, owner };
    switch (work.how) {
      case 'claim':
        return claimTask(db, { ...claim, task: work.task });
      case 'split':
        return splitTask(db, { ...claim, task: work.task, at: work.at });
      case 'try_again':
        for (const resource of work.resources) this.lastTry.add(resource);
        this.setAside.clear();
        return this.take();
      case 'wait':
        return null;
      case 'end':
        this.isOver = true;
        return null;
    }
  }
}
