/** The nightly schedules as a person writes them: one group of accounts, by time zone, is one schedule. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { wrongFields } from '../domain/wrong-fields';
import { NIGHTLY_MAX_CONCURRENT } from '../workflows/contract';
import { wrongUse } from './errors';
import { isTimeZone } from './time-zone';

/** Every group is a schedule that is described by itself. */
const MAX_GROUPS = 100;
const MAX_JITTER_MINUTES = 12 * 60;
const MAX_CATCH_UP_MINUTES = 7 * 24 * 60;
const MAX_CONCURRENT = 1_000;

/** What happens when a night is due while the one before goes on. */
export const OVERLAPS = { skip: 'SKIP', bufferOne: 'BUFFER_ONE', allowAll: 'ALLOW_ALL' } as const;

const minutes = (min: number, max: number, byDefault: number) =>
  z
    .int(`expected a whole number of minutes from ${min} to ${max}`)
    .min(min, `expected at least ${min} minutes`)
    .max(max, `expected at most ${max} minutes`)
    .default(byDefault);

const groupSchema = z.strictObject({
  name: z
    .string('expected a name')
    .regex(/^[\w.-]{1,60}$/, 'expected 1 to 60 letters, digits and _ . - only'),
  timeZone: z
    .string('expected an IANA time zone such as Europe/Berlin')
    .refine(isTimeZone, 'expected an IANA time zone such as Europe/Berlin'),
  /** Takes the accounts whose time zone no group names. */
  default: z.boolean('expected true or false').default(false),
  at: z
    .string('expected a time of day such as "02:00"')
    .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'expected a time of day from "00:00" to "23:59"'),
  jitterMinutes: minutes(0, MAX_JITTER_MINUTES, 30),
  overlap: z
    .enum(Object.keys(OVERLAPS) as (keyof typeof OVERLAPS)[], {
      error: `expected one of ${Object.keys(OVERLAPS).join(', ')}`,
    })
    .default('skip'),
  catchUpWindowMinutes: minutes(1, MAX_CATCH_UP_MINUTES, 6 * 60),
  maxConcurrent: z
    .int(`expected a whole number from 1 to ${MAX_CONCURRENT}`)
    .min(1, 'expected at least 1')
    .max(MAX_CONCURRENT, `expected at most ${MAX_CONCURRENT}`)
    .default(NIGHTLY_MAX_CONCURRENT),
});

export type ScheduleGroup = z.output<typeof groupSchema>;

const fileSchema = z
  .strictObject({
    groups: z
      .array(groupSchema, 'expected a list of groups')
      .max(MAX_GROUPS, `expected at most ${MAX_GROUPS} groups`),
  })
  .superRefine(({ groups }, context) => {
    const once = (field: 'name' | 'timeZone' | 'default', say: (value: string) => string) => {
      const seen = new Set<unknown>();
      groups.forEach((group, index) => {
        const value = group[field];
        if (value !== false && seen.has(value)) {
          const message = say(JSON.stringify(value));
          context.addIssue({ code: 'custom', path: ['groups', index, field], message });
        }
        seen.add(value);
      });
    };
    once('name', (name) => `expected another name: a group before it is called ${name}`);
    once('timeZone', (zone) => `expected another time zone: a group before it has ${zone}`);
    once('default', () => 'expected one default group only');
  });

/** Errors: exit code 2 for a file that cannot be read, naming file, path and what was expected. */
export function readSchedulesFile(file: string): ScheduleGroup[] {
  const parsed = fileSchema.safeParse(readJson(file));
  if (parsed.success) return parsed.data.groups;
  throw wrongUse(
    `${file} is wrong: ${wrongFields(parsed.error)}`,
    'docs/cli.md shows a correct one.',
  );
}

function readJson(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const remedy = 'Give its path with --file or RECOUP_SCHEDULES_FILE.';
    throw wrongUse(`${file} cannot be read`, remedy, cause);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw wrongUse(`${file} is no JSON: ${why}`, 'docs/cli.md shows a correct one.', cause);
  }
}
