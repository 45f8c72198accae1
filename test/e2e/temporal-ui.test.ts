/** The operators' jobs of docs/runbook.md, done in the Temporal UI by a browser, with the very JSON that stands there. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { startSimulator, type Simulator } from '../../simulator/server';
import { openBrowser, whyNoBrowser } from '../support/browser';
import { SIMULATOR_KEY, startRecoup, type Recoup } from '../support/recoup';
import { describeUnless } from '../support/skip';
import { startTemporalWithUi, type TemporalWithUi } from '../support/temporal';
import { TemporalUi } from '../support/temporal-ui';

const DOCS = join(__dirname, '..', '..', 'docs');
const ACCOUNT = 'acct_northwind';
const LANES = 2;
/** Slow enough to look at a run, and to stop it, before it is done. */
const SLOW_MS = 600;

let temporal: TemporalWithUi;
let browser: Browser;
let simulator: Simulator;
let recoup: Recoup;
let ui: TemporalUi;

describeUnless(whyNoBrowser, 'in the Temporal UI', () => {
  beforeAll(async () => {
    [temporal, browser, simulator] = await Promise.all([
      startTemporalWithUi(),
      openBrowser(),
      startSimulator({
        seed: 3,
        customers: 200,
        asOf: new Date('2026-11-01T00:00:00Z'),
        accountId: ACCOUNT,
        keys: { [SIMULATOR_KEY]: { permissions: 'all' } },
      }),
    ]);
    recoup = await startRecoup({
      TEMPORAL_ADDRESS: temporal.address,
      RECOUP_TEMPORAL_UI_URL: temporal.uiUrl,
      RECOUP_SYNC_TASK_QUEUE: 'recoup-sync',
      RECOUP_LANES: String(LANES),
    });
    await recoup.startWorker();
    await recoup.connect({ account: ACCOUNT, apiBase: simulator.url });
    ui = new TemporalUi(await browser.newPage({ viewport: { width: 1280, height: 760 } }));
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await recoup?.close();
    await simulator?.close();
    await temporal?.stop();
  }, 60_000);

  /** A link of `recoup links --account`. */
  const link = async (title: string): Promise<string> => {
    const links = (await recoup.json(['links', '--account', ACCOUNT, '--json'])) as {
      title: string;
      url: string;
    }[];
    const found = links.find((each) => each.title === title);
    if (found === undefined) throw new Error(`recoup links has no ${title}.`);
    return found.url;
  };

  /** Starts a backfill by the form, and opens its page. */
  const startBackfill = async (input: string): Promise<string> => {
    const url = await link('Start a backfill');
    await ui.fillStartForm({ url, input });
    await ui.sendStartForm();
    const workflowId = new URL(url).searchParams.get('workflowId') ?? '';
    await ui.open(
      new URL(`workflows/${encodeURIComponent(workflowId)}`, await link('Schedules')).href,
    );
    return workflowId;
  };

  test('a backfill started by the form of a link shows how far it is, and ends with its result', async () => {
    simulator.api.latencyMs = SLOW_MS;
    await startBackfill(JSON.stringify({ account: ACCOUNT, from: '2026-01-01' }));
    const begun = await ui.detailsThat(/: running/);
    expect(begun).toContain(`account ${ACCOUNT}`);
    simulator.api.latencyMs = 0;
    const ended = await ui.detailsThat(/: ended/);
    expect(ended).toMatch(/invoice\s+done/);
    await ui.status('Completed');
    const result = await ui.inputAndResult();
    expect(result).toMatch(/"state": "complete"/);
  });

  test('a backfill with a wrong field fails with a message that names the field', async () => {
    await startBackfill(JSON.stringify({ account: ACCOUNT, form: '2026-01-01' }));
    await ui.status('Failed');
    expect(await ui.inputAndResult()).toContain('unknown field \\"form\\"');
  });

  test('an account is paused and resumed by Updates while it syncs, and its details say so', async () => {
    simulator.api.latencyMs = SLOW_MS;
    await recoup.json(['sync', ACCOUNT, '--no-wait', '--json']);
    const account = await link('The account');
    await ui.open(account);
    await ui.detailsThat(/: syncing/);
    await ui.fillUpdate({ name: 'pause', input: '{"reason":"ticket 4711"}' });
    await ui.sendUpdate();
    const asked = simulator.requests.counts().total;
    expect(await ui.detailsThat(/: paused/)).toContain('ticket 4711');
    expect(simulator.requests.counts().total).toBeLessThanOrEqual(asked + LANES);
    simulator.api.latencyMs = 0;
    await ui.fillUpdate({ name: 'resume', input: '{"reason":"ticket 4711"}' });
    await ui.sendUpdate();
    await recoup.json(['sync', ACCOUNT, '--json']);
    await ui.open(account);
    await ui.detailsThat(/: idle/);
  });

  test('a backfill that is cancelled stops within a page and says what it has read', async () => {
    simulator.api.latencyMs = SLOW_MS;
    await startBackfill(JSON.stringify({ account: ACCOUNT, refetch: true }));
    await ui.detailsThat(/: running/);
    await ui.requestCancellation();
    const asked = simulator.requests.counts().total;
    await ui.status('Canceled');
    expect(simulator.requests.counts().total).toBeLessThanOrEqual(asked + LANES);
    const [run] = (await recoup.json([
      'runs',
      'list',
      '--account',
      ACCOUNT,
      '--json',
    ])) as unknown[];
    expect(run).toMatchObject({ state: 'canceled' });
  });
});
