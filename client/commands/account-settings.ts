/** What a person gives an account: its key, its time zone, the secrets of its webhooks. */
import { Command } from '@commander-js/extra-typings';
import { readAccount, setTimeZone, type Account } from '../../db/repositories/accounts';
import { sentences } from '../../domain/words';
import { PROVIDERS } from '../../providers/registry';
import { requireConnected } from '../account';
import { accountJson, nameOf } from '../account-view';
import { connectAccount, readSecret, rotateSecret, storeWebhookSecrets, wake } from '../connect';
import { withContext } from '../context';
import { wrongUse } from '../errors';
import { print, printJson, say } from '../output';
import { parseTimeZone } from '../time-zone';

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

export const addCommand = () =>
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

export const rotateCommand = () =>
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

export const setCommand = () =>
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
