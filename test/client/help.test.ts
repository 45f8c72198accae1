/** What needs no server: help, wrong lines, and servers that are not there. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main } from '../../client/main';

const ROOT = join(__dirname, '..', '..');
/** Port 1 of the loopback: nobody listens there. */
const NOWHERE = {
  DATABASE_URL: 'postgres://recoup:recoup@127.0.0.1:1/recoup',
  TEMPORAL_ADDRESS: '127.0.0.1:1',
};

function recoup(args: readonly string[], env: Record<string, string> = NOWHERE) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(ROOT, 'client', 'bin.cjs'), ...args],
    { env: { ...process.env, ...env }, encoding: 'utf8' },
  );
  return { code: status, stdout, stderr };
}

const COMMANDS = [
  [],
  ...[
    ...[
      'accounts',
      'sync',
      'backfill',
      'campaigns',
      'recoveries',
      'notifications',
      'metrics',
      'runs',
      'schedules',
      'doctor',
      'links',
      'demo',
    ],
  ].map((name) => [name]),
  ...[
    'add',
    'rotate-secret',
    'set',
    'list',
    'show',
    'pause',
    'resume',
    'retry',
    'skip',
    'disconnect',
  ].map((verb) => ['accounts', verb]),
  ...['list', 'show', 'pause', 'resume', 'cancel', 'retry', 'skip'].map((verb) => ['runs', verb]),
  ...['start', 'list', 'show', 'pause', 'resume', 'stop', 'report'].map((verb) => [
    'campaigns',
    verb,
  ]),
  ...['list', 'show', 'explain', 'pause', 'resume', 'cancel', 'attempt-now', 'resolve'].map(
    (verb) => ['recoveries', verb],
  ),
  ...['list', 'replay'].map((verb) => ['notifications', verb]),
  ...['measures', 'cohorts', 'payments', 'rates'].map((verb) => ['metrics', verb]),
  ['metrics', 'rates', 'import'],
  ...['apply', 'list', 'pause', 'resume', 'trigger'].map((verb) => ['schedules', verb]),
];

test.each(COMMANDS.map((path) => [['recoup', ...path].join(' '), path] as const))(
  '`%s --help` says what it does, with two examples',
  async (_name, path) => {
    const written = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
    await main(['node', 'recoup', ...path, '--help']);
    const help = written.mock.calls.map(([text]) => String(text)).join('');
    written.mockRestore();
    expect(help).toMatch(/^Usage: recoup/);
    expect(help.split('Examples:')[1]?.match(/^ {2}\$ /gm)).toHaveLength(2);
  },
);

test.each([
  [['snyc'], "recoup: Unknown command 'snyc' (Did you mean sync?) See `recoup --help`."],
  [['sync'], "recoup: Missing required argument 'account'. See `recoup sync --help`."],
  [['sync', 'a', '--now'], "recoup: Unknown option '--now'. See `recoup sync --help`."],
  [
    ['runs', 'list', '--limit', '0'],
    "recoup: Option '--limit <count>' argument '0' is invalid. Expected a whole number from 1 to 500. See `recoup runs list --help`.",
  ],
  [
    ['sync', 'a', '--watch', '--no-wait'],
    "recoup: Option '--watch' cannot be used with option '--no-wait'. See `recoup sync --help`.",
  ],
  [
    ['accounts', 'add', 'stripe', '--id', 'acct_1'],
    "recoup: Required option '--secret-env <name>' not specified. See `recoup accounts add --help`.",
  ],
])('a line that cannot be read ends with 2 and says why: %j', (args, line) => {
  expect(recoup(args)).toEqual({ code: 2, stdout: '', stderr: `${line}\n` });
});

test('without Postgres a command fails with what to do, and no stack trace', () => {
  expect(recoup(['accounts', 'list'])).toEqual({
    code: 1,
    stdout: '',
    stderr:
      'recoup: Postgres does not answer. Start the local stack with `npm start`, or check DATABASE_URL.\n',
  });
});

test('a stack trace is for those who ask for it', () => {
  const { stderr } = recoup(['accounts', 'list'], { ...NOWHERE, RECOUP_LOG_LEVEL: 'debug' });
  expect(stderr).toMatch(/\n {4}at /);
});

test('a wrong setting is named', () => {
  const { code, stderr } = recoup(['accounts', 'list'], { ...NOWHERE, TEMPORAL_ADDRESS: 'here' });
  expect(code).toBe(2);
  expect(stderr).toMatch(/^recoup: TEMPORAL_ADDRESS is wrong: expected host:port.*\n$/);
});

test('doctor goes on after a problem, and names each', () => {
  const { code, stdout } = recoup(['doctor', '--json']);
  const findings = JSON.parse(stdout) as { name: string; ok: boolean; detail: string }[];
  expect(code).toBe(1);
  expect(findings.filter(({ ok }) => !ok).map(({ name }) => name)).toEqual([
    'Postgres',
    'Temporal',
    'Search attributes',
    'Worker',
    'Accounts',
    'Change feeds',
    'Changes',
    'Schedules',
  ]);
  expect(findings.find(({ name }) => name === 'Temporal')?.detail).toBe(
    'Temporal cannot be reached at 127.0.0.1:1. Start the local stack with `npm start`, or check TEMPORAL_ADDRESS.',
  );
});

test('the demo says where it belongs', () => {
  expect(recoup(['demo'], { ...NOWHERE, RECOUP_SIMULATOR_URL: '' })).toMatchObject({
    code: 2,
    stderr: 'recoup: The demo needs the local stack. Run `npm start`, which starts both.\n',
  });
});

test('`npx recoup` works in a clone', () => {
  const { status, stdout } = spawnSync('npx', ['--no-install', 'recoup', '--help'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect(status).toBe(0);
  expect(stdout).toMatch(/^Usage: recoup /);
});

test('a clone that was not compiled says how to', () => {
  const clone = mkdtempSync(join(tmpdir(), 'recoup-clone-'));
  try {
    mkdirSync(join(clone, 'client'));
    const launcher = join(clone, 'client', 'bin.cjs');
    copyFileSync(join(ROOT, 'client', 'bin.cjs'), launcher);
    const { status, stderr } = spawnSync(process.execPath, [launcher], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: 'recoup: not compiled yet. Run `npm run build`, or `npm start`, first.\n',
    });
  } finally {
    rmSync(clone, { recursive: true });
  }
});
