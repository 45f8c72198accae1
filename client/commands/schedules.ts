import { Command } from '@commander-js/extra-typings';
import type { ScheduleDescription } from '@temporalio/client';
import { sentences } from '../../domain/words';
import { nightlyScheduleId } from '../../workflows/contract';
import { withContext, type Context } from '../context';
import { wrongUse } from '../errors';
import { scheduleLink, workflowLink } from '../links';
import { paintFor, print, printJson, renderTable, say, widthOf } from '../output';
import { renderSchedule, scheduleView, type ScheduleView } from '../schedule-view';
import { settingsOf } from '../schedule-plan';
import { Schedules, type Change, type Triggered } from '../schedules';
import { readSchedulesFile } from '../schedules-file';
import { uiOf } from '../temporal';

export const schedulesCommand = () =>
  new Command('schedules')
    .description('Nightly syncs: one Temporal Schedule for each group of time zones.')
    .addCommand(applyCommand())
    .addCommand(listCommand())
    .addCommand(
      switchCommand('pause', 'Let the nights pass without a sync, until it is resumed.', {
        state: 'paused',
        byDefault: 'Paused by a person.',
      }),
    )
    .addCommand(
      switchCommand('resume', 'Sync each night again.', {
        state: 'on',
        byDefault: 'Resumed by a person.',
      }),
    )
    .addCommand(triggerCommand())
    .addHelpText('after', EXAMPLES);

const EXAMPLES = `
Examples:
  $ recoup schedules apply --dry-run
  $ recoup schedules pause utc --reason "maintenance, ticket 4711"`;

const open = async (context: Context): Promise<Schedules> =>
  new Schedules(await context.temporal(), context.config.RECOUP_SYNC_TASK_QUEUE);

const applyCommand = () =>
  new Command('apply')
    .description(
      'Make the schedules in Temporal what the file says; a pause that somebody made stays.',
    )
    .option('--file <path>', 'instead of RECOUP_SCHEDULES_FILE, by default schedules.json')
    .option('--dry-run', 'only say what would change')
    .option('--json', 'as JSON: [{schedule, change, differences}]')
    .addHelpText('after', APPLY_EXAMPLES)
    .action(({ file, dryRun, json }) =>
      withContext(async (context) => {
        const groups = readSchedulesFile(file ?? context.config.RECOUP_SCHEDULES_FILE);
        const schedules = await open(context);
        const { changes, found } = await schedules.compare(groups);
        for (const change of changes) if (!dryRun) await schedules.apply(change);
        if (json) printJson(changes.map(changeJson));
        else if (changes.length > 0) print(renderChanges(changes, found));
        if (dryRun) say('Nothing was written: this was a dry run.');
        if (groups.length > 0 && !groups.some((group) => group.default)) say(NO_DEFAULT);
      }),
    );

const NO_DEFAULT =
  'No group is the default one: accounts in time zones that none names are not synced at night.';

const APPLY_EXAMPLES = `
Only schedules that Recoup made are changed or removed.

Examples:
  $ recoup schedules apply
  $ recoup schedules apply --file nights.json --dry-run`;

const changeJson = (change: Change) => ({
  schedule: change.scheduleId,
  change: change.change,
  differences: change.change === 'changed' ? change.differences : [],
});

function renderChanges(
  changes: readonly Change[],
  found: ReadonlyMap<string, ScheduleDescription>,
): string {
  const paint = paintFor(process.stdout);
  const rows = changes.map((change) => [
    change.change === 'unchanged' ? change.change : paint.green(change.change),
    change.scheduleId,
    [...detailsOf(change), ...(found.get(change.scheduleId)?.state.paused ? ['paused'] : [])].join(
      '; ',
    ),
  ]);
  const columns = ['Change', 'Schedule', ''].map((head) => ({ head }));
  return renderTable(columns, rows, { paint, width: widthOf(process.stdout) });
}

function detailsOf(change: Change): readonly string[] {
  if (change.change === 'changed') return change.differences;
  if (change.change !== 'created') return [];
  const { at, timeZone } = settingsOf(change.plan);
  return [`daily at ${at} ${timeZone}`];
}

const listCommand = () =>
  new Command('list')
    .description('The schedules that Recoup made: their next nights, and how the last one went.')
    .argument('[group]', 'only this one')
    .option('--json', 'as JSON')
    .addHelpText('after', LIST_EXAMPLES)
    .action((group, { json }) =>
      withContext(async (context) => {
        const schedules = await open(context);
        const ui = uiOf(context.config);
        const views: ScheduleView[] = [];
        for (const each of await select(schedules, group)) {
          views.push(scheduleView(each, { last: await schedules.lastNight(each), ui }));
        }
        if (json) printJson(views);
        else if (views.length > 0) print(views.map(renderSchedule).join('\n\n'));
        if (views.length === 0) say('No schedule yet. Make them: recoup schedules apply');
      }),
    );

const LIST_EXAMPLES = `
Examples:
  $ recoup schedules list
  $ recoup schedules list --json | jq '.[].next[0]'`;

const switchCommand = (
  name: 'pause' | 'resume',
  description: string,
  { state, byDefault }: { state: string; byDefault: string },
) =>
  new Command(name)
    .description(description)
    .argument('[group]', 'only this one; all when left out')
    .option('--reason <text>', 'shown beside its state', byDefault)
    .option('--json', 'as JSON: [{schedule, state, because}]')
    .addHelpText(
      'after',
      `
Examples:
  $ recoup schedules ${name} utc
  $ recoup schedules ${name} --reason "ticket 4711"`,
    )
    .action((group, { reason, json }) =>
      withContext(async (context) => {
        const schedules = await open(context);
        const found = await select(schedules, group);
        for (const { scheduleId } of found) await schedules[name](scheduleId, reason);
        const answers = found.map(({ scheduleId: schedule }) => ({
          schedule,
          state,
          because: reason,
        }));
        if (json) printJson(answers);
        else
          for (const { schedule } of answers) print(sentences(`${schedule} is ${state}`, reason));
      }),
    );

const triggerCommand = () =>
  new Command('trigger')
    .description('Sync the accounts of a group now, as its schedule would.')
    .argument('[group]', 'only this one; all when left out')
    .option('--json', 'as JSON: [{schedule, how, workflowId, url}]')
    .addHelpText('after', TRIGGER_EXAMPLES)
    .action((group, { json }) =>
      withContext(async (context) => {
        const schedules = await open(context);
        const ui = uiOf(context.config);
        const answers = [];
        for (const { scheduleId: schedule } of await select(schedules, group)) {
          const { how, workflow } = await schedules.trigger(schedule);
          const url =
            workflow === undefined ? scheduleLink(ui, schedule) : workflowLink(ui, workflow);
          answers.push({ schedule, how, workflowId: workflow?.workflowId ?? null, url });
        }
        if (json) printJson(answers);
        else
          for (const { schedule, how, url } of answers) print(`${schedule} ${SAID[how]}\n  ${url}`);
      }),
    );

const SAID = {
  started: 'has started:',
  'goes on': 'goes on already, and serves this request too:',
  waits: 'waits for the end of the one before:',
} as const satisfies Record<Triggered['how'], string>;

const TRIGGER_EXAMPLES = `
Its window ends now. For nights that were missed see docs/cli.md: temporal schedule backfill.

Examples:
  $ recoup schedules trigger
  $ recoup schedules trigger utc --json`;

/** Errors: exit code 2 when the named one is not there. */
async function select(
  schedules: Schedules,
  group: string | undefined,
): Promise<ScheduleDescription[]> {
  const found = await schedules.list();
  if (group === undefined) return found;
  const wanted = found.filter(
    ({ scheduleId }) => scheduleId === group || scheduleId === nightlyScheduleId(group),
  );
  if (wanted.length > 0) return wanted;
  const known = found.map(({ scheduleId }) => scheduleId).join(', ');
  throw known === ''
    ? wrongUse('No schedule was made yet', 'Make them with `recoup schedules apply`.')
    : wrongUse(`No schedule is called "${group}". Known: ${known}`, 'Give one of these.');
}
