/** The built command line against a whole Recoup: real Postgres, Temporal, worker and simulator. */
import { RECORD_KINDS } from '../../domain/records';
import { startSimulator, type Simulator } from '../../simulator/server';
import { startHttpStub, type HttpStub } from '../support/http-stub';
import { SIMULATOR_KEY, startRecoup, type Recoup } from '../support/recoup';

const ACCOUNT = 'acct_demo';
const OTHER = 'acct_other';
const AS_OF = new Date('2026-11-01T00:00:00Z');

let simulator: Simulator;
let html: HttpStub;
let htmlStatus = 200;
let recoup: Recoup;

beforeAll(async () => {
  simulator = await startSimulator({
    seed: 5,
    customers: 25,
    accountId: ACCOUNT,
    asOf: AS_OF,
    now: AS_OF,
    keys: { [SIMULATOR_KEY]: { permissions: 'all' } },
  });
  html = await startHttpStub((_request, response) => {
    response.writeHead(htmlStatus, { 'content-type': 'text/html' }).end('<h1>Hello</h1>');
  });
  recoup = await startRecoup();
}, 60_000);

afterAll(async () => {
  await recoup.close();
  await html.close();
  await simulator.close();
});

const count = async (table: string): Promise<number> => {
  const { rows } = await recoup.pool.query<{ n: number }>(
    `select count(*)::int as n from ${table}`,
  );
  return rows[0]?.n ?? -1;
};

const add = (
  options: { provider?: string; id?: string; secretEnv?: string; apiBase?: string },
  env: Record<string, string> = { KEY: SIMULATOR_KEY },
) =>
  recoup.cli(
    [
      ...['accounts', 'add', options.provider ?? 'stripe', '--id', options.id ?? ACCOUNT],
      ...['--secret-env', options.secretEnv ?? 'KEY'],
      ...['--api-base', options.apiBase ?? simulator.url],
    ],
    env,
  );

const refused = (line: string) => ({ code: 2, stdout: '', stderr: `recoup: ${line}\n` });
/** Asks again until it holds; the test's own limit ends it. */
async function eventually<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
  }
}

const host = (url: string) => new URL(url).host;

describe('an account that cannot be connected', () => {
  afterEach(async () => {
    // Whatever went wrong, nothing was written.
    expect(await count('account')).toBe(0);
  });

  test('unknown provider: names the known ones', async () => {
    expect(await add({ provider: 'strype' })).toEqual(
      refused('No provider is called "strype"; known: stripe. Use one of the listed providers.'),
    );
  });

  test('wrong key', async () => {
    expect(await add({}, { KEY: 'sk_test_wrong' })).toEqual(
      refused(
        'Stripe rejects the key (HTTP status 401). Check that it was copied whole and not revoked; nothing was stored.',
      ),
    );
  });

  test('revoked key', async () => {
    simulator.api.keys.set('sk_test_revoked', { permissions: 'all', revoked: true });
    expect(await add({}, { KEY: 'sk_test_revoked' })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^recoup: Stripe rejects the key .*\n$/) as string,
    });
  });

  test('unreachable base address', async () => {
    const gone = await startHttpStub(() => undefined);
    await gone.close();
    expect(await add({ apiBase: gone.base })).toEqual(
      refused(
        `Stripe does not answer at ${host(gone.base)} (ECONNREFUSED). Check the address, or try again later; nothing was stored.`,
      ),
    );
  });

  test('an address that is none', async () => {
    expect(await add({ apiBase: 'localhost:12111/v1' })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^recoup: The API base must be .*\n$/) as string,
    });
  });

  test('HTML with status 200', async () => {
    htmlStatus = 200;
    expect(await add({ apiBase: html.base })).toEqual(
      refused(
        `What answers at ${host(html.base)} is not the Stripe API (HTTP status 200). ` +
          'Check the API base address: what answers there is not the billing service.',
      ),
    );
  });

  test('HTML with status 502', async () => {
    htmlStatus = 502;
    expect(await add({ apiBase: html.base })).toEqual(
      refused(
        `Stripe at ${host(html.base)} answers with HTTP status 502. ` +
          'Check the address, or try again later; nothing was stored.',
      ),
    );
  });

  test('the key of another account', async () => {
    expect(await add({ id: OTHER })).toEqual(
      refused(
        `The key belongs to ${ACCOUNT}, not to ${OTHER}. Give the id or the key of the other.`,
      ),
    );
  });

  test('no key in the named variable', async () => {
    expect(await add({ secretEnv: 'NO_SUCH_KEY' })).toEqual(
      refused(
        'The environment variable NO_SUCH_KEY is not set. Set it to the key for this one command: NO_SUCH_KEY=… recoup accounts add ….',
      ),
    );
  });

  test('a key in place of a name is not echoed', async () => {
    const { code, stderr } = await add({ secretEnv: 'sk_live_oops' });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^recoup: What --secret-env was given is no name .*\n$/);
    expect(stderr).not.toContain('oops');
  });

  test('an id that is none', async () => {
    expect(await add({ id: 'acct/1' })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^recoup: --id "acct\/1" is no account id\. /) as string,
    });
  });

  test('no account at all: the others say how to connect one', async () => {
    expect(await recoup.cli(['sync', ACCOUNT])).toEqual(
      refused(
        `No account is called "${ACCOUNT}". None is connected. Connect one with \`recoup accounts add\`.`,
      ),
    );
  });
});

describe('a connected account', () => {
  beforeAll(async () => {
    await recoup.connect({ account: ACCOUNT, apiBase: simulator.url });
  });

  test('is listed without its key, which is stored sealed', async () => {
    const { stdout } = await recoup.cli(['accounts', 'list', '--json']);
    expect(JSON.parse(stdout)).toEqual([
      expect.objectContaining({ account: ACCOUNT, provider: 'stripe', state: 'idle' }),
    ]);
    const { rows } = await recoup.pool.query<{ text: string }>(
      `select encode(secret, 'escape') || account::text as text from account`,
    );
    expect(stdout + (rows[0]?.text ?? '')).not.toContain(SIMULATOR_KEY);
  });

  test('another id is refused with the known ones', async () => {
    for (const args of [
      ['sync', OTHER],
      ['accounts', 'show', OTHER],
      ['metrics', '--account', OTHER],
    ]) {
      expect(await recoup.cli(args)).toEqual(
        refused(`No account is called "${OTHER}". Known: ${ACCOUNT}. Give one of these.`),
      );
    }
  });

  test.each([
    [
      ['--from', '2026-02-30'],
      /^recoup: --from "2026-02-30" is no ISO date or instant such as 2026-10-01 or/,
    ],
    [
      ['--to', 'yesterday'],
      /^recoup: --to "yesterday" is no ISO date or instant such as 2026-10-01 or/,
    ],
    [
      ['--from', '2026-10-02', '--to', '2026-10-01'],
      /^recoup: --to "2026-10-01" is not after the window's start "2026-10-02"\. /,
    ],
    [
      ['--resources', 'invoice,invoces'],
      /^recoup: --resources does not know: invoces\. Those of stripe are product, .*invoice, /,
    ],
    [['--resources', ','], /^recoup: --resources names no resource\. Those of stripe are /],
  ])('a backfill with %j is refused before anything starts', async (args, line) => {
    const { code, stdout, stderr } = await recoup.cli(['backfill', ACCOUNT, ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(line);
    expect(stderr.split('\n')).toHaveLength(2);
    expect(await count('run')).toBe(0);
  });

  test('without a worker a sync says so at once, and doctor does too', async () => {
    const queue = recoup.env['RECOUP_SYNC_TASK_QUEUE'] ?? '';
    expect(await recoup.cli(['sync', ACCOUNT])).toEqual({
      code: 1,
      stdout: '',
      stderr: `recoup: No worker polls the task queue ${queue}. Start one with \`npm start\`, and look with \`recoup doctor\`.\n`,
    });
    const { code, stdout } = await recoup.cli(['doctor', '--json']);
    const findings = JSON.parse(stdout) as { name: string; ok: boolean }[];
    expect(code).toBe(1);
    expect(findings.filter(({ ok }) => !ok).map(({ name }) => name)).toEqual(['Worker']);
  });
});

describe('with a worker', () => {
  beforeAll(async () => {
    await recoup.startWorker();
  }, 60_000);

  test('a sync prints its link, its resources and its end', async () => {
    const { code, stdout, stderr } = await recoup.cli(['sync', ACCOUNT]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toMatch(/^run_\d+ is complete: [\d,]+ objects read/);
    expect(stderr).toMatch(
      /^Temporal UI {2}http:\/\/\S+\/workflows\/account%2Facct_demo\/\S+\/history\n/,
    );
    expect(stderr).toMatch(/\n {2}customer: done, 25 objects\n/);
  }, 60_000);

  test('metrics: every month adds up, and the table shows what the JSON says', async () => {
    const months = (await recoup.json(['metrics', '--last', '6', '--json'])) as Record<
      string,
      number | string
    >[];
    expect(months.length).toBeGreaterThan(0);
    const moves = ['new', 'expansion', 'contraction', 'churn', 'reactivation'];
    for (const month of months) {
      const moved = moves.reduce((sum, move) => sum + Number(month[`${move}Minor`]), 0);
      expect(Number(month['startMinor']) + moved).toBe(month['endMinor']);
    }
    const { stdout } = await recoup.cli(['metrics', '--account', ACCOUNT, '--last', '6']);
    for (const { currency } of months) expect(stdout).toContain(`${String(currency)} per month, `);
    expect(stdout).toContain('Reactivation');
    expect(stdout).not.toContain('\u001b');
  });

  test('runs: listed newest first, shown with every resource', async () => {
    const [newest] = (await recoup.json(['runs', 'list', '--json'])) as { run: string }[];
    const shown = await recoup.json(['runs', 'show', newest?.run ?? '', '--json']);
    expect(shown).toMatchObject({ run: newest?.run, account: ACCOUNT, state: 'complete' });
    const { resources } = shown as { resources: { resource: string; state: string }[] };
    expect(resources.every(({ state }) => state === 'done')).toBe(true);
    expect(await recoup.cli(['runs', 'pause', newest?.run ?? ''])).toMatchObject({ code: 2 });
    expect(await recoup.cli(['runs', 'show', 'run_0'])).toEqual(
      refused('No run is called "run_0". See `recoup runs list` for the known ones.'),
    );
  });

  test('a backfill reads its window and its resources only', async () => {
    const result = await recoup.json([
      'backfill',
      ACCOUNT,
      '--resources',
      'invoice',
      '--from',
      '2026-09',
      '--to',
      '2026-10',
      '--refetch',
      '--json',
    ]);
    expect(result).toMatchObject({ state: 'complete', parked: [] });
    const wanted = simulator.world.invoices.all.filter(
      ({ created }) => created >= Date.UTC(2026, 8) / 1000 && created < Date.UTC(2026, 9) / 1000,
    );
    expect(result).toMatchObject({ objects: wanted.length });
  }, 60_000);

  test('a backfill is paused, resumed and canceled by its run, as long as it goes on', async () => {
    simulator.faults.add([{ kind: '429', match: { path: '/v1/invoices' }, retryAfterSeconds: 1 }]);
    const options = ['--resources', 'invoice', '--refetch', '--no-wait', '--json'];
    const newest = async () => {
      const [run] = (await recoup.json(['runs', 'list', '--limit', '1', '--json'])) as {
        run: string;
        kind: string;
        state: string;
        endedAt: string | null;
      }[];
      return run;
    };
    await recoup.json(['backfill', ACCOUNT, ...options]);
    const run = await eventually(newest, (each) => each?.endedAt === null);
    const verb = (name: string) => recoup.json(['runs', name, run?.run ?? '', '--json']);
    expect(await verb('pause')).toMatchObject({ state: 'paused' });
    expect(await verb('resume')).toMatchObject({ state: 'running' });
    expect(await verb('cancel')).toMatchObject({ state: 'ending' });
    simulator.faults.clear();
    const ended = await eventually(newest, (each) => each?.endedAt !== null);
    expect(ended).toMatchObject({ run: run?.run, state: 'canceled' });
    expect(await recoup.cli(['runs', 'resume', run?.run ?? ''])).toEqual(
      refused(
        `${run?.run} has ended: it is canceled. See \`recoup runs list\` for those that go on.`,
      ),
    );
  }, 60_000);

  test('doctor finds nothing', async () => {
    const findings = (await recoup.json(['doctor', '--json'])) as { ok: boolean }[];
    expect(findings.every(({ ok }) => ok)).toBe(true);
  });

  test('the demo ends stdout with one JSON object that says what the database holds', async () => {
    const { code, stdout, stderr } = await recoup.cli(['demo', '--json'], {
      RECOUP_SIMULATOR_URL: simulator.url,
      RECOUP_DEMO_STRIPE_KEY: SIMULATOR_KEY,
    });
    expect({ code, lines: stdout.trimEnd().split('\n').length }).toEqual({ code: 0, lines: 1 });
    const records = await Promise.all(RECORD_KINDS.map((kind) => count(kind)));
    const months = (await recoup.json(['metrics', '--last', '1', '--json'])) as {
      currency: string;
      endMinor: number;
    }[];
    const { rows } = await recoup.pool.query<{ until: Date }>(
      `select max(until) as until from run where kind = 'sync' and state = 'complete'`,
    );
    const until = (rows[0]?.until ?? AS_OF).getTime() / 1000;
    expect(JSON.parse(stdout)).toEqual({
      account: ACCOUNT,
      records: records.reduce((sum, each) => sum + each, 0),
      invoices: simulator.world.invoices.all.filter(({ created }) => created < until).length,
      customers: 25,
      mrr: Object.fromEntries(months.map(({ currency, endMinor }) => [currency, endMinor])),
      campaign: expect.objectContaining({ account: ACCOUNT, state: 'done', open: 0 }) as object,
      warehouseRows: expect.any(Number) as number,
      seconds: expect.any(Number) as number,
    });
    expect((JSON.parse(stdout) as { warehouseRows: number }).warehouseRows).toBeGreaterThan(25);
    expect(stderr).toContain('Monthly recurring revenue');
  }, 60_000);

  test('a paused account is not synced, a resumed one is, a disconnected one must be connected again', async () => {
    const verb = (name: string) => recoup.json(['accounts', name, ACCOUNT, '--json']);
    expect(await verb('pause')).toMatchObject({ state: 'paused' });
    expect(await recoup.cli(['sync', ACCOUNT])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        `recoup: ${ACCOUNT} is paused. Paused by a person. To resume it: \`recoup accounts resume ${ACCOUNT}\`.`,
      ) as string,
    });
    expect(await verb('resume')).toMatchObject({ state: 'idle' });
    expect(await verb('disconnect')).toMatchObject({ state: 'disconnected' });
    expect(await recoup.cli(['sync', ACCOUNT])).toEqual(
      refused(`${ACCOUNT} is disconnected. Connect it again with \`recoup accounts add\`.`),
    );
    await recoup.connect({ account: ACCOUNT, apiBase: simulator.url });
    expect(await recoup.json(['sync', ACCOUNT, '--json'])).toMatchObject({ state: 'complete' });
    // Its id is not of this test alone: the next run on the same server begins without its workflow.
    expect(await verb('disconnect')).toMatchObject({ state: 'disconnected' });
  }, 60_000);
});
