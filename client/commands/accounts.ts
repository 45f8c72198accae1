import { Command } from '@commander-js/extra-typings';
import { listAccounts } from '../../db/repositories/accounts';
import { sentences } from '../../domain/words';
import { disconnect, pause, resume, retry, skip } from '../../workflows/contract';
import { requireAccount, requireConnected } from '../account';
import {
  accountJson,
  accountViewJson,
  readAccountView,
  renderAccount,
  SHOWN_TRANSITIONS,
} from '../account-view';
import { withContext, type Context } from '../context';
import { workflowLink } from '../links';
import { paintFor, print, printJson, renderTable, say, widthOf } from '../output';
import { requireParkable } from '../resources';
import { paintState } from '../run-view';
import { because, uiOf, type Temporal, type Update, type Updated } from '../temporal';
import { addCommand, rotateCommand, setCommand } from './account-settings';

export const accountsCommand = () =>
  new Command('accounts')
    .description('Billing accounts: connect them, look at them, pause and resume them.')
    .addCommand(addCommand())
    .addCommand(rotateCommand())
    .addCommand(setCommand())
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(
      updateCommand(
        'pause',
        pause,
        'Stop all its runs after the request at hand; nothing is lost.',
      ),
    )
    .addCommand(
      updateCommand('resume', resume, 'Go on where it stopped; also the way out of blocked.'),
    )
    .addCommand(retryCommand())
    .addCommand(skipCommand())
    .addCommand(
      updateCommand('disconnect', disconnect, 'End its life in Recoup; what was read stays.'),
    )
    .addHelpText('after', EXAMPLES);

const EXAMPLES = `
Examples:
  $ recoup accounts list
  $ recoup accounts pause acct_1 --reason "ticket 4711"`;

const listCommand = () =>
  new Command('list')
    .description('All accounts and the state of each.')
    .option('--json', 'as JSON')
    .addHelpText('after', LIST_EXAMPLES)
    .action(({ json }) =>
      withContext(async ({ db }) => {
        const accounts = await listAccounts(db);
        if (json) {
          printJson(accounts.map(accountJson));
          return;
        }
        if (accounts.length === 0) {
          say('No account yet. Connect one: recoup accounts add --help');
          return;
        }
        const paint = paintFor(process.stdout);
        const heads = ['Account', 'Provider', 'Name', 'State', 'Attention', 'Why'];
        print(
          renderTable(
            heads.map((head) => ({ head })),
            accounts.map((account) => [
              account.id,
              account.provider,
              account.display_name ?? '',
              paintState(paint, account.state),
              account.attention ? paint.yellow('yes') : '',
              account.state_reason ?? '',
            ]),
            { paint, width: widthOf(process.stdout) },
          ),
        );
      }),
    );

const LIST_EXAMPLES = `
Examples:
  $ recoup accounts list
  $ recoup accounts list --json | jq '.[] | select(.attention)'`;

const showCommand = () =>
  new Command('show')
    .description(
      `One account: how it stands, what to do, and its last ${SHOWN_TRANSITIONS} transitions.`,
    )
    .argument('<account>', 'its id, for example acct_1')
    .option('--json', 'as JSON')
    .addHelpText('after', SHOW_EXAMPLES)
    .action((id, { json }) =>
      withContext(async ({ config, db }) => {
        const account = await requireAccount(db, id);
        const view = await readAccountView(db, { account, ui: uiOf(config) });
        if (json) printJson(accountViewJson(view));
        else print(renderAccount(view));
      }),
    );

const SHOW_EXAMPLES = `
Examples:
  $ recoup accounts show acct_1
  $ recoup accounts show acct_1 --json | jq .state`;

const updateCommand = (name: string, update: Update, description: string) =>
  new Command(name)
    .description(description)
    .argument('<account>', 'its id, for example acct_1')
    .option('--reason <text>', 'kept in the account’s history')
    .option('--json', 'the answer as JSON: {state, because}')
    .addHelpText(
      'after',
      `
Examples:
  $ recoup accounts ${name} acct_1
  $ recoup accounts ${name} acct_1 --reason "ticket 4711"`,
    )
    .action((id, { reason, json }) =>
      withContext((context) =>
        steer(context, {
          id,
          json,
          send: (temporal) => temporal.updateAccount(id, update, because(reason)),
        }),
      ),
    );

const retryCommand = () =>
  new Command('retry')
    .description('Take up again what is parked or skipped in its last sync, or left out always.')
    .argument('<account>', 'its id, for example acct_1')
    .option('--resource <name>', 'this one only; all of them when left out')
    .option('--reason <text>', 'kept in the account’s history')
    .option('--json', 'the answer as JSON: {state, because}')
    .addHelpText('after', RETRY_EXAMPLES)
    .action((id, { resource, reason, json }) =>
      withContext((context) =>
        steer(context, {
          id,
          resource,
          json,
          send: (temporal) =>
            temporal.updateAccount(id, retry, {
              ...because(reason),
              ...(resource !== undefined && { resource }),
            }),
        }),
      ),
    );

const RETRY_EXAMPLES = `
Examples:
  $ recoup accounts retry acct_1
  $ recoup accounts retry acct_1 --resource dispute --reason "the key may read it now"`;

const skipCommand = () =>
  new Command('skip')
    .description('Leave a resource out of its sync at hand, or of the last one.')
    .argument('<account>', 'its id, for example acct_1')
    .requiredOption('--resource <name>', 'for example dispute')
    .option('--always', 'leave it out of later syncs too, until it is retried')
    .option('--reason <text>', 'kept in the account’s history')
    .option('--json', 'the answer as JSON: {state, because}')
    .addHelpText('after', SKIP_EXAMPLES)
    .action((id, { resource, always = false, reason, json }) =>
      withContext((context) =>
        steer(context, {
          id,
          resource,
          json,
          send: (temporal) =>
            temporal.updateAccount(id, skip, { ...because(reason), resource, always }),
        }),
      ),
    );

const SKIP_EXAMPLES = `
Syncs that leave something out are partial, and name it.

Examples:
  $ recoup accounts skip acct_1 --resource dispute
  $ recoup accounts skip acct_1 --resource dispute --always --reason "we have none"`;

interface Steering {
  readonly id: string;
  readonly resource?: string | undefined;
  readonly json?: true | undefined;
  readonly send: (temporal: Temporal) => Promise<Updated>;
}

/** Asks the account's workflow, links to it and says what it answered. */
async function steer(context: Context, { id, resource, json, send }: Steering): Promise<void> {
  const { provider } = await requireConnected(context.db, id);
  if (resource !== undefined) requireParkable(provider, resource);
  const { answer, workflow } = await send(await context.temporal());
  say(`Temporal UI  ${workflowLink(uiOf(context.config), workflow)}`);
  if (json) printJson(answer);
  else print(sentences(`${id} is ${answer.state}`, answer.because));
}
