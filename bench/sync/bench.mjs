/** The measuring: one Postgres, one stub API, and each contender alone in its own fresh database, in rounds. */
import { mkdirSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { StackError, readyLine } from '../../dev/children.mjs';
import { onFreePorts } from '../../dev/ports.mjs';
import { startPostgres } from '../../dev/postgres.mjs';
import { CONTENDERS } from './contenders.mjs';
import { ACCOUNT_ID, WARM_UP_ACCOUNT_ID } from './invoices.mjs';
import { startRecoup } from './recoup.mjs';
import { watchUsage } from './usage.mjs';

const STUB_LIMIT_MS = 600_000;
const CONTENDER_LIMIT_MS = 4 * 3_600_000;
const CEILING_MS = 1_000;
const CEILING_LANES = 8;
const PAGE_SIZE = 100;

/**
 * @param {{ children: import('../../dev/children.mjs').Children, say: import('../../dev/say.mjs').Say, folder: string,
 *   invoices: number, latencyMs: number, warmUpInvoices: number, rounds: number, names: readonly string[] }} options
 */
export async function runBench(options) {
  const { children, say, folder, invoices, latencyMs, warmUpInvoices, rounds, names } = options;
  const stub = await startStub(children, { name: 'stub', account: ACCOUNT_ID, invoices });
  const warmUp =
    warmUpInvoices === 0
      ? null
      : await startStub(children, {
          name: 'stub-warm-up',
          account: WARM_UP_ACCOUNT_ID,
          invoices: warmUpInvoices,
        });
  const pagesPerSecond = await ceiling(stub);
  say.ready('Stub', `${invoices} invoices, serves ${pagesPerSecond} pages a second to one process`);
  const { url: adminUrl, child: postgres } = await onFreePorts([0], ([port]) =>
    startPostgres(children, { folder: join(folder, 'postgres'), port, durable: true }),
  );
  // The migrations of @supabase/stripe-sync-engine name this role.
  await query(adminUrl, 'create role postgres');
  await makeLogFiles(adminUrl);
  const stored = invoices + warmUpInvoices;
  const bench = { children, say, invoices, stored, stub, warmUp, adminUrl, postgres };
  const present = [];
  for (const contender of CONTENDERS.filter(({ name }) => names.includes(name))) {
    const lack = (await contender.lacks?.()) ?? null;
    if (lack !== null) {
      say.note('Left out', `${contender.name}: ${lack}`);
    } else present.push({ contender, runs: [] });
  }
  for (let round = 1; round <= rounds; round += 1) {
    // Nothing of one round is known to the next.
    const folderOfRound = join(folder, `round-${round}`);
    mkdirSync(folderOfRound);
    for (const { contender, runs } of present) {
      await reset(stub, latencyMs);
      runs.push(await measure({ ...bench, folder: folderOfRound }, contender));
    }
  }
  const results = present.map(({ runs }) => median(runs));
  return { invoices, latencyMs, warmUpInvoices, rounds, results, ...ratios(results) };
}

/** The run of middle speed, as a whole; of an even number the slower one. */
function median(runs) {
  const bySpeed = runs.toSorted((a, b) => a.recordsPerSecond - b.recordsPerSecond);
  return bySpeed[Math.floor((runs.length - 1) / 2)];
}

async function startStub(children, { name, account, invoices }) {
  const child = children.spawn({
    name,
    command: process.execPath,
    args: [
      // What it serves is its memory: 5 KB for each invoice outside the heap, and an index within.
      '--max-old-space-size=8192',
      new URL('stub.mjs', import.meta.url).pathname,
      ...['--account', account, '--invoices', String(invoices)],
    ],
  });
  const { url, before } = await children.waitUntil(child, {
    probe: () => readyLine(child),
    limitMs: STUB_LIMIT_MS,
  });
  return { url, before };
}

/** Full pages a second that one process gets out of the stub without reading them. */
async function ceiling({ url }) {
  const agent = new Agent({ keepAlive: true, maxSockets: CEILING_LANES });
  const endMs = Date.now() + CEILING_MS;
  let pages = 0;
  const lane = async () => {
    while (Date.now() < endMs) {
      const sent = request(`${url}/v1/invoices?limit=${PAGE_SIZE}`, { agent }).end();
      const [response] = await once(sent, 'response');
      await once(response.resume(), 'end');
      pages += 1;
    }
  };
  await Promise.all(Array.from({ length: CEILING_LANES }, lane));
  agent.destroy();
  return Math.round((pages * 1_000) / CEILING_MS);
}

const ask = async ({ url }, path) => (await fetch(`${url}/_bench/${path}`)).json();
const reset = (stub, latencyMs) => ask(stub, `reset?latency=${latencyMs}`);

async function measure(bench, contender) {
  const { say, stub, invoices, postgres } = bench;
  const { name, kind } = contender;
  const database = contender.stores ? await freshDatabase(bench.adminUrl, name) : null;
  const step = say.step('Measure', `${name}, ${kind}`);
  const start = contender.script ? startScript : startRecoup;
  try {
    const running = await start(bench, { contender, databaseUrl: database?.url ?? null });
    const readUsage = watchUsage({ contender: running.pid, postgres: postgres.pid });
    const { beganMs, endedMs } = await running.measured;
    const { peakRssMb, processorSeconds } = readUsage();
    const { requests } = await ask(stub, 'requests');
    const { activities } = await running.finish();
    if (database) await checkRows(database.url, { contender, invoices: bench.stored });
    const seconds = (endedMs - beganMs) / 1_000;
    const recordsPerSecond = Math.round(invoices / seconds);
    const load = loadavg()[0].toFixed(1);
    const worked = Object.entries(processorSeconds).map(([who, each]) => `${who} ${each} s`);
    step.done(
      `${name}: ${recordsPerSecond} records a second; processor time ${worked.join(', ')}; load ${load}`,
    );
    return { name, recordsPerSecond, seconds, peakRssMb, requests, activities };
  } finally {
    step.failed();
    await database?.drop();
  }
}

/** A contender that is a process of its own, which tells when its work began and ended. */
async function startScript({ children, stub, warmUp }, { contender, databaseUrl }) {
  const { name, ranges, script } = contender;
  const args = ['--api', stub.url, '--before', String(stub.before), '--ranges', String(ranges)];
  const child = children.spawn({
    name,
    command: process.execPath,
    args: [
      ...[script, ...args],
      ...(warmUp ? ['--warm-up-api', warmUp.url] : []),
      ...(databaseUrl ? ['--database', databaseUrl] : []),
    ],
  });
  const measured = children.waitUntil(child, {
    probe: () => readyLine(child),
    limitMs: CONTENDER_LIMIT_MS,
  });
  return {
    pid: child.pid,
    measured,
    finish: async () => {
      await children.stop(child);
      return { activities: null };
    },
  };
}

/** The files of the write-ahead log are made once and used again: whoever comes first would make them for all others. */
async function makeLogFiles(adminUrl) {
  await query(
    adminUrl,
    'create table filler as select repeat(md5(n::text), 32) from generate_series(1, 150000) as n',
  );
  await query(adminUrl, 'drop table filler');
  await query(adminUrl, 'checkpoint');
}

async function freshDatabase(adminUrl, name) {
  const url = new URL(adminUrl);
  url.pathname = `/bench_${name.replaceAll('-', '_')}`;
  const database = url.pathname.slice(1);
  // Nobody pays for what the one before has left in the write-ahead log.
  await query(adminUrl, 'checkpoint');
  await query(adminUrl, `create database ${database}`);
  return {
    url: url.href,
    drop: () => query(adminUrl, `drop database if exists ${database} with (force)`),
  };
}

/** A contender that has lost or doubled rows has no time worth telling. */
async function checkRows(databaseUrl, { contender, invoices }) {
  for (const [table, perInvoice] of Object.entries(contender.rows)) {
    const { rows } = await query(databaseUrl, `select count(*)::integer as count from ${table}`);
    const expected = invoices * perInvoice;
    if (rows[0].count !== expected) {
      throw new StackError(
        `${contender.name} has ${rows[0].count} rows in ${table} instead of ${expected}: its time counts for nothing.`,
      );
    }
  }
}

async function query(url, text) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(text);
  } finally {
    await client.end();
  }
}

function ratios(results) {
  const speedOf = (wanted) => {
    const speeds = results
      .filter(({ name }) => wanted(CONTENDERS.find((contender) => contender.name === name)))
      .map(({ recordsPerSecond }) => recordsPerSecond);
    return speeds.length === 0 ? null : Math.max(...speeds);
  };
  const recoup = speedOf(({ kind }) => kind === 'recoup');
  const ratioTo = (speed) =>
    recoup === null || speed === null ? null : Number((recoup / speed).toFixed(2));
  return {
    ratioToFastestPeer: ratioTo(speedOf(({ kind }) => kind === 'peer as shipped')),
    ratioToCopyFloor: ratioTo(speedOf(({ name }) => name === 'copy')),
  };
}
