/** One Postgres and one Temporal server for a run of the tests: quick, not durable, gone afterwards. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Children } from './children.mjs';
import { onFreePorts } from './ports.mjs';
import { startPostgres } from './postgres.mjs';
import { createSay } from './say.mjs';
import { ensureBinary, startTemporal } from './temporal.mjs';

/** Not os.tmpdir(): TMPDIR may be a folder that Postgres' unprivileged user cannot enter when we are root. */
const TEMPORARY = process.platform === 'win32' ? (process.env.TEMP ?? '.') : '/tmp';

/** @returns {Promise<{ databaseUrl: string, temporalAddress: string, stop: () => Promise<void> }>} */
export async function startTestServers() {
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
    const [postgres, temporal] = await Promise.all([
      onFreePorts([0], ([port]) =>
        startPostgres(children, { folder: join(folder, 'postgres'), port, durable: false }),
      ),
      startTestTemporal(children),
    ]);
    return { databaseUrl: postgres.url, temporalAddress: temporal.address, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startTestTemporal(children) {
  const { path } = await ensureBinary(children, createSay(process.stderr));
  const own = { binary: path, uiPort: null, databaseFile: null };
  return onFreePorts([0, 0, 0], ([port, httpPort, metricsPort]) =>
    startTemporal(children, { ...own, port, httpPort, metricsPort }),
  );
}
