/** Serves a Snowflake for as long as stdin is open; says where on the first line of stdout. */
import { startSnowflake } from '../../../dev/test-servers.mjs';

const { stop, url } = await startSnowflake();
process.stdin.resume().once('end', () => void stop().then(() => process.exit()));
console.log(JSON.stringify({ url }));
