/** The official stripe-mock: found in the cache, or built into it once with Go. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { homedir } from 'node:os';
import path from 'node:path';

const VERSION = 'v0.203.0';
const CACHE = path.join(
  process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'),
  'recoup',
  'bin',
);
const BINARY = path.join(CACHE, 'stripe-mock');
const READY_TRIES = 100;
const READY_DELAY_MS = 100;

export interface StripeMock {
  readonly apiBase: string;
  stop(): Promise<void>;
}

/** The account that stripe-mock calls its own. */
export const MOCK_ACCOUNT = 'acct_1PgafTB7WZ01zgkW';

/** Why stripe-mock cannot run on this machine, or null when it can. */
export function whyNoStripeMock(): string | null {
  if (existsSync(BINARY)) return null;
  try {
    execFileSync('go', ['version'], { stdio: 'ignore' });
    return null;
  } catch {
    return `stripe-mock is not in ${CACHE}, and Go, which would build it, is not installed`;
  }
}

export async function startStripeMock(): Promise<StripeMock> {
  build();
  const [httpPort, httpsPort] = [await freePort(), await freePort()];
  const child = spawn(
    BINARY,
    [
      '-http-addr',
      `127.0.0.1:${String(httpPort)}`,
      '-https-addr',
      `127.0.0.1:${String(httpsPort)}`,
    ],
    { stdio: 'ignore' },
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const apiBase = `http://127.0.0.1:${String(httpPort)}`;
  for (let tries = 0; tries < READY_TRIES; tries++) {
    if (child.exitCode !== null) break;
    const answer = await fetch(apiBase).catch(() => null);
    if (answer !== null) {
      return {
        apiBase,
        stop: () => {
          child.kill();
          return ended;
        },
      };
    }
    await new Promise((resolve) => setTimeout(resolve, READY_DELAY_MS));
  }
  child.kill();
  throw new Error(`stripe-mock did not come up at ${apiBase}`);
}

function build(): void {
  if (existsSync(BINARY)) return;
  process.stderr.write(`Building stripe-mock ${VERSION} into ${CACHE}, once.\n`);
  mkdirSync(CACHE, { recursive: true });
  execFileSync('go', ['install', `github.com/stripe/stripe-mock@${VERSION}`], {
    env: { ...process.env, GOBIN: CACHE },
    stdio: 'inherit',
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
