/** What Recoup sets of a nightly schedule: from the file, and back into the words of the file. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type {
  CalendarSpecDescription,
  ScheduleDescription,
  ScheduleSpecDescription,
} from '@temporalio/client';
import { nightlyWorkflowId, WORKFLOW_TYPES, type NightlyInput } from '../workflows/contract';
import { OVERLAPS, type ScheduleGroup } from './schedules-file';

const MINUTE_MS = 60_000;

/** In the form in which Temporal tells it again. */
export interface Plan {
  readonly spec: ScheduleSpecDescription;
  readonly policies: ScheduleDescription['policies'];
  readonly action: Pick<
    ScheduleDescription['action'],
    'type' | 'workflowType' | 'workflowId' | 'taskQueue' | 'args'
  >;
}

/** One group of the file as a schedule. */
export function planOf(
  group: ScheduleGroup,
  { groups, taskQueue }: { groups: readonly ScheduleGroup[]; taskQueue: string },
): Plan {
  const [hour = 0, minute = 0] = group.at.split(':').map(Number);
  const others = groups.filter(({ name }) => name !== group.name);
  const input: NightlyInput = {
    timeZone: group.default ? null : group.timeZone,
    except: group.default ? others.map(({ timeZone }) => timeZone) : [],
    maxConcurrent: group.maxConcurrent,
  };
  return {
    spec: {
      calendars: [daily(hour, minute)],
      timezone: group.timeZone,
      jitter: group.jitterMinutes * MINUTE_MS,
    },
    policies: {
      overlap: OVERLAPS[group.overlap],
      catchupWindow: group.catchUpWindowMinutes * MINUTE_MS,
      // One failed night must not end all that follow.
      pauseOnFailure: false,
    },
    action: {
      type: 'startWorkflow',
      workflowType: WORKFLOW_TYPES.nightlySync,
      workflowId: nightlyWorkflowId(group.name),
      taskQueue,
      args: [input],
    },
  };
}

const at = (start: number) => [{ start, end: start, step: 1 }];

const daily = (hour: number, minute: number): CalendarSpecDescription => ({
  second: at(0),
  minute: at(minute),
  hour: at(hour),
  dayOfMonth: [{ start: 1, end: 31, step: 1 }],
  month: [{ start: 'JANUARY', end: 'DECEMBER', step: 1 }],
  year: [],
  dayOfWeek: [{ start: 'SUNDAY', end: 'SATURDAY', step: 1 }],
});

/** What of a plan a person can set, by the names of the file, and what is always the same: two plans are equal when these are. */
export const settingsOf = ({ spec, policies, action }: Plan) => ({
  at: timeOf(spec),
  timeZone: spec.timezone ?? 'UTC',
  jitterMinutes: (spec.jitter ?? 0) / MINUTE_MS,
  overlap: overlapOf(policies),
  catchUpWindowMinutes: policies.catchupWindow / MINUTE_MS,
  pauseOnFailure: policies.pauseOnFailure,
  workflow: `${action.workflowType} ${action.workflowId}`,
  taskQueue: action.taskQueue,
  input: action.args,
});

function overlapOf({ overlap }: Plan['policies']): string {
  const [known] = Object.entries(OVERLAPS).find(([, each]) => each === overlap) ?? [];
  return known ?? overlap ?? '';
}

/** `02:00`; a person may have made something of a schedule that no file can say. */
function timeOf({ calendars = [], intervals, skip, startAt, endAt }: ScheduleSpecDescription) {
  const [hour, minute] = [calendars[0]?.hour[0]?.start ?? 0, calendars[0]?.minute[0]?.start ?? 0];
  const plain = calendars.map(({ comment: _comment, ...calendar }) => calendar);
  const others = [...(intervals ?? []), ...(skip ?? []), startAt, endAt];
  const isDaily =
    isDeepStrictEqual(plain, [daily(hour, minute)]) && others.every((each) => each === undefined);
  if (!isDaily) return 'times of its own';
  return [hour, minute].map((part) => String(part).padStart(2, '0')).join(':');
}

/** For example `at: 02:00 → 03:00`. */
export function differencesOf(found: Plan, wanted: Plan): string[] {
  const before = Object.entries(settingsOf(found));
  const after = Object.values(settingsOf(wanted));
  return before.flatMap(([name, was], index) =>
    isDeepStrictEqual(was, after[index]) ? [] : [`${name}: ${text(was)} → ${text(after[index])}`],
  );
}

const text = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value);
