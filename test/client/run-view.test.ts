import { renderRun, runJson, type RunView } from '../../client/run-view';

const view: RunView = {
  run: {
    id: 'run_7',
    account_id: 'acct_1',
    key: 'account/acct_1/1',
    kind: 'sync',
    window_from: null,
    until: new Date('2026-11-01T00:00:00Z'),
    floor: new Date('2011-01-01T00:00:00Z'),
    desired: 'run',
    state: 'partial',
    note: null,
    counted_changes: 0n,
    summary: '1,200 objects read, 900 rows changed; dispute is parked.',
    started_at: new Date('2026-11-01T00:00:00Z'),
    ended_at: null,
  },
  resources: [
    { resource: 'invoice', state: 'done', objects: 1200, percent: 100, reason: null },
    {
      resource: 'dispute',
      state: 'parked',
      objects: 0,
      percent: 0,
      reason: 'The key may not read disputes.',
    },
  ],
  objects: 1200,
  changedRows: 900,
  notNormalised: {
    count: 250,
    first: [{ type: 'invoice', id: 'in_1', reason: 'customer: expected text' }],
  },
};

test('a run names what is parked with its reason, and what could not be normalised', () => {
  const text = renderRun(view);
  expect(text).toContain('dispute         0    0 %  parked: The key may not read disputes.');
  expect(text).toContain('invoice     1,200  100 %  done');
  expect(text).toMatch(
    /could not be normalised \(250, the first 1\)\n.*\ninvoice {2}in_1 {2}customer: expected text/,
  );
  expect(text).toContain('since ever, until 2026-11-01 00:00:00Z');
});

test('its JSON has the same, and nothing of the database’s own', () => {
  const json = runJson(view);
  expect(json).toMatchObject({ run: 'run_7', state: 'partial', notNormalised: { count: 250 } });
  expect(json).not.toHaveProperty('key');
});

test('a run that goes on says what it is, why it reads so much, what is left and what is skipped', () => {
  const text = renderRun({
    ...view,
    run: {
      ...view.run,
      kind: 'changes',
      state: 'running',
      summary: null,
      note: 'The change feed was left alone for too long: everything is read again.',
    },
    resources: [
      {
        resource: 'invoice',
        state: 'walking',
        objects: 1200,
        percent: 40,
        left: 1800,
        reason: null,
      },
      { resource: 'dispute', state: 'skipped', objects: 0, percent: 0, left: null, reason: null },
    ],
  });
  expect(text).toContain('run_7, changes of acct_1');
  expect(text).toContain('Note     The change feed was left alone for too long');
  expect(text).toMatch(
    /Resource +Objects +Read +Left +State\ninvoice +1,200 +40 % +~1,800 +walking/,
  );
  expect(text).toMatch(/dispute +0 +0 % +skipped\n/);
});
