import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Clone, type CloneOptions, type Launch } from './clone';

const STUBBORN = `
console.log(JSON.stringify({ ready: true }));
setInterval(() => {}, 1000);
process.on('SIGTERM', () => {});
`;

/** Starts of whole stacks, on a machine that may be busy. */
jest.setTimeout(180_000);

let clone: Clone;
const startClone = (options: CloneOptions = {}): Clone => (clone = new Clone(options));
afterEach(() => clone.dispose());

const postgresLog = (): string => readFileSync(clone.path('.recoup/logs/postgres.log'), 'utf8');

/** Everything is up and seen; otherwise "nothing is left" would prove nothing. */
async function bringUp(launch: Launch): Promise<void> {
  await clone.up(launch);
  const seen = clone.processes().join('\n');
  for (const part of [
    'guard.mjs',
    'simulator.cjs',
    'worker.cjs',
    'webhooks.cjs',
    'server start-dev',
    'checkpointer',
  ]) {
    expect(seen).toContain(part);
  }
}

async function expectNothingLeft(): Promise<void> {
  expect(await clone.remains()).toEqual([]);
  expect(existsSync(clone.path('.recoup/stack.json'))).toBe(false);
  expect(existsSync(clone.path('.recoup/lock'))).toBe(false);
}

describe('a stack leaves no process behind', () => {
  it('after Ctrl-C, which stops it in order', async () => {
    const launch = startClone().start();
    await bringUp(launch);
    launch.process.kill('SIGINT');
    expect(await launch.end).toBe(130);
    await expectNothingLeft();
    expect(postgresLog()).toContain('received fast shutdown request');
  });

  it('after a second Ctrl-C, which stops at once what does not want to stop', async () => {
    const launch = startClone({ worker: STUBBORN }).start();
    await bringUp(launch);
    launch.process.kill('SIGINT');
    // A second one right away is npm's echo of the first, and changes nothing.
    launch.process.kill('SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(launch.process.exitCode).toBeNull();
    launch.process.kill('SIGINT');
    expect(await launch.end).toBe(130);
    await expectNothingLeft();
    expect(postgresLog()).toContain('received immediate shutdown request');
  });

  it('after TERM to npm without a terminal', async () => {
    const launch = startClone().start([], { npm: true });
    await bringUp(launch);
    launch.process.kill('SIGTERM');
    await launch.end;
    await expectNothingLeft();
  });

  it('after SIGKILL of npm', async () => {
    const launch = startClone().start([], { npm: true });
    await bringUp(launch);
    launch.process.kill('SIGKILL');
    await expectNothingLeft();
  });

  it('after a hang-up, with nobody left to read what it says', async () => {
    const launch = startClone().start();
    await bringUp(launch);
    launch.process.stdout?.destroy();
    launch.process.stderr?.destroy();
    launch.process.kill('SIGHUP');
    expect(await launch.end).toBe(129);
    await expectNothingLeft();
  });

  it('after SIGKILL of the launcher', async () => {
    const launch = startClone().start();
    await bringUp(launch);
    launch.process.kill('SIGKILL');
    await launch.end;
    await expectNothingLeft();
    expect(postgresLog()).toContain('received fast shutdown request');
  });

  it('after SIGKILL of the launcher in the midst of starting', async () => {
    const launch = startClone().start();
    await clone.until(launch, () => launch.stdout().includes('Postgres'));
    launch.process.kill('SIGKILL');
    await launch.end;
    await expectNothingLeft();
  });

  it('when one of its services dies, and says which with its last words', async () => {
    const launch = startClone().start();
    await bringUp(launch);
    process.kill(clone.facts().pids['worker'] ?? 0, 'SIGKILL');
    expect(await launch.end).toBe(1);
    expect(launch.stdout()).toMatch(
      /✗ worker was ended by SIGKILL\.\nLast lines of .*worker\.log:\n {2}starting/,
    );
    await expectNothingLeft();
  });

  it('when a service does not start, and says which with its last words', async () => {
    const launch = startClone({
      simulator: `console.log('no such world'); process.exit(4)`,
    }).start();
    expect(await launch.end).toBe(1);
    expect(launch.stdout()).toMatch(
      /✗ simulator ended with exit code 4\.\nLast lines of .*\n {2}no such world/,
    );
    await expectNothingLeft();
  });

  it('once started anew, after SIGKILL of the launcher and its guard alike', async () => {
    const launch = startClone().start();
    await bringUp(launch);
    const { pids } = clone.facts();
    process.kill(pids['guard'] ?? 0, 'SIGKILL');
    launch.process.kill('SIGKILL');
    await launch.end;
    expect(clone.processes().join()).toContain('server start-dev');

    const again = clone.start(['--once']);
    expect(await again.end).toBe(0);
    expect(again.stdout()).toContain('Leftovers   postgres, temporal, simulator, worker, webhooks');
    await expectNothingLeft();
  });
});

describe('a run of the tests leaves no process behind', () => {
  const WAITING = `
    const { writeFileSync } = require('node:fs');
    it('waits', async () => {
      writeFileSync('servers', process.env.RECOUP_TEST_DATABASE_URL + ' ' + process.env.RECOUP_TEST_TEMPORAL_ADDRESS);
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    });`;

  it.each(['SIGKILL', 'SIGTERM'] as const)('after %s of npm test', async (signal) => {
    startClone();
    for (const name of ['jest.config.cjs', 'test/support']) {
      cpSync(join(__dirname, '..', '..', name), clone.path(name), { recursive: true });
    }
    mkdirSync(clone.path('test/dev'));
    writeFileSync(clone.path('test/dev/waiting.test.ts'), WAITING);
    // Servers of its own, not those of the run that this test is part of.
    const env = { RECOUP_TEST_DATABASE_URL: '', RECOUP_TEST_TEMPORAL_ADDRESS: '' };
    const launch = clone.start(['test/dev/waiting'], { script: 'test.mjs', env });
    await clone.until(launch, () => existsSync(clone.path('servers')));
    const ports = readFileSync(clone.path('servers'), 'utf8')
      .match(/(?<=127\.0\.0\.1:)\d+/g)
      ?.map(Number);
    expect(ports).toHaveLength(2);
    for (const port of ports ?? []) expect(await answers(port)).toBe(true);

    launch.process.kill(signal);
    await launch.end;
    expect(await clone.remains()).toEqual([]);
    for (const port of ports ?? []) expect(await answers(port)).toBe(false);
  });
});

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
