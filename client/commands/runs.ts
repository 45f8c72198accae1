import { Command, Option } from '@commander-js/extra-typings';
import { readAccount } from '../../db/repositories/accounts';
import { listRuns, readRun, type Run } from '../../db/repositories/runs';
import { RecoupError } from '../../domain/errors';
import { RUN_KINDS } from '../../domain/sync/run';
import { sentences } from '../../domain/words';
import {
  backfillWorkflowId,
  cancel,
  parseBackfillRunKey,
  pause,
  resume,
  retry,
  skip,
  type BackfillRun,
  type UpdateAnswer,
} from '../../workflows/contract';
import { requireAccount } from '../account';
import { withContext, type Context } from '../context';
import { parseCount } from '../count-option';
import { wrongUse } from '../errors';
import { workflowLink } from '../links';
import { formatInstant, paintFor, print, printJson, renderTable, say, widthOf } from '../output';
import { requireParkable } from '../resources';
import { paintState, readRunView, renderRun, runHeadJson, runJson } from '../run-view';
import { because, uiOf, type Update } from '../temporal';

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
    .addCommand(retryCommand())
    .addCommand(skipCommand())
    .addHelpText('after', EXAMPLES);

const EXAMPLES = `
Examples:
  $ recoup runs list --account acct_1
  $ recoup runs show run_12`;

const listCommand = () =>
  new Command('list')
    .description('Runs, newest first.')
    .option('--account <id>', 'of this account only')
    .addOption(new Option('--kind <kind>', 'of this kind only').choices(RUN_KINDS))
    .option(
      '--limit <count>',
      `at most this many, up to ${MAX_LIMIT}`,
      parseCount(MAX_LIMIT),
      DEFAULT_LIMIT,
    )
    .option('--json', 'as JSON')
    .addHelpText('after', LIST_EXAMPLES)
    .action(({ account, kind, limit, json }) =>
      withContext(async ({ db }) => {
        if (account !== undefined) await requireAccount(db, account);
        const runs = await listRuns(db, { accountId: account ?? null, kind, limit });
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
  $ recoup runs list --account acct_1 --kind backfill --limit 100 --json`;

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
        const going = requireGoing(await readRun(db, id).catch(orUnknown));
        const answer = await (await temporal()).updateBackfill(going, update, because(reason));
        if (json) printJson(answer);
        else print(sentences(`${id} is ${answer.state}`, answer.because));
      }),
    );

const retryCommand = () =>
  new Command('retry')
    .description(
      'Take up again what is parked or skipped in a backfill, also when it has ended partial.',
    )
    .argument('<run>', 'a backfill’s run, for example run_12')
    .option('--resource <name>', 'this one only; all of them when left out')
    .option('--reason <text>', 'shown as the reason of its state')
    .option('--json', 'the answer as JSON: {state, because}')
    .addHelpText('after', RETRY_EXAMPLES)
    .action((id, { resource, reason, json }) =>
      withContext(async (context) => {
        const run = await readRun(context.db, id).catch(orUnknown);
        const { provider } = await readAccount(context.db, run.account_id);
        if (resource !== undefined) requireParkable(provider, resource);
        const asked = { ...because(reason), ...(resource !== undefined && { resource }) };
        const answer =
          run.ended_at === null
            ? await (await context.temporal()).updateBackfill(requireGoing(run), retry, asked)
            : await takeUpAgain(context, { run, resource });
        if (json) printJson(answer);
        else print(sentences(`${id} is ${answer.state}`, answer.because));
        say(`To see how it goes: recoup runs show ${id}`);
      }),
    );

const RETRY_EXAMPLES = `
Examples:
  $ recoup runs retry run_12
  $ recoup runs retry run_12 --resource dispute --reason "the key may read it now"`;

/** A backfill of its own goes on with the run that another one has left partial. */
async function takeUpAgain(
  context: Context,
  { run, resource }: { run: Run; resource: string | undefined },
): Promise<UpdateAnswer> {
  const { id, state, account_id: account } = run;
  if (parseBackfillRunKey(run.key) === null) {
    throw wrongUse(
      `${id} is a sync of ${account}`,
      `Retry it by its account: \`recoup accounts retry ${account}\`.`,
    );
  }
  if (state !== 'partial') {
    throw wrongUse(`${id} has ended: it is ${state}`, 'Only what is partial can be retried.');
  }
  const input = { account, run: id, ...(resource !== undefined && { resources: [resource] }) };
  const temporal = await context.temporal();
  const started = await temporal.startBackfill(input, {
    workflowId: retryWorkflowId(run),
    once: false,
  });
  say(`Temporal UI  ${workflowLink(uiOf(context.config), started)}`);
  const what = resource ?? 'What is parked or skipped in it';
  return { state: 'running', because: `${what} is read again, in the window of the run.` };
}

const skipCommand = () =>
  new Command('skip')
    .description('Leave a resource out of a backfill that goes on; the others finish.')
    .argument('<run>', 'a backfill’s run, for example run_12')
    .requiredOption('--resource <name>', 'for example dispute')
    .option('--always', 'leave it out of the account’s later syncs too, until it is retried')
    .option('--reason <text>', 'shown as the reason of its state')
    .option('--json', 'the answer as JSON: {state, because}')
    .addHelpText('after', SKIP_EXAMPLES)
    .action((id, { resource, always = false, reason, json }) =>
      withContext(async ({ db, temporal }) => {
        const run = await readRun(db, id).catch(orUnknown);
        requireParkable((await readAccount(db, run.account_id)).provider, resource);
        const asked = { ...because(reason), resource, always };
        const answer = await (await temporal()).updateBackfill(requireGoing(run), skip, asked);
        if (json) printJson(answer);
        else print(sentences(`${id} is ${answer.state}`, answer.because));
      }),
    );

const SKIP_EXAMPLES = `
Examples:
  $ recoup runs skip run_12 --resource dispute
  $ recoup runs skip run_12 --resource dispute --always --reason "we have none"`;

/** One at a time: a second retry while the first goes on is refused by its id. */
const retryWorkflowId = ({ id, account_id: accountId }: Run): string =>
  backfillWorkflowId({ accountId, suffix: `retry-${id}` });

/** Errors: exit code 2 for a run that has ended, and for a sync, which only its account steers. */
function requireGoing(run: Run): { backfill: BackfillRun; retry: string } {
  const { id, key, state, ended_at, account_id } = run;
  if (ended_at !== null) {
    throw wrongUse(
      `${id} has ended: it is ${state}`,
      'See `recoup runs list` for those that go on.',
    );
  }
  const backfill = parseBackfillRunKey(key);
  if (backfill !== null) return { backfill, retry: retryWorkflowId(run) };
  throw wrongUse(
    `${id} is a sync of ${account_id}`,
    `Ask the account: \`recoup accounts pause ${account_id}\`, resume, retry or skip.`,
  );
}

function orUnknown(thrown: unknown): never {
  if (!(thrown instanceof RecoupError && thrown.code === 'invalid_input')) throw thrown;
  throw wrongUse(thrown.message, 'See `recoup runs list` for the known ones.', thrown);
}
