/** Beside the provider's own figures, by the built command line: what is equal, and each difference with its cause. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startSimulator, type Simulator } from '../../simulator/server';
import { permissionNames } from '../../simulator/stripe/keys';
import { SIMULATOR_KEY, someAccountId, startRecoup, type Recoup } from '../support/recoup';

const AS_OF = new Date('2026-11-01T00:00:00Z');
const LIMIT_MS = 120_000;

interface Difference {
  readonly what: string;
  readonly id: string;
  readonly cause: string;
  readonly shown: string;
  readonly explained: boolean;
  readonly next: string;
}

interface Report {
  readonly source: string;
  readonly explained: boolean;
  readonly sums: readonly { kind: string; ours: { count: number }; theirs: { count: number } }[];
  readonly mrr: readonly { at: string; ours: object; theirs: object }[];
  readonly differences: readonly Difference[];
  readonly notCompared: readonly object[];
}

let recoup: Recoup;

beforeAll(async () => {
  recoup = await startRecoup();
  await recoup.startWorker();
}, LIMIT_MS);

afterAll(() => recoup.close());

/** `prepare` changes the world before it is read. */
async function connected(
  seed: number,
  prepare: (simulator: Simulator) => void = () => undefined,
): Promise<{ account: string; simulator: Simulator }> {
  const account = someAccountId();
  const simulator = await startSimulator({
    ...{ seed, customers: 60, accountId: account, asOf: AS_OF, now: AS_OF },
    keys: { [SIMULATOR_KEY]: { permissions: 'all' } },
  });
  // Nothing happens by itself from now on.
  simulator.clock.set(new Date(AS_OF.getTime() + 30_000), { stopped: true });
  await recoup.connect({ account, apiBase: simulator.url });
  prepare(simulator);
  await recoup.cli(['sync', account, '--json']);
  return { account, simulator };
}

const reconcile = (account: string, ...args: string[]) =>
  recoup.cli(['metrics', 'reconcile', '--account', account, '--from', '2025-05', ...args]);

async function report(account: string): Promise<{ code: number | null; report: Report }> {
  const { code, stdout, stderr } = await reconcile(account, '--json');
  if (stdout === '') throw new Error(stderr);
  return { code, report: JSON.parse(stdout) as Report };
}

const allBut = (left: string) =>
  Object.fromEntries(
    permissionNames.filter((name) => name !== left).map((name) => [name, 'read' as const]),
  );

const causesOf = ({ differences }: Report): Record<string, string> =>
  Object.fromEntries(differences.map(({ id, cause }) => [id, cause]));

describe('an account that is synced', () => {
  let account: string;
  let simulator: Simulator;

  beforeAll(async () => {
    ({ account, simulator } = await connected(5));
  }, LIMIT_MS);

  afterAll(() => simulator.close());

  test(
    'is equal to the oracle, but for what the provider does not tell of the past',
    async () => {
      const { code, report: own } = await report(account);
      expect(own.source).toBe('the simulator’s oracle');
      expect(own.differences.filter(({ cause }) => cause !== 'untraced')).toEqual([]);
      expect(code).toBe(0);
      const count = (kind: string, side: 'ours' | 'theirs') =>
        own.sums.filter((sum) => sum.kind === kind).reduce((all, sum) => all + sum[side].count, 0);
      const { world } = simulator;
      expect(count('invoice', 'ours')).toBe(world.invoices.all.length);
      expect(count('invoice', 'theirs')).toBe(world.invoices.all.length);
      expect(count('payment', 'theirs')).toBe(world.paymentIntents.all.length);
      expect(count('refund', 'theirs')).toBe(world.refunds.all.length);
      expect(new Set(own.mrr.map(({ at }) => at)).size).toBe(19);
      expect((await reconcile(account)).stdout).toContain('MRR');
    },
    LIMIT_MS,
  );

  test(
    'is told of a row that something else has written, and of one that is gone, with exit code 1',
    async () => {
      const { rows } = await recoup.pool.query<{ id: string }>(
        `select external_id as id from invoice where account_id = $1 and status = 'paid'
         order by created_at desc limit 2`,
        [account],
      );
      const [altered = '', removed = ''] = rows.map(({ id }) => id);
      const columns = 'where account_id = $1 and external_id = $2';
      await recoup.pool.query(
        `update invoice set amount_paid_minor = amount_paid_minor + 1 ${columns}`,
        [account, altered],
      );
      await recoup.pool.query(`create table kept as select * from invoice ${columns}`, [
        account,
        removed,
      ]);
      await recoup.pool.query(`delete from invoice ${columns}`, [account, removed]);

      const { code, report: own } = await report(account);
      expect(causesOf(own)).toMatchObject({ [altered]: 'altered', [removed]: 'unexplained' });
      expect({ code, explained: own.explained }).toEqual({ code: 1, explained: false });
      const text = (await reconcile(account)).stdout;
      expect(text).toContain(altered);
      expect(text).toMatch(/2 of them not explained|none explained/);
      expect(text).toContain('restate');

      await recoup.pool.query('insert into invoice select * from kept');
      await recoup.json(['metrics', 'restate', '--account', account, '--rows', '--json']);
      expect((await report(account)).code).toBe(0);
    },
    LIMIT_MS,
  );

  test(
    'counts by another policy than the provider, which explains every figure of it',
    async () => {
      const policy = ['metrics', 'policy', 'set', '--account', account];
      await recoup.json([...policy, '--discounts', 'none', '--why', 'as the board does', '--json']);
      await recoup.json(['metrics', 'restate', '--account', account, '--json']);
      const { code, report: own } = await report(account);
      const byPolicy = own.differences.filter(({ cause }) => cause === 'policy');
      expect(byPolicy.length).toBeGreaterThan(0);
      expect(byPolicy[0]?.shown).toBe('discounts: recurring there, none here');
      expect(own.differences.filter(({ explained }) => !explained)).toEqual([]);
      expect(code).toBe(0);
      await recoup.json([...policy, '--discounts', 'recurring', '--why', 'back', '--json']);
      await recoup.json(['metrics', 'restate', '--account', account, '--json']);
    },
    LIMIT_MS,
  );

  test(
    'falls behind what happens at the provider until it is synced again',
    async () => {
      const open = simulator.world.invoices.all.find(({ status }) => status === 'open')?.id ?? '';
      const now = new Date(simulator.clock.now().getTime() + 60_000);
      simulator.clock.set(now);
      const done = simulator.change([{ kind: 'payInvoice', id: open }, { kind: 'createInvoice' }]);
      const made = done.at(-1)?.id ?? '';
      const { code, report: own } = await report(account);
      const causes = causesOf(own);
      expect(causes[open]).toBe('changed_since');
      expect(causes[made]).toBe('created_since');
      expect(own.differences.find(({ id }) => id === open)?.next).toContain('recoup sync');
      expect(code).toBe(0);
    },
    LIMIT_MS,
  );
});

test(
  'what could not be normalised and what was parked is named with its run and reason',
  async () => {
    let broken = '';
    const { account, simulator } = await connected(7, ({ world, api }) => {
      const invoice = world.invoices.all.at(-20);
      if (invoice === undefined) throw new Error('There are invoices.');
      broken = invoice.id;
      Object.assign(invoice, { currency: 'xxz' });
      api.keys.set(SIMULATOR_KEY, { permissions: allBut('charge') });
    });
    try {
      const invoice = simulator.world.invoices.get(broken);
      Object.assign(invoice, {
        currency: simulator.world.customers.get(invoice.customer).currency,
      });
      const { code, report: own } = await report(account);
      const causes = own.differences.filter(({ what }) => what !== 'mrr');
      expect(causes.find(({ id }) => id === broken)).toMatchObject({
        cause: 'not_normalised',
        shown: expect.stringContaining('currency') as string,
      });
      const refunds = causes.filter(({ what }) => what === 'refund');
      expect(refunds.length).toBe(simulator.world.refunds.all.length);
      expect(new Set(refunds.map(({ cause }) => cause))).toEqual(new Set(['parked']));
      expect(refunds[0]?.shown).toMatch(/refund was parked in run_\d+: /);
      expect(code).toBe(0);
    } finally {
      await simulator.close();
    }
  },
  LIMIT_MS,
);

describe('a provider without an oracle', () => {
  let behind: Server;
  let account: string;
  let simulator: Simulator;

  beforeAll(async () => {
    ({ account, simulator } = await connected(11));
    behind = createServer((request, response) => {
      if (request.url?.startsWith('/_')) return void response.writeHead(404).end('{}');
      void fetch(`${simulator.url}${request.url ?? ''}`, {
        headers: { authorization: request.headers.authorization ?? '' },
      }).then(async (answer) => {
        response.writeHead(answer.status, {
          'content-type': 'application/json',
          date: answer.headers.get('date') ?? '',
        });
        response.end(await answer.text());
      });
    });
    await new Promise<void>((resolve) => behind.listen(0, '127.0.0.1', resolve));
    const { port } = behind.address() as AddressInfo;
    await recoup.pool.query('update account set api_base = $1 where id = $2', [
      `http://127.0.0.1:${port}`,
      account,
    ]);
  }, LIMIT_MS);

  afterAll(async () => {
    behind.close();
    await simulator.close();
  });

  test(
    'is compared with its lists, and MRR with the subscriptions in them',
    async () => {
      const { code, report: own } = await report(account);
      expect(own.source).toBe('Stripe’s lists');
      expect(own.differences).toEqual([]);
      expect(code).toBe(0);
      const count = own.sums
        .filter(({ kind }) => kind === 'invoice')
        .reduce((all, { theirs }) => all + theirs.count, 0);
      expect(count).toBe(simulator.world.invoices.all.length);
      expect(new Set(own.mrr.map(({ at }) => at)).size).toBe(1);
    },
    LIMIT_MS,
  );

  test(
    'tells what its key may not read, with exit code 1, and compares the rest',
    async () => {
      simulator.api.keys.set(SIMULATOR_KEY, { permissions: allBut('charge') });
      const { code, report: own } = await report(account);
      expect(own.notCompared).toEqual([
        { what: 'refund', reason: expect.stringContaining('permission') as string },
      ]);
      expect(own.differences).toEqual([]);
      expect(new Set(own.sums.map(({ kind }) => kind))).toEqual(new Set(['invoice', 'payment']));
      expect(code).toBe(1);
      expect((await reconcile(account)).stdout).toContain('All that could be compared is equal.');
    },
    LIMIT_MS,
  );
});

test.each([
  [['--from', '2026-13'], /--from takes a month such as/],
  [['--from', '2026-03', '--to', '2026-01'], /--from is after --to/],
])('%j is refused in one line', async (args, line) => {
  const account = someAccountId();
  const { code, stderr } = await recoup.cli(['metrics', 'reconcile', '--account', account]);
  expect({ code, unknown: /No account is called/.test(stderr) }).toEqual({
    code: 2,
    unknown: true,
  });
  await recoup.pool.query(
    `insert into account (id, provider, secret) values ($1, 'stripe', '\\x00')`,
    [account],
  );
  const never = await recoup.cli(['metrics', 'reconcile', '--account', account]);
  expect({ code: never.code, never: /was never synced/.test(never.stderr) }).toEqual({
    code: 2,
    never: true,
  });
  await recoup.pool.query(
    `insert into run (account_id, key, kind, until, floor) values ($1, 'k', 'sync', now(), now())`,
    [account],
  );
  const wrong = await recoup.cli(['metrics', 'reconcile', '--account', account, ...args]);
  expect({ code: wrong.code, stdout: wrong.stdout }).toEqual({ code: 2, stdout: '' });
  expect(wrong.stderr).toMatch(line);
  expect(wrong.stderr.split('\n')).toHaveLength(2);
});
