/** How an account gets its key: read from a variable, tried at the billing service, and only then stored, encrypted. */
import type { Config } from '../config/config';
import {
  listAccounts,
  readAccount,
  readLastSequence,
  recordTransition,
  saveAccount,
  setAccountDesired,
  setTimeZone,
  type Account,
} from '../db/repositories/accounts';
import { migrate } from '../db/migrate';
import { setWebhookSecrets } from '../db/repositories/webhooks';
import { createSecretBox, type SecretBox } from '../db/secret-box';
import { RecoupError } from '../domain/errors';
import type { Connection } from '../providers/provider';
import { findProvider } from '../providers/registry';
import { accountChanged } from '../workflows/contract';
import type { Context } from './context';
import { CliError, describe, wrongUse } from './errors';
import { say } from './output';

/** The probe is one request. */
const PROBE_TIMEOUT_MS = 30_000;

/** The variable's name is echoed only where it looks like one: somebody may have given the key itself. */
export function readSecret(name: string, command: string, option = '--secret-env'): string {
  if (!/^[A-Z_][A-Z0-9_]*$/.test(name)) {
    throw wrongUse(
      `What ${option} was given is no name of an environment variable (capitals, digits, underscores)`,
      'Put the key into a variable such as STRIPE_KEY, and give that name.',
    );
  }
  const secret = (process.env[name] ?? '').trim();
  if (secret !== '') return secret;
  throw wrongUse(
    `The environment variable ${name} is not set`,
    `Set it to the key for this one command: ${name}=… recoup ${command} …`,
  );
}

export interface NewConnection extends Connection {
  readonly provider: string;
  /** Signing secrets of its webhook endpoint; left out, a known account keeps its own. */
  readonly webhookSecrets?: readonly string[] | undefined;
  /** IANA name; left out, a known account keeps its own, and a new one gets UTC. */
  readonly timeZone?: string | undefined;
}

/**
 * Probes the account and stores it. Errors: exit code 2 with nothing written, whatever the provider or its address made
 * impossible.
 */
export async function connectAccount(context: Context, options: NewConnection): Promise<Account> {
  const { db } = context;
  const { provider, externalId: id } = options;
  const displayName = await probe(options);
  await migrate(db);
  const known = (await listAccounts(db)).find((account) => account.id === id);
  if (known !== undefined && known.provider !== provider) {
    throw wrongUse(
      `${id} is connected at ${known.provider}`,
      `Give ${known.provider} as the provider.`,
    );
  }
  await store(context, { ...options, displayName });
  if (options.timeZone !== undefined) await setTimeZone(db, id, options.timeZone);
  if (options.webhookSecrets !== undefined) {
    await storeWebhookSecrets(context, { accountId: id, secrets: options.webhookSecrets });
  }
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

/** Gives a known account another key, after that has proved to be its own. Errors: as connectAccount. */
export async function rotateSecret(
  context: Context,
  account: Account,
  secret: string,
): Promise<void> {
  const { id: externalId, provider, api_base: apiBase } = account;
  const connection = { externalId, provider, apiBase, secret };
  await store(context, { ...connection, displayName: await probe(connection) });
}

/** These and no others sign the account's webhooks from now on. Errors: unknown_account. */
export async function storeWebhookSecrets(
  { config, db }: Context,
  { accountId, secrets }: { readonly accountId: string; readonly secrets: readonly string[] },
): Promise<void> {
  const box = secretBoxOf(config);
  const sealedSecrets = secrets.map((secret) => box.seal(secret, accountId));
  await setWebhookSecrets(db, { accountId, sealedSecrets });
}

/** Opens what the account's secrets are sealed with. */
export const secretBoxOf = (config: Config): SecretBox =>
  createSecretBox({ key: config.RECOUP_SECRET_KEY, keyFile: config.RECOUP_SECRET_KEY_FILE });

async function store(
  { config, db }: Context,
  {
    externalId: id,
    provider,
    displayName,
    apiBase,
    secret,
  }: NewConnection & {
    readonly displayName: string | null;
  },
): Promise<void> {
  const sealedSecret = secretBoxOf(config).seal(secret, id);
  const { normaliserVersion } = findProvider(provider);
  await saveAccount(db, { id, provider, displayName, apiBase, sealedSecret, normaliserVersion });
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

/** States in which an account waits for what new credentials may have brought. */
const WAITING: readonly string[] = ['blocked', 'backing_off'];

/**
 * Tells the workflow of an account that waits. The new key is stored by then, so that a failure to tell is no failure of the
 * command. Returns the state after it; null where nobody was told.
 */
export async function wake(context: Context, { id, state }: Account): Promise<string | null> {
  if (!WAITING.includes(state)) return null;
  try {
    const temporal = await context.temporal();
    const { answer } = await temporal.updateAccount(id, accountChanged, { what: 'credentials' });
    return answer.state;
  } catch (thrown) {
    if (!(thrown instanceof CliError)) throw thrown;
    say(describe(thrown).line);
    return null;
  }
}
