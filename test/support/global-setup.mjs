/** Jest's global set-up of the tests that need servers: one Postgres and one Temporal for the whole run. */
import { startTestServers } from '../../dev/test-servers.mjs';

export default async function setup() {
  // Given from outside, the servers are somebody else's to start and stop.
  if (process.env.RECOUP_TEST_DATABASE_URL && process.env.RECOUP_TEST_TEMPORAL_ADDRESS) return;
  const servers = await startTestServers();
  process.env.RECOUP_TEST_DATABASE_URL = servers.databaseUrl;
  process.env.RECOUP_TEST_TEMPORAL_ADDRESS = servers.temporalAddress;
  globalThis.recoupTestServers = servers;
}
