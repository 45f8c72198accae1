/** The nightly schedules in Temporal: what the file asks for, what is there, and what to do about the difference. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ScheduleNotFoundError,
  WorkflowNotFoundError,
  type ScheduleDescription,
  type ScheduleHandle,
} from '@temporalio/client';
import { nightlyScheduleId, type NightlyResult } from '../workflows/contract';
import { wrongUse } from './errors';
import { differencesOf, planOf, type Plan } from './schedule-plan';
import type { ScheduleGroup } from './schedules-file';
import type { Temporal } from './temporal';

/** Schedules of the namespace that are looked through for ours. */
const MAX_LISTED = 10_000;
/** A server takes up a trigger within milliseconds. */
const TRIGGER_LOOKS = 50;
const LOOK_EVERY_MS = 100;

/** In the memo of every schedule that Recoup made: the task queue that it serves. */
const MARK = 'recoup';

export type Change =
  | { readonly change: 'created'; readonly scheduleId: string; readonly plan: Plan }
  | {
      readonly change: 'changed';
      readonly scheduleId: string;
      readonly plan: Plan;
      /** For example `at: 02:00 → 03:00`. */
      readonly differences: readonly string[];
    }
  | { readonly change: 'unchanged' | 'removed'; readonly scheduleId: string };

/** How the newest run of a schedule stands. */
export interface Night {
  readonly workflowId: string;
  /** When it was meant to begin. */
  readonly dueAt: Date;
  /** `running`, `completed`, `failed`, … or `gone` when Temporal keeps it no more. */
  readonly state: string;
  /** Null until it has completed. */
  readonly result: NightlyResult | null;
}

export interface Triggered {
  /** `goes on`: the one before does, and serves. `waits`: for the end of the one before, or for the server. */
  readonly how: 'started' | 'goes on' | 'waits';
  readonly workflow: { readonly workflowId: string } | undefined;
}

export interface Comparison {
  /** In the order of the file, then what is to be removed. */
  readonly changes: readonly Change[];
  /** The schedules that Recoup made, by id. */
  readonly found: ReadonlyMap<string, ScheduleDescription>;
}

export class Schedules {
  constructor(
    private readonly temporal: Temporal,
    private readonly taskQueue: string,
  ) {}

  /** The ones that Recoup made for its task queue, in order of their ids. */
  async list(): Promise<ScheduleDescription[]> {
    const ids = await this.temporal.ask(async () => {
      const ours: string[] = [];
      let listed = 0;
      for await (const { scheduleId, memo } of this.temporal.client.schedule.list()) {
        if (scheduleId.startsWith(nightlyScheduleId('')) && memo?.[MARK] === this.taskQueue) {
          ours.push(scheduleId);
        }
        if (++listed === MAX_LISTED) break;
      }
      return ours.sort();
    });
    const found: ScheduleDescription[] = [];
    for (const id of ids) found.push(...(await this.find(id)));
    return found;
  }

  /** Errors: exit code 2 when a schedule of one of these names was made by somebody else. */
  async compare(groups: readonly ScheduleGroup[]): Promise<Comparison> {
    const found = new Map((await this.list()).map((each) => [each.scheduleId, each]));
    const changes: Change[] = [];
    for (const group of groups) {
      const scheduleId = nightlyScheduleId(group.name);
      const plan = planOf(group, { groups, taskQueue: this.taskQueue });
      // The list lags behind; a schedule asked for by its id is as it is.
      const [known] = await this.find(scheduleId);
      if (known === undefined) changes.push({ change: 'created', scheduleId, plan });
      else {
        this.requireOurs(known);
        found.set(scheduleId, known);
        const differences = differencesOf(known, plan);
        if (differences.length === 0) changes.push({ change: 'unchanged', scheduleId });
        else changes.push({ change: 'changed', scheduleId, plan, differences });
      }
    }
    const kept = new Set(changes.map(({ scheduleId }) => scheduleId));
    for (const scheduleId of found.keys()) {
      if (!kept.has(scheduleId)) changes.push({ change: 'removed', scheduleId });
    }
    return { changes, found };
  }

  /** Whether a schedule is paused, and why, is a person's and stays. */
  async apply(change: Change): Promise<void> {
    const { scheduleId } = change;
    switch (change.change) {
      case 'created':
        await this.temporal.ask(() =>
          this.temporal.client.schedule.create({
            scheduleId,
            ...change.plan,
            memo: { [MARK]: this.taskQueue },
          }),
        );
        return;
      case 'changed':
        await this.temporal.ask(() =>
          this.handle(scheduleId).update(({ state }) => ({ ...change.plan, state })),
        );
        return;
      case 'removed':
        await this.temporal.ask(() => this.handle(scheduleId).delete());
        return;
      case 'unchanged':
    }
  }

  pause(scheduleId: string, reason: string): Promise<void> {
    return this.temporal.ask(() => this.handle(scheduleId).pause(reason));
  }

  resume(scheduleId: string, reason: string): Promise<void> {
    return this.temporal.ask(() => this.handle(scheduleId).unpause(reason));
  }

  /** Starts now, by the schedule's own overlap policy, and says what came of it. */
  async trigger(scheduleId: string): Promise<Triggered> {
    const { info: before, policies } = await this.describe(scheduleId);
    await this.temporal.ask(() => this.handle(scheduleId).trigger(policies.overlap));
    for (let tries = 0; tries < TRIGGER_LOOKS; tries += 1) {
      const { info } = await this.describe(scheduleId);
      if (info.numActionsTaken > before.numActionsTaken) {
        return { how: 'started', workflow: info.recentActions.at(-1)?.action.workflow };
      }
      if (info.numActionsSkippedOverlap > before.numActionsSkippedOverlap) {
        return { how: 'goes on', workflow: info.runningActions.at(-1)?.workflow };
      }
      await sleep(LOOK_EVERY_MS);
    }
    return { how: 'waits', workflow: undefined };
  }

  /** How its newest run stands; null when it has had none. */
  async lastNight({ info }: ScheduleDescription): Promise<Night | null> {
    const last = info.recentActions.at(-1);
    if (last === undefined) return null;
    const { workflowId } = last.action.workflow;
    const night = { workflowId, dueAt: last.scheduledAt };
    const handle =
      this.temporal.client.workflow.getHandle<() => Promise<NightlyResult>>(workflowId);
    return this.temporal.ask(async () => {
      try {
        const state = (await handle.describe()).status.name.toLowerCase().replaceAll('_', ' ');
        return { ...night, state, result: state === 'completed' ? await handle.result() : null };
      } catch (thrown) {
        if (!(thrown instanceof WorkflowNotFoundError)) throw thrown;
        return { ...night, state: 'gone', result: null };
      }
    });
  }

  private describe(scheduleId: string): Promise<ScheduleDescription> {
    return this.temporal.ask(() => this.handle(scheduleId).describe());
  }

  private handle(scheduleId: string): ScheduleHandle {
    return this.temporal.client.schedule.getHandle(scheduleId);
  }

  /** One, or none where it does not exist. */
  private async find(scheduleId: string): Promise<ScheduleDescription[]> {
    try {
      return [await this.describe(scheduleId)];
    } catch (thrown) {
      if (thrown instanceof ScheduleNotFoundError) return [];
      throw thrown;
    }
  }

  private requireOurs({ scheduleId, memo }: ScheduleDescription): void {
    if (memo?.[MARK] === this.taskQueue) return;
    throw wrongUse(
      `The schedule ${scheduleId} was not made by this Recoup, which serves the task queue ${this.taskQueue}`,
      'Delete it in the Temporal UI, or give the group another name.',
    );
  }
}
