/** The worker as a process of its own, as `npm start` runs it. Uses dist/, which `npm test` has built. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT } from '../../config/config';
import { createMigratedDatabase } from '../support/database';
import { temporalAddress, type TestDatabase } from '../support/stack';

const MAIN = join(ROOT, 'dist', 'workers', 'main.js');

let database: TestDatabase;
const children: ChildProcessWithoutNullStreams[] = [];

beforeAll(async () => {
  database = await createMigratedDatabase();
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await database.drop();
});

function start(env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      ...process.env,
      DATABASE_URL: database.url,
      TEMPORAL_ADDRESS: temporalAddress(),
      RECOUP_SYNC_TASK_QUEUE: `test-${randomUUID()}`,
      ...env,
    },
  });
  children.push(child);
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const lines: string[] = [];
  const out = createInterface(child.stdout);
  out.on('line', (line) => lines.push(line));
  const firstLine = once(out, 'line').then(([line]) => String(line));
  const ended = once(child, 'close').then(([code]) => ({
    code: code as number | null,
    stdout: lines,
    stderr,
  }));
  return { child, firstLine, ended };
}

test('says in one JSON line that it is ready, logs JSON, and drains on TERM with exit 0', async () => {
  const { child, firstLine, ended } = start({ RECOUP_SYNC_TASK_QUEUE: 'test-ready' });
  expect(JSON.parse(await firstLine)).toEqual({
    ready: true,
    taskQueue: 'test-ready',
    pid: child.pid,
  });
  child.kill('SIGTERM');
  const { code, stdout, stderr } = await ended;
  expect(code).toBe(0);
  expect(stdout).toHaveLength(1);
  const logs = stderr.trim().split('\n');
  expect(logs.map((line) => (JSON.parse(line) as { msg: string }).msg)).toContain(
    'Worker state changed',
  );
});

test('ends at once at the second signal', async () => {
  const { child, firstLine, ended } = start();
  await firstLine;
  // Both are delivered before the worker has drained.
  child.kill('SIGINT');
  child.kill('SIGTERM');
  expect([130, 143]).toContain((await ended).code);
});

test.each([
  ['DATABASE_URL', 'nonsense'],
  ['TEMPORAL_ADDRESS', 'no-port'],
  ['RECOUP_LANES', '0'],
])('a wrong %s ends it with exit 2 and one line that names it', async (name, value) => {
  const { code, stdout, stderr } = await start({ [name]: value }).ended;
  expect(code).toBe(2);
  expect(stdout).toEqual([]);
  expect(stderr).toMatch(new RegExp(`^recoup worker: ${name} is wrong: [^\\n]+\\n$`));
});

test.each([
  ['Postgres', { DATABASE_URL: 'postgres://u:p@127.0.0.1:1/x' }, 'Postgres'],
  ['Temporal', { TEMPORAL_ADDRESS: '127.0.0.1:1' }, '127.0.0.1:1'],
])('an unreachable %s ends it with exit 1 and one line that says so', async (_, env, text) => {
  const { code, stderr } = await start(env as Record<string, string>).ended;
  expect(code).toBe(1);
  const last = stderr.trim().split('\n').at(-1) ?? '';
  expect(last).toMatch(/^recoup worker: /);
  expect(last).toContain(text);
});
