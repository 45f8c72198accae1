/** What fails, how far that reaches, and what is said about it. */
import { permissionNames } from '../../simulator/stripe/keys';
import { startSimulator, type Simulator } from '../../simulator/server';
import { SIMULATOR_KEY, someAccountId, startRecoup, type Recoup } from '../support/recoup';

const RESTRICTED_KEY = 'rk_test_no_disputes';

let simulator: Simulator;
let recoup: Recoup;

beforeEach(async () => {
  simulator = await startSimulator({
    seed: 3,
    customers: 40,
    asOf: new Date('2026-11-01T00:00:00Z'),
    accountId: someAccountId(),
    keys: { [SIMULATOR_KEY]: { permissions: 'all' } },
  });
  recoup = await startRecoup();
  await recoup.startWorker();
}, 60_000);

afterEach(async () => {
  await recoup.close();
  await simulator.close();
});

const sync = async () => {
  const { code, stdout, stderr } = await recoup.cli(['sync', simulator.accountId, '--json']);
  return { code, stderr, run: (stdout === '' ? null : JSON.parse(stdout)) as unknown };
};
const account = () => recoup.json(['accounts', 'show', simulator.accountId, '--json']);

test('a key without permission for one resource parks that one by name; the rest completes as partial', async () => {
  const permissions = Object.fromEntries(
    permissionNames.filter((name) => name !== 'dispute').map((name) => [name, 'read' as const]),
  );
  simulator.api.keys.set(RESTRICTED_KEY, { permissions });
  await recoup.connect({
    account: simulator.accountId,
    apiBase: simulator.url,
    key: RESTRICTED_KEY,
  });
  const { code, run } = await sync();
  expect(code).toBe(1);
  expect(run).toMatchObject({ state: 'partial', summary: expect.stringContaining('dispute') });
  const { resources } = run as { resources: { resource: string; state: string }[] };
  const parked = resources.filter(({ state }) => state !== 'done');
  expect(parked).toEqual([
    expect.objectContaining({
      resource: 'dispute',
      state: 'parked',
      reason: expect.stringMatching(/permission/i),
    }),
  ]);
});

test('a key that is revoked later blocks the account, says so, and a new key alone heals it', async () => {
  await recoup.connect({ account: simulator.accountId, apiBase: simulator.url });
  simulator.api.keys.set(SIMULATOR_KEY, { permissions: 'all', revoked: true });
  const { code, stderr } = await sync();
  expect(code).toBe(1);
  expect(stderr).toMatch(/is blocked\. The sync cannot go on\. .* To resume it: /);
  expect(await account()).toMatchObject({ state: 'blocked', attention: true });
  expect((await recoup.rowDigests())['invoice']).toMatch(/^0:/);

  // Another sync says the cause again: being asked for is no reason to be blocked.
  expect((await sync()).stderr).toMatch(/is blocked\. The sync cannot go on\. /);

  simulator.api.keys.set('sk_test_new', { permissions: 'all' });
  await recoup.connect({
    account: simulator.accountId,
    apiBase: simulator.url,
    key: 'sk_test_new',
  });
  const healed = (await account()) as { state: string; history: { event: string }[] };
  expect(['syncing', 'idle']).toContain(healed.state);
  expect(healed.history.map(({ event }) => event)).toContain('credentials_changed');
  expect((await sync()).run).toMatchObject({ state: 'complete' });
}, 120_000);

test('429 from the very first request costs time and nothing else', async () => {
  await recoup.connect({ account: simulator.accountId, apiBase: simulator.url });
  simulator.faults.add([
    { kind: '429', match: { path: '/v1/account' }, times: 2, retryAfterSeconds: 1 },
    { kind: '429', match: { path: '/v1/c' }, times: 12, retryAfterSeconds: 1 },
    { kind: '429', match: { path: '/v1/in' }, times: 12, retryAfterSeconds: 1 },
  ]);
  expect((await sync()).run).toMatchObject({ state: 'complete' });
}, 120_000);

test('errors of the service now and then, before and after, leave no hole', async () => {
  await recoup.connect({ account: simulator.accountId, apiBase: simulator.url });
  simulator.faults.add([
    { kind: '500', match: { path: '/v1/' }, everyNth: 7 },
    { kind: 'truncate', match: { path: '/v1/' }, everyNth: 11 },
    { kind: 'reset', match: { path: '/v1/' }, everyNth: 13 },
  ]);
  expect((await sync()).run).toMatchObject({ state: 'complete' });
  const { rows } = await recoup.pool.query<{ n: number }>('select count(*)::int as n from invoice');
  expect(rows[0]?.n).toBe(simulator.world.invoices.size);
}, 120_000);

test('HTML instead of JSON, status 200, blocks the account: what answers is not the service', async () => {
  await recoup.connect({ account: simulator.accountId, apiBase: simulator.url });
  simulator.faults.add([{ kind: 'html-200', match: { path: '/v1/' } }]);
  const { code } = await sync();
  expect(code).toBe(1);
  expect(await account()).toMatchObject({ state: 'blocked' });
}, 60_000);
