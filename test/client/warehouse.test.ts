/** `recoup warehouse check`, as it is typed: against the embedded warehouse, and against Snowflake. */
import { startRecoup, type Recoup } from '../support/recoup';
import { refusal, startSnowflake, type Snowflake } from '../support/snowflake';

let recoup: Recoup;
let snowflake: Snowflake;
let env: Record<string, string>;

beforeAll(async () => {
  [recoup, snowflake] = await Promise.all([startRecoup(), startSnowflake()]);
  const { account, url, user, role, warehouse, database } = snowflake.settings();
  env = {
    RECOUP_SNOWFLAKE_ACCOUNT: account,
    RECOUP_SNOWFLAKE_URL: url ?? '',
    RECOUP_SNOWFLAKE_USER: user,
    RECOUP_SNOWFLAKE_PASSWORD: 'secret',
    RECOUP_SNOWFLAKE_ROLE: role ?? '',
    RECOUP_SNOWFLAKE_WAREHOUSE: warehouse,
    RECOUP_SNOWFLAKE_DATABASE: database,
  };
}, 300_000);
afterEach(() => snowflake.decide());
afterAll(() => Promise.all([recoup.close(), snowflake.stop()]));

const CHECK = ['warehouse', 'check'];

test('of DuckDB it says that the file takes a load', async () => {
  expect(await recoup.json([...CHECK, '--json'])).toEqual([
    { name: 'File', ok: true, detail: recoup.env['RECOUP_WAREHOUSE_PATH'], remedy: [] },
    expect.objectContaining({ name: 'Tables', ok: true }),
    expect.objectContaining({ name: 'Dry load', ok: true }),
  ]);
});

test('of Snowflake it says with what it works there', async () => {
  const { code, stdout } = await recoup.cli(CHECK, env);
  expect(stdout).toMatch(/^ok +Session +role RECOUP_LOADER, warehouse RECOUP_LOAD, /m);
  expect(stdout).toMatch(/^ok +Dry load /m);
  expect(code).toBe(0);
});

test('what lacks is a problem, with the statement that grants it, and exit code 1', async () => {
  snowflake.decide(({ url }) =>
    url.pathname.endsWith('login-request') ? refusal('390189') : 'served',
  );
  const { code, stdout } = await recoup.cli(CHECK, env);
  expect(stdout).toMatch(/^problem +Login +Snowflake's role RECOUP_LOADER is not there/m);
  expect(stdout).toMatch(/^ {2}GRANT ROLE RECOUP_LOADER TO USER RECOUP;$/m);
  expect(code).toBe(1);
});

test('a Snowflake that is configured by half is wrong use', async () => {
  const half = { ...env, RECOUP_SNOWFLAKE_DATABASE: '' };
  const { code, stderr } = await recoup.cli(CHECK, half);
  expect(stderr).toContain('configured by half: set RECOUP_SNOWFLAKE_DATABASE as well');
  expect(code).toBe(2);
});
