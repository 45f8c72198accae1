/**
 * @stripe/sync-engine as a library, unmodified, with what its command line passes by default. It makes its tables from Stripe's
 * OpenAPI specification of API version 2020-08-27, which is no part of the package: STRIPE_OPENAPI_SPEC names a file with it,
 * else the package downloads it.
 */
import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import { readArguments, timed } from '../contestant.mjs';

const API_VERSION = '2020-08-27';
const WORKERS = 50;
const REQUESTS_PER_SECOND = 25;
const INTERVAL_SECONDS = 86_400;

const { database, ...accounts } = readArguments();

// It takes no address, and its SDK speaks TLS: requests to Stripe go to the stub instead, in the clear.
let { api } = accounts.account;
const agent = new http.Agent({ keepAlive: true });
const secureRequest = https.request;
https.request = (options, ...rest) => {
  if (options.host !== 'api.stripe.com') return secureRequest(options, ...rest);
  const { hostname: host, port } = api;
  const sent = http.request({ ...options, host, port, protocol: 'http:', agent }, ...rest);
  // For which the SDK waits before it writes.
  sent.once('socket', (socket) => socket.once('connect', () => socket.emit('secureConnect')));
  return sent;
};

const require = createRequire(import.meta.url);
const { StripeSync, runMigrations } = require('@stripe/sync-engine');

const openApiSpecPath = process.env.STRIPE_OPENAPI_SPEC;
await runMigrations({
  databaseUrl: database,
  stripeApiVersion: API_VERSION,
  ...(openApiSpecPath && { openApiSpecPath }),
});

const syncs = new Map();
for (const account of Object.values(accounts)) {
  if (account === null) continue;
  // It asks the API whose key it has.
  ({ api } = account);
  const sync = await StripeSync.create({
    databaseUrl: database,
    stripeSecretKey: 'sk_test_bench',
    stripeApiVersion: API_VERSION,
    backfillRelatedEntities: true,
    poolConfig: { max: 10, connectionString: database, keepAlive: true },
  });
  syncs.set(account, sync);
}

await timed(accounts, async (account) => {
  ({ api } = account);
  const { totalSynced, errors } = await syncs
    .get(account)
    .fullSync(['invoice'], true, WORKERS, REQUESTS_PER_SECOND, true, INTERVAL_SECONDS);
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('\n'));
  return { objects: totalSynced };
});
