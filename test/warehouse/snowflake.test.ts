import { createHash, generateKeyPairSync, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { refusal, startSnowflake, type Asked, type Snowflake } from '../support/snowflake';
import type { Warehouse } from '../../warehouse/port';
import type { SnowflakeSettings } from '../../warehouse/settings';
import { createSnowflakeWarehouse } from '../../warehouse/snowflake/warehouse';
import { describeWarehouse } from './contract';
import { DONE, endOf, KILLED, startLoader } from './elsewhere';
import { loadOf } from './loads';

/** Tables of up to a hundred rows go as values, twenty customers at a time; longer ones as files. */
const LIMITS = { boundRows: 100, binds: 100 };

let snowflake: Snowflake;
// The first start installs it.
beforeAll(async () => {
  snowflake = await startSnowflake();
}, 300_000);
afterAll(() => snowflake.stop());
afterEach(() => snowflake.decide());

const settingsOf = new Map<Warehouse, SnowflakeSettings>();

function create(): Warehouse {
  const settings = snowflake.settings();
  const warehouse = createSnowflakeWarehouse(settings, LIMITS);
  settingsOf.set(warehouse, settings);
  return warehouse;
}

const IS_INSERTING = /^insert into mrr_movements /;

describeWarehouse('Snowflake', {
  create: () => Promise.resolve(create()),
  async loadElsewhere(warehouse, { account, metricRun, killed }) {
    const own = settingsOf.get(warehouse);
    if (own === undefined) throw new Error('Not a warehouse of this test.');
    const loader = startLoader({
      settings: { kind: 'snowflake', ...own },
      account,
      metricRun: String(metricRun),
      ...(killed === 'after commit' && { dies: 'loaded' }),
    });
    if (killed === 'before commit') {
      snowflake.decide(({ sql }) => {
        if (!IS_INSERTING.test(sql)) return 'served';
        loader.kill('SIGKILL');
        return 'request lost';
      });
    }
    expect(await endOf(loader)).toEqual(killed ? KILLED : DONE);
    snowflake.decide();
  },
});

const statements = (from = 0): string[] =>
  snowflake.asked
    .slice(from)
    .map(({ sql }) => sql)
    .filter((sql) => sql !== '');

describe('a load into Snowflake', () => {
  it('says in its session what it is, and how long it may take', async () => {
    const from = snowflake.asked.length;
    await create()
      .load(loadOf({ account: "o'acct", metricRun: 7n }))
      .catch(() => undefined);
    expect(statements(from)[0]).toBe(
      "alter session set query_tag = 'recoup load o''acct 7' timezone = 'UTC' timestamp_type_mapping = 'TIMESTAMP_NTZ' statement_timeout_in_seconds = 900 lock_timeout = 360 abort_detached_query = true",
    );
    const { url } = snowflake.asked[from] as Asked;
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      roleName: 'RECOUP_LOADER',
      warehouse: 'RECOUP_LOAD',
      schemaName: 'RECOUP',
    });
  });

  it('makes no table and no file within its transaction, and removes the file', async () => {
    const warehouse = create();
    await warehouse.migrate();
    const from = snowflake.asked.length;
    await warehouse.load(loadOf({ account: 'acct_1', metricRun: 1n, customers: 120 }));
    const sent = statements(from);
    const inside = sent.slice(sent.indexOf('begin transaction'), sent.lastIndexOf('commit'));
    expect(inside.filter((sql) => /^(create|put|copy|remove|alter)/.test(sql))).toEqual([]);
    expect(
      sent.filter((sql) => /^(put|copy|remove)/.test(sql)).map((sql) => sql.split(' ')[0]),
    ).toEqual(['put', 'copy', 'remove']);
  });

  it('asks the ledger when the answer to its commit is lost, and is loaded', async () => {
    const warehouse = create();
    await warehouse.migrate();
    const isLast = lastCommitFromNow();
    let commits = 0;
    snowflake.decide(({ sql }) => {
      if (!isLast(sql)) return 'served';
      commits += 1;
      // The driver asks again, and finds that its session is gone.
      return commits === 1 ? 'reply lost' : refusal('390112');
    });
    const load = loadOf({ account: 'acct_1', metricRun: 1n, customers: 2 });
    expect(await warehouse.load(load)).toMatchObject({ loaded: true });
    expect(commits).toBeGreaterThan(1);
    snowflake.decide();
    expect(await warehouse.load(load)).toEqual({ loaded: false, held: 1n });
    expect(await warehouse.tableCounts('acct_1')).toContainEqual({ table: 'customers', rows: 2 });
  });

  it('fails when its commit never arrived, and can be made again', async () => {
    const warehouse = create();
    await warehouse.migrate();
    const isLast = lastCommitFromNow();
    snowflake.decide(({ sql }) => (isLast(sql) ? refusal('390112') : 'served'));
    const load = loadOf({ account: 'acct_1', metricRun: 1n, customers: 2 });
    await expect(warehouse.load(load)).rejects.toMatchObject({ code: 'warehouse_unavailable' });
    snowflake.decide();
    expect(await warehouse.load(load)).toMatchObject({ loaded: true });
    expect(await warehouse.tableCounts('acct_1')).toContainEqual({ table: 'customers', rows: 2 });
  });

  it('writes nothing when it wakes up after another loader has passed it', async () => {
    const warehouse = create();
    await warehouse.migrate();
    await warehouse.load(loadOf({ account: 'acct_1', metricRun: 1n, customers: 3 }));
    const held = { isFirst: true, wake: (): void => undefined };
    const asleep = new Promise<void>((fallsAsleep) => {
      snowflake.decide(({ sql }) => {
        if (!IS_INSERTING.test(sql) || !held.isFirst) return 'served';
        held.isFirst = false;
        fallsAsleep();
        return new Promise((resolve) => (held.wake = () => resolve('served')));
      });
    });
    const late = warehouse.load(loadOf({ account: 'acct_1', metricRun: 2n, customers: 4 })).then(
      (outcome) => ({ outcome }),
      (error: unknown) => ({ error }),
    );
    await asleep;
    expect(
      await warehouse.load(loadOf({ account: 'acct_1', metricRun: 3n, customers: 5 })),
    ).toMatchObject({ loaded: true });
    held.wake();
    expect(await late).not.toMatchObject({ outcome: { loaded: true } });
    const counts = await warehouse.tableCounts('acct_1');
    expect(counts.find(({ table }) => table === 'customers')?.rows).toBe(5);
    expect(counts.find(({ table }) => table === 'mrr_movements')?.rows).toBe(2);
    expect(await warehouse.query('select max(metric_run) as run from load_ledger')).toEqual([
      { run: 3n },
    ]);
  });
});

/** A load commits what it has staged as well: its last commit is the one after its lines in the ledger. */
function lastCommitFromNow(): (sql: string) => boolean {
  const from = snowflake.asked.length;
  return (sql) =>
    sql === 'commit' && statements(from).some((each) => each.startsWith('insert into load_ledger'));
}

describe('the login', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const folder = mkdtempSync(join(tmpdir(), 'recoup-key-'));
  const file = join(folder, 'key.p8');
  const pem = (passphrase?: string): string =>
    privateKey
      .export({
        type: 'pkcs8',
        format: 'pem',
        ...(passphrase && { cipher: 'aes-256-cbc', passphrase }),
      })
      .toString();
  beforeAll(() => writeFileSync(file, pem('open sesame')));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ['a file with a passphrase', { from: { file }, passphrase: 'open sesame' }],
    ['a variable', { from: { pem: pem() }, passphrase: null }],
    ['a variable on one line', { from: { pem: pem().replaceAll('\n', '\\n') }, passphrase: null }],
  ])('proves by the key from %s who it is', async (_, key) => {
    const from = snowflake.asked.length;
    const settings = snowflake.settings({ auth: { kind: 'key', ...key } });
    await createSnowflakeWarehouse(settings).query('select 1 as one');
    const { data } = (snowflake.asked[from] as Asked).body as { data: Record<string, string> };
    expect(data).toMatchObject({ AUTHENTICATOR: 'SNOWFLAKE_JWT', LOGIN_NAME: 'RECOUP' });
    const [head = '', claims = '', signature = ''] = (data['TOKEN'] ?? '').split('.');
    const signed = Buffer.from(`${head}.${claims}`);
    expect(verify('sha256', signed, publicKey, Buffer.from(signature, 'base64url'))).toBe(true);
    const fingerprint = createHash('sha256').update(spki).digest('base64');
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
      iss: `FAKESNOW.RECOUP.SHA256:${fingerprint}`,
    });
  });

  it.each([
    ['is not there', { file: join(folder, 'none') }, null, /none cannot be read \(ENOENT\)/],
    ['has another passphrase', { file }, 'wrong', /its passphrase is missing or another/],
    ['is no key', { pem: 'nothing' }, null, /PRIVATE_KEY is no PEM of a private key/],
  ])('says of a key that %s what is wrong', async (_, from, passphrase, message) => {
    const settings = snowflake.settings({ auth: { kind: 'key', from, passphrase } });
    await expect(createSnowflakeWarehouse(settings).query('select 1')).rejects.toMatchObject({
      code: 'warehouse_refused',
      message: expect.stringMatching(message) as string,
    });
  });

  const key = { kind: 'key', from: { pem: pem() }, passphrase: null } as const;
  it.each([
    ['390100', {}, 'wrong name or password', []],
    [
      '390144',
      { auth: key },
      'refuses the key of user RECOUP',
      [`ALTER USER RECOUP SET RSA_PUBLIC_KEY = '${spki.toString('base64')}';`],
    ],
    ['390189', {}, 'role RECOUP_LOADER is not there', ['GRANT ROLE RECOUP_LOADER TO USER RECOUP;']],
    ['390422', {}, 'a network policy forbids it', []],
  ])('says what %s means, and what mends it', async (code, own, message, remedy) => {
    snowflake.decide(({ url }) =>
      url.pathname.endsWith('login-request') ? refusal(code) : 'served',
    );
    expect(await createSnowflakeWarehouse(snowflake.settings(own)).check()).toEqual([
      { name: 'Login', ok: false, detail: expect.stringContaining(message) as string, remedy },
    ]);
  });

  it('says that no account is at an address that is none', async () => {
    const settings = snowflake.settings({ account: 'no-such', url: 'http://no-such.invalid' });
    const [login] = await createSnowflakeWarehouse(settings).check();
    expect(login?.detail).toContain('No Snowflake account answers at no-such.invalid');
  });
});

describe('a check of Snowflake', () => {
  const schema = (settings: SnowflakeSettings) => `${settings.database}.${settings.schema}`;
  const last = async (fate: (asked: Asked) => ReturnType<typeof refusal> | 'served') => {
    const warehouse = create();
    snowflake.decide(fate);
    const finding = (await warehouse.check()).at(-1);
    return { finding, settings: settingsOf.get(warehouse) as SnowflakeSettings };
  };
  const whenIt = (statement: RegExp, code: string) => (asked: Asked) =>
    statement.test(asked.sql) ? refusal(code) : 'served';

  it('grants the use of a warehouse that the session is without', async () => {
    const column = (name: string) => ({ name, type: 'text', nullable: true, scale: null });
    const columns = ['ROLE', 'WAREHOUSE', 'DB', 'SCH'];
    const answer = {
      success: true,
      data: {
        rowtype: columns.map(column),
        rowset: [['RECOUP_LOADER', null, 'BILLING', 'RECOUP']],
        total: 1,
        returned: 1,
        queryResultFormat: 'json',
        queryId: 'none',
        statementTypeId: 4096,
        parameters: [],
      },
    };
    const { finding } = await last(({ sql }) =>
      sql.startsWith('select current_role()') ? { answer } : 'served',
    );
    expect(finding).toEqual({
      name: 'Session',
      ok: false,
      detail: 'The role RECOUP_LOADER may not use the warehouse, or there is none of that name.',
      remedy: ['GRANT USAGE ON WAREHOUSE RECOUP_LOAD TO ROLE RECOUP_LOADER;'],
    });
  });

  it('grants what laying the tables needs', async () => {
    const { finding, settings } = await last(whenIt(/^create table/, '003001'));
    expect(finding).toMatchObject({
      name: 'Tables',
      ok: false,
      remedy: [
        `GRANT CREATE TABLE, CREATE VIEW ON SCHEMA ${schema(settings)} TO ROLE RECOUP_LOADER;`,
      ],
    });
  });

  it('grants what a load needs', async () => {
    const { finding, settings } = await last(whenIt(/^delete from mrr_monthly/, '003001'));
    expect(finding).toMatchObject({
      name: 'Dry load',
      ok: false,
      remedy: [
        `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema(settings)} TO ROLE RECOUP_LOADER;`,
      ],
    });
  });

  it('says of a suspended warehouse how it runs again', async () => {
    const { finding } = await last(whenIt(/^insert into load_lock/, '000606'));
    expect(finding?.detail).toContain("Snowflake's warehouse RECOUP_LOAD does not run");
    expect(finding?.remedy).toContain('ALTER WAREHOUSE RECOUP_LOAD RESUME;');
  });
});
