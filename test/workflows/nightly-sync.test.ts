import { CACHES, detailsOf, eventually, Harness } from './harness';

describe.each(CACHES)('nightlySync, $cache', ({ maxCachedWorkflows }) => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await Harness.start({ maxCachedWorkflows });
  });
  afterEach(() => harness.end());
  afterAll(() => harness.stop());

  test('wakes page after page until nobody is left, and adds up', async () => {
    const fakes = harness.fakes();
    fakes.nights = [
      { next: 'acct_5', woken: 5, passedOver: 1, left: 3 },
      { next: null, woken: 2, passedOver: 1, left: 0 },
    ];
    const handle = await harness.startNight({
      timeZone: 'Europe/Berlin',
      except: [],
      maxConcurrent: 7,
    });
    const { startTime } = await handle.describe();
    const from = startTime.toISOString();
    expect(await handle.result()).toEqual({ woken: 7, passedOver: 2, from });
    const page = { timeZone: 'Europe/Berlin', except: [], to: from, maxConcurrent: 7 };
    expect(fakes.pagesWoken).toEqual([
      { ...page, after: null },
      { ...page, after: 'acct_5' },
    ]);
  });

  test('a night that a Schedule means ends its windows there, however late it begins', async () => {
    const fakes = harness.fakes();
    const scheduled = new Date('2026-11-01T02:00:00Z');
    const handle = await harness.scheduleNight({ at: scheduled });
    await eventually(() => fakes.pagesWoken.length > 0);
    expect(fakes.pagesWoken[0]?.to).toBe(scheduled.toISOString());
    await handle.delete();
  });

  test('everything may be left out', async () => {
    const fakes = harness.fakes();
    await (await harness.startNight()).result();
    expect(fakes.pagesWoken).toMatchObject([{ timeZone: null, except: [], maxConcurrent: 50 }]);
  });

  test('ops see who was woken, and how many are left', async () => {
    const fakes = harness.fakes();
    fakes.nights = [{ next: 'acct_5', woken: 5, passedOver: 1, left: 1234 }, 'endless'];
    const handle = await harness.startNight({ except: ['UTC'] });
    await eventually(() => fakes.pagesWoken.length === 2);
    const details = await detailsOf(handle);
    expect(details).toContain('### Nightly sync of every time zone but UTC');
    expect(details).toContain('| 5 | 1 | 1,234 |');
  });

  test('a night that was handed on keeps its count and its window', async () => {
    const fakes = harness.fakes();
    fakes.nights = [{ next: null, woken: 1, passedOver: 0, left: 0 }];
    const from = '2026-11-01T02:00:00.000Z';
    const carried = { v: 1, after: 'acct_5', left: 1, woken: 5, passedOver: 1, from };
    const handle = await harness.startNight({ carried });
    expect(await handle.result()).toEqual({ woken: 6, passedOver: 1, from });
    expect(fakes.pagesWoken).toMatchObject([{ after: 'acct_5', to: from }]);
  });

  test('a cancel ends it as cancelled', async () => {
    const fakes = harness.fakes();
    fakes.nights = ['endless'];
    const handle = await harness.startNight();
    await eventually(() => fakes.pagesWoken.length === 1);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow('cancelled');
    expect((await handle.describe()).status.name).toBe('CANCELLED');
  });

  test.each([
    ['an unknown field', { zone: 'UTC' }, 'unknown field "zone"'],
    ['a name that is no zone', { timeZone: 'Berlin' }, 'timeZone: expected an IANA name'],
    [
      'a zone in the list that is none',
      { except: ['UTC', 'x'] },
      'except.1: expected an IANA name',
    ],
    ['nobody at a time', { maxConcurrent: 0 }, 'maxConcurrent: '],
  ])('refuses %s by name and shows a correct input', async (_, input, message) => {
    harness.fakes();
    const handle = await harness.startNight(input as never);
    await expect(handle.result()).rejects.toMatchObject({
      cause: { type: 'invalid_input', message: expect.stringContaining(message) },
    });
    await expect(handle.result()).rejects.toMatchObject({
      cause: { message: expect.stringContaining('{"timeZone":"Europe/Berlin"') },
    });
  });
});
