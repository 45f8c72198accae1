/** The small run of `bench:recovery`: cases that wait at once, what an attempt costs, and histories that replay. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const MAIN = join(__dirname, '..', '..', 'bench', 'recovery', 'main.mjs');
const CASES = 50;
const ENDED = 15;
const LIMIT_MS = 6 * 60_000;

test(
  `${String(CASES)} cases wait at once, ${String(ENDED)} come to their end, and each history is short and replays`,
  async () => {
    const options = ['--cases', String(CASES), '--ended', String(ENDED), '--json'];
    const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...options]);
    const result = JSON.parse(stdout) as Record<string, number>;
    expect(result['cases']).toBeGreaterThanOrEqual(CASES);
    expect(result).toMatchObject({ ended: ENDED, replayed: result['histories'] });
    expect(result['endedAttempts']).toBeGreaterThan(0);
    expect(result['maxEventsPerAttempt']).toBeLessThan(60);
    expect(result['maxEventsPerCase']).toBeLessThan(2_000);
  },
  LIMIT_MS,
);
