import { setTimeout as sleep } from 'node:timers/promises';
import { MockActivityEnvironment } from '@temporalio/testing';
import { sql, type Kysely } from 'kysely';
import type { WakeAccountsInput, WakeAccountsReport } from '../../activities/contract';
import { createWakeAccounts } from '../../activities/wake-accounts';
import { recordTransition, saveAccount } from '../../db/repositories/accounts';
import type { Database } from '../../db/schema';
import { openTestDatabase } from '../support/database';

/** Longer than from one look of the step to the next. */
const SLOW_MS = 2_500;
const NIGHT = '2026-11-01T02:00:00.000Z';
const EVERYBODY: WakeAccountsInput = {
  timeZone: null,
  except: [],
  after: null,
  to: NIGHT,
  maxConcurrent: 50,
};

let db: Kysely<Database>;
let close: () => Promise<void>;
beforeEach(async () => {
  ({ db, close } = await openTestDatabase());
});
afterEach(() => close());

async function addAccount(id: string, row: { state?: string; time_zone?: string } = {}) {
  await saveAccount(db, {
    normaliserVersion: 1,
    id,
    provider: 'fake',
    displayName: null,
    apiBase: null,
    sealedSecret: Buffer.from('sealed'),
  });
  if (Object.keys(row).length > 0) {
    await db.updateTable('account').set(row).where('id', '=', id).execute();
  }
}

/** As the account's workflow records it. */
async function move(account: string, from: string, to: string) {
  const { last } = await db
    .selectFrom('account_transition')
    .select(({ fn }) => fn.coalesce(fn.max('sequence'), sql<number>`0`).as('last'))
    .where('account_id', '=', account)
    .executeTakeFirstOrThrow();
  await recordTransition(db, {
    account_id: account,
    sequence: last + 1,
    from_state: from,
    event: 'sync_requested',
    to_state: to,
    because: 'A test.',
    attention: false,
    at: new Date(),
  });
}

const addSync = (account: string, until: string, state: 'complete' | 'partial' | 'canceled') =>
  db
    .insertInto('run')
    .values({
      account_id: account,
      key: `${account}/${until}`,
      kind: 'sync',
      until: new Date(until),
      floor: new Date(0),
      state,
      ended_at: new Date(),
    })
    .execute();

/** Accounts that begin as soon as they are woken. */
async function wake(
  input: Partial<WakeAccountsInput> = {},
  begin: (account: string) => Promise<void> = (account) => move(account, 'idle', 'syncing'),
): Promise<WakeAccountsReport & { readonly accounts: readonly string[] }> {
  const accounts: string[] = [];
  const wakeAccount = async (account: string, { to }: { to: string }) => {
    expect(to).toBe(NIGHT);
    accounts.push(account);
    await begin(account);
  };
  const step = createWakeAccounts({ db, wakeAccount });
  const report = await new MockActivityEnvironment().run((): Promise<WakeAccountsReport> =>
    step({ ...EVERYBODY, ...input }),
  );
  return { ...report, accounts: accounts.sort() };
}

test('idle accounts are woken, and those that cannot sync or do so already are passed over', async () => {
  await addAccount('acct_idle');
  await addAccount('acct_new');
  for (const state of ['syncing', 'backing_off', 'paused', 'blocked', 'disconnected']) {
    await addAccount(`acct_${state}`, { state });
  }
  expect(await wake()).toEqual({
    accounts: ['acct_idle', 'acct_new'],
    next: null,
    woken: 2,
    passedOver: 5,
    left: 0,
  });
});

test('whoever has read up to the night already is passed over, so that trying again wakes nobody twice', async () => {
  await addAccount('acct_ahead');
  await addSync('acct_ahead', NIGHT, 'complete');
  await addAccount('acct_behind');
  await addSync('acct_behind', '2026-10-31T02:00:00Z', 'complete');
  await addAccount('acct_canceled');
  await addSync('acct_canceled', NIGHT, 'canceled');
  expect((await wake()).accounts).toEqual(['acct_behind', 'acct_canceled']);
});

test('a group is one time zone, or every zone that has no group of its own', async () => {
  await addAccount('acct_berlin', { time_zone: 'Europe/Berlin' });
  await addAccount('acct_lima', { time_zone: 'America/Lima' });
  await addAccount('acct_utc');
  expect((await wake({ timeZone: 'Europe/Berlin' })).accounts).toEqual(['acct_berlin']);
  expect((await wake({ except: ['Europe/Berlin', 'UTC'] })).accounts).toEqual(['acct_lima']);
});

test('it goes on after the account where the last call stopped', async () => {
  for (const id of ['acct_a', 'acct_b', 'acct_c']) await addAccount(id);
  expect(await wake({ after: 'acct_a' })).toMatchObject({
    accounts: ['acct_b', 'acct_c'],
    next: null,
  });
});

test('no more accounts are at work at a time than are wanted, whoever woke them', async () => {
  for (let n = 0; n < 6; n += 1) await addAccount(`acct_${n}`);
  await addAccount('acct_z_at_work', { state: 'syncing' });
  let most = 0;
  const ends: Promise<void>[] = [];
  const report = await wake({ maxConcurrent: 4 }, async (account) => {
    // A worker takes a while to begin: until then nothing in the database says that the account is at work.
    const life = sleep(SLOW_MS)
      .then(() => move(account, 'idle', 'syncing'))
      .then(async () => {
        const { rows } = await sql`select from account where state = 'syncing'`.execute(db);
        most = Math.max(most, rows.length);
        await sleep(SLOW_MS);
        return move(account, 'syncing', 'idle');
      });
    ends.push(life);
    await Promise.resolve();
  });
  await Promise.all(ends);
  expect(report).toMatchObject({ woken: 6, passedOver: 1 });
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(4);
});

test('what cannot be told to Temporal fails the call, which is tried again', async () => {
  await addAccount('acct_a');
  await expect(wake({}, () => Promise.reject(new Error('No Temporal.')))).rejects.toThrow(
    'No Temporal.',
  );
});
