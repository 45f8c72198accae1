/** Whose data a key reads: its own account's, or, for a platform, that of an account connected to it. */
import { z } from 'zod';
import { RecoupError } from '../../domain/errors';
import type { Probe } from '../provider';
import type { Api } from './client';

const accountShape = z.object({
  id: z.string(),
  object: z.literal('account'),
  created: z.number().nullish(),
  settings: z
    .object({ dashboard: z.object({ display_name: z.string().nullish() }).nullish() })
    .nullish(),
});

export interface Access {
  readonly probe: Probe;
  /** Whom to name in every request; null where the key is the account's own. */
  readonly actFor: string | null;
}

/** Asks Stripe whose key this is. Where it has nothing to do with `externalId`, the probe names its real owner. */
export async function findAccess(
  api: Api,
  externalId: string,
  signal: AbortSignal,
): Promise<Access> {
  try {
    const owner = await readAccount(api, '/v1/account', signal);
    if (owner.externalId === externalId) return { probe: owner, actFor: null };
    const named = await readNamed(api, externalId, signal);
    return { probe: named ?? owner, actFor: named === null ? null : externalId };
  } catch (error) {
    // A restricted key may lack the permission to read its own account: it is valid all the same, and taken to be whose the
    // operator says it is.
    if (!(error instanceof RecoupError) || error.code !== 'permission_missing') throw error;
    const { readAt } = error.details;
    if (!(readAt instanceof Date)) throw error;
    return { probe: { externalId, displayName: null, providerTime: readAt }, actFor: null };
  }
}

/** The account by its id, which a key reads of accounts connected to its own; null for all others. */
async function readNamed(api: Api, id: string, signal: AbortSignal): Promise<Probe | null> {
  try {
    const named = await readAccount(api, `/v1/accounts/${encodeURIComponent(id)}`, signal);
    return named.externalId === id ? named : null;
  } catch (error) {
    const codes = ['permission_missing', 'credentials_rejected', 'request_refused'];
    if (error instanceof RecoupError && codes.includes(error.code)) return null;
    throw error;
  }
}

async function readAccount(api: Api, path: string, signal: AbortSignal): Promise<Probe> {
  const { body, readAt } = await api.get(path, {}, { subject: 'the account', signal });
  const account = accountShape.safeParse(body);
  if (!account.success) throw api.notStripe();
  const { id, created, settings } = account.data;
  return {
    externalId: id,
    displayName: settings?.dashboard?.display_name ?? null,
    providerTime: readAt,
    ...(typeof created === 'number' && { createdAt: new Date(created * 1000) }),
  };
}
