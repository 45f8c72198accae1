/** The jobs of docs/runbook.md, done in the Temporal UI by a browser, with the very JSON that stands there. */
import type { Browser } from 'playwright-core';
import { opsLinks, workflowLink, type Link, type Ui } from '../../client/links';
import { startSimulator, type Simulator } from '../../simulator/server';
import { permissionNames } from '../../simulator/stripe/keys';
import { openBrowser, whyNoBrowser } from '../support/browser';
import { SIMULATOR_KEY, startRecoup, type Recoup } from '../support/recoup';
import { jsonOf, picture } from '../support/runbook';
import { describeUnless } from '../support/skip';
import { startTemporalWithUi, type TemporalWithUi } from '../support/temporal';
import { TemporalUi } from '../support/temporal-ui';

/** As the runbook calls it; the server is this file's own. */
const ACCOUNT = 'acct_northwind';
const TASK_QUEUE = 'recoup-sync';
const LANES = 2;
/** Slow enough to look at a run, and to stop it, before it is done. */
const SLOW_MS = 600;
const DAY_MS = 86_400_000;

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
        customers: 100,
        asOf: new Date('2026-11-01T00:00:00Z'),
        accountId: ACCOUNT,
        keys: { [SIMULATOR_KEY]: { permissions: 'all' } },
      }),
    ]);
    recoup = await startRecoup({
      TEMPORAL_ADDRESS: temporal.address,
      RECOUP_TEMPORAL_UI_URL: temporal.uiUrl,
      RECOUP_SYNC_TASK_QUEUE: TASK_QUEUE,
      RECOUP_LANES: String(LANES),
    });
    ui = new TemporalUi(await browser.newPage({ viewport: { width: 1280, height: 800 } }));
    await Promise.all([
      recoup.startWorker(),
      recoup.connect({ account: ACCOUNT, apiBase: simulator.url }),
    ]);
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await recoup?.close();
    await simulator?.close();
    await temporal?.stop();
  }, 60_000);

  const here = (): Ui => ({ baseUrl: temporal.uiUrl, namespace: 'default' });

  /** What `recoup links --account` prints, without a process for each look. */
  const link = (title: string): string =>
    urlOf(title, opsLinks(here(), { account: ACCOUNT, taskQueue: TASK_QUEUE, now: new Date() }));

  /** Pictures of the whole page, and of the details alone. */
  const take = (name: string) => picture(ui.page, name);
  const takeDetails = (name: string) => picture(ui.details, name);
  const requests = (): number => simulator.requests.counts().total;
  const theKey = (is: { revoked: boolean }) =>
    simulator.api.keys.set(SIMULATOR_KEY, { permissions: 'all', ...is });

  /** Sends the form of that address, and opens the page of what it has started. */
  const sendForm = async (url: string): Promise<void> => {
    await ui.sendStartForm();
    const workflowId = new URL(url).searchParams.get('workflowId') ?? '';
    await ui.open(workflowLink(here(), { workflowId }));
  };

  const startBackfill = async (input = ''): Promise<void> => {
    const url = link('Start a backfill');
    await ui.fillStartForm({ url, input });
    await sendForm(url);
  };

  test('a backfill started by the form of a link shows how far it is, and ends with its result', async () => {
    simulator.api.latencyMs = SLOW_MS;
    const [input = ''] = jsonOf('Start a backfill');
    const links = (await recoup.json(['links', '--account', ACCOUNT, '--json'])) as Link[];
    const url = urlOf('Start a backfill', links);
    await ui.fillStartForm({ url, input });
    await take('start-backfill');
    await sendForm(url);
    const running = await ui.detailsThat(/: running.*[1-9]\d* objects? read/s);
    expect(running).toMatch(/\b(walking|waiting)\b/);
    await take('backfill-running');
    simulator.api.latencyMs = 0;
    expect(await ui.detailsThat(/: ended/)).not.toMatch(/\b(walking|waiting)\b/);
    await ui.status('Completed');
    expect(await ui.inputAndResult()).toContain('"state": "complete"');
    await take('backfill-result');
  });

  test('a backfill with a wrong field fails with a message that names the field', async () => {
    const [input] = jsonOf('Read what is wrong with an input');
    await startBackfill(input);
    await ui.status('Failed');
    expect(await ui.inputAndResult()).toContain('unknown field \\"form\\"');
    await take('wrong-input');
  });

  test('an account is paused and resumed by Updates while it syncs, and its details say so', async () => {
    const [pause = '', resume = ''] = jsonOf('Pause and resume an account');
    simulator.api.latencyMs = SLOW_MS;
    await recoup.json(['sync', ACCOUNT, '--no-wait', '--json']);
    await ui.open(link('The account'));
    await ui.detailsThat(/: syncing/);
    await ui.fillUpdate({ name: 'pause', input: pause });
    await take('pause-account');
    await ui.sendUpdate();
    const asked = requests();
    expect(await ui.detailsThat(/: paused/)).toContain('ticket 4711');
    await takeDetails('account-paused');
    expect(requests()).toBeLessThanOrEqual(asked + LANES);
    simulator.api.latencyMs = 0;
    await ui.fillUpdate({ name: 'resume', input: resume });
    await ui.sendUpdate();
    expect(await recoup.json(['sync', ACCOUNT, '--json'])).toMatchObject({ state: 'complete' });
    await ui.open(link('The account'));
    await ui.detailsThat(/: idle/);
  });

  test('a backfill that is cancelled stops within a page, and its record says what it has read', async () => {
    simulator.api.latencyMs = SLOW_MS;
    await startBackfill(JSON.stringify({ account: ACCOUNT, refetch: true }));
    await ui.detailsThat(/: running/);
    await ui.requestCancellation();
    const asked = requests();
    await ui.status('Canceled');
    // One that a lane began while the request for cancellation was on its way to it, and one further.
    expect(requests()).toBeLessThanOrEqual(asked + 2 * LANES);
    const details = await ui.detailsThat(/: ended/);
    await takeDetails('backfill-cancelled');
    const { run } = /Run (?<run>run_\d+)/.exec(details)?.groups ?? {};
    const record = (await recoup.json(['runs', 'show', run ?? '', '--json'])) as {
      objects: number;
      resources: { state: string }[];
    };
    expect(record).toMatchObject({ kind: 'backfill', state: 'canceled' });
    expect(record.resources.some(({ state }) => state !== 'done')).toBe(true);
    expect(details).toContain(`${record.objects} objects read`);
    simulator.api.latencyMs = 0;
  });

  test('a resource that may not be read is parked, skipped and, once it may be read, retried by Updates', async () => {
    const [retry = '', skip = ''] = jsonOf('Retry or skip a parked resource');
    simulator.api.keys.set(SIMULATOR_KEY, { permissions: readAllBut('dispute') });
    await recoup.cli(['sync', ACCOUNT, '--json']);
    await ui.open(link('The account'));
    expect(await ui.detailsThat(/Left aside: dispute/)).toMatch(/permission/i);
    await takeDetails('resource-parked');
    await ui.fillUpdate({ name: 'skip', input: skip });
    await ui.sendUpdate();
    const withoutIt = await recoup.cli(['sync', ACCOUNT, '--json']);
    expect(JSON.parse(withoutIt.stdout)).toMatchObject({ state: 'partial' });
    theKey({ revoked: false });
    await ui.open(link('The account'));
    await ui.fillUpdate({ name: 'retry', input: retry });
    await take('retry');
    await ui.sendUpdate();
    expect(await recoup.json(['sync', ACCOUNT, '--json'])).toMatchObject({ state: 'complete' });
  });

  test('an account whose key was revoked says what would unblock it, is listed, and goes on with a new key', async () => {
    theKey({ revoked: true });
    await recoup.json(['sync', ACCOUNT, '--no-wait', '--json']);
    await ui.open(link('The account'));
    expect(await ui.detailsThat(/: blocked/)).toContain(`recoup accounts rotate-secret ${ACCOUNT}`);
    await takeDetails('account-blocked');
    await ui.page.goto(link('Needs attention'));
    await ui.page.getByRole('link', { name: `account/${ACCOUNT}` }).waitFor();
    await ui.page.getByRole('button', { name: 'RecoupAttention = true' }).waitFor();
    await take('needs-attention');
    simulator.api.keys.set('sk_test_new', { permissions: 'all' });
    await recoup.json(['accounts', 'rotate-secret', ACCOUNT, '--secret-env', 'KEY', '--json'], {
      KEY: 'sk_test_new',
    });
    await recoup.json(['sync', ACCOUNT, '--json']);
    await ui.open(link('The account'));
    await ui.detailsThat(/: idle/);
  });

  test('the nightly Schedule wakes the account now, and for past nights up to those nights', async () => {
    await recoup.json(['schedules', 'apply', '--json']);
    const schedule = { listUrl: link('Schedules'), scheduleId: 'nightly/utc' };
    await ui.openSchedule(schedule);
    await ui.openTrigger();
    await take('schedule-trigger');
    await ui.confirm();
    await ui.openNight({ ...schedule, day: dayOf(Date.now()) });
    await ui.status('Completed');
    expect(await ui.inputAndResult()).toContain('"woken": 1');

    const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
    await ui.openSchedule(schedule);
    await take('schedule');
    await ui.fillScheduleBackfill({ from: new Date(today - 3 * DAY_MS), to: new Date(today) });
    await take('schedule-backfill');
    await ui.confirm();
    const day = dayOf(today - 2 * DAY_MS);
    await ui.openNight({ ...schedule, day });
    await ui.status('Completed');
    expect(await ui.inputAndResult()).toContain(`"from": "${day}T02:`);
  });
});

function urlOf(title: string, links: readonly Link[]): string {
  const found = links.find((each) => each.title === title);
  if (found === undefined) throw new Error(`There is no link ${title}.`);
  return found.url;
}

/** As in 2026-11-20. */
const dayOf = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);

const readAllBut = (resource: string) =>
  Object.fromEntries(
    permissionNames.filter((name) => name !== resource).map((name) => [name, 'read' as const]),
  );
