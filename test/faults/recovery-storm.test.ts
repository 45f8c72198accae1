/** Some of the cases of `npm run bench:faults` in memory: the real decisions and protocol, and everything that can go wrong. */
import { runStorm, type StormResult } from '../../bench/faults/storm';
import { findProvider } from '../../providers/registry';

const SHARDS = 60;
const CASES = 20;
const seed = Number(process.env['RECOUP_TEST_SEED'] ?? Math.floor(Math.random() * 1_000_000));

test(`nobody is charged twice, or after a stop, and nothing stays unknown (seed ${seed})`, async () => {
  const { readDecline } = findProvider('stripe');
  const results: StormResult[] = [];
  for (let shard = 0; shard < SHARDS; shard += 1) {
    results.push(await runStorm({ seed, shard, cases: CASES, readDecline }));
  }
  const sum = (count: (result: StormResult) => number): number =>
    results.reduce((total, result) => total + count(result), 0);
  // `npm run bench:faults -- --seed S --shard N` tells the story of one.
  const wrong = results.flatMap((result, shard) =>
    [
      ...result.doubleCharges,
      ...result.forbiddenCharges,
      ...result.ceilingBreaches,
      ...result.wrongOutcomes,
      ...result.unresolved,
    ].map((what) => ({ shard, what })),
  );
  expect(wrong).toEqual([]);
  expect(sum(({ cases }) => cases)).toBe(SHARDS * CASES);
  expect(sum(({ attempts }) => attempts)).toBeGreaterThan(SHARDS);
  expect(sum(({ recovered }) => recovered)).toBeGreaterThan(0);
  expect(sum(({ kills }) => kills)).toBeGreaterThan(SHARDS);
  expect(sum(({ faultsInjected }) => faultsInjected)).toBeGreaterThan(SHARDS);
}, 120_000);

test('a shard is the same each time it is run by itself', async () => {
  const { readDecline } = findProvider('stripe');
  const told = async (): Promise<string[]> => {
    const lines: string[] = [];
    const tell = (line: string) => void lines.push(line);
    await runStorm({ seed, shard: 7, cases: CASES, readDecline, tell });
    return lines;
  };
  const lines = await told();
  expect(lines.length).toBeGreaterThan(CASES);
  expect(await told()).toEqual(lines);
}, 30_000);
