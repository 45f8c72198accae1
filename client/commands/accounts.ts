import { Command } from '@commander-js/extra-typings';
import {
  listAccounts,
  listTransitions,
  readAccount,
  readLastSequence,
  recordTransition,
  saveAccount,
  setAccountDesired,
  type Account,
} from '../../db/repositories/accounts';
import { migrate } from '../../db/migrate';
import { createSecretBox } from '../../db/secret-box';
import { RecoupError } from '../../domain/errors';
import { sentences } from '../../domain/words';
import type { Connection } from '../../providers/provider';
import { findProvider, PROVIDERS } from '../../providers/registry';
import { accountWorkflowId, disconnect, pause, resume } from '../../workflows/contract';
import { requireAccount, requireConnected } from '../account';
import { withContext, type Context } from '../context';
import { CliError, describe, wrongUse } from '../errors';
import { workflowLink } from '../links';
import { formatInstant, paintFor, print, printJson, renderTable, say, widthOf } from '../output';
import { paintState } from '../run-view';
import { uiOf, type Update } from '../temporal';

export const accountsCommand = () =>
  new Command('accounts')
    .description('Billing accounts: connect them, look at them, pause and resume them.')
    .addCommand(addCommand())
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
    .addCommand(
      updateCommand('disconnect', disconnect, 'End its life in Recoup; what was read stays.'),
    )
    .addHelpText('after', EXAMPLES);

const EXAMPLES = `
Examples:
  $ recoup accounts list
  $ recoup accounts pause acct_1 --reason "ticket 4711"`;

/** The probe is one request. */
const PROBE_TIMEOUT_MS = 30_000;

const addCommand = () =>
  new Command('add')
    .description(
      'Connect an account, or give a known one a new key. Probes it before it is stored.',
    )
    .argument('<provider>', PROVIDERS.map(({ name }) => name).join(' | '))
    .requiredOption('--id <id>', 'the account’s id at the provider, for example acct_1')
    .requiredOption('--secret-env <name>', 'environment variable that holds the key')
    .option('--api-base <url>', 'instead of the provider’s own address')
    .option('--json', 'the account as JSON')
    .addHelpText('after', ADD_EXAMPLES)
    .action((provider, { id, secretEnv, apiBase, json }) =>
      withContext(async (context) => {
        const account = await connectAccount(context, {
          provider,
          externalId: id,
          secret: readSecret(secretEnv),
          apiBase: apiBase ?? null,
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

/** States in which an account waits for what new credentials may have brought. */
const WAITING: readonly string[] = ['blocked', 'backing_off'];

/**
 * Tells the workflow of an account that waits. The new key is stored by then, so that a failure to tell is no failure of the
 * command. Returns the state after it; null where nobody was told.
 */
async function wake(context: Context, { id, state }: Account): Promise<string | null> {
  if (!WAITING.includes(state)) return null;
  try {
    const temporal = await context.temporal();
    return (await temporal.credentialsChanged(id)).answer.state;
  } catch (thrown) {
    if (!(thrown instanceof CliError)) throw thrown;
    say(describe(thrown).line);
    return null;
  }
}

function nextStep({ id, state }: Account, woken: string | null): string {
  if (woken !== null) return `It has its new key and is ${woken}. To watch it: recoup sync ${id}`;
  return state === 'idle' || state === 'syncing'
    ? `Next: recoup sync ${id}`
    : `Next: recoup accounts resume ${id}  (it is ${state})`;
}

/** The variable's name is echoed only where it looks like one: somebody may have given the key itself. */
function readSecret(name: string): string {
  if (!/^[A-Z_][A-Z0-9_]*$/.test(name)) {
    throw wrongUse(
      'What --secret-env was given is no name of an environment variable (capitals, digits, underscores)',
      'Put the key into a variable such as STRIPE_KEY, and give that name.',
    );
  }
  const secret = (process.env[name] ?? '').trim();
  if (secret !== '') return secret;
  throw wrongUse(
    `The environment variable ${name} is not set`,
    `Set it to the key for this one command: ${name}=… recoup accounts add …`,
  );
}

/**
 * Probes the account and stores it. Errors: exit code 2 with nothing written, whatever the provider or its address made
 * impossible.
 */
export async function connectAccount(
  { config, db }: Context,
  options: Connection & { readonly provider: string },
): Promise<Account> {
  const { provider, externalId: id, secret, apiBase } = options;
  const displayName = await probe(options);
  await migrate(db);
  const known = (await listAccounts(db)).find((account) => account.id === id);
  if (known !== undefined && known.provider !== provider) {
    throw wrongUse(
      `${id} is connected at ${known.provider}`,
      `Give ${known.provider} as the provider.`,
    );
  }
  const box = createSecretBox({
    key: config.RECOUP_SECRET_KEY,
    keyFile: config.RECOUP_SECRET_KEY_FILE,
  });
  await saveAccount(db, { id, provider, displayName, apiBase, sealedSecret: box.seal(secret, id) });
  if (known?.state === 'disconnected') {
    await setAccountDesired(db, id, 'run');
    await recordTransition(db, {
      account_id: id,
      sequence: (await readLastSequence(db, id)) + 1,
      from_state: known.state,
      event: 'connected',
      to_state: 'idle',
      because: 'Connected again by a person.',
      attention: false,
      at: new Date(),
    });
  }
  return readAccount(db, id);
}

/** The account's display name, if it has one. */
async function probe(options: Connection & { readonly provider: string }): Promise<string | null> {
  const { externalId } = options;
  // It becomes part of a workflow id, between slashes.
  if (!/^[\w.-]{1,200}$/.test(externalId)) {
    throw wrongUse(
      `--id "${externalId}" is no account id`,
      'Copy it from the provider’s dashboard; it has letters, digits and _ . - only.',
    );
  }
  const provider = findProvider(options.provider);
  try {
    const client = provider.connect(options);
    try {
      const found = await client.probe(AbortSignal.timeout(PROBE_TIMEOUT_MS));
      if (found.externalId === externalId) return found.displayName;
      throw wrongUse(
        `The key belongs to ${found.externalId}, not to ${externalId}`,
        'Give the id or the key of the other.',
      );
    } finally {
      client.close();
    }
  } catch (thrown) {
    if (thrown instanceof DOMException && thrown.name === 'TimeoutError') {
      const where = options.apiBase ?? provider.name;
      throw wrongUse(`${where} does not answer within ${PROBE_TIMEOUT_MS / 1000} s`, CHECK_ADDRESS);
    }
    if (!(thrown instanceof RecoupError)) throw thrown;
    const byWaiting = thrown.scope === 'transient' ? CHECK_ADDRESS : thrown.remedy;
    throw wrongUse(
      thrown.message,
      thrown.code === 'credentials_rejected' ? CHECK_KEY : byWaiting,
      thrown,
    );
  }
}

const CHECK_ADDRESS = 'Check the address, or try again later; nothing was stored.';
const CHECK_KEY = 'Check that it was copied whole and not revoked; nothing was stored.';

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
        const url = workflowLink(uiOf(config), { workflowId: accountWorkflowId(id) });
        if (json) {
          printJson({ ...accountJson(account), url, history: history.map(transitionJson) });
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
        ];
        print(renderTable([{ head: '' }, { head: '' }], facts, { paint, width }).trimStart());
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
      withContext(async (context) => {
        await requireConnected(context.db, id);
        const temporal = await context.temporal();
        const { answer, workflow } = await temporal.updateAccount(id, update, reason);
        say(`Temporal UI  ${workflowLink(uiOf(context.config), workflow)}`);
        if (json) printJson(answer);
        else print(sentences(`${id} is ${answer.state}`, answer.because));
      }),
    );

const nameOf = ({ display_name }: Account): string =>
  display_name === null ? '' : ` (${display_name})`;

const accountJson = (account: Account) => ({
  account: account.id,
  provider: account.provider,
  displayName: account.display_name,
  apiBase: account.api_base,
  state: account.state,
  because: account.state_reason,
  attention: account.attention,
  connectedAt: account.created_at,
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
