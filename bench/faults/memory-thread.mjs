/** Runs the shards that it is given. */
import { createRequire } from 'node:module';
import { parentPort } from 'node:worker_threads';

const require = createRequire(import.meta.url);
const { runStorm } = require('../../dist/bench/faults/storm');
const { findProvider } = require('../../dist/providers/registry');
const { readDecline } = findProvider('stripe');

// Errors are answers here, thousands of them, and nobody reads where they came from.
Error.stackTraceLimit = 0;

parentPort.on('message', async ({ seed, shard, cases }) => {
  parentPort.postMessage({ shard, result: await runStorm({ seed, shard, cases, readDecline }) });
});
