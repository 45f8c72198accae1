import fc from 'fast-check';
import { atHour, dayOf, localDay, withinHours, zoneOf } from '../../../domain/recovery/calendar';
import {
  inferCycle,
  isPayday,
  paydaysBetween,
  usualCycles,
} from '../../../domain/recovery/paydays';
import { DAY_MS, HOUR_MS } from './make';

const day = (date: string): number => Date.parse(date) / DAY_MS;
const date = (one: number): string => new Date(one * DAY_MS).toISOString().slice(0, 10);

describe('paydays', () => {
  it('by the month are moved to the business day before, into the month before too', () => {
    const in2026 = (cycle: { dates: number[] }, from: string, to: string) =>
      paydaysBetween([cycle], { fromDay: day(from), toDay: day(to) }).map(date);
    expect(in2026({ dates: [25, 31] }, '2026-02-01', '2026-05-31')).toEqual([
      '2026-02-25',
      '2026-02-27',
      '2026-03-25',
      '2026-03-31',
      '2026-04-24',
      '2026-04-30',
      '2026-05-25',
      '2026-05-29',
    ]);
    expect(in2026({ dates: [1] }, '2026-07-20', '2026-09-10')).toEqual([
      '2026-07-31',
      '2026-09-01',
    ]);
  });

  it('are Fridays, the 15th and the last day in the United States, and late in the month elsewhere', () => {
    const november = { fromDay: day('2026-11-01'), toDay: day('2026-11-30') };
    expect(paydaysBetween(usualCycles('US'), november).map(date)).toEqual([
      '2026-11-06',
      '2026-11-13',
      '2026-11-20',
      '2026-11-27',
      '2026-11-30',
    ]);
    for (const country of ['DE', null])
      expect(paydaysBetween(usualCycles(country), november).map(date)).toEqual([
        '2026-11-25',
        '2026-11-30',
      ]);
  });

  const cycles = fc.oneof(
    fc.integer({ min: 0, max: 6 }).map((phase) => ({ everyDays: 7 as const, phase })),
    fc.integer({ min: 0, max: 13 }).map((phase) => ({ everyDays: 14 as const, phase })),
    fc.integer({ min: 1, max: 28 }).map((one) => ({ dates: [one] })),
  );

  it('are told from payments a day or two after them', () => {
    const late = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(cycles, late, (cycle, delays) => {
        const start = day('2025-01-01');
        const paydays = paydaysBetween([cycle], { fromDay: start, toDay: start + 400 });
        const paid = delays.map((delay, index) => (paydays[index] ?? 0) + delay);
        const inferred = inferCycle(paid);
        if (!inferred) throw new Error('Twelve payments tell of no payday.');
        // Cycles a day apart may explain the same payments; what matters is that the payments follow its paydays.
        const explained = paid.filter((one) =>
          [0, 1, 2].some((delay) => isPayday(inferred, one - delay)),
        );
        expect(explained.length).toBeGreaterThanOrEqual(10);
      }),
    );
  });

  it('are not told from two payments, or from payments on any day', () => {
    expect(inferCycle([day('2026-10-10'), day('2026-11-10')])).toBeNull();
    expect(inferCycle([3, 8, 18, 29, 40, 46, 59, 64, 77].map((one) => one + 20_000))).toBeNull();
  });
});

describe('local hours', () => {
  const NEW_YORK = zoneOf({ timeZone: 'America/New_York', country: null });
  const zones = fc
    .constantFrom('America/New_York', 'Europe/Berlin', 'Asia/Kolkata', 'Pacific/Auckland', 'UTC')
    .map((timeZone) => zoneOf({ timeZone, country: null }));

  it("are the customer's own, else the country's, else UTC", () => {
    expect(NEW_YORK.name).toBe('America/New_York');
    expect(zoneOf({ timeZone: 'No/Where', country: 'DE' }).name).toBe('Europe/Berlin');
    expect(zoneOf({ timeZone: null, country: 'AQ' }).name).toBe('UTC');
  });

  it('are kept over a change of clocks', () => {
    for (const [at, utc] of [
      ['2026-03-07', 'T11:00:00.000Z'],
      ['2026-03-08', 'T10:00:00.000Z'],
      ['2026-11-01', 'T11:00:00.000Z'],
    ] as const)
      expect(new Date(atHour(NEW_YORK, day(at), 6)).toISOString()).toBe(`${at}${utc}`);
    expect(dayOf(2026, 12, 1)).toBe(day('2027-01-01'));
  });

  it('an instant is moved to waking hours, never back, and never by a whole day', () => {
    const instants = fc.integer({ min: Date.parse('2026-01-01'), max: Date.parse('2027-12-31') });
    fc.assert(
      fc.property(zones, instants, (zone, atMs) => {
        const moved = withinHours(zone, atMs, { fromHour: 6, toHour: 21 });
        const hour =
          (moved + zone.offset(moved) * 60_000 - localDay(zone, moved) * DAY_MS) / HOUR_MS;
        expect(hour).toBeGreaterThanOrEqual(6);
        expect(hour).toBeLessThan(21);
        expect(moved).toBeGreaterThanOrEqual(atMs);
        expect(moved - atMs).toBeLessThan(11 * HOUR_MS);
      }),
    );
  });
});
