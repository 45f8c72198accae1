import fc from 'fast-check';
import { barHeights, renderCharts } from '../../client/chart';
import { formatCount, formatInstant, paintFor, renderTable, toJson } from '../../client/output';
import { formatMinor } from '../../domain/words';
import { summaryLine } from '../../client/progress';

const paint = paintFor(process.stdin as unknown as NodeJS.WriteStream);

describe('an amount', () => {
  test.each([
    [1234567n, 2, '12,345.67'],
    [1234567n, 0, '1,234,567'],
    [1234567n, 3, '1,234.567'],
    [5n, 2, '0.05'],
    [5n, 3, '0.005'],
    [0n, 2, '0.00'],
    [-5n, 2, '-0.05'],
    [-123456n, 2, '-1,234.56'],
    [90071992547409931n, 2, '900,719,925,474,099.31'],
  ])('%s of exponent %s is %s', (minor, exponent, text) => {
    expect(formatMinor(minor, exponent)).toBe(text);
  });

  test('property: shows every digit, at any size', () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.integer({ min: 0, max: 4 }), (minor, exponent) => {
        expect(BigInt(formatMinor(minor, exponent).replace(/[,.]/g, ''))).toBe(minor);
      }),
    );
  });

  test('is a number in JSON, and a string where a number would lose digits', () => {
    expect(toJson({ eur: 1234n, huge: 9007199254740993n })).toBe(
      '{"eur":1234,"huge":"9007199254740993"}',
    );
  });
});

test('counts are grouped by thousands', () => {
  expect([0, 999, 1000, 1234567].map(formatCount)).toEqual(['0', '999', '1,000', '1,234,567']);
});

test('instants are shown in UTC to the second, and none as a dash', () => {
  expect(formatInstant(new Date('2026-10-01T06:30:01.999Z'))).toBe('2026-10-01 06:30:01Z');
  expect(formatInstant(null)).toBe('–');
});

describe('a table', () => {
  const columns = [{ head: 'Month' }, { head: 'End', align: 'right' as const }, { head: 'Note' }];

  test('aligns its columns and ends no line in blanks', () => {
    const rows = [
      ['Oct 26', '12,345.67', ''],
      ['Nov 26', '9.00', 'so far'],
    ];
    expect(renderTable(columns, rows, { paint, width: Infinity })).toBe(
      ['Month         End  Note', 'Oct 26  12,345.67', 'Nov 26       9.00  so far'].join('\n'),
    );
  });

  test('wraps its last column within the width', () => {
    const rows = [['Oct 26', '1', 'a reason that goes on and on until it meets the edge']];
    const lines = renderTable(columns, rows, { paint, width: 40 }).split('\n');
    expect(lines.length).toBeGreaterThan(2);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40);
  });
});

describe('a chart', () => {
  test('draws from zero: the largest fills the height, and a little is never nothing', () => {
    expect(barHeights([0n, 1n, 500_000n, 1_000_000n])).toEqual([0, 1, 20, 40]);
    expect(barHeights([0n, 0n])).toEqual([0, 0]);
  });

  test('puts panels side by side as far as they fit, and below each other where they do not', () => {
    const panel = { title: 'EUR', values: [1n, 2n], firstLabel: 'a', lastLabel: 'b' };
    const wide = renderCharts([panel, panel], { paint, width: 80 });
    const narrow = renderCharts([panel, panel], { paint, width: 5 });
    expect(wide.match(/EUR {5}EUR/)).not.toBeNull();
    expect(narrow.split('\n').length).toBeGreaterThan(wide.split('\n').length);
    expect(renderCharts([], { paint, width: 80 })).toBe('');
  });
});

test('progress without a terminal is one line: how much, and what is being read', () => {
  const resource = { objects: 1000, percent: 0, reason: null };
  const progress = [
    { ...resource, resource: 'customer', state: 'done' as const, percent: 100 },
    { ...resource, resource: 'invoice', state: 'walking' as const, percent: 41.7 },
    { ...resource, resource: 'charge', state: 'waiting' as const, objects: 0 },
  ];
  expect(summaryLine(progress)).toBe(
    '  2,000 objects, 1 of 3 resources done; reading invoice 41 %',
  );
  expect(summaryLine([])).toBe('');
});
