/** Requests that a command makes of a provider: at the pace of all, and again while trouble may pass. */
import { setTimeout as sleep } from 'node:timers/promises';
import { connectAccount } from '../activities/connection';
import type { Account } from '../db/repositories/accounts';
import { asRecoupError } from '../domain/errors';
import { backoffMs, MAX_PAGE_ATTEMPTS } from '../domain/sync/backoff';
import type { Provider, ProviderClient } from '../providers/provider';
import { findProvider } from '../providers/registry';
import { secretBoxOf } from './connect';
import type { Context } from './context';

export interface Asking {
  readonly provider: Provider;
  readonly client: ProviderClient;
  readonly signal: AbortSignal;
  /** Errors: the last one, once it was tried often enough; at once what does not pass. */
  request<T>(make: () => Promise<T>): Promise<T>;
}

/** Errors: those of `connectAccount`. */
export async function askProvider<T>(
  { db, config }: Pick<Context, 'db' | 'config'>,
  account: Account,
  work: (asking: Asking) => Promise<T>,
): Promise<T> {
  const deps = { db, config, findProvider, secretBox: secretBoxOf(config) };
  const { provider, client } = await connectAccount(deps, account);
  const { signal } = new AbortController();
  try {
    return await work({ provider, client, signal, request: tryWhilePassing });
  } finally {
    client.close();
  }
}

async function tryWhilePassing<T>(make: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await make();
    } catch (thrown) {
      const { scope, code, retryAfterMs } = asRecoupError(thrown);
      const passes = scope === 'transient' && code !== 'internal';
      if (!passes || attempt >= MAX_PAGE_ATTEMPTS) throw thrown;
      await sleep(backoffMs({ attempt, retryAfterMs, seed: BigInt(attempt) }));
    }
  }
}
