/** A backfill of 50,000 invoices through everything that can go wrong at once: killed and frozen workers, and a service that fails. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Totals } from '../../simulator/oracle/totals';
import { startSimulator, type Simulator } from '../../simulator/server';
import { Random } from '../../simulator/world/random';
import { SIMULATOR_KEY, someAccountId, startRecoup, type Recoup } from '../support/recoup';
import { until } from '../support/until';

/** About 52,000 invoices in 18 months. */
const CUSTOMERS = 5_500;
const MIN_INVOICES = 50_000;
const LANES = 8;
const FROZEN_MS = 60_000;
const LIMIT_MS = 8 * 60_000;
/** When whom is killed follows from it; set RECOUP_TEST_SEED for the same order of events again. */
const SEED = process.env['RECOUP_TEST_SEED'] ?? String(Date.now() % 1_000);

const FAULTS = [
  { kind: '429', everyNth: 41, retryAfterSeconds: 1 },
  { kind: '500', everyNth: 23 },
  { kind: 'truncate', everyNth: 31 },
  { kind: 'reset', everyNth: 53 },
  { kind: 'hang', after: 60, everyNth: 150, times: 3 },
] as const;

let simulator: Simulator;
let recoup: Recoup;
/** Answers that were cut on their way: the log has them as 200. */
let truncated = 0;

beforeAll(async () => {
  simulator = await startSimulator({
    seed: 3,
    customers: CUSTOMERS,
    asOf: new Date('2026-11-01T00:00:00Z'),
    accountId: someAccountId(),
    keys: { [SIMULATOR_KEY]: { permissions: 'all' } },
    latencyMs: 200,
    latencyJitterMs: 100,
  });
  const take = simulator.faults.take.bind(simulator.faults);
  simulator.faults.take = (request) => {
    const encounter = take(request);
    if (encounter.fault?.kind === 'truncate') truncated += 1;
    return encounter;
  };
  recoup = await startRecoup();
}, 120_000);

afterAll(async () => {
  await recoup.close();
  await simulator.close();
});

test(
  `workers are killed every few seconds, one is frozen for a minute, the service fails in every way (seed ${SEED}): the backfill ends by itself, true to the oracle`,
  async () => {
    const random = new Random(`${SEED}/storm`);
    const account = simulator.accountId;
    const [frozen, mortal] = [await recoup.startWorker(), await recoup.startWorker()];
    await recoup.connect({ account, apiBase: simulator.url });
    simulator.faults.add(FAULTS.map((fault) => ({ match: { path: '/v1/invoices' }, ...fault })));

    let ended = false;
    const result = recoup
      .json(['backfill', account, '--resources', 'invoice', '--watch', '--json'])
      .finally(() => (ended = true));
    result.catch(() => undefined);

    await until(async () => (await committedOf('pages')) >= 20, { limitMs: LIMIT_MS });
    process.kill(frozen.pid, 'SIGSTOP');
    const thaw = sleep(FROZEN_MS).then(() => process.kill(frozen.pid, 'SIGCONT'));
    const alive = [mortal];
    void thaw.then(() => alive.push(frozen));
    let kills = 0;
    while (!ended) {
      await sleep(5_000 + random.integer(0, 4_000));
      const [victim] = alive.splice(random.integer(0, alive.length - 1), 1);
      await victim?.kill();
      kills += 1;
      alive.push(await recoup.startWorker());
    }
    await thaw;
    expect(kills).toBeGreaterThanOrEqual(3);
    expect(await result).toMatchObject({ state: 'complete', parked: [] });

    const totals = (await (await fetch(`${simulator.url}/_oracle/totals`)).json()) as Totals;
    expect(await sumsByCurrency('invoice', 'total_minor')).toEqual(
      mapValues(totals.invoices.byCurrency, (of) => [of.count, of.totalMinor]),
    );
    expect(await sumsByCurrency('invoice_line', 'amount_minor')).toEqual(
      mapValues(totals.invoiceLines.byCurrency, (of) => [of.count, of.amountMinor]),
    );
    expect(totals.invoices.count).toBeGreaterThan(MIN_INVOICES);

    // Each object was committed on one page only, so that what was asked for twice had not been committed before: at most a page at
    // hand and one ahead for each lane of a walk that was killed or frozen.
    const committed = await committedOf('objects');
    expect(committed).toBe(totals.invoices.count);
    const askedAgain = delivered().length - truncated - (await committedOf('pages'));
    expect(askedAgain).toBeLessThanOrEqual(2 * LANES * (kills + 1));
  },
  LIMIT_MS,
);

/** Pages of invoices that were answered so far; those cut on their way are among them. */
const delivered = () =>
  simulator.requests
    .last(10_000)
    .filter(({ path, status }) => path === '/v1/invoices' && status === 200);

async function committedOf(column: 'pages' | 'objects'): Promise<number> {
  const { rows } = await recoup.pool.query<{ n: number }>(
    `select coalesce(sum(${column}), 0)::int as n from task where resource = 'invoice'`,
  );
  return rows[0]?.n ?? 0;
}

async function sumsByCurrency(table: string, column: string) {
  const { rows } = await recoup.pool.query<{ currency: string; count: number; sum: string }>(
    `select upper(currency) as currency, count(*)::int as count, sum(${column})::text as sum
     from ${table} group by 1`,
  );
  return Object.fromEntries(rows.map(({ currency, count, sum }) => [currency, [count, sum]]));
}

const mapValues = <A, B>(of: Readonly<Record<string, A>>, map: (value: A) => B) =>
  Object.fromEntries(Object.entries(of).map(([key, value]) => [key, map(value)]));
