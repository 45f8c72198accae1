import { Command } from '@commander-js/extra-typings';
import {
  listAccounts,
  listTransitions,
  readAccount,
  setTimeZone,
  type Account,
} from '../../db/repositories/accounts';
import { readFreshness } from '../../db/repositories/freshness';
import { sentences } from '../../domain/words';
import { PROVIDERS } from '../../providers/registry';
import {
  accountWorkflowId,
  disconnect,
  pause,
  resume,
  retry,
  skip,
} from '../../workflows/contract';
import { requireAccount, requireConnected } from '../account';
import { connectAccount, readSecret, rotateSecret, storeWebhookSecrets, wake } from '../connect';
import { withContext, type Context } from '../context';
import { wrongUse } from '../errors';
import { workflowLink } from '../links';
import { formatInstant, paintFor, print, printJson, renderTable, say, widthOf } from '../output';
import { describeCoverage, describeFeed } from '../freshness';
import { listsOf, requireParkable } from '../resources';
import { paintState, readParked, type Parked } from '../run-view';
import { parseTimeZone } from '../time-zone';
import { because, uiOf, type Temporal, type Update, type Updated } from '../temporal';

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

const TIME_ZONE = [
  '--time-zone <zone>',
  'IANA name such as Europe/Berlin: its nights, and its months in the metrics',
  parseTimeZone,
] as const;

/** Several while one is being replaced: the provider signs with both for some hours. */
const WEBHOOK_SECRETS = [
  '--webhook-secret-env <names...>',
  'environment variables that hold the signing secrets of its webhooks, instead of those it has',
] as const;

const readWebhookSecrets = (names: readonly string[] | undefined, command: string) =>
  names?.map((name) => readSecret(name, command, '--webhook-secret-env'));

const addCommand = () =>
  new Command('add')
    .description(
      'Connect an account, or give a known one a new key. Probes it before it is stored.',
    )
    .argument('<provider>', PROVIDERS.map(({ name }) => name).join(' | '))
    .requiredOption('--id <id>', 'the account’s id at the provider, for example acct_1')
    .requiredOption('--secret-env <name>', 'environment variable that holds the key')
    .option('--api-base <url>', 'instead of the provider’s own address')
    .option(...TIME_ZONE)
    .option(...WEBHOOK_SECRETS)
    .option('--json', 'the account as JSON')
    .addHelpText('after', ADD_EXAMPLES)
    .action((provider, { id, secretEnv, apiBase, timeZone, webhookSecretEnv, json }) =>
      withContext(async (context) => {
        const account = await connectAccount(context, {
          provider,
          externalId: id,
          secret: readSecret(secretEnv, 'accounts add'),
          apiBase: apiBase ?? null,
          timeZone,
          webhookSecrets: readWebhookSecrets(webhookSecretEnv, 'accounts add'),
        });
        const woken = await wake(context, account);
        if (json) printJson(accountJson({ ...account, state: woken ?? account.state }));
        else print(`Connected ${account.id}${nameOf(account)} at ${account.provider}.`);
        say(nextStep(account, woken));
      }),
    );

const ADD_EXAMPLES = `
The key is never an argument: it would stay in the shell's history. It is stored encrypted.

Examples:
  $ STRIPE_KEY=rk_live_… recoup accounts add stripe --id acct_1 --secret-env STRIPE_KEY
  $ recoup accounts add stripe --id acct_1 --secret-env KEY --api-base http://127.0.0.1:12111`;

function nextStep({ id, state }: Account, woken: string | null): string {
  if (woken !== null) return `It has its new key and is ${woken}. To watch it: recoup sync ${id}`;
  return state === 'idle' || state === 'syncing'
    ? `Next: recoup sync ${id}`
    : `Next: recoup accounts resume ${id}  (it is ${state})`;
}

const rotateCommand = () =>
  new Command('rotate-secret')
    .description(
      'Give an account a new key. Tries it before it is stored; a blocked account goes on.',
    )
    .argument('<account>', 'its id, for example acct_1')
    .requiredOption('--secret-env <name>', 'environment variable that holds the new key')
    .option('--json', 'as JSON: {account, state, was}')
    .addHelpText('after', ROTATE_EXAMPLES)
    .action((id, { secretEnv, json }) =>
      withContext(async (context) => {
        const account = await requireConnected(context.db, id);
        await rotateSecret(context, account, readSecret(secretEnv, 'accounts rotate-secret'));
        const state = (await wake(context, account)) ?? account.state;
        if (json) printJson({ account: id, state, was: account.state });
        else print(sentences(`${id} has its new key`, afterRotation(account, state)));
      }),
    );

const ROTATE_EXAMPLES = `
The old key is used no more; revoke it at the provider once this says that the new one is stored.

Examples:
  $ KEY=rk_live_… recoup accounts rotate-secret acct_1 --secret-env KEY
  $ KEY=rk_live_… recoup accounts rotate-secret acct_1 --secret-env KEY --json`;

function afterRotation({ id, state: was }: Account, state: string): string {
  if (state !== was)
    return `It was ${was} and is ${state} now: watch it with \`recoup sync ${id}\``;
  return state === 'idle' || state === 'syncing'
    ? 'It uses it from its next request on'
    : `It is ${state}: to go on, \`recoup accounts resume ${id}\``;
}

const setCommand = () =>
  new Command('set')
    .description('Change settings of an account.')
    .argument('<account>', 'its id, for example acct_1')
    .option(...TIME_ZONE)
    .option(...WEBHOOK_SECRETS)
    .option('--json', 'the account as JSON')
    .addHelpText('after', SET_EXAMPLES)
    .action((id, { timeZone, webhookSecretEnv, json }) =>
      withContext(async (context) => {
        const { db } = context;
        const secrets = readWebhookSecrets(webhookSecretEnv, 'accounts set');
        if (timeZone === undefined && secrets === undefined) {
          throw wrongUse('Nothing to set', 'Give --time-zone, --webhook-secret-env or both.');
        }
        await requireConnected(db, id);
        if (timeZone !== undefined) await setTimeZone(db, id, timeZone);
        if (secrets !== undefined) await storeWebhookSecrets(context, { accountId: id, secrets });
        if (json) {
          printJson(accountJson(await readAccount(db, id)));
          return;
        }
        if (timeZone !== undefined)
          print(`${id} is in ${timeZone}: its next sync brings its months up to date.`);
        if (secrets !== undefined)
          print(
            `${id} takes webhooks that ${secrets.length} secret${secrets.length > 1 ? 's sign' : ' signs'}.`,
          );
      }),
    );

const SET_EXAMPLES = `
Examples:
  $ NEW=whsec_… OLD=whsec_… recoup accounts set acct_1 --webhook-secret-env NEW OLD
  $ recoup accounts set acct_1 --time-zone Europe/Berlin --json`;

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

const SHOWN_TRANSITIONS = 10;

const showCommand = () =>
  new Command('show')
    .description(`One account, with its last ${SHOWN_TRANSITIONS} transitions.`)
    .argument('<account>', 'its id, for example acct_1')
    .option('--json', 'as JSON')
    .addHelpText('after', SHOW_EXAMPLES)
    .action((id, { json }) =>
      withContext(async ({ config, db }) => {
        const account = await requireAccount(db, id);
        const history = await listTransitions(db, { accountId: id, limit: SHOWN_TRANSITIONS });
        const freshness = await readFreshness(db, id);
        const parked = await readParked(db, account);
        const todo = stepsOutOf(account, parked);
        const url = workflowLink(uiOf(config), { workflowId: accountWorkflowId(id) });
        if (json) {
          printJson({
            ...accountJson(account),
            parked,
            ...freshness,
            todo,
            url,
            history: history.map(transitionJson),
          });
          return;
        }
        const paint = paintFor(process.stdout);
        const width = widthOf(process.stdout);
        const facts = [
          ['Account', `${account.id}${nameOf(account)}`],
          [
            'Provider',
            account.provider + (account.api_base === null ? '' : ` at ${account.api_base}`),
          ],
          ['State', paintState(paint, account.state)],
          ['Why', account.state_reason ?? 'Nothing has happened yet.'],
          ['Attention', account.attention ? paint.yellow('yes') : 'no'],
          ['Connected', formatInstant(account.created_at)],
          ['Time zone', account.time_zone],
          ['Changes', describeFeed(freshness)],
          ['Covered', describeCoverage(freshness, listsOf(account.provider))],
          ...parked.map(({ resource, reason }) => ['Parked', `${resource}: ${reason}`]),
          ...(account.skipped_resources.length === 0
            ? []
            : [['Left out', account.skipped_resources.join(', ')]]),
        ];
        print(renderTable([{ head: '' }, { head: '' }], facts, { paint, width }).trimStart());
        // Beneath the table, which would wrap them: they are there to be copied.
        for (const step of todo) print(`To do      ${step}`);
        print(`UI         ${paint.cyan(url)}`);
        const rows = history.map(({ at, event, to_state, because }) => [
          formatInstant(at),
          event,
          paintState(paint, to_state),
          because,
        ]);
        const heads = ['At', 'Event', 'State', 'Because'];
        const columns = heads.map((head) => ({ head }));
        if (rows.length > 0) print(`\n${renderTable(columns, rows, { paint, width })}`);
      }),
    );

/** Commands that a person can copy, where one is needed: why the account is as it is says which. */
function stepsOutOf(
  { id, state, skipped_resources }: Account,
  parked: readonly Parked[],
): string[] {
  const aside = [...parked.map(({ resource }) => resource), ...skipped_resources];
  return [
    ...(state === 'blocked'
      ? [
          `recoup accounts rotate-secret ${id} --secret-env NAME`,
          `recoup accounts resume ${id}  (once anything but the key is mended)`,
        ]
      : []),
    ...[...new Set(aside)].map((resource) => `recoup accounts retry ${id} --resource ${resource}`),
  ];
}

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

const nameOf = ({ display_name }: Account): string =>
  display_name === null ? '' : ` (${display_name})`;

const accountJson = (account: Account) => ({
  account: account.id,
  provider: account.provider,
  displayName: account.display_name,
  apiBase: account.api_base,
  timeZone: account.time_zone,
  state: account.state,
  because: account.state_reason,
  attention: account.attention,
  connectedAt: account.created_at,
  leftOut: account.skipped_resources,
});

const transitionJson = (row: Awaited<ReturnType<typeof listTransitions>>[number]) => ({
  sequence: row.sequence,
  at: row.at,
  from: row.from_state,
  event: row.event,
  to: row.to_state,
  because: row.because,
  attention: row.attention,
});
