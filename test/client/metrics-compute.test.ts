/** The built command line, as outside programs call it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../../config/config';

const folder = mkdtempSync(join(tmpdir(), 'recoup-compute-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Without any setting: nothing but the file is asked for. */
const recoup = (args: readonly string[], input?: string) =>
  spawnSync(process.execPath, [join(ROOT, 'client/bin.cjs'), 'metrics', 'compute', ...args], {
    input,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] },
    cwd: folder,
  });

const example = /```json\n([^]*?)```/.exec(
  readFileSync(join(ROOT, 'docs/metrics.md'), 'utf8'),
)?.[1];
const text = example ?? '';
const file = join(folder, 'example.json');
writeFileSync(file, text);

test('computes the example of docs/metrics.md, from a file and from stdin', () => {
  const { status, stdout, stderr } = recoup([file, '--json']);
  expect([status, stderr]).toEqual([0, '']);
  const computed = JSON.parse(stdout) as Record<string, Record<string, unknown>[]>;
  expect(computed['movements']).toEqual([
    {
      customer: 'cus_1',
      at: '2026-01-15T09:30:00.000Z',
      type: 'new',
      currency: 'EUR',
      deltaMinor: '8190',
      mrrAfterMinor: '8190',
    },
    {
      customer: 'cus_2',
      at: '2026-02-27T23:00:00.000Z',
      type: 'new',
      currency: 'USD',
      deltaMinor: '1000',
      mrrAfterMinor: '1000',
    },
    expect.objectContaining({
      at: '2026-03-31T22:00:00.000Z',
      type: 'expansion',
      deltaMinor: '910',
    }),
    expect.objectContaining({ type: 'churn', deltaMinor: '-9100', mrrAfterMinor: '0' }),
  ]);
  expect(computed['periods']?.at(-1)).toMatchObject({
    period: '2026-07',
    currency: 'EUR',
    scope: 'total',
    endMinor: '922',
    customers: 1,
  });
  expect(recoup(['-', '--json'], text).stdout).toBe(stdout);
});

test('prints tables that a person can read', () => {
  const { stdout } = recoup([file]);
  expect(stdout).toContain('All in EUR');
  expect(stdout).toMatch(/2026-06 +91\.00 +0\.00 +0\.00 +0\.00 +-91\.00 +0\.00 +0\.00 +0\.00 +0/);
});

test.each([
  [['nowhere.json'], undefined, 'recoup: nowhere.json cannot be read. Give the path of a file'],
  [['-'], '{', 'recoup: What stdin gave is no JSON: '],
  [
    ['-'],
    '{"now":"2026-01-01","items":[{}]}',
    'recoup: The file is wrong: items[0].customer: expe',
  ],
])('%j with %j is wrong use: exit code 2, and what to do', (args, input, message) => {
  const { status, stdout, stderr } = recoup(args, input);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toContain(message);
});
