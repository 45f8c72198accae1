/** An account that an operator named. */
import type { Kysely } from 'kysely';
import { listAccounts, readAccount, type Account } from '../db/repositories/accounts';
import type { Database } from '../db/schema';
import { RecoupError } from '../domain/errors';
import type { Provider } from '../providers/provider';
import { PROVIDERS } from '../providers/registry';
import { wrongUse } from './errors';

/** Known accounts that an error message names. */
const MAX_NAMED = 10;

/** Errors: exit code 2 for an unknown account, with the known ones. */
export async function requireAccount(db: Kysely<Database>, id: string): Promise<Account> {
  try {
    return await readAccount(db, id);
  } catch (thrown) {
    if (!(thrown instanceof RecoupError && thrown.code === 'unknown_account')) throw thrown;
    const ids = (await listAccounts(db)).map((account) => account.id);
    const known =
      ids.length > MAX_NAMED ? [...ids.slice(0, MAX_NAMED), `${ids.length - MAX_NAMED} more`] : ids;
    throw known.length === 0
      ? wrongUse(`${thrown.message} None is connected`, 'Connect one with `recoup accounts add`.')
      : wrongUse(`${thrown.message} Known: ${known.join(', ')}`, 'Give one of these.');
  }
}

/** Errors: those of requireAccount, and exit code 2 for an account that was disconnected. */
export async function requireConnected(db: Kysely<Database>, id: string): Promise<Account> {
  const account = await requireAccount(db, id);
  if (account.state !== 'disconnected') return account;
  throw wrongUse(`${id} is disconnected`, 'Connect it again with `recoup accounts add`.');
}

/** Errors: exit code 2 for an account of a provider whose payments cannot be tried again, with those whose can. */
export function requirePayments(
  { id }: Pick<Account, 'id'>,
  { name, hasPayments }: Pick<Provider, 'name' | 'hasPayments'>,
): void {
  if (hasPayments) return;
  const able = PROVIDERS.filter((provider) => provider.hasPayments).map(
    (provider) => provider.name,
  );
  throw wrongUse(
    `Failed payments of ${name} accounts cannot be recovered, and ${id} is one`,
    `Accounts of these can: ${able.join(', ')}.`,
  );
}
