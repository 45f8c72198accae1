/** What somebody outside is told of cases: seen, and told once more. */
import { Command, Option } from '@commander-js/extra-typings';
import {
  listOutgoing,
  MESSAGE_STATES,
  replayOutgoing,
  type OutgoingWebhook,
} from '../../db/repositories/outgoing';
import { RecoupError } from '../../domain/errors';
import { requireAccount } from '../account';
import { withContext } from '../context';
import { parseCount } from '../count-option';
import { wrongUse } from '../errors';
import { workflowLink } from '../links';
import { formatInstant, paintFor, print, printJson, renderTable, say, widthOf } from '../output';
import { uiOf } from '../temporal';

const DEFAULT_LIMIT = 30;
const MAX_LIMIT = 1_000;

export const notificationsCommand = () =>
  new Command('notifications')
    .description('Messages to whoever an account wants told (`accounts set --notify-url`).')
    .addCommand(listCommand())
    .addCommand(replayCommand())
    .addHelpText('after', EXAMPLES);

const EXAMPLES = `
Examples:
  $ recoup notifications list --account acct_1
  $ recoup notifications replay msg_12`;

const messageJson = (message: OutgoingWebhook) => ({
  message: message.id,
  account: message.account_id,
  type: message.type,
  state: message.state,
  attempts: message.attempts,
  lastError: message.last_error,
  createdAt: message.created_at,
  sentAt: message.sent_at,
  body: message.body,
});

const listCommand = () =>
  new Command('list')
    .description('Messages, newest first.')
    .option('--account <id>', 'of this account only')
    .addOption(new Option('--state <state>', 'in this state only').choices(MESSAGE_STATES))
    .option(
      '--limit <count>',
      `at most this many, up to ${MAX_LIMIT}`,
      parseCount(MAX_LIMIT),
      DEFAULT_LIMIT,
    )
    .option('--json', 'as JSON, with what each says')
    .addHelpText('after', LIST_EXAMPLES)
    .action(({ account, state, limit, json }) =>
      withContext(async ({ db }) => {
        if (account !== undefined) await requireAccount(db, account);
        const messages = await listOutgoing(db, { accountId: account, state, limit });
        if (json) {
          printJson(messages.map(messageJson));
          return;
        }
        if (messages.length === 0) say('No message yet.');
        const paint = paintFor(process.stdout);
        const rows = messages.map((message) => [
          message.id,
          message.account_id,
          message.type,
          message.state === 'sent' ? paint.green(message.state) : paint.yellow(message.state),
          String(message.attempts),
          formatInstant(message.created_at),
          message.last_error ?? '',
        ]);
        const heads = ['Message', 'Account', 'Type', 'State', 'Tries', 'Noted', 'Last error'];
        if (messages.length > 0) {
          const columns = heads.map((head) => ({ head }));
          print(renderTable(columns, rows, { paint, width: widthOf(process.stdout) }));
        }
        if (messages.length === limit) say(`The newest ${limit}; --limit shows more.`);
      }),
    );

const LIST_EXAMPLES = `
Examples:
  $ recoup notifications list --state given_up
  $ recoup notifications list --account acct_1 --json | jq '.[].body'`;

const replayCommand = () =>
  new Command('replay')
    .description('Tell a message once more, whatever became of it; it keeps its id.')
    .argument('<message>', 'its id, for example msg_12')
    .option('--json', 'as JSON: {message, account, workflowId}')
    .addHelpText('after', REPLAY_EXAMPLES)
    .action((id, { json }) =>
      withContext(async ({ config, db, temporal }) => {
        const running = await temporal();
        await running.requireWorker();
        const accountId = await replayOutgoing(db, id).catch(orUnknown);
        const started = await running.deliver({ accountId, message: id });
        say(`Temporal UI  ${workflowLink(uiOf(config), started)}`);
        if (json) printJson({ message: id, account: accountId, ...started });
        else print(`${id} is told once more. To see it: recoup notifications list`);
      }),
    );

const REPLAY_EXAMPLES = `
Whoever gets it knows it by its id (webhook-id), so that telling it twice does no harm.

Examples:
  $ recoup notifications replay msg_12
  $ recoup notifications replay msg_12 --json`;

function orUnknown(thrown: unknown): never {
  if (!(thrown instanceof RecoupError && thrown.code === 'invalid_input')) throw thrown;
  throw wrongUse(thrown.message, 'See `recoup notifications list`.', thrown);
}
