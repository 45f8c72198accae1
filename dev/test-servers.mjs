/** One Postgres and one Temporal server for a run of the tests: quick, not durable, gone afterwards. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Children } from './children.mjs';
import { ensureFakesnow, startFakesnow } from './fakesnow.mjs';
import { onFreePorts } from './ports.mjs';
import { startPostgres } from './postgres.mjs';
import { createSay } from './say.mjs';
import { ensureBinary, startTemporal } from './temporal.mjs';
import { ensureTimeSkipping } from './time-skipping.mjs';

/** Not os.tmpdir(): TMPDIR may be a folder that Postgres' unprivileged user cannot enter when we are root. */
const TEMPORARY = process.platform === 'win32' ? (process.env.TEMP ?? '.') : '/tmp';

/** @returns {Promise<{ databaseUrl: string, temporalAddress: string, stop: () => Promise<void> }>} */
export const startTestServers = () =>
  inFolder(async (children, folder) => {
    const [postgres, temporal] = await Promise.all([
      onFreePorts([0], ([port]) =>
        startPostgres(children, { folder: join(folder, 'postgres'), port, durable: false }),
      ),
      startTestTemporal(children, { withUi: false }),
    ]);
    return { databaseUrl: postgres.url, temporalAddress: temporal.address };
  });

/** A Temporal server of a test's own, with its UI. @returns {Promise<{ address: string, uiUrl: string, stop: () => Promise<void> }>} */
export const startTemporalWithUi = () =>
  inFolder(async (children) => {
    const { address, uiUrl } = await startTestTemporal(children, { withUi: true });
    return { address, uiUrl };
  });

/** A Snowflake of a test's own. @returns {Promise<{ url: string, stop: () => Promise<void> }>} */
export const startSnowflake = () =>
  inFolder(async (children, folder) => {
    await ensureFakesnow(children, createSay(process.stderr));
    return startFakesnow(children, folder);
  });

/** The executable of a Temporal server that skips time: a test starts it by itself. @returns {Promise<string>} */
export async function timeSkippingServer() {
  const { path, stop } = await inFolder(async (children) => ({
    path: await ensureTimeSkipping(children, createSay(process.stderr)),
  }));
  await stop();
  return path;
}

async function inFolder(start) {
  const folder = mkdtempSync(join(TEMPORARY, 'recoup-test-'));
  // Postgres' unprivileged user passes through to its own folder within, and sees nothing else.
  chmodSync(folder, 0o711);
  const children = new Children({ logFolder: join(folder, 'logs') });
  children.removeAtDeath(folder);
  const stop = async () => {
    await children.stopAll({ atOnce: true });
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    return { ...(await start(children, folder)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startTestTemporal(children, { withUi }) {
  const { path } = await ensureBinary(children, createSay(process.stderr));
  return onFreePorts([0, 0, 0, 0], ([port, httpPort, metricsPort, free]) => {
    const ports = { port, httpPort, metricsPort, uiPort: withUi ? free : null };
    return startTemporal(children, { binary: path, databaseFile: null, ...ports });
  });
}
