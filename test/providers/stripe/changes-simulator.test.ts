/** What changed in a simulated account, by its events alone: afterwards nothing differs from a full walk. */
import type { PageRequest, RawObject } from '../../../providers/provider';
import { stripe } from '../../../providers/stripe/stripe';
import { startSimulator, type Simulator } from '../../../simulator/server';
import { connectTo, walkList } from '../../support/stripe-walk';

const BEFORE = new Date('2026-10-01T00:00:00Z');
const AFTER = new Date('2026-10-22T00:00:00Z');
const signal = new AbortController().signal;
const HOUR_MS = 3_600_000;

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({
    seed: 11,
    customers: 100,
    asOf: BEFORE,
    now: BEFORE,
    embeddedPageSize: 1,
  });
}, 120_000);
afterAll(() => simulator.close());

const connect = () => connectTo(simulator);
const walk = (resource: string, window: PageRequest['window']): Promise<RawObject[]> =>
  walkList(simulator, { resource, window });

/** By type and id, the records as text. */
type Rows = Map<string, string>;

function keep(rows: Rows, objects: readonly RawObject[]): void {
  for (const object of objects) {
    const { records } = stripe.normalise(object);
    const text = JSON.stringify(records, (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    rows.set(`${object.type} ${object.id}`, text);
  }
}

async function walkAll(window: PageRequest['window'], rows: Rows = new Map()): Promise<Rows> {
  for (const { name } of stripe.resources) keep(rows, await walk(name, window));
  return rows;
}

test('objects that events name, and those created since, are all that differ after three weeks', async () => {
  const rows = await walkAll({ from: null, to: BEFORE });
  const before = new Map(rows);
  await fetch(`${simulator.url}/_simulator/clock`, {
    method: 'POST',
    body: JSON.stringify({ now: AFTER.toISOString() }),
  });

  await walkAll({ from: BEFORE, to: AFTER }, rows);
  const since = new Date(BEFORE.getTime() - HOUR_MS);
  const events = await walk('change', { from: since, to: AFTER });
  const hints = new Map(
    events
      .flatMap((event) => stripe.normalise(event).hints)
      .map(({ resource, id }) => [`${resource} ${id}`, { resource, id }]),
  );
  const client = connect();
  for (const { resource, id } of hints.values()) {
    const fetched = await client.fetchObject({ resource, id, signal });
    if (fetched === null) throw new Error(`${resource} ${id} was not deleted.`);
    expect(fetched.refused).toEqual([]);
    keep(rows, [fetched.object, ...fetched.companions]);
  }

  const truth = await walkAll({ from: null, to: AFTER });
  expect([...truth].filter(([key, text]) => before.has(key) && before.get(key) !== text).length)
    // Otherwise nothing is shown.
    .toBeGreaterThan(40);
  // Events are forgotten after thirty days; prices that were made inline are in no list.
  const others = [...rows.keys()].filter((key) => !truth.has(key));
  expect(others.filter((key) => !/^(event|price) /.test(key))).toEqual([]);
  for (const key of others) rows.delete(key);
  expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(truth));
});
