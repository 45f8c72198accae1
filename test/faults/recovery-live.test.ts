/** The small run of `bench:faults -- --live`: cases through the real servers and worker processes, in a storm. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const MAIN = join(__dirname, '..', '..', 'bench', 'faults', 'main.mjs');
const CASES = 40;
/** Which strokes hit whom follows from it; set RECOUP_TEST_SEED for the same again. */
const SEED = process.env['RECOUP_TEST_SEED'] ?? String(Date.now() % 1_000);
const LIMIT_MS = 6 * 60_000;

test(
  `workers are killed and frozen, workflows reset and terminated, both servers restarted, and requests fail (seed ${SEED}): nobody is charged twice, or after a stop`,
  async () => {
    const options = ['--cases', '0', '--live', String(CASES), '--seed', SEED, '--json'];
    const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...options]).catch(
      // What was wrong is on stderr, and the counts on stdout all the same.
      (failed: { stdout: string; stderr: string }) => {
        process.stderr.write(failed.stderr);
        return failed;
      },
    );
    const result = JSON.parse(stdout) as Record<string, number>;
    expect(result).toMatchObject({
      liveCases: CASES,
      doubleCharges: 0,
      forbiddenCharges: 0,
      ceilingBreaches: 0,
      wrongOutcomes: 0,
      unresolved: 0,
    });
    // Two restarts are among the kills.
    expect(result['kills']).toBeGreaterThan(2);
    expect(result['faultsInjected']).toBeGreaterThan(0);
  },
  LIMIT_MS,
);
