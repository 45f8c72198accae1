/** Which simulated world a clone's data belongs to: chosen at the first start, the same ever after, until `--fresh`. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { StackError } from './children.mjs';

const DEFAULT_SEED = 1;
const DEFAULT_CUSTOMERS = 300;
/** Enough for a campaign to show something, and few enough for it to be over in half a minute. */
const DEFAULT_FAILURES = 24;

/**
 * @param {string} file
 * @param {{ seed?: number, customers?: number, failures?: number }} wanted
 * @returns {{ seed: number, customers: number, failures: number, asOf: string }} `asOf`: the UTC midnight that the world's history reaches to
 */
export function settleWorld(file, wanted) {
  if (!existsSync(file)) {
    const world = {
      seed: wanted.seed ?? DEFAULT_SEED,
      customers: wanted.customers ?? DEFAULT_CUSTOMERS,
      failures: wanted.failures ?? DEFAULT_FAILURES,
      asOf: `${new Date().toISOString().slice(0, 10)}T00:00:00Z`,
    };
    writeFileSync(file, `${JSON.stringify(world)}\n`);
    return world;
  }
  const world = JSON.parse(readFileSync(file, 'utf8'));
  for (const name of ['seed', 'customers', 'failures']) {
    if (wanted[name] !== undefined && wanted[name] !== world[name]) {
      throw new StackError(
        `The data of this clone were made with --${name} ${world[name]}, not ${wanted[name]}. Add --fresh to wipe them and start anew.`,
      );
    }
  }
  return world;
}
