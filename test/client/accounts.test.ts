/** What is changed of a connected account, with the built command line: its key and its time zone. */
import { startSimulator, type Simulator } from '../../simulator/server';
import { someAccountId, SIMULATOR_KEY, startRecoup, type Recoup } from '../support/recoup';

const ACCOUNT = someAccountId();
const OTHER = someAccountId();
const NEW_KEY = 'sk_test_rotated';
const OTHERS_KEY = 'sk_test_of_another';

let simulator: Simulator;
let other: Simulator;
let recoup: Recoup;

const world = (accountId: string, keys: readonly string[]) =>
  startSimulator({
    seed: 7,
    customers: 5,
    accountId,
    asOf: new Date('2026-11-01T00:00:00Z'),
    keys: Object.fromEntries(keys.map((key) => [key, { permissions: 'all' as const }])),
  });

beforeAll(async () => {
  simulator = await world(ACCOUNT, [SIMULATOR_KEY, NEW_KEY]);
  other = await world(OTHER, [OTHERS_KEY]);
  recoup = await startRecoup();
  await recoup.connect({ account: ACCOUNT, apiBase: simulator.url });
  await recoup.startWorker();
}, 60_000);

afterAll(async () => {
  await recoup.close();
  await simulator.close();
  await other.close();
});

const storedSecret = async (): Promise<string> => {
  const { rows } = await recoup.pool.query<{ secret: string }>(
    `select encode(secret, 'hex') as secret from account where id = $1`,
    [ACCOUNT],
  );
  return rows[0]?.secret ?? '';
};

const rotate = (key: string, more: readonly string[] = []) =>
  recoup.cli(['accounts', 'rotate-secret', ACCOUNT, '--secret-env', 'KEY', ...more], { KEY: key });

test('a blocked account says which command unblocks it, and goes on at once with its new key', async () => {
  simulator.api.keys.set(SIMULATOR_KEY, { permissions: 'all', revoked: true });
  expect(await recoup.cli(['sync', ACCOUNT])).toMatchObject({ code: 1 });
  const shown = await recoup.cli(['accounts', 'show', ACCOUNT]);
  expect(shown.stdout).toContain(
    `To do      recoup accounts rotate-secret ${ACCOUNT} --secret-env NAME\n`,
  );
  const { code, stdout } = await rotate(NEW_KEY);
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: `${ACCOUNT} has its new key. It was blocked and is syncing now: watch it with \`recoup sync ${ACCOUNT}\`.\n`,
  });
  expect(await recoup.json(['sync', ACCOUNT, '--json'])).toMatchObject({ state: 'complete' });
  expect(await recoup.json(['accounts', 'show', ACCOUNT, '--json'])).toMatchObject({
    state: 'idle',
    todo: [],
  });
}, 60_000);

test('a key that is wrong is refused in one line, and nothing is stored', async () => {
  const before = await storedSecret();
  expect(await rotate('sk_test_wrong')).toEqual({
    code: 2,
    stdout: '',
    stderr:
      'recoup: Stripe rejects the key (HTTP status 401). Check that it was copied whole and not revoked; nothing was stored.\n',
  });
  expect(await storedSecret()).toBe(before);
});

test('the key of another account is refused in one line, and nothing is stored', async () => {
  await recoup.pool.query('update account set api_base = $1 where id = $2', [other.url, ACCOUNT]);
  const before = await storedSecret();
  const { code, stderr } = await rotate(OTHERS_KEY);
  await recoup.pool.query('update account set api_base = $1 where id = $2', [
    simulator.url,
    ACCOUNT,
  ]);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: `recoup: The key belongs to ${OTHER}, not to ${ACCOUNT}. Give the id or the key of the other.\n`,
  });
  expect(await storedSecret()).toBe(before);
});

test('an account that waits for nothing takes its new key as it is', async () => {
  expect(await rotate(NEW_KEY, ['--json'])).toMatchObject({
    code: 0,
    stdout: `${JSON.stringify({ account: ACCOUNT, state: 'idle', was: 'idle' })}\n`,
  });
});

test('a time zone is set by its IANA name, and counts as a change of its numbers', async () => {
  const changes = async () =>
    (
      await recoup.pool.query<{ changes: string }>('select changes from account where id = $1', [
        ACCOUNT,
      ])
    ).rows[0]?.changes;
  const before = await changes();
  const set = (zone: string) =>
    recoup.cli(['accounts', 'set', ACCOUNT, '--time-zone', zone, '--json']);
  for (const wrong of ['Mars/Olympus', 'europe/berlin', '+02:00']) {
    expect(await set(wrong)).toMatchObject({
      code: 2,
      stderr: `recoup: Option '--time-zone <zone>' argument '${wrong}' is invalid. Expected an IANA name such as Europe/Berlin. See \`recoup accounts set --help\`.\n`,
    });
  }
  expect(await changes()).toBe(before);
  const { stdout } = await set('Europe/Berlin');
  expect(JSON.parse(stdout)).toMatchObject({ account: ACCOUNT, timeZone: 'Europe/Berlin' });
  expect(Number(await changes())).toBe(Number(before) + 1);
});

test('signing secrets of its webhooks are stored encrypted, several at once, and replaced', async () => {
  const set = (names: readonly string[]) =>
    recoup.cli(['accounts', 'set', ACCOUNT, '--webhook-secret-env', ...names], {
      NEW: 'whsec_new',
      OLD: 'whsec_old',
    });
  const stored = async () => {
    const { rows } = await recoup.pool.query<{ secrets: Buffer[] }>(
      'select webhook_secrets as secrets from account where id = $1',
      [ACCOUNT],
    );
    return rows[0]?.secrets ?? [];
  };
  expect(await set(['NEW', 'OLD'])).toMatchObject({
    code: 0,
    stdout: `${ACCOUNT} takes webhooks that 2 secrets sign.\n`,
  });
  const both = await stored();
  expect(both).toHaveLength(2);
  expect(Buffer.concat(both).includes('whsec')).toBe(false);
  await set(['NEW']);
  expect(await stored()).toHaveLength(1);
  expect(await set(['NOT_SET'])).toMatchObject({ code: 2 });
  expect(await recoup.cli(['accounts', 'set', ACCOUNT])).toMatchObject({ code: 2 });
  expect(await stored()).toHaveLength(1);
});
