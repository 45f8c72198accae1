/** Single cases by the built command line, once a campaign over them has come to its end in simulated time. */
import { SimulatedTime } from '../../client/simulated-time';
import { Simulator as Controls } from '../../client/simulator';
import { Temporal } from '../../client/temporal';
import { loadConfig } from '../../config/config';
import { openDatabase } from '../../db/database';
import { startSimulator, type Simulator } from '../../simulator/server';
import { SIMULATOR_KEY, someAccountId, startRecoup, type Recoup } from '../support/recoup';

const ACCOUNT = someAccountId();
const LIMIT_MS = 180_000;

let simulator: Simulator;
let recoup: Recoup;
let campaign: string;

beforeAll(async () => {
  simulator = await startSimulator({
    seed: 5,
    customers: 0,
    failures: 40,
    accountId: ACCOUNT,
    asOf: new Date('2026-11-01T00:00:00Z'),
    keys: { [SIMULATOR_KEY]: { permissions: 'all' } },
    retries: 'off',
  });
  recoup = await startRecoup();
  await recoup.connect({ account: ACCOUNT, apiBase: simulator.url });
  await recoup.startWorker();
  await recoup.cli(['sync', ACCOUNT]);
  await recoup.json(['accounts', 'set', ACCOUNT, '--clock', 'simulated', '--json']);
  const terms = ['--holdout', '20%', '--window-days', '10', '--max-attempts', '2'];
  const start = ['campaigns', 'start', '--account', ACCOUNT, ...terms, '--json'];
  ({ campaign } = (await recoup.json(start)) as { campaign: string });
  await passTime();
  await recoup.cli(['sync', ACCOUNT]);
}, LIMIT_MS);

afterAll(async () => {
  await recoup.close();
  await simulator.close();
});

/** Until no case does anything by itself any more. */
async function passTime(): Promise<void> {
  const config = loadConfig({ env: { ...process.env, ...recoup.env } });
  const db = openDatabase({ url: config.DATABASE_URL, poolSize: 2 });
  const temporal = await Temporal.connect(config);
  try {
    const controls = new Controls(simulator.url);
    await new SimulatedTime({ db, temporal, simulator: controls, accountId: ACCOUNT }).pass();
  } finally {
    await Promise.all([temporal.close(), db.destroy()]);
  }
}

const anyCase = async (where: string): Promise<string> => {
  const { rows } = await recoup.pool.query<{ id: string }>(
    `select invoice_id as id from recovery_case where ${where} order by invoice_id limit 1`,
  );
  return rows[0]?.id ?? 'none';
};

test('a case of the control group tells why it was drawn, by which edition, and how it ended', async () => {
  const invoice = await anyCase(`held_out and state = 'exhausted'`);
  const { stdout } = await recoup.cli(['recoveries', 'explain', invoice]);
  const story = stdout.replace(/\s+/g, ' ');
  expect(story).toMatch(
    / found fit The invoice is fit for recovery\. .+ By the rules of edition \d{4}-/,
  );
  expect(story).toMatch(
    / in the control group Its customer .+ drawn by lot, as 20 % of the customers are\./,
  );
  expect(story).toMatch(
    / exhausted It was watched until the end of its time, and nobody has paid it\. $/,
  );
  const { stdout: shown } = await recoup.cli(['recoveries', 'show', invoice]);
  expect(shown).toContain(`${campaign}, in the control group`);
  expect(shown).not.toContain('reopen');
});

describe('reopen', () => {
  const EXHAUSTED = `state = 'exhausted' and not held_out and attempts = 2`;
  const reopen = (invoice: string, ...reason: string[]) =>
    recoup.cli(['recoveries', 'reopen', invoice, ...reason]);
  const REASON = ['--reason', 'ticket 4711: the customer has called'];

  test.each([
    [
      'that has brought its money',
      `state = 'recovered_by_us'`,
      'Only what is exhausted is opened again.',
    ],
    [
      'of the control group',
      `held_out and state = 'exhausted'`,
      'It is only watched, never charged.',
    ],
    ['that nobody has opened', 'false', 'See `recoup recoveries list`.'],
  ])('refuses a case %s, and says why', async (_what, where, words) => {
    const { code, stderr } = await reopen(await anyCase(where), ...REASON);
    expect(code).toBe(2);
    expect(stderr).toContain(words);
  });

  test('wants a reason', async () => {
    const invoice = await anyCase(EXHAUSTED);
    expect(await reopen(invoice)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--reason <text>') as string,
    });
    const { code, stderr } = await reopen(invoice, '--reason', ' ');
    expect(code).not.toBe(0);
    expect(stderr).toContain('reason');
    expect(await anyCase(EXHAUSTED)).toBe(invoice);
  });

  test('has an exhausted case tried again, keeps the reason, and does so once', async () => {
    const invoice = await anyCase(EXHAUSTED);
    const { stdout: offered } = await recoup.cli(['recoveries', 'show', invoice]);
    expect(offered).toContain(`You can       recoup recoveries reopen ${invoice} --reason`);
    const { code, stdout, stderr } = await reopen(invoice, ...REASON);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `${invoice} is planning. Opened again by a person. ticket 4711: the customer has called.\n`,
    });
    expect(stderr).toContain('Temporal UI  http');
    await passTime();
    const { stdout: story } = await recoup.cli(['recoveries', 'explain', invoice]);
    expect(story.replace(/\s+/g, ' ')).toMatch(
      / exhausted .+ Opened again by a person\. ticket 4711: .+ attempt 3 /,
    );
  }, 60_000);

  test('of a case that goes on has nothing to do', async () => {
    const invoice = await anyCase(`state = 'exhausted' and not held_out`);
    await recoup.pool.query(
      `update recovery_case set state = 'scheduled', ended_at = null where invoice_id = $1`,
      [invoice],
    );
    expect(await reopen(invoice, ...REASON)).toMatchObject({
      code: 2,
      stderr: `recoup: ${invoice} has not ended: it is scheduled. There is nothing to open again.\n`,
    });
  });
});
