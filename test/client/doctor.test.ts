/** What doctor says about how well accounts are kept up with; rows stand for the syncs that would have left them. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { someAccountId, startRecoup, type Recoup } from '../support/recoup';

const ACCOUNT = someAccountId();
const GROUP = `doctor-${randomUUID().slice(0, 8)}`;

let recoup: Recoup;
let folder: string;
let env: Record<string, string>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'recoup-doctor-'));
  env = { RECOUP_SCHEDULES_FILE: join(folder, 'nights.json') };
  recoup = await startRecoup();
  await recoup.pool.query(
    `insert into account (id, provider, secret) values ($1, 'stripe', '\\x00')`,
    [ACCOUNT],
  );
  nights([{ name: GROUP, timeZone: 'UTC', default: true, at: '02:00' }]);
});

afterAll(async () => {
  nights([]);
  await recoup.cli(['schedules', 'apply'], env);
  await recoup.close();
  rmSync(folder, { recursive: true });
});

const nights = (groups: readonly object[]) =>
  writeFileSync(env['RECOUP_SCHEDULES_FILE'] ?? '', JSON.stringify({ groups }));

async function finding(name: string): Promise<{ ok: boolean; detail: string } | undefined> {
  const { stdout } = await recoup.cli(['doctor', '--json'], env);
  const findings = JSON.parse(stdout) as { name: string; ok: boolean; detail: string }[];
  return findings.find((each) => each.name === name);
}

test('schedules that were never applied are no problem, but are said', async () => {
  expect(await finding('Schedules')).toMatchObject({
    ok: true,
    detail: expect.stringMatching(/^none: accounts are synced when asked only/) as string,
  });
});

test('schedules that are not as in the file, or paused, are a problem', async () => {
  await recoup.cli(['schedules', 'apply'], env);
  expect(await finding('Schedules')).toMatchObject({ ok: true });
  await recoup.cli(['schedules', 'pause', GROUP, '--reason', 'ticket 4711'], env);
  expect(await finding('Schedules')).toMatchObject({
    ok: false,
    detail: expect.stringContaining(`nightly/${GROUP} (ticket 4711). Resume: `) as string,
  });
  nights([{ name: GROUP, timeZone: 'UTC', default: true, at: '03:00' }]);
  expect(await finding('Schedules')).toMatchObject({
    ok: false,
    detail: expect.stringContaining(`nightly/${GROUP} (different). Run `) as string,
  });
});

test('a change feed that will soon have forgotten changes is named, by the provider’s clock', async () => {
  const feedBehind = async (days: number) => {
    await recoup.pool.query('delete from change_feed');
    await recoup.pool.query('delete from run');
    // The newest sync began two days ago, when the provider's clock stood at a time of its own.
    await recoup.pool.query(
      `insert into run (account_id, key, kind, until, floor, started_at)
       values ($1, 'account/x/1', 'sync', '2020-06-01', '2011-01-01', now() - interval '2 days')`,
      [ACCOUNT],
    );
    await recoup.pool.query(
      `insert into change_feed (account_id, as_of, unbroken_since)
       values ($1, timestamptz '2020-06-01' - make_interval(days => $2::int - 2), '2020-01-01')`,
      [ACCOUNT, days],
    );
    return finding('Change feeds');
  };
  expect(await feedBehind(20)).toMatchObject({ ok: true });
  expect(await feedBehind(25)).toMatchObject({
    ok: false,
    detail: expect.stringContaining(
      `${ACCOUNT} (25 days behind, reaches back 30 days). Everything is read again then.`,
    ) as string,
  });
});

test('changes that wait for longer than a day are named', async () => {
  const hint = (id: string, since: string) =>
    recoup.pool.query(
      `insert into hint (account_id, resource, external_id, source, not_before)
       values ($1, 'invoice', $2, 'feed', now() - $3::interval)`,
      [ACCOUNT, id, since],
    );
  await hint('in_1', '5 minutes');
  expect(await finding('Changes')).toMatchObject({ ok: true });
  await hint('in_2', '3 days');
  await hint('in_3', '2 days');
  expect(await finding('Changes')).toMatchObject({
    ok: false,
    detail: expect.stringContaining(`${ACCOUNT} (2 objects since `) as string,
  });
  const { stdout } = await recoup.cli(['accounts', 'show', ACCOUNT]);
  expect(stdout).toMatch(/\nChanges +noted until .*; 3 objects wait to be read again\n/);
});
