import { renderDetails, type Details } from '../../workflows/details';

const DETAILS: Details = {
  title: 'stripe account acct_1',
  state: 'syncing',
  because: 'A sync was asked for.',
  next: 'nothing to do.',
  run: 'run_1',
  progress: [
    { resource: 'customer', state: 'done', objects: 1200, percent: 100, reason: null },
    { resource: 'dispute', state: 'parked', objects: 0, percent: 0, reason: 'No | permission.' },
  ],
  last: null,
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

Run \`run_1\`: see \`recoup runs show run_1\`.

| resource | state | objects | read | why |
| --- | --- | --: | --: | --- |
| customer | done | 1,200 | 100 % |  |
| dispute | parked | 0 | 0 % | No \\| permission. |`);
});

test('after a run they read how it ended, and what is parked and why', () => {
  const text = renderDetails({ ...DETAILS, state: 'idle', run: null, last: LAST });
  expect(text).toContain('Last run `run_0`, partial: 10 objects, 1 parked.');
  expect(text).toContain('- dispute: The key may not read disputes.');
  expect(text).not.toContain('| resource |');
});

test('however long the reasons are, the UI can show them', () => {
  const progress = Array.from({ length: 30 }, (_, index) => ({
    resource: `resource_${index}`,
    state: 'parked' as const,
    objects: 0,
    percent: 0,
    reason: 'x'.repeat(5_000),
  }));
  const text = renderDetails({ ...DETAILS, progress });
  expect(Buffer.byteLength(text)).toBeLessThan(20_000);
});
