/** The cases in memory: shards of a few cases each, dealt out to a thread for each core. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

export const CASES_OF_A_SHARD = 20;
/** Of one thread: each turn of its event loop, which is dear, is one for all of them. */
const SHARDS_AT_ONCE = 8;
/** Most of what a shard makes is garbage at once: with little room for what is young, much of it is moved to the old first. */
const YOUNG_MB = 96;

/** What is gone through once more is only told at the end, and not all of it. */
const MAX_NAMED = 20;

/**
 * @param {{ cases: number, seed: number, say: import('../../dev/say.mjs').Say }} options
 */
export async function runInMemory({ cases, seed, say }) {
  const shards = Math.ceil(cases / CASES_OF_A_SHARD);
  const threads = Math.min(shards, availableParallelism());
  const total = emptyTotal();
  let next = 0;
  const step = say.step('In memory', `${cases} cases`);
  step.watch(() => `${total.cases} done`);
  try {
    await Promise.all(
      Array.from({ length: threads }, () =>
        runThread({
          seed,
          takeShard: () => (next < shards ? next++ : null),
          casesOf: (shard) => Math.min(CASES_OF_A_SHARD, cases - shard * CASES_OF_A_SHARD),
          add: (shard, result) => addTo(total, shard, result),
        }),
      ),
    );
  } finally {
    step.failed();
  }
  say.ready('In memory', `${total.cases} cases, ${total.attempts} attempts`);
  for (const line of total.named.slice(0, MAX_NAMED)) say.error(line);
  if (total.named.length > 0) {
    say.note('In memory', `\`--shard N --seed ${seed}\` tells the story of a shard alone`);
  }
  return total;
}

const emptyTotal = () => ({
  cases: 0,
  attempts: 0,
  doubleCharges: 0,
  forbiddenCharges: 0,
  ceilingBreaches: 0,
  wrongOutcomes: 0,
  unresolved: 0,
  needsHuman: 0,
  recovered: 0,
  kills: 0,
  faultsInjected: 0,
  /** What must not be, by its shard. */
  named: [],
});

function addTo(total, shard, result) {
  for (const [name, value] of Object.entries(result)) {
    if (!Array.isArray(value)) {
      total[name] += value;
      continue;
    }
    total[name] += value.length;
    for (const what of value) total.named.push(`shard ${shard}: ${name}: ${what}`);
  }
}

function runThread({ seed, takeShard, casesOf, add }) {
  const thread = new Worker(new URL('memory-thread.mjs', import.meta.url), {
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  return new Promise((resolve, reject) => {
    let running = 0;
    const deal = () => {
      const shard = takeShard();
      if (shard !== null) {
        running += 1;
        thread.postMessage({ seed, shard, cases: casesOf(shard) });
      } else if (running === 0) thread.terminate().then(resolve, reject);
    };
    thread.on('message', ({ shard, result }) => {
      running -= 1;
      add(shard, result);
      deal();
    });
    thread.on('error', reject);
    for (let dealt = 0; dealt < SHARDS_AT_ONCE; dealt += 1) deal();
  });
}
