import { RecoupError } from '../../domain/errors';
import type { Connection, ConnectOptions, Provider, ProviderClient } from '../provider';
import { findAccess, type Access } from './account';
import { createApi } from './client';
import { readStripeDecline } from './declines';
import { listedFigures } from './figures';
import { normalise, NORMALISER_VERSION } from './normalise/normalise';
import { openOracle } from './oracle';
import { createPager } from './pages';
import { createPayments } from './payments';
import { CHANGES, RESOURCES } from './resources';
import { readWebhook } from './webhooks';

/** Events are kept for 30 days. */
const HORIZON_MS = 30 * 86_400_000;

export const stripe: Provider = {
  name: 'stripe',
  resources: RESOURCES.map(({ name, splittable, companions }) => ({
    name,
    splittable,
    hasCompanions: companions.length > 0,
  })),
  feed: {
    resource: CHANGES.name,
    horizonMs: HORIZON_MS,
    // Events are forgotten, which is no deletion.
    resources: RESOURCES.map(({ name }) => name).filter((name) => name !== 'event'),
  },
  connect,
  hasPayments: true,
  readWebhook,
  readDecline: readStripeDecline,
  normaliserVersion: NORMALISER_VERSION,
  resourceOf: (type) => RESOURCES.find(({ objectType }) => objectType === type)?.name ?? null,
  normalise,
};

function connect(connection: Connection, options?: ConnectOptions): ProviderClient {
  const { externalId } = connection;
  const api = createApi(connection, options);
  const pager = createPager(api);
  let access: Access | null = null;
  /** Looked up once for each connection: a key that was exchanged for one of another account must not mix their data. */
  const actFor = async (signal: AbortSignal): Promise<Access['actFor']> => {
    access ??= await findAccess(api, externalId, signal);
    if (access.probe.externalId !== externalId) {
      throw new RecoupError(
        'credentials_rejected',
        `The key belongs to ${access.probe.externalId}, not to ${externalId}.`,
      );
    }
    return access.actFor;
  };
  return {
    probe: async (signal) => {
      access = await findAccess(api, externalId, signal);
      return access.probe;
    },
    fetchPage: async (request) => pager.fetchPage(request, await actFor(request.signal)),
    fetchObject: async (request) => pager.fetchObject(request, await actFor(request.signal)),
    payments: createPayments({ api, pager, findActFor: actFor }),
    openFigures: async (signal) => {
      // Stripe itself is asked for no oracle.
      const { apiBase } = connection;
      const oracle = apiBase === null ? null : await openOracle(apiBase, signal);
      return oracle ?? listedFigures(api, await actFor(signal));
    },
    close: () => {
      // Idle connections belong to Node's own pool, which closes them after some seconds and keeps no process alive.
    },
  };
}
