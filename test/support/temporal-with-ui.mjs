/** Serves Temporal and its UI for as long as stdin is open; says where on the first line of stdout. */
import { startTemporalWithUi } from '../../dev/test-servers.mjs';

const { stop, ...addresses } = await startTemporalWithUi();
process.stdin.resume().once('end', () => void stop().then(() => process.exit()));
console.log(JSON.stringify(addresses));
