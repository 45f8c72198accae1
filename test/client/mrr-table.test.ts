import { latestMrr, periodName, renderMrrTables, type MrrRow } from '../../client/mrr-table';
import { paintFor } from '../../client/output';
import { periodsOf } from '../../domain/metrics/periods';

const paint = paintFor(process.stdin as unknown as NodeJS.WriteStream);

const asOf = new Date('2026-11-15T00:00:00Z');
const OCTOBER = new Date('2026-10-01T00:00:00Z');
const [october, november] = periodsOf({
  ...{ period: 'month', timeZone: 'UTC', from: OCTOBER, to: asOf },
}) as [MrrRow['span'], MrrRow['span']];

const month = (span: MrrRow['span'], figures: Partial<MrrRow> = {}): MrrRow => ({
  span,
  scope: 'currency',
  currency: 'EUR',
  exponent: 2,
  fxMinor: 0n,
  startMinor: 1_000_000n,
  newMinor: 123_456n,
  expansionMinor: 0n,
  contractionMinor: -50n,
  churnMinor: -123_406n,
  reactivationMinor: 0n,
  endMinor: 1_000_000n,
  customers: 1234,
  ...figures,
});
const months = [month(october), month(november)];
const yen = month(november, { currency: 'JPY', exponent: 0, endMinor: 7n });

const draw = (figures: readonly MrrRow[], width: number) =>
  renderMrrTables(figures, { paint, width, asOf });
const widest = (text: string) => Math.max(...text.split('\n').map((line) => line.length));

test('wide: every amount to the digit, nothing as a dash, and the newest month is not over', () => {
  const text = draw(months, Infinity);
  expect(text).toMatch(/^EUR per month, Nov 26 so far\nMonth +Start +New +Expansion +Contraction/);
  expect(text).toMatch(
    /\nOct 26 {2}10,000\.00 {2}1,234\.56 +– +-0\.50 {2}-1,234\.06 +– {2}10,000\.00 +1,234\n/,
  );
});

test.each([100, 80, 70, 62])('fits into %i columns', (width) => {
  expect(widest(draw(months, width))).toBeLessThanOrEqual(width);
});

test('a table that had to round says so', () => {
  expect(draw(months, 80)).not.toContain('rounded');
  expect(draw(months, 62)).toContain('rounded to whole units');
});

test('all currencies have the same columns', () => {
  const heads = draw([...months, yen], 70).match(/^Month.*$/gm) ?? [];
  expect(new Set(heads.map((head) => head.replace(/ +/g, ' '))).size).toBe(1);
});

test('what is billed per month now is the end of each currency’s newest month', () => {
  expect(latestMrr([...months, yen])).toEqual({ EUR: 1_000_000n, JPY: 7n });
  expect(periodName('2026-01')).toBe('Jan 26');
  expect(periodName('2026-W01')).toBe('2026-W01');
});

test('a total has what the rates made of it, and a title of its own', () => {
  const total = month(november, { scope: 'total', fxMinor: -250n, endMinor: 999_750n });
  const text = draw([...months, total], Infinity);
  expect(text).toMatch(/All in EUR per month, Nov 26 so far\nMonth .* Reactivation +Rates +End/);
  expect(text).toMatch(/\nNov 26 .* -2\.50 +9,997\.50 +1,234$/);
  expect(latestMrr([...months, total])).toEqual({ EUR: 1_000_000n });
});

test('a period that is over is not said to go on', () => {
  expect(draw([month(october)], Infinity)).toMatch(/^EUR per month\n/);
});
