/**
 * The floors: the least that any sync has to do. Each range of creation times is a lane that walks its pages with one cursor and
 * parses them; with a database, each page is copied into a temporary table and each range merged into one table of raw jsonb.
 */
import { Agent, request } from 'node:http';
import { once } from 'node:events';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { readArguments, timed } from './contestant.mjs';

const PAGE_SIZE = 100;

const { database, ...accounts } = readArguments();
const agent = new Agent({ keepAlive: true, maxSockets: accounts.account.ranges.length });

async function fetchPage({ api, gte, lt }, after) {
  const cursor = after === null ? '' : `&starting_after=${after}`;
  const path = `/v1/invoices?limit=${PAGE_SIZE}&created[gte]=${gte}&created[lt]=${lt}${cursor}`;
  const sent = request(new URL(path, api), { agent }).end();
  const [response] = await once(sent, 'response');
  const pieces = [];
  for await (const piece of response) pieces.push(piece);
  return JSON.parse(Buffer.concat(pieces).toString());
}

/** Walks one range; `take` gets each page while the next one is on its way. */
async function walk(range, take) {
  let objects = 0;
  let coming = fetchPage(range, null);
  for (;;) {
    const page = await coming;
    objects += page.data.length;
    if (page.has_more) coming = fetchPage(range, page.data.at(-1).id);
    await take(page.data);
    if (!page.has_more) return objects;
  }
}

const asCopyText = (text) => text.replaceAll('\\', '\\\\');

async function copyRange(range) {
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  await client.query('create temporary table page (id text, created bigint, data jsonb)');
  const objects = await walk(range, async (invoices) => {
    const rows = invoices.map(
      (invoice) => `${invoice.id}\t${invoice.created}\t${asCopyText(JSON.stringify(invoice))}\n`,
    );
    const copy = client.query(copyFrom('copy page from stdin'));
    copy.end(rows.join(''));
    await once(copy, 'finish');
  });
  await client.query(`
    insert into invoice select id, created, data from page
    on conflict (id) do update set created = excluded.created, data = excluded.data
    where invoice.data is distinct from excluded.data`);
  await client.end();
  return objects;
}

async function makeTable() {
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  await client.query('create table invoice (id text primary key, created bigint, data jsonb)');
  await client.end();
}

if (database) await makeTable();
await timed(accounts, async ({ api, ranges }) => {
  const lane = database ? copyRange : (range) => walk(range, () => undefined);
  const counts = await Promise.all(ranges.map((range) => lane({ api, ...range })));
  return { objects: counts.reduce((sum, count) => sum + count, 0) };
});
