import { readSealedSecret, type Account } from '../db/repositories/accounts';
import type { Ceiling } from '../domain/sync/rate';
import type { Provider, ProviderClient, RateScope } from '../providers/provider';
import type { ActivityDeps } from './deps';
import { createPace } from './pace';

/**
 * Connects to the account with what is stored about it now: read afresh for every step, so that a changed key or address
 * needs no signal. Errors: unknown_provider, secret_unavailable.
 */
export async function connectAccount(
  {
    db,
    secretBox,
    findProvider,
    config,
  }: Pick<ActivityDeps, 'db' | 'secretBox' | 'findProvider' | 'config'>,
  account: Account,
): Promise<{ readonly provider: Provider; readonly client: ProviderClient }> {
  const provider = findProvider(account.provider);
  const connection = {
    externalId: account.id,
    secret: secretBox.open(await readSealedSecret(db, account.id), account.id),
    apiBase: account.api_base,
  };
  const pace = createPace({
    db,
    accountId: account.id,
    ceilingOf: (scope) => ceilingOf(scope, account, config),
  });
  return { provider, client: provider.connect(connection, { pace }) };
}

/** What is configured; else what the provider publishes, which tells nothing of what answers at another address than its own. */
function ceilingOf(
  { kind, perSecond }: RateScope,
  account: Account,
  config: ActivityDeps['config'],
): Ceiling {
  const configured = {
    account: config.RECOUP_RATE_LIMIT_PER_SECOND,
    endpoint: config.RECOUP_ENDPOINT_RATE_LIMIT_PER_SECOND,
  }[kind];
  return configured ?? (account.api_base === null ? perSecond : null);
}
