import { opsLinks, workflowLink } from '../../client/links';

const ui = { baseUrl: 'http://127.0.0.1:8233', namespace: 'default' };

const NOW = new Date('2026-11-21T05:00:00.123Z');

const linksOf = (account?: string) =>
  new Map(
    opsLinks(ui, { taskQueue: 'recoup-sync', account, now: NOW }).map(({ title, url }) => [
      title,
      new URL(url),
    ]),
  );

test('a workflow id is one part of the path, with its slashes encoded', () => {
  expect(workflowLink(ui, { workflowId: 'account/acct_1' })).toBe(
    'http://127.0.0.1:8233/namespaces/default/workflows/account%2Facct_1',
  );
  expect(workflowLink(ui, { workflowId: 'account/acct_1', runId: 'r1' })).toBe(
    'http://127.0.0.1:8233/namespaces/default/workflows/account%2Facct_1/r1/history',
  );
});

test('list links filter by the search attributes that the workflows write', () => {
  expect(linksOf().get('Needs attention')?.searchParams.get('query')).toBe(
    'ExecutionStatus = "Running" AND RecoupAttention=true',
  );
  expect(linksOf('acct_1').get('Blocked')?.searchParams.get('query')).toBe(
    'ExecutionStatus = "Running" AND RecoupState = "blocked" AND RecoupAccountId = "acct_1"',
  );
});

test('no link holds a plus for a blank: the UI takes it literally', () => {
  for (const url of linksOf('acct_1').values()) expect(url.href).not.toContain('+');
});

test('the start form of a backfill comes with all but its input: type, task queue, and an id that is new', () => {
  const form = linksOf('acct_1').get('Start a backfill');
  expect(form?.pathname).toBe('/namespaces/default/workflows/start-workflow');
  expect(Object.fromEntries(form?.searchParams ?? [])).toEqual({
    workflowType: 'backfill',
    taskQueue: 'recoup-sync',
    workflowId: 'backfill/acct_1/2026-11-21T05-00-00',
  });
  const anyAccount = linksOf().get('Start a backfill');
  expect(anyAccount?.searchParams.get('workflowId')).toBe('backfill/2026-11-21T05-00-00');
});

test('with an account there is a link to its very workflow, without one to the list of accounts', () => {
  expect(linksOf('acct_1').get('The account')?.pathname).toBe(
    '/namespaces/default/workflows/account%2Facct_1',
  );
  expect(linksOf().get('Accounts')?.searchParams.get('query')).toBe(
    'ExecutionStatus = "Running" AND WorkflowType = "account"',
  );
});

test('running backfills are found by their type and their account', () => {
  expect(linksOf('acct_1').get('Backfills now')?.searchParams.get('query')).toBe(
    'ExecutionStatus = "Running" AND WorkflowType = "backfill" AND RecoupAccountId = "acct_1"',
  );
});
