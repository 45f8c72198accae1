import { opsLinks, workflowLink } from '../../client/links';

const ui = { baseUrl: 'http://127.0.0.1:8233', namespace: 'default' };

const linksOf = (account?: string) =>
  new Map(
    opsLinks(ui, { taskQueue: 'recoup-sync', ...(account !== undefined && { account }) }).map(
      ({ title, url }) => [title, new URL(url)],
    ),
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
    'ExecutionStatus = "Running" AND RecoupAttention = true',
  );
  expect(linksOf('acct_1').get('Blocked')?.searchParams.get('query')).toBe(
    'ExecutionStatus = "Running" AND RecoupState = "blocked" AND RecoupAccountId = "acct_1"',
  );
});

test('no link holds a plus for a blank: the UI takes it literally', () => {
  for (const url of linksOf('acct_1').values()) expect(url.href).not.toContain('+');
});

test('the start form of a backfill comes with type and task queue filled in', () => {
  const form = linksOf().get('Start a backfill');
  expect(form?.pathname).toBe('/namespaces/default/workflows/start-workflow');
  expect(Object.fromEntries(form?.searchParams ?? [])).toEqual({
    workflowType: 'backfill',
    taskQueue: 'recoup-sync',
  });
});
