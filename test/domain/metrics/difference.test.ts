import {
  changedMonths,
  changedMovements,
  type DifferentRow,
} from '../../../domain/metrics/difference';

const row = (own: Partial<DifferentRow>): DifferentRow => ({
  id: 1n,
  side: 'before',
  customer: 'cus_1',
  currency: 'EUR',
  exponent: 2,
  at: new Date('2026-03-01T00:00:00Z'),
  month: '2026-03',
  type: 'new',
  deltaMinor: 1000n,
  afterMinor: 1000n,
  inputs: ['si_1'],
  ...own,
});
const editions = {
  knownUntil: new Date('2026-04-01T00:00:00Z'),
  policyChanged: false,
  engineChanged: false,
  readSince: new Set<string>(),
};

test('a movement that was taken back and came again as it was is no difference', () => {
  const rows = [row({}), row({ id: 9n, side: 'after' })];
  expect(changedMovements(rows, { ...editions, policyChanged: true })).toEqual([]);
  expect(changedMonths(rows)).toEqual([]);
});

test('a movement that came out otherwise is one difference, with both sides and its reason', () => {
  const rows = [row({}), row({ id: 9n, side: 'after', deltaMinor: 1200n, afterMinor: 1200n })];
  expect(changedMovements(rows, { ...editions, policyChanged: true })).toMatchObject([
    { before: { id: 1n }, after: { id: 9n }, because: [{ what: 'policy' }] },
  ]);
  expect(changedMonths(rows)).toMatchObject([{ beforeMinor: 1000n, afterMinor: 1200n }]);
});

test.each([
  [
    'time, where it happened after what the older run knew',
    { at: new Date('2026-04-02') },
    {},
    'happened_since',
  ],
  ['the records that were read since', {}, { readSince: new Set(['si_1']) }, 'records'],
  ['the engine', {}, { engineChanged: true }, 'engine'],
  ['other records, where nothing else is known', {}, {}, 'other_records'],
])('the reason is %s', (_name, own, edition, what) => {
  const [changed] = changedMovements([row({ side: 'after', ...own })], { ...editions, ...edition });
  expect(changed?.because.map((reason) => reason.what)).toEqual([what]);
});
