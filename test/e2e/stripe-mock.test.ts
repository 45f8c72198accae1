/** Input that nobody here wrote: the official stripe-mock as the billing service of a whole sync. */
import { MOCK_ACCOUNT, startStripeMock, whyNoStripeMock } from '../support/stripe-mock';
import type { StripeMock } from '../support/stripe-mock';
import { startRecoup, type Recoup } from '../support/recoup';
import { describeUnless } from '../support/skip';

interface Run {
  state: string;
  summary: string;
  resources: { resource: string; state: string; objects: number }[];
  notNormalised: { count: number; first: { type: string; id: string; reason: string }[] };
}

describeUnless(whyNoStripeMock(), 'stripe-mock as the billing service', () => {
  let mock: StripeMock;
  let recoup: Recoup;
  let run: Run;

  beforeAll(async () => {
    mock = await startStripeMock();
    recoup = await startRecoup();
    await recoup.startWorker();
    await recoup.connect({ account: MOCK_ACCOUNT, apiBase: mock.apiBase, key: 'sk_test_123' });
    const { stdout } = await recoup.cli(['sync', MOCK_ACCOUNT, '--json']);
    run = JSON.parse(stdout) as Run;
  }, 300_000);

  afterAll(async () => {
    await recoup.close();
    await mock.stop();
  });

  /** What was read again by its id is in one of these as well. */
  const lists = () => run.resources.filter(({ resource }) => resource !== 'reread');

  test('every resource is read to its end', () => {
    expect(lists().length).toBeGreaterThanOrEqual(13);
    expect(run.resources.filter(({ state }) => state !== 'done')).toEqual([]);
    expect(lists().filter(({ objects }) => objects === 0)).toEqual([]);
  });

  test('what it serves is kept raw, whether it could be normalised or not', async () => {
    const { rows } = await recoup.pool.query<{ type: string }>('select type from raw_object');
    expect(rows.length).toBeGreaterThanOrEqual(lists().length);
  });

  test('what cannot be normalised is named with its reason, and the run does not say complete', async () => {
    const { rows } = await recoup.pool.query<{ type: string; reason: string }>(
      'select type, reason from not_normalised order by type',
    );
    expect(run.notNormalised.count).toBe(rows.length);
    expect(run.state).toBe(rows.length === 0 ? 'complete' : 'partial');
    for (const { reason } of rows) expect(reason).not.toMatch(/unexpected error/i);
  });

  test('the invoice and its lines are rows', async () => {
    for (const table of [
      'customer',
      'invoice',
      'invoice_line',
      'subscription',
      'payment_attempt',
    ]) {
      const { rows } = await recoup.pool.query(`select 1 from ${table}`);
      expect({ table, rows: rows.length }).toEqual({ table, rows: expect.any(Number) });
      expect(rows.length).toBeGreaterThan(0);
    }
  });
});
