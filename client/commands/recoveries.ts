/** Single cases of recovery: found, explained, steered, and resolved where only a person can say what happened. */
import { Command, Option } from '@commander-js/extra-typings';
import type { Kysely } from 'kysely';
import {
  findRecoveries,
  listRecoveries,
  readStory,
  type Recovery,
} from '../../db/repositories/recoveries';
import type { Database } from '../../db/schema';
import { isOpen } from '../../domain/recovery/attempt';
import { CASE_STATES } from '../../domain/recovery/states';
import { sentences } from '../../domain/words';
import { attemptNow, cancel, pause, reopen, resolve, resume } from '../../workflows/contract';
import { withContext, type Context } from '../context';
import { parseCount } from '../count-option';
import { words } from '../campaign-view';
import { wrongUse } from '../errors';
import { workflowLink } from '../links';
import { paintFor, print, printJson, say, widthOf } from '../output';
import {
  attemptJson,
  recoveryJson,
  renderRecoveries,
  renderRecovery,
  renderStory,
  storyJson,
} from '../recovery-view';
import { because, uiOf, type Temporal, type Update, type Updated } from '../temporal';

const DEFAULT_LIMIT = 30;
const MAX_LIMIT = 1_000;
const OUTCOMES = ['succeeded', 'declined', 'absent'] as const;

export const recoveriesCommand = () =>
  new Command('recoveries')
    .description('Single invoices that are being recovered: look, explain, steer, resolve, reopen.')
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(explainCommand())
    .addCommand(updateCommand('pause', pause, 'Make no further attempt until it is resumed.'))
    .addCommand(updateCommand('resume', resume, 'Go on; also once what needed a person is mended.'))
    .addCommand(updateCommand('cancel', cancel, 'End it for good, after the attempt at hand.'))
    .addCommand(
      updateCommand('attempt-now', attemptNow, 'Try now, with the same checks as at any time.'),
    )
    .addCommand(resolveCommand())
    .addCommand(reopenCommand())
    .addHelpText('after', EXAMPLES);

const EXAMPLES = `
Examples:
  $ recoup recoveries list --attention
  $ recoup recoveries explain in_123`;

const look = () => ({ paint: paintFor(process.stdout), width: widthOf(process.stdout) });

const listCommand = () =>
  new Command('list')
    .description('Cases: those that need a person first, then what comes next the soonest.')
    .option('--account <id>', 'of this account only')
    .option('--campaign <id>', 'of this campaign only')
    .addOption(new Option('--state <state>', 'in this state only').choices(CASE_STATES))
    .option('--attention', 'only those that need a person')
    .option(
      '--limit <count>',
      `at most this many, up to ${MAX_LIMIT}`,
      parseCount(MAX_LIMIT),
      DEFAULT_LIMIT,
    )
    .option('--json', 'as JSON')
    .addHelpText('after', LIST_EXAMPLES)
    .action(({ account, campaign, state, attention, limit, json }) =>
      withContext(async ({ db }) => {
        const filter = { accountId: account, campaignId: campaign, state, attention, limit };
        const rows = await listRecoveries(db, filter);
        if (json) printJson(rows.map(recoveryJson));
        else if (rows.length === 0) say('No such case. See the campaigns: recoup campaigns list');
        else print(renderRecoveries(rows, look()));
        if (rows.length === limit) say(`The first ${limit}; --limit shows more.`);
      }),
    );

const LIST_EXAMPLES = `
Examples:
  $ recoup recoveries list --campaign camp_1 --state awaiting_customer
  $ recoup recoveries list --attention --json`;

const INVOICE = ['<invoice>', 'its id at the provider, for example in_123'] as const;
const ACCOUNT = ['--account <id>', 'needed where two accounts have an invoice of this id'] as const;

const showCommand = () =>
  new Command('show')
    .description('One case: how it stands, why, what comes next, what a person can do.')
    .argument(...INVOICE)
    .option(...ACCOUNT)
    .option('--json', 'as JSON, with its attempts')
    .addHelpText('after', SHOW_EXAMPLES)
    .action((invoice, { account, json }) =>
      withContext(async ({ config, db }) => {
        const row = await requireCase(db, invoice, account);
        const { attempts } = await readStory(db, row);
        if (json) printJson({ ...recoveryJson(row), ledger: attempts.map(attemptJson) });
        else {
          const hasOpenAttempt = attempts.some(({ state }) => isOpen(state));
          print(renderRecovery(row, { ...look(), ui: uiOf(config), hasOpenAttempt }));
        }
      }),
    );

const SHOW_EXAMPLES = `
Examples:
  $ recoup recoveries show in_123
  $ recoup recoveries show in_123 --json | jq .ledger`;

const explainCommand = () =>
  new Command('explain')
    .description('Its whole story: each decision with its reason, each attempt with its outcome.')
    .argument(...INVOICE)
    .option(...ACCOUNT)
    .option('--json', 'as JSON')
    .addHelpText('after', EXPLAIN_EXAMPLES)
    .action((invoice, { account, json }) =>
      withContext(async ({ db }) => {
        const row = await requireCase(db, invoice, account);
        const story = await readStory(db, row);
        if (json) printJson(storyJson(row, story));
        else print(renderStory(row, story, look()));
      }),
    );

const EXPLAIN_EXAMPLES = `
Examples:
  $ recoup recoveries explain in_123
  $ recoup recoveries explain in_123 --json | jq '.story[] | select(.kind == "attempt")'`;

const updateCommand = (name: string, update: Update, description: string) =>
  new Command(name)
    .description(description)
    .argument(...INVOICE)
    .option(...ACCOUNT)
    .option('--reason <text>', 'kept in the case’s story')
    .option('--json', 'the answer as JSON: {state, because}')
    .addHelpText(
      'after',
      `
Examples:
  $ recoup recoveries ${name} in_123
  $ recoup recoveries ${name} in_123 --reason "ticket 4711"`,
    )
    .action((invoice, { account, reason, json }) =>
      withContext((context) =>
        steer(context, {
          invoice,
          account,
          json,
          send: (temporal, key) => temporal.updateCase(key, update, because(reason)),
        }),
      ),
    );

const resolveCommand = () =>
  new Command('resolve')
    .description('Say what became of an attempt that nothing proves.')
    .argument(...INVOICE)
    .addOption(
      new Option('--outcome <what>', 'what you know of it').choices(OUTCOMES).makeOptionMandatory(),
    )
    .requiredOption('--reason <text>', 'how you know; kept for ever')
    .option(...ACCOUNT)
    .option('--json', 'the answer as JSON: {state, because}')
    .addHelpText('after', RESOLVE_EXAMPLES)
    .action((invoice, { account, outcome, reason, json }) =>
      withContext((context) =>
        steer(context, {
          invoice,
          account,
          json,
          send: (temporal, key) => temporal.updateCase(key, resolve, { outcome, reason }),
        }),
      ),
    );

const RESOLVE_EXAMPLES = `
absent: it never happened, and another attempt may follow. Be sure: look at the provider's dashboard first.

Examples:
  $ recoup recoveries resolve in_123 --outcome absent --reason "no charge in the dashboard"
  $ recoup recoveries resolve in_123 --outcome succeeded --reason "ch_1 is of this attempt"`;

const reopenCommand = () =>
  new Command('reopen')
    .description(
      'Try an exhausted one again, for another window and as many tries of its campaign.',
    )
    .argument(...INVOICE)
    .requiredOption('--reason <text>', 'why it may come through now; kept for ever')
    .option(...ACCOUNT)
    .option('--json', 'the answer as JSON: {state, because}')
    .addHelpText('after', REOPEN_EXAMPLES)
    .action((invoice, { account, reason, json }) =>
      withContext((context) =>
        steer(context, {
          invoice,
          account,
          json,
          require: requireExhausted,
          send: (temporal, key) => temporal.updateCase(key, reopen, { reason }),
        }),
      ),
    );

const REOPEN_EXAMPLES = `
The networks’ rules hold as before: each earlier try still counts towards them.

Examples:
  $ recoup recoveries reopen in_123 --reason "ticket 4711: the customer has called"`;

interface Steering {
  readonly invoice: string;
  readonly account: string | undefined;
  readonly json: true | undefined;
  /** Throws where it cannot be asked for; `requireRunning` when left out. */
  readonly require?: (row: Recovery) => void;
  readonly send: (
    temporal: Temporal,
    key: { readonly accountId: string; readonly invoiceId: string },
  ) => Promise<Updated>;
}

/** Asks the case's workflow, links to it and says what it answered. */
async function steer(
  context: Context,
  { invoice, account, json, require = requireRunning, send }: Steering,
): Promise<void> {
  const row = await requireCase(context.db, invoice, account);
  require(row);
  const key = { accountId: row.account_id, invoiceId: row.invoice_id };
  const { answer, workflow } = await send(await context.temporal(), key);
  say(`Temporal UI  ${workflowLink(uiOf(context.config), workflow)}`);
  if (json) printJson(answer);
  else print(sentences(`${invoice} is ${answer.state}`, answer.because));
}

/** Errors: exit code 2 for a case that has ended, or that nobody ever charges. */
function requireRunning({ invoice_id: id, state, ended_at, held_out }: Recovery): void {
  if (ended_at !== null) {
    throw wrongUse(`${id} has ended: it is ${words(state)}`, 'See `recoup recoveries explain`.');
  }
  if (held_out) {
    throw wrongUse(
      `${id} is in the control group`,
      'It is only watched: there is nothing to steer.',
    );
  }
}

/** Errors: exit code 2 for a case that goes on, has ended otherwise, or that nobody ever charges. */
function requireExhausted(row: Recovery): void {
  const { invoice_id: id, state, ended_at: endedAt, held_out: heldOut } = row;
  if (endedAt === null && !heldOut)
    throw wrongUse(`${id} has not ended: it is ${words(state)}`, 'There is nothing to open again.');
  if (state !== 'exhausted')
    throw wrongUse(`${id} is ${words(state)}`, 'Only what is exhausted is opened again.');
  if (heldOut)
    throw wrongUse(`${id} is in the control group`, 'It is only watched, never charged.');
}

/** Errors: exit code 2 for an invoice that is no case, or is one in several accounts. */
async function requireCase(
  db: Kysely<Database>,
  invoiceId: string,
  accountId: string | undefined,
): Promise<Recovery> {
  const [row, ...others] = await findRecoveries(db, { invoiceId, accountId });
  if (row === undefined) {
    throw wrongUse(`${invoiceId} is no case`, 'See `recoup recoveries list`.');
  }
  if (others.length === 0) return row;
  const accounts = [row, ...others].map((each) => each.account_id).join(', ');
  throw wrongUse(`${invoiceId} is a case in ${accounts}`, 'Give --account.');
}
