import { renderDetails, type Details } from '../../workflows/details';
import { Meter } from '../../workflows/meter';

const DETAILS: Details = {
  title: 'stripe account acct_1',
  state: 'syncing',
  because: 'A sync was asked for.',
  next: 'nothing to do.',
  notes: [],
  run: 'run_1',
  progress: [
    { resource: 'customer', state: 'done', objects: 1200, percent: 100, reason: null },
    { resource: 'dispute', state: 'parked', objects: 0, percent: 0, reason: 'No | permission.' },
  ],
  rates: new Map(),
  last: null,
  aside: [],
};

const LAST = {
  run: 'run_0',
  state: 'partial',
  objects: 10,
  changedRows: 3,
  parked: [{ resource: 'dispute', reason: 'The key may not read disputes.' }],
  summary: '10 objects, 1 parked.',
} as const;

test('ops read the state, why, what to do, and the progress by resource', () => {
  expect(renderDetails(DETAILS)).toBe(`### stripe account acct_1: syncing

A sync was asked for.

**Next:** nothing to do.

Run \`run_1\`: 1,200 objects read. See \`recoup runs show run_1\`.

| resource | state | objects | a second | left | read | why |
| --- | --- | --: | --: | --: | --: | --- |
| customer | done | 1,200 |  |  | 100 % |  |
| dispute | parked | 0 |  |  | 0 % | No \\| permission. |

---`);
});

test('from the second report on they see how fast it goes, and what is left', () => {
  const meter = new Meter();
  const invoices = (objects: number, left: number) => [
    { resource: 'invoice', state: 'walking', objects, percent: 40, reason: null, left } as const,
  ];
  meter.read(invoices(1_000, 90_000), 60_000);
  expect(meter.rates.size).toBe(0);
  meter.read(invoices(13_500, 77_500), 65_000);
  const text = renderDetails({
    ...DETAILS,
    progress: invoices(13_500, 77_500),
    rates: meter.rates,
  });
  expect(text).toContain('13,500 objects read, 2,500 a second.');
  expect(text).toContain('| invoice | walking | 13,500 | 2,500 | 77,500 | 40 % |');
});

test('for what is left aside they find the Update that takes it up again', () => {
  const text = renderDetails({ ...DETAILS, aside: ['dispute', 'refund'] });
  expect(text).toContain('**Left aside:** dispute, refund.');
  expect(text).toContain('`retry` with `{"resource":"dispute"}` tries it again');
});

test('after a run they read how it ended, and what is parked and why', () => {
  const text = renderDetails({ ...DETAILS, state: 'idle', run: null, last: LAST });
  expect(text).toContain('Last run `run_0`: partial. 10 objects, 1 parked.');
  expect(text).toContain('**Parked:**\n\n- dispute: The key may not read disputes.');
  expect(text).not.toContain('| resource |');
});

test('what is the reason of the state is not said twice', () => {
  const because = `The sync is partial: ${LAST.summary}`;
  const text = renderDetails({ ...DETAILS, state: 'idle', because, run: null, last: LAST });
  expect(text.split(LAST.summary)).toHaveLength(2);
});

test('however long the reasons are, the UI can show them', () => {
  const progress = Array.from({ length: 30 }, (_, index) => ({
    resource: `resource_${index}`,
    state: 'parked' as const,
    objects: 0,
    percent: 0,
    reason: '…'.repeat(5_000),
  }));
  const text = renderDetails({ ...DETAILS, progress });
  expect(Buffer.byteLength(text)).toBeLessThan(20_000);
});
