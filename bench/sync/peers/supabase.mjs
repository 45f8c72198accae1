/** @supabase/stripe-sync-engine as a library, unmodified: one `syncBackfill` for each range; one range is the package as shipped. */
import { createRequire } from 'node:module';
import { readArguments, timed } from '../contestant.mjs';

// The ES module's `runMigrations` fails on `__dirname`, swallows that, and leaves no tables.
const require = createRequire(import.meta.url);
const { StripeSync, runMigrations } = require('@supabase/stripe-sync-engine');
const Stripe = require('stripe');

const { database, ...accounts } = readArguments();
await runMigrations({ databaseUrl: database, schema: 'stripe' });
const sync = new StripeSync({
  poolConfig: { connectionString: database },
  stripeSecretKey: 'sk_test_bench',
  stripeWebhookSecret: 'whsec_bench',
});
await timed(accounts, async ({ api, ranges }) => {
  // Its own client with its own options, but for the address: the package lets none be given.
  sync.stripe = new Stripe('sk_test_bench', {
    appInfo: { name: 'Stripe Postgres Sync' },
    host: api.hostname,
    port: api.port,
    protocol: 'http',
  });
  const answers = await Promise.all(
    ranges.map((created) =>
      sync.syncBackfill({ object: 'invoice', ...(ranges.length > 1 && { created }) }),
    ),
  );
  return { objects: answers.reduce((sum, { invoices }) => sum + invoices.synced, 0) };
});
