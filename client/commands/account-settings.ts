/** What a person gives an account: its key, its time zone, the secrets of its webhooks. */
import { randomBytes } from 'node:crypto';
import { Command, Option } from '@commander-js/extra-typings';
import {
  readAccount,
  setRecovery,
  setTimeZone,
  type Account,
  type RecoverySettings,
} from '../../db/repositories/accounts';
import { refuseAddress } from '../../domain/recovery/outgoing';
import { sentences } from '../../domain/words';
import { PROVIDERS } from '../../providers/registry';
import { requireConnected } from '../account';
import { accountJson, nameOf } from '../account-view';
import {
  connectAccount,
  readSecret,
  rotateSecret,
  secretBoxOf,
  storeWebhookSecrets,
  wake,
} from '../connect';
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
    .addOption(
      new Option(
        '--provider-retries <how>',
        'wait for the provider’s own retries of a payment, or know that they are switched off',
      ).choices(['wait', 'off'] as const),
    )
    .addOption(
      new Option(
        '--clock <whose>',
        'simulated: its recovery cases live by the clock of a simulated provider',
      ).choices(['real', 'simulated'] as const),
    )
    .option(
      '--notify-url <url>',
      'who is told when a case waits for its customer; none for nobody. A new secret is shown once',
    )
    .option('--json', 'the account as JSON')
    .addHelpText('after', SET_EXAMPLES)
    .action((id, { timeZone, webhookSecretEnv, providerRetries, clock, notifyUrl, json }) =>
      withContext(async (context) => {
        const { db } = context;
        const secrets = readWebhookSecrets(webhookSecretEnv, 'accounts set');
        const notify = notifyUrl === undefined ? null : readNotify(notifyUrl);
        const recovery: RecoverySettings = {
          ...(providerRetries !== undefined && { provider_retries: providerRetries }),
          ...(clock !== undefined && { clock }),
          ...(notify && {
            outgoing_url: notify.url,
            outgoing_secret:
              notify.secret === null ? null : secretBoxOf(context.config).seal(notify.secret, id),
          }),
        };
        const changesRecovery = Object.keys(recovery).length > 0;
        if (timeZone === undefined && secrets === undefined && !changesRecovery) {
          throw wrongUse('Nothing to set', 'See what there is: `recoup accounts set --help`.');
        }
        await requireConnected(db, id);
        if (changesRecovery) await setRecovery(db, id, recovery);
        if (timeZone !== undefined) await setTimeZone(db, id, timeZone);
        if (secrets !== undefined) await storeWebhookSecrets(context, { accountId: id, secrets });
        if (json) {
          printJson({
            ...accountJson(await readAccount(db, id)),
            ...(notify && { notifySecret: notify.secret }),
          });
          return;
        }
        if (providerRetries !== undefined)
          print(
            providerRetries === 'wait'
              ? `Cases of ${id} wait for the provider’s own retries.`
              : `The provider does not retry payments of ${id} by itself.`,
          );
        if (clock !== undefined) print(`Cases of ${id} live by ${CLOCKS[clock]}.`);
        if (notify !== null)
          print(
            notify.secret === null
              ? `Nobody is told of cases of ${id} any more.`
              : `${notify.url ?? ''} is told of cases of ${id}. Messages are signed with this secret, shown only now:\n${notify.secret}`,
          );
        if (timeZone !== undefined)
          print(`${id} is in ${timeZone}: its next sync brings its months up to date.`);
        if (secrets !== undefined)
          print(
            `${id} takes webhooks that ${secrets.length} secret${secrets.length > 1 ? 's sign' : ' signs'}.`,
          );
      }),
    );

const CLOCKS = { real: 'real time', simulated: 'the provider’s simulated clock' };
const SECRET_BYTES = 24;

/** Errors: exit code 2 for an address to which nothing is sent. */
function readNotify(given: string): {
  readonly url: string | null;
  readonly secret: string | null;
} {
  if (given === 'none') return { url: null, secret: null };
  const refusal = refuseAddress(given);
  if (refusal !== null)
    throw wrongUse(`--notify-url: ${refusal}`, 'Give an https address, or none.');
  return { url: given, secret: `whsec_${randomBytes(SECRET_BYTES).toString('base64')}` };
}

const SET_EXAMPLES = `
Messages to --notify-url are those of https://www.standardwebhooks.com; see also: recoup notifications.

Examples:
  $ NEW=whsec_… OLD=whsec_… recoup accounts set acct_1 --webhook-secret-env NEW OLD
  $ recoup accounts set acct_1 --time-zone Europe/Berlin --json`;
