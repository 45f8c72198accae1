import { backoffMs, MAX_PAGE_ATTEMPTS } from '../../../domain/sync/backoff';
import { progressOf, type TaskFacts } from '../../../domain/sync/progress';
import { decideRunEnd, type RunFacts } from '../../../domain/sync/run';

const facts: RunFacts = {
  ended: 'drained',
  because: 'Everything was read.',
  note: null,
  objects: 12,
  changedRows: 3,
  parked: [],
  skipped: [],
  notNormalised: 0,
  unreadWindows: 0,
  unknownPrices: [],
};

describe('a run ends', () => {
  it.each<[string, Partial<RunFacts>, string, string]>([
    ['complete when nothing is missing', {}, 'complete', '12 objects read, 3 rows changed.'],
    [
      'partial when a resource is parked, and says which and why',
      { parked: [{ resource: 'dispute', reason: 'the key may not read it.' }] },
      'partial',
      '12 objects read, 3 rows changed; dispute is parked (the key may not read it).',
    ],
    [
      'partial when objects are kept raw only, and says how many',
      { notNormalised: 2 },
      'partial',
      '12 objects read, 3 rows changed; 2 objects kept raw only, not normalised.',
    ],
    [
      'complete without prices that the provider does not have, and names them',
      { unknownPrices: ['price_1', 'price_2'] },
      'complete',
      '12 objects read, 3 rows changed; prices of unknown value count as 0: price_1, price_2.',
    ],
    [
      'complete with the first ten of more such prices',
      { unknownPrices: Array.from({ length: 11 }, (_, i) => `p${i}`) },
      'complete',
      '12 objects read, 3 rows changed; prices of unknown value count as 0: p0, p1, p2, p3, p4, p5, p6, p7, p8, p9 and more.',
    ],
    [
      'partial when a window is unread, even though its caller took it for drained',
      { unreadWindows: 1 },
      'partial',
      '12 objects read, 3 rows changed; 1 window not read to the end.',
    ],
    [
      'partial when a person has left a resource out, and says which',
      { skipped: ['dispute'] },
      'partial',
      '12 objects read, 3 rows changed; dispute is skipped.',
    ],
    [
      'with what it said of itself when it was opened',
      { note: 'Everything is read again.' },
      'complete',
      'Everything is read again. 12 objects read, 3 rows changed.',
    ],
    [
      'complete with its counts grouped by thousands',
      { objects: 1_234_567, changedRows: 1 },
      'complete',
      '1,234,567 objects read, 1 row changed.',
    ],
    [
      'canceled with the reason',
      { ended: 'canceled', because: 'Ops asked for it.' },
      'canceled',
      'Ops asked for it. 12 objects read, 3 rows changed until then.',
    ],
    [
      'failed with the reason, whatever is missing',
      { ended: 'failed', because: 'The key was revoked.', unreadWindows: 4 },
      'failed',
      'The key was revoked. 12 objects read, 3 rows changed until then.',
    ],
  ])('%s', (_, change, state, summary) => {
    expect(decideRunEnd({ ...facts, ...change })).toEqual({ state, summary });
  });
});

describe('progress', () => {
  const day = (n: number) => new Date(Date.UTC(2026, 0, n));
  const task = (change: Partial<TaskFacts>): TaskFacts => ({
    resource: 'invoice',
    from: null,
    to: day(11),
    lastSeen: null,
    objects: 0,
    state: 'open',
    leased: false,
    parkedReason: null,
    ...change,
  });
  const only = (tasks: TaskFacts[]) => progressOf(tasks, day(1))[0];

  it('is waiting until somebody takes it up', () => {
    expect(only([task({})])).toMatchObject({ state: 'waiting', percent: 0 });
    expect(only([task({ leased: true })])).toMatchObject({ state: 'walking', percent: 0 });
  });

  it('counts the share of the time that is read, over all windows of the resource', () => {
    const newer = task({ from: day(6), lastSeen: day(7), objects: 40, leased: true });
    const older = task({ to: day(6), state: 'done', objects: 5 });
    expect(only([newer])).toMatchObject({ percent: 80, objects: 40 });
    expect(only([newer, older])).toMatchObject({ state: 'walking', percent: 90, objects: 45 });
  });

  it('says 100 only when it is done', () => {
    expect(only([task({ lastSeen: day(1), objects: 9 })])).toMatchObject({ percent: 99 });
    expect(only([task({ state: 'done' })])).toMatchObject({ state: 'done', percent: 100 });
  });

  it('estimates what is left by how dense the read part was', () => {
    const newer = task({ from: day(6), lastSeen: day(7), objects: 40, leased: true });
    // 10 a day: one day of the newer window is left, and the five of the older one.
    expect(only([newer, task({ to: day(6) })])).toMatchObject({ left: 60 });
    expect(only([task({})])).toMatchObject({ left: null });
    expect(only([task({ state: 'done', objects: 3 })])).toMatchObject({ left: 0 });
  });

  it('is skipped when a person left it out', () => {
    expect(only([task({ state: 'done' }), task({ state: 'skipped' })])).toMatchObject({
      state: 'skipped',
    });
  });

  it('stays parked, with its reason, whatever was read before', () => {
    const parked = task({ state: 'parked', parkedReason: 'forbidden', lastSeen: day(6) });
    expect(only([task({ state: 'done' }), parked])).toMatchObject({
      state: 'parked',
      reason: 'forbidden',
    });
  });

  it('lists resources in plan order', () => {
    const lines = progressOf(
      [task({ resource: 'b' }), task({ resource: 'a' }), task({ resource: 'b' })],
      day(1),
    );
    expect(lines.map(({ resource }) => resource)).toEqual(['b', 'a']);
  });
});

describe('the pauses between the tries of one page', () => {
  const delays = (seed: bigint, retryAfterMs?: number) =>
    Array.from({ length: MAX_PAGE_ATTEMPTS - 1 }, (_, i) =>
      backoffMs({ attempt: i + 1, retryAfterMs, seed }),
    );

  it('grow, stay below half a minute each, and give up after a minute and a half', () => {
    const plain = delays(0n);
    expect(plain.slice(0, 4)).toEqual([500, 1_000, 2_000, 4_000]);
    expect(Math.max(...delays(97n))).toBeLessThanOrEqual(25_000);
    expect(plain.reduce((a, b) => a + b)).toBeGreaterThanOrEqual(90_000);
  });

  it('are never shorter than what the service asked for', () => {
    for (const delay of delays(5n, 60_000)) expect(delay).toBeGreaterThanOrEqual(60_000);
  });

  it('differ between lanes that met the same trouble at once', () => {
    expect(new Set([1n, 2n, 3n, 4n].map((seed) => delays(seed)[0])).size).toBe(4);
  });
});
