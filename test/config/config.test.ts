import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loadConfig, ROOT } from '../../config/config';
import { warehouseSettings } from '../../config/warehouse';

const folder = mkdtempSync(join(tmpdir(), 'recoup-config-'));
const noStack = join(folder, 'none.json');
const required = {
  DATABASE_URL: 'postgres://u:p@127.0.0.1:5432/recoup',
  TEMPORAL_ADDRESS: '127.0.0.1:7233',
};

function stackWith(content: string): string {
  const file = join(mkdtempSync(join(folder, 'stack-')), 'stack.json');
  writeFileSync(file, content);
  return file;
}

test('what is not set has its default', () => {
  const config = loadConfig({ env: required, stackFile: noStack });
  expect(config.RECOUP_LANES).toBe(8);
  expect(config.TEMPORAL_NAMESPACE).toBe('default');
});

test('an empty variable counts as unset', () => {
  const config = loadConfig({ env: { ...required, RECOUP_LANES: '' }, stackFile: noStack });
  expect(config.RECOUP_LANES).toBe(8);
});

test('the environment wins over the local stack, which wins over the default', () => {
  const stackFile = stackWith(JSON.stringify({ env: { ...required, RECOUP_LANES: '3' } }));
  expect(loadConfig({ env: {}, stackFile }).RECOUP_LANES).toBe(3);
  expect(loadConfig({ env: { RECOUP_LANES: '4' }, stackFile }).RECOUP_LANES).toBe(4);
});

test.each([
  [{ RECOUP_LANES: 'many' }, /RECOUP_LANES is wrong: .*number/],
  [{ RECOUP_LANES: '0' }, /RECOUP_LANES is wrong/],
  [{ DATABASE_URL: 'mysql://x' }, /DATABASE_URL is wrong/],
  [{ RECOUP_SECRET_KEY: 'abc' }, /RECOUP_SECRET_KEY is wrong: expected 64 hexadecimal digits/],
  [{ TEMPORAL_ADDRESS: 'nowhere' }, /TEMPORAL_ADDRESS is wrong: expected host:port/],
])('a wrong value is named with what was expected: %j', (env, message) => {
  expect(() => loadConfig({ env: { ...required, ...env }, stackFile: noStack })).toThrow(message);
});

test('every wrong variable is named at once', () => {
  const load = () =>
    loadConfig({ env: { RECOUP_LANES: 'x', RECOUP_LOG_LEVEL: 'loud' }, stackFile: noStack });
  expect(load).toThrow(ConfigError);
  expect(load).toThrow(/RECOUP_LANES[\s\S]*RECOUP_LOG_LEVEL/);
});

test('without a stack and with nothing set, one sentence says what to do', () => {
  expect(() => loadConfig({ env: {}, stackFile: noStack })).toThrow(
    /^No local stack is running and DATABASE_URL, TEMPORAL_ADDRESS are not set\. Start one with `npm start`, or set them\.$/,
  );
  const { DATABASE_URL } = required;
  expect(() => loadConfig({ env: { DATABASE_URL }, stackFile: noStack })).toThrow(
    /running and TEMPORAL_ADDRESS is not set\..* or set it\.$/,
  );
});

test('relative paths start at the clone, whatever folder a command is typed in', () => {
  const before = process.cwd();
  process.chdir(folder);
  try {
    const env = { ...required, RECOUP_WAREHOUSE_PATH: 'other/it.duckdb' };
    const config = loadConfig({ env, stackFile: noStack });
    expect(config.RECOUP_WAREHOUSE_PATH).toBe(join(ROOT, 'other', 'it.duckdb'));
    expect(config.RECOUP_SECRET_KEY_FILE).toBe(join(ROOT, '.recoup', 'secret.key'));
    const absolute = { ...required, RECOUP_SECRET_KEY_FILE: '/run/secrets/recoup' };
    expect(loadConfig({ env: absolute, stackFile: noStack }).RECOUP_SECRET_KEY_FILE).toBe(
      '/run/secrets/recoup',
    );
  } finally {
    process.chdir(before);
  }
});

test('the value of a wrong secret is not repeated in the message', () => {
  const load = () =>
    loadConfig({ env: { ...required, RECOUP_SECRET_KEY: 'hunter2' }, stackFile: noStack });
  expect(load).not.toThrow(/hunter2/);
});

test('a stack file that is not JSON is named with what to do', () => {
  expect(() => loadConfig({ env: {}, stackFile: stackWith('{') })).toThrow(/Delete it/);
});

describe('the warehouse', () => {
  const snowflake = {
    RECOUP_SNOWFLAKE_ACCOUNT: 'myorg-account1',
    RECOUP_SNOWFLAKE_USER: 'RECOUP',
    RECOUP_SNOWFLAKE_WAREHOUSE: 'RECOUP_LOAD',
    RECOUP_SNOWFLAKE_DATABASE: 'BILLING',
  };
  const settingsOf = (env: Record<string, string>) =>
    warehouseSettings(loadConfig({ env: { ...required, ...env }, stackFile: noStack }));

  test('is DuckDB as long as nothing of Snowflake is set', () => {
    expect(settingsOf({ RECOUP_WAREHOUSE_PATH: '/data/it.duckdb' })).toEqual({
      kind: 'duckdb',
      path: '/data/it.duckdb',
    });
  });

  test('is Snowflake once that is configured, with a key or a password', () => {
    const password = settingsOf({ ...snowflake, RECOUP_SNOWFLAKE_PASSWORD: 'secret' });
    expect(password).toEqual({
      kind: 'snowflake',
      account: 'myorg-account1',
      url: null,
      user: 'RECOUP',
      role: null,
      warehouse: 'RECOUP_LOAD',
      database: 'BILLING',
      schema: 'RECOUP',
      auth: { kind: 'password', password: 'secret' },
    });
    const file = { RECOUP_SNOWFLAKE_PRIVATE_KEY_FILE: 'keys/recoup.p8' };
    expect(settingsOf({ ...snowflake, ...file })).toMatchObject({
      auth: { kind: 'key', from: { file: join(ROOT, 'keys', 'recoup.p8') }, passphrase: null },
    });
  });

  test.each([
    [
      { RECOUP_SNOWFLAKE_ACCOUNT: 'myorg-account1', RECOUP_SNOWFLAKE_PASSWORD: 'secret' },
      /by half: set RECOUP_SNOWFLAKE_USER, RECOUP_SNOWFLAKE_WAREHOUSE, RECOUP_SNOWFLAKE_DATABASE as well/,
    ],
    [{ RECOUP_SNOWFLAKE_PASSWORD: 'secret' }, /by half: set RECOUP_SNOWFLAKE_ACCOUNT, /],
    [snowflake, /without a way to log in: set one of RECOUP_SNOWFLAKE_PRIVATE_KEY_FILE, /],
    [
      { ...snowflake, RECOUP_SNOWFLAKE_PASSWORD: 'a', RECOUP_SNOWFLAKE_PRIVATE_KEY: 'b' },
      /several ways to log in, RECOUP_SNOWFLAKE_PRIVATE_KEY, RECOUP_SNOWFLAKE_PASSWORD: leave one/,
    ],
    [
      { ...snowflake, RECOUP_SNOWFLAKE_SCHEMA: 'x; drop' },
      /RECOUP_SNOWFLAKE_SCHEMA is wrong: expected a name of letters/,
    ],
  ])('says what is missing or wrong of a Snowflake: %j', (env, message) => {
    expect(() => settingsOf(env)).toThrow(message);
  });
});
