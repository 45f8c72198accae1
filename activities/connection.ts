import { readSealedSecret, type Account } from '../db/repositories/accounts';
import type { Provider, ProviderClient } from '../providers/provider';
import type { ActivityDeps } from './deps';

/**
 * Connects to the account with what is stored about it now: read afresh for every step, so that a changed key or address
 * needs no signal. Errors: unknown_provider, secret_unavailable.
 */
export async function connectAccount(
  { db, secretBox, findProvider }: ActivityDeps,
  account: Account,
): Promise<{ readonly provider: Provider; readonly client: ProviderClient }> {
  const provider = findProvider(account.provider);
  const client = provider.connect({
    externalId: account.id,
    secret: secretBox.open(await readSealedSecret(db, account.id), account.id),
    apiBase: account.api_base,
  });
  return { provider, client };
}
