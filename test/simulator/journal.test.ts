/** A service that is started again from its journal is where it was when it ended, however it did. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import fc from 'fast-check';
import type { Judgement } from '../../simulator/oracle/charges';
import {
  DEFAULT_API_KEY,
  startSimulator,
  type Simulator,
  type SimulatorOptions,
} from '../../simulator/server';
import { CHANGE_KINDS } from '../../simulator/world/changes';

const MAIN = join(__dirname, '..', '..', 'dist', 'simulator', 'main.js');
const AS_OF = '2026-11-01T00:00:00Z';
const HOUR_MS = 3_600_000;

let folder: string;
let file: string;
let running: Simulator | ChildProcess | null = null;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'recoup-journal-'));
  file = join(folder, 'journal.jsonl');
});
afterEach(async () => {
  await end();
  rmSync(folder, { recursive: true, force: true });
});

/** Kills a process; closes what runs in this one. */
async function end(): Promise<void> {
  const ending = running;
  running = null;
  if (ending === null) return;
  if ('world' in ending) return ending.close();
  if (ending.exitCode !== null) return;
  ending.kill('SIGKILL');
  await once(ending, 'exit');
}

async function start(options: Partial<SimulatorOptions> = {}): Promise<string> {
  const world = { seed: 3, customers: 20, failures: 8, asOf: new Date(AS_OF) };
  const simulator = await startSimulator({ ...world, journal: file, ...options });
  running = simulator;
  return simulator.url;
}

async function startProcess(): Promise<string> {
  const world = ['--seed', '3', '--customers', '20', '--failures', '8', '--as-of', AS_OF];
  const child = spawn(process.execPath, [MAIN, ...world, '--journal', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running = child;
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return (JSON.parse(line) as { url: string }).url;
}

async function call(url: string, body?: unknown): Promise<unknown> {
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  return (await fetch(url, init)).json();
}

interface Paid {
  status: number;
  request: string | null;
  replayed: boolean;
}

async function pay(url: string, invoice: string, key: string): Promise<Paid> {
  const { status, headers } = await fetch(`${url}/v1/invoices/${invoice}/pay`, {
    method: 'POST',
    headers: { authorization: `Bearer ${DEFAULT_API_KEY}`, 'idempotency-key': key },
  });
  const replayed = headers.get('idempotent-replayed') === 'true';
  return { status, request: headers.get(replayed ? 'original-request' : 'request-id'), replayed };
}

async function list(url: string, path: string): Promise<{ id: string }[]> {
  const headers = { authorization: `Bearer ${DEFAULT_API_KEY}` };
  const { data } = (await (await fetch(`${url}/v1/${path}`, { headers })).json()) as {
    data: { id: string }[];
  };
  return data;
}

const openInvoices = async (url: string): Promise<string[]> =>
  (await list(url, 'invoices?status=open&limit=100')).map(({ id }) => id);

/** All that can be asked of it, but what is on the way to it. */
const seen = async (url: string) => ({
  clock: await call(`${url}/_simulator/clock`),
  totals: await call(`${url}/_oracle/totals`),
  ledger: await call(`${url}/_oracle/ledger`),
  charges: await call(`${url}/_oracle/charges`),
  mrr: await call(`${url}/_oracle/mrr`),
  stories: await call(
    `${url}/_oracle/ledger?invoice=${(await list(url, 'invoices?limit=100')).map(({ id }) => id).join(',')}`,
  ),
  events: await list(url, 'events?limit=100'),
  subscriptions: await list(url, 'subscriptions?status=all&limit=100'),
});

const later = (hours: number): string =>
  new Date(Date.parse(AS_OF) + hours * HOUR_MS).toISOString();

test('after SIGKILL and another start all that was done is there, and keys are known', async () => {
  const url = await startProcess();
  const [first = '', second = '', third = ''] = await openInvoices(url);
  await call(`${url}/_simulator/retries`, { mode: 'off' });
  await call(`${url}/_simulator/clock`, { now: later(60), stopped: true });
  await call(`${url}/_simulator/change`, { changes: [{ kind: 'payInvoice', id: second }, {}] });
  const paid = [await pay(url, first, 'k1'), await pay(url, second, 'k2')];
  await call(`${url}/_simulator/clock`, { now: later(30 * 24), stopped: true });
  paid.push(await pay(url, third, 'k3'));
  const before = await seen(url);
  await end();

  const again = await startProcess();
  expect(await seen(again)).toEqual(before);
  expect(await pay(again, third, 'k3')).toEqual({ ...paid[2], replayed: true });
  const { request } = await pay(again, first, 'k4');
  expect(paid.map((each) => each.request)).not.toContain(request);
});

test('killed while it is being asked: what it has answered is done, and nothing is done twice', async () => {
  const url = await startProcess();
  await call(`${url}/_simulator/guards`, { guard: false });
  const invoices = await openInvoices(url);
  const answered: string[] = [];
  const asking = invoices.map(async (invoice) => {
    const { request } = await pay(url, invoice, `${invoice}/1`);
    answered.push(request ?? '');
    if (answered.length === 3) await end();
  });
  await Promise.allSettled(asking);
  expect(answered.length).toBeGreaterThanOrEqual(3);

  const again = await startProcess();
  const stories = (await call(`${again}/_oracle/ledger?invoice=${invoices.join(',')}`)) as {
    charges: { by: string; request: string | null }[];
  }[];
  const requests = stories.flatMap(({ charges }) =>
    charges.flatMap(({ request }) => request ?? []),
  );
  expect(requests).toEqual(expect.arrayContaining(answered));
  expect(new Set(requests).size).toBe(requests.length);
  const judged = (await call(`${again}/_oracle/charges`)) as Judgement;
  expect(judged.doubleCharges).toEqual([]);
});

const deed = fc.oneof(
  fc.record({ do: fc.constant('pay' as const), which: fc.nat(9), key: fc.nat(20) }),
  fc.record({ do: fc.constant('change' as const), kind: fc.constantFrom(...CHANGE_KINDS) }),
  fc.record({ do: fc.constant('clock' as const), hours: fc.integer({ min: 1, max: 200 }) }),
  fc.record({
    do: fc.constant('fault' as const),
    kind: fc.constantFrom('409', '429', '500', '500-after-commit', 'truncate', 'html-502'),
  }),
  fc.record({
    do: fc.constant('race' as const),
    kind: fc.constantFrom('change-before', 'change-after'),
    change: fc.constantFrom(...CHANGE_KINDS),
  }),
);

async function perform(
  url: string,
  deeds: readonly (typeof deed extends fc.Arbitrary<infer D> ? D : never)[],
) {
  let hours = 0;
  for (const each of deeds) {
    if (each.do === 'pay') {
      const open = await openInvoices(url);
      await pay(url, open[each.which] ?? open[0] ?? '', `k${each.key}`);
    } else if (each.do === 'change') {
      await call(`${url}/_simulator/change`, { changes: [{ kind: each.kind }] });
    } else if (each.do === 'clock') {
      hours += each.hours;
      await call(`${url}/_simulator/clock`, { now: later(hours), stopped: true });
    } else {
      const { kind } = each;
      const change = each.do === 'race' && { change: each.change };
      await call(`${url}/_simulator/faults`, {
        rules: [{ match: { method: 'POST' }, kind, ...change, times: 1 }],
      });
    }
  }
}

test('whatever was done, also by halves and in races, a second start comes to the same', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(deed, { minLength: 5, maxLength: 25 }), async (deeds) => {
      rmSync(file, { force: true });
      try {
        const url = await start();
        await call(`${url}/_simulator/clock`, { now: AS_OF, stopped: true });
        await perform(url, deeds);
        const before = await seen(url);
        await end();
        expect(await seen(await start())).toEqual(before);
      } finally {
        await end();
      }
    }),
    { numRuns: 12 },
  );
});

test('a clock that runs goes on from where it would be', async () => {
  const url = await start({ now: new Date(AS_OF) });
  await call(`${url}/_simulator/clock`, { now: later(24) });
  await end();
  const before = Date.now();
  const again = await start({ now: new Date(AS_OF) });
  const { clock } = running as Simulator;
  expect(clock.now().getTime()).toBeGreaterThanOrEqual(Date.parse(later(24)));
  expect(clock.now().getTime() - Date.parse(later(24))).toBeLessThanOrEqual(
    Date.now() - before + HOUR_MS,
  );
  expect(await openInvoices(again)).not.toEqual([]);
});

test('a last line that was cut anywhere is as if it had never been asked, and what follows is kept', async () => {
  const url = await start();
  await call(`${url}/_simulator/clock`, { now: later(24), stopped: true });
  const [first = '', second = ''] = await openInvoices(url);
  await pay(url, first, 'k1');
  const before = await seen(url);
  const whole = readFileSync(file).length;
  await pay(url, second, 'k2');
  await end();
  const longer = readFileSync(file).length;
  copyFileSync(file, `${file}.whole`);
  for (const length of [whole, whole + 1, Math.floor((whole + longer) / 2), longer - 1]) {
    copyFileSync(`${file}.whole`, file);
    truncateSync(file, length);
    expect(await seen(await start())).toEqual(before);
    const { url: again } = running as Simulator;
    await pay(again, second, 'k3');
    const after = await seen(again);
    await end();
    expect(await seen(await start())).toEqual(after);
    await end();
  }
});

describe('it is refused', () => {
  test('with another world, which is named', async () => {
    await start();
    await end();
    await expect(start({ seed: 4 })).rejects.toThrow('with another seed: 3, not 4');
    await expect(start({ asOf: new Date('2026-11-02T00:00:00Z') })).rejects.toThrow('another asOf');
    const keys = { sk_test_other: { permissions: 'all' as const } };
    await expect(start({ keys })).rejects.toThrow('another keys');
  });

  test('where it is something else, or broken before its end', async () => {
    writeFileSync(file, '{"name":"recoup"}\n');
    await expect(start()).rejects.toThrow('is no journal');
    rmSync(file);
    const url = await start();
    await call(`${url}/_simulator/retries`, { mode: 'off' });
    await end();
    writeFileSync(file, readFileSync(file, 'utf8').replace('\n{', '\n{{'));
    await expect(start()).rejects.toThrow('Line 2 of the journal');
  });

  test('beside latency and rate limits', async () => {
    for (const options of [{ latencyMs: 1 }, { rateLimits: { allPerSecond: 5 } }])
      await expect(start(options)).rejects.toThrow('neither latency nor rate limits');
  });
});
