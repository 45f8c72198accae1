import { latestMrr, monthName, renderMrrTables } from '../../client/mrr-table';
import { paintFor } from '../../client/output';
import type { MonthlyFigures } from '../../domain/metrics/months';

const paint = paintFor(process.stdin as unknown as NodeJS.WriteStream);

const month = (of: string, figures: Partial<MonthlyFigures> = {}): MonthlyFigures => ({
  month: of,
  currency: 'EUR',
  exponent: 2,
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
const months = [month('2026-10'), month('2026-11')];
const yen = month('2026-11', { currency: 'JPY', exponent: 0, endMinor: 7n });

const draw = (figures: readonly MonthlyFigures[], width: number) =>
  renderMrrTables(figures, { paint, width });
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
  expect(monthName('2026-01')).toBe('Jan 26');
});
