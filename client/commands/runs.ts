import { Command } from '@commander-js/extra-typings';
import { listRuns, readRun, type Run } from '../../db/repositories/runs';
import { RecoupError } from '../../domain/errors';
import { sentences } from '../../domain/words';
import {
  cancel,
  parseBackfillRunKey,
  pause,
  resume,
  type BackfillRun,
} from '../../workflows/contract';
import { requireAccount } from '../account';
import { withContext } from '../context';
import { parseCount } from '../count-option';
import { wrongUse } from '../errors';
import { formatInstant, paintFor, print, printJson, renderTable, say, widthOf } from '../output';
import { paintState, readRunView, renderRun, runHeadJson, runJson } from '../run-view';
import type { Update } from '../temporal';

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 500;

export const runsCommand = () =>
  new Command('runs')
    .description('Syncs and backfills: what each did, and what is missing.')
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(
      updateCommand('pause', pause, 'Stop a backfill after the request at hand; nothing is lost.'),
    )
    .addCommand(updateCommand('resume', resume, 'Let a backfill go on where it stopped.'))
    .addCommand(updateCommand('cancel', cancel, 'End a backfill for good; what was read stays.'))
    .addHelpText('after', EXAMPLES);

const EXAMPLES = `
Examples:
  $ recoup runs list --account acct_1
  $ recoup runs show run_12`;

const listCommand = () =>
  new Command('list')
    .description('Runs, newest first.')
    .option('--account <id>', 'of this account only')
    .option(
      '--limit <count>',
      `at most this many, up to ${MAX_LIMIT}`,
      parseCount(MAX_LIMIT),
      DEFAULT_LIMIT,
    )
    .option('--json', 'as JSON')
    .addHelpText('after', LIST_EXAMPLES)
    .action(({ account, limit, json }) =>
      withContext(async ({ db }) => {
        if (account !== undefined) await requireAccount(db, account);
        const runs = await listRuns(db, { accountId: account ?? null, limit });
        if (json) {
          printJson(runs.map(runHeadJson));
          return;
        }
        if (runs.length === 0) say('No run yet. Start one: recoup sync <account>');
        const paint = paintFor(process.stdout);
        const rows = runs.map((run) => [
          run.id,
          run.account_id,
          run.kind,
          paintState(paint, run.state),
          formatInstant(run.started_at),
          run.summary ?? '',
        ]);
        const heads = ['Run', 'Account', 'Kind', 'State', 'Started', 'Summary'];
        const columns = heads.map((head) => ({ head }));
        if (runs.length > 0)
          print(renderTable(columns, rows, { paint, width: widthOf(process.stdout) }));
        if (runs.length === limit) say(`The newest ${limit}; --limit shows more.`);
      }),
    );

const LIST_EXAMPLES = `
Examples:
  $ recoup runs list
  $ recoup runs list --account acct_1 --limit 100 --json`;

const showCommand = () =>
  new Command('show')
    .description('One run: its resources, what is parked and why, what could not be normalised.')
    .argument('<run>', 'its id, for example run_12')
    .option('--json', 'as JSON')
    .addHelpText('after', SHOW_EXAMPLES)
    .action((id, { json }) =>
      withContext(async ({ db }) => {
        const view = await readRunView(db, id).catch(orUnknown);
        if (json) printJson(runJson(view));
        else print(renderRun(view));
      }),
    );

const SHOW_EXAMPLES = `
Examples:
  $ recoup runs show run_12
  $ recoup runs show run_12 --json | jq .resources`;

const updateCommand = (name: string, update: Update, description: string) =>
  new Command(name)
    .description(description)
    .argument('<run>', 'a backfill’s run, for example run_12')
    .option('--reason <text>', 'shown as the reason of its state')
    .option('--json', 'the answer as JSON: {state, because}')
    .addHelpText(
      'after',
      `
Examples:
  $ recoup runs ${name} run_12
  $ recoup runs ${name} run_12 --reason "ticket 4711"`,
    )
    .action((id, { reason, json }) =>
      withContext(async ({ db, temporal }) => {
        const run = await readRun(db, id).catch(orUnknown);
        const backfill = requireGoing(run);
        const answer = await (await temporal()).updateBackfill(backfill, update, reason);
        if (json) printJson(answer);
        else print(sentences(`${id} is ${answer.state}`, answer.because));
      }),
    );

/** Errors: exit code 2 for a run that has ended, and for a sync, which only its account stops. */
function requireGoing({ id, key, state, ended_at, account_id }: Run): BackfillRun {
  if (ended_at !== null) {
    throw wrongUse(
      `${id} has ended: it is ${state}`,
      'See `recoup runs list` for those that go on.',
    );
  }
  const backfill = parseBackfillRunKey(key);
  if (backfill !== null) return backfill;
  throw wrongUse(
    `${id} is a sync of ${account_id}`,
    `Pause or resume the account: \`recoup accounts pause ${account_id}\`.`,
  );
}

function orUnknown(thrown: unknown): never {
  if (!(thrown instanceof RecoupError && thrown.code === 'invalid_input')) throw thrown;
  throw wrongUse(thrown.message, 'See `recoup runs list` for the known ones.', thrown);
}
