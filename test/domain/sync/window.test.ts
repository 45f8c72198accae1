import fc from 'fast-check';
import { DateTime } from 'luxon';
import { parseWindow } from '../../../domain/sync/window';

const from = (text: string) => {
  const parsed = parseWindow({ from: text });
  return parsed.ok ? parsed.window.from : null;
};

describe('a window of time', () => {
  test.each([
    ['a date is its midnight in UTC', '2026-10-01', '2026-10-01T00:00:00.000Z'],
    ['a date without dashes', '20261001', '2026-10-01T00:00:00.000Z'],
    ['a month is its first day', '2026-10', '2026-10-01T00:00:00.000Z'],
    ['a year is its first day', '2026', '2026-01-01T00:00:00.000Z'],
    ['a week is its Monday', '2026-W40', '2026-09-28T00:00:00.000Z'],
    ['a day of the year', '2026-274', '2026-10-01T00:00:00.000Z'],
    ['an instant with Z', '2026-10-01T06:30:00Z', '2026-10-01T06:30:00.000Z'],
    ['an instant with an offset', '2026-10-01T06:30+02:00', '2026-10-01T04:30:00.000Z'],
    ['an instant without one is UTC', '2026-10-01T06:30', '2026-10-01T06:30:00.000Z'],
    ['24:00 is the next midnight', '2026-10-01T24:00:00Z', '2026-10-02T00:00:00.000Z'],
  ])('%s', (_name, text, instant) => {
    expect(from(text)).toBe(instant);
  });

  test.each([
    '',
    'yesterday',
    '2026-02-30',
    '2026-13-01',
    '10:00',
    '1.10.2026',
    '2026-10-01 06:30',
    '1696118400',
  ])('refuses %j and names the field, the text and a correct form', (text) => {
    expect(parseWindow({ to: text })).toEqual({
      ok: false,
      problems: [
        {
          field: 'to',
          message: `"${text}" is no ISO date or instant such as 2026-10-01 or 2026-10-01T08:30:00Z`,
        },
      ],
    });
  });

  test('names both sides when both are wrong', () => {
    const parsed = parseWindow({ from: '10:00', to: 'T11:00' });
    expect(parsed).toMatchObject({ problems: [{ field: 'from' }, { field: 'to' }] });
  });

  test('a side that is left out is open', () => {
    expect(parseWindow({})).toEqual({ ok: true, window: { from: null, to: null } });
  });

  test('is half-open, so that an empty one is refused as an inverted one is', () => {
    const ok = (start: string, to: string) => parseWindow({ from: start, to }).ok;
    expect(ok('2026-10-01', '2026-10-01T00:00:00Z')).toBe(false);
    expect(ok('2026-10-01', '2026-10-01T00:00:00.001Z')).toBe(true);
    expect(parseWindow({ from: '2026-10-02', to: '2026-10-01' })).toEqual({
      ok: false,
      problems: [
        { field: 'to', message: '"2026-10-01" is not after the window\'s start "2026-10-02"' },
      ],
    });
  });

  test('compares instants, not texts: an offset may turn the order round', () => {
    const text = { from: '2026-10-01T01:00+05:00', to: '2026-09-30T21:00Z' };
    expect(parseWindow(text)).toEqual({
      ok: true,
      window: { from: '2026-09-30T20:00:00.000Z', to: '2026-09-30T21:00:00.000Z' },
    });
  });

  test('property: the same instant in any zone and form gives the same window', () => {
    const instants = fc.date({
      min: new Date('1990-01-01'),
      max: new Date('2100-01-01'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(instants, fc.integer({ min: -14 * 60, max: 14 * 60 }), (instant, offset) => {
        const zoned = DateTime.fromJSDate(instant, {
          zone: `UTC${offset < 0 ? '-' : '+'}${Math.abs(Math.trunc(offset / 60))}`,
        });
        for (const text of [
          zoned.toISO(),
          zoned.toISOWeekDate() + zoned.toFormat("'T'HH:mm:ss.SSSZZ"),
        ]) {
          expect(from(text ?? '')).toBe(instant.toISOString());
        }
      }),
    );
  });
});
