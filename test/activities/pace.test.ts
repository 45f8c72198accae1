import { sql, type Kysely } from 'kysely';
import { connectAccount } from '../../activities/connection';
import { createPace } from '../../activities/pace';
import type { Config } from '../../config/config';
import { openDatabase } from '../../db/database';
import { readAccount, saveAccount } from '../../db/repositories/accounts';
import type { Database } from '../../db/schema';
import { createSecretBox } from '../../db/secret-box';
import type { Pace, RateScope } from '../../providers/provider';
import { openTestDatabase } from '../support/database';
import { FakeService } from '../support/fake-provider';

const ALL: RateScope = { name: 'all', kind: 'account', perSecond: 100 };
const INVOICES: RateScope = { name: 'GET /v1/invoices', kind: 'endpoint', perSecond: 25 };
const never = new AbortController().signal;
const secretBox = createSecretBox({ key: 'a'.repeat(64), keyFile: '' });

let db: Kysely<Database>;
let url: string;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, url, close } = await openTestDatabase());
});
afterAll(() => close());

let accounts = 0;
async function someAccount(apiBase: string | null = null): Promise<string> {
  accounts += 1;
  const id = `acct_${accounts}`;
  const sealedSecret = secretBox.seal('sk_fake', id);
  await saveAccount(db, {
    normaliserVersion: 1,
    id,
    provider: 'fake',
    displayName: null,
    apiBase,
    sealedSecret,
  });
  return id;
}

/** As another process would have it. */
const paceOf = (accountId: string, ceiling: number | null): Pace =>
  createPace({ db, accountId, ceilingOf: () => ceiling });

const limitedScopes = async (accountId: string) => {
  const rows = await db
    .selectFrom('rate_limit')
    .select('scope')
    .where('account_id', '=', accountId)
    .orderBy('scope')
    .execute();
  return rows.map(({ scope }) => scope);
};

describe('a pace', () => {
  it('serves many who wait at once by few reservations', async () => {
    const account = await someAccount();
    const pace = paceOf(account, 1_000);
    await Promise.all(Array.from({ length: 200 }, () => pace.take([INVOICES, ALL], never)));
    const { revision } = await db
      .selectFrom('rate_limit')
      .select('revision')
      .where('account_id', '=', account)
      .where('scope', '=', INVOICES.name)
      .executeTakeFirstOrThrow();
    expect(Number(revision)).toBeLessThan(50);
  });

  it('asks the database hardly ever where no limit is known', async () => {
    const account = await someAccount();
    let statements = 0;
    const counted = openDatabase({ url, poolSize: 1 }).withPlugin({
      transformQuery: ({ node }) => {
        statements += 1;
        return node;
      },
      transformResult: ({ result }) => Promise.resolve(result),
    });
    const pace = createPace({ db: counted, accountId: account, ceilingOf: () => null });
    for (let i = 0; i < 1_000; i += 1) await pace.take([INVOICES, ALL], never);
    await counted.destroy();
    expect(statements).toBeGreaterThan(0);
    expect(statements).toBeLessThan(100);
    expect(await limitedScopes(account)).toEqual([]);
  });

  it('lets a refusal that one process met hold up all others, in that scope alone', async () => {
    const account = await someAccount();
    await paceOf(account, null).exceeded([INVOICES], 60_000);
    const other = paceOf(account, null);
    await other.take([ALL], never);
    const refused = await other.take([INVOICES, ALL], never).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'rate_limited' });
    const { retryAfterMs } = refused as { retryAfterMs: number };
    expect(retryAfterMs).toBeGreaterThan(30_000);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
  });

  it('waits for a short pause by itself, and has found a rate after it', async () => {
    const account = await someAccount();
    const pace = paceOf(account, null);
    await pace.take([ALL], never);
    await pace.exceeded([ALL], null);
    await pace.take([ALL], never);
    const { rows } = await sql`
      select slowed_until <= clock_timestamp() + interval '50 milliseconds' as over, slowed_to as rate
      from rate_limit where account_id = ${account}`.execute(db);
    expect(rows).toEqual([{ over: true, rate: 70 }]);
  });

  it('notes one refusal of many that were on their way together', async () => {
    const account = await someAccount();
    const paces = Array.from({ length: 8 }, () => paceOf(account, 100));
    // A pause so long that none of them can come after it, however slow the machine is.
    await Promise.all(paces.map((pace) => pace.exceeded([ALL], 60_000)));
    const limit = await db
      .selectFrom('rate_limit')
      .select('slowed_to')
      .where('account_id', '=', account)
      .executeTakeFirstOrThrow();
    expect(limit.slowed_to).toBeCloseTo(0.7 * 98);
  });

  it('lets go of whoever is aborted, with the reason, and serves the others', async () => {
    const pace = paceOf(await someAccount(), 2);
    const leaving = new AbortController();
    const takes = [never, leaving.signal, never].map((signal) => pace.take([ALL], signal));
    const reason = new Error('paused');
    leaving.abort(reason);
    await expect(takes[1]).rejects.toBe(reason);
    await Promise.all([takes[0], takes[2]]);
    await expect(pace.take([ALL], leaving.signal)).rejects.toBe(reason);
  });

  it('says that the database is away to everybody who waits, and goes on when it is back', async () => {
    const account = await someAccount();
    let isAway = true;
    const flaky = openDatabase({ url, poolSize: 1 }).withPlugin({
      transformQuery: ({ node }) => {
        if (isAway) throw Object.assign(new Error('gone'), { code: 'ECONNREFUSED' });
        return node;
      },
      transformResult: ({ result }) => Promise.resolve(result),
    });
    for (const ceiling of [100, null]) {
      isAway = true;
      const pace = createPace({ db: flaky, accountId: account, ceilingOf: () => ceiling });
      for (const take of [pace.take([ALL], never), pace.take([ALL], never)]) {
        await expect(take).rejects.toMatchObject({ code: 'database_unavailable' });
      }
      isAway = false;
      await pace.take([ALL], never);
    }
    await flaky.destroy();
  });
});

describe('the limits that an account’s requests keep to', () => {
  const limited = async (apiBase: string | null, config: Partial<Config>): Promise<string[]> => {
    const service = new FakeService();
    let pace: Pace | undefined;
    const id = await someAccount(apiBase);
    await connectAccount(
      {
        db,
        secretBox,
        findProvider: () => ({
          ...service.provider,
          connect: (connection, options) => {
            pace = options?.pace;
            return service.provider.connect(connection);
          },
        }),
        config: { RECOUP_LANES: 1, RECOUP_WALK_MINUTES: 1, ...config },
      },
      await readAccount(db, id),
    );
    await pace?.take([INVOICES, ALL], never);
    return limitedScopes(id);
  };

  it('are those that the provider publishes', async () => {
    expect(await limited(null, {})).toEqual(['GET /v1/invoices', 'all']);
  });

  it('are unknown where something else than the provider answers', async () => {
    expect(await limited('http://127.0.0.1:1', {})).toEqual([]);
  });

  it('are the configured ones, wherever it is', async () => {
    const base = 'http://127.0.0.1:1';
    expect(await limited(base, { RECOUP_RATE_LIMIT_PER_SECOND: 50 })).toEqual(['all']);
    expect(await limited(base, { RECOUP_ENDPOINT_RATE_LIMIT_PER_SECOND: 50 })).toEqual([
      'GET /v1/invoices',
    ]);
  });
});
