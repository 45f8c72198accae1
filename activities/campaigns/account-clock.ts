import type { Account } from '../../db/repositories/accounts';
import { connectAccount } from '../connection';
import type { ActivityDeps } from '../deps';

/** The account's now: of this machine, or where its clock is simulated, the provider's. Errors: those of Provider.probe. */
export async function accountNow(deps: ActivityDeps, account: Account): Promise<Date> {
  if (account.clock === 'real') return new Date();
  const { client } = await connectAccount(deps, account);
  try {
    return (await client.probe(new AbortController().signal)).providerTime;
  } finally {
    client.close();
  }
}
