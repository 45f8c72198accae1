import { randomBytes } from 'node:crypto';
import { Command } from '@commander-js/extra-typings';
import type { Account } from '../../db/repositories/accounts';
import { countRecords } from '../../db/repositories/records';
import { TABLES, type TableName } from '../../warehouse/tables';
import { accountWorkflowId, campaignWorkflowId, resume } from '../../workflows/contract';
import { renderReport, reportJson, type CampaignReport } from '../campaign-report';
import { connectAccount } from '../connect';
import { withContext, type Context } from '../context';
import { recoverPayments } from './demo-campaign';
import { wrongUse } from '../errors';
import { PATIENCE_MS } from '../follow';
import { opsLinks, workflowLink } from '../links';
import { latestMrr, renderMrrCharts, renderMrrTables } from '../mrr-table';
import {
  formatCount,
  paintFor,
  print,
  printJson,
  renderTable,
  say,
  widthOf,
  type Paint,
} from '../output';
import { runLine, type RunView } from '../run-view';
import { Simulator } from '../simulator';
import { uiOf } from '../temporal';
import { readPeriods } from '../periods';
import { startSync } from './sync';

/** The account that the simulator serves. */
const DEMO = { account: 'acct_demo', provider: 'stripe' } as const;
const MONTHS = 12;
const SIGNING_BYTES = 16;

export const demoCommand = () =>
  new Command('demo')
    .description(
      'What `npm start` runs: connect the simulated account, sync it, show its numbers, recover its payments.',
    )
    .option('--json', 'the result as one JSON object, the last line on stdout')
    .addHelpText('after', EXAMPLES)
    .action(({ json }) =>
      withContext(async (context) => {
        const startedMs = performance.now();
        const show = json ? say : print;
        const stream = json ? process.stderr : process.stdout;
        const options = { paint: paintFor(stream), width: widthOf(stream) };
        const { bold, dim, cyan } = options.paint;

        const simulator = requireSimulator();
        const account = await connect(context, simulator);
        say(`\n${bold(`Syncing ${account.id}`)}  ${account.display_name ?? ''}`);
        const { view, url } = await sync(context, account);
        const figures = await readPeriods(context.db, monthsOf(account));
        const tables = await context.warehouse.tableCounts(account.id);

        show(`\n${bold('Monthly recurring revenue')}\n`);
        show(renderMrrTables(figures.rows, { ...options, asOf: figures.asOf }));
        show(`\n${renderMrrCharts(figures.rows, options)}`);
        show(`\n${bold('In the warehouse')}  ${dim(context.config.RECOUP_WAREHOUSE_PATH)}\n`);
        show(renderWarehouse(tables, options));
        say(`\n${bold('Recovering failed payments')}`);
        const stage = { account: account.id, simulator, stream, ...options };
        const report = await recoverPayments(context, stage);
        if (report === null) show(NOTHING_LEFT);
        else show(`\n${bold('What was recovered')}\n\n${renderReport(report, options)}`);
        show(`\n${bold('Look around')}\n`);
        show(lookAround(context, { account: account.id, run: view.run.id, url, report, cyan }));
        if (json) {
          printJson({
            account: account.id,
            ...(await holdings(context, account)),
            campaign: report && reportJson(report),
            seconds: Math.round((performance.now() - startedMs) / 100) / 10,
          });
        }
        if (view.run.state !== 'complete') process.exitCode = 1;
      }),
    );

const EXAMPLES = `
Needs the running local stack, which names the simulator's address and key in RECOUP_SIMULATOR_URL and
RECOUP_DEMO_STRIPE_KEY, and the webhook receiver's address in RECOUP_DEMO_WEBHOOKS_URL.

Examples:
  $ npm start
  $ npm start -- --once --json`;

const monthsOf = ({ id }: Account) => ({ account: id, period: 'month' as const, last: MONTHS });

/** What the database and the warehouse hold now: more than before the campaign, while which time has passed. */
async function holdings({ db, warehouse }: Context, account: Account) {
  const { id } = account;
  const records = await countRecords(db, id);
  const tables = await warehouse.tableCounts(id);
  return {
    records: Object.values(records).reduce((sum, count) => sum + count, 0),
    invoices: records.invoice,
    customers: records.customer,
    mrr: latestMrr((await readPeriods(db, monthsOf(account))).rows),
    warehouseRows: tables.reduce((sum, { rows }) => sum + rows, 0),
  };
}

const NOTHING_LEFT =
  'Nothing is left to recover: no unpaid invoice fits. As simulated time passes, payments fail again; `npm start -- --fresh` begins anew.';

function requireSimulator(): Simulator {
  const url = process.env['RECOUP_SIMULATOR_URL'];
  if (!url) throw needsStack();
  return new Simulator(url);
}

const needsStack = () =>
  wrongUse('The demo needs the local stack', 'Run `npm start`, which starts both.');

/** Each time anew: the simulator may have moved to another port since. */
async function connect(context: Context, simulator: Simulator): Promise<Account> {
  const secret = process.env['RECOUP_DEMO_STRIPE_KEY'];
  if (!secret) throw needsStack();
  const { account: externalId, provider } = DEMO;
  const webhookSecrets = await askForWebhooks(simulator, externalId);
  const apiBase = simulator.url;
  return connectAccount(context, { provider, externalId, secret, apiBase, webhookSecrets });
}

/** Has the simulator send to the receiver, where there is one, and returns what it signs with. */
async function askForWebhooks(
  simulator: Simulator,
  account: string,
): Promise<string[] | undefined> {
  const receiver = process.env['RECOUP_DEMO_WEBHOOKS_URL'];
  if (!receiver) return undefined;
  const secret = `whsec_${randomBytes(SIGNING_BYTES).toString('hex')}`;
  await simulator.sendWebhooks({ url: `${receiver}/webhooks/${account}`, secret });
  return [secret];
}

/** An earlier demo may have been stopped at any point: whatever it left is resumed. */
async function sync(
  context: Context,
  { id, state }: Account,
): Promise<{ view: RunView; url: string }> {
  if (state !== 'idle' && state !== 'syncing') {
    await (await context.temporal()).updateAccount(id, resume, { reason: 'The demo goes on.' });
  }
  const { end, url } = await startSync(context, { account: id, reason: 'The demo.' });
  const view = await end({ patienceMs: PATIENCE_MS });
  say(`\n${runLine(view.run)}`);
  return { view, url };
}

function renderWarehouse(
  tables: readonly { readonly table: TableName; readonly rows: number }[],
  options: { paint: Paint; width: number },
): string {
  return renderTable(
    [{ head: 'Table' }, { head: 'Rows', align: 'right' }, { head: '' }],
    tables.map(({ table, rows }) => [table, formatCount(rows), TABLES[table].about]),
    options,
  );
}

function lookAround(
  { config }: Context,
  options: {
    account: string;
    run: string;
    url: string;
    report: CampaignReport | null;
    cyan: (text: string) => string;
  },
): string {
  const ui = uiOf(config);
  const simulatorUrl = process.env['RECOUP_SIMULATOR_URL'] ?? '';
  const { account, run, url: runUrl, report, cyan } = options;
  const campaign = report?.campaign.id;
  const all = opsLinks(ui, { taskQueue: config.RECOUP_SYNC_TASK_QUEUE, now: new Date() });
  const links = [
    { title: 'This account', url: workflowLink(ui, { workflowId: accountWorkflowId(account) }) },
    { title: 'This sync', url: runUrl },
    ...(campaign === undefined
      ? []
      : [
          {
            title: 'This campaign',
            url: workflowLink(ui, {
              workflowId: campaignWorkflowId({ accountId: account, campaignId: campaign }),
            }),
          },
        ]),
    ...all.filter(({ title }) => SHOWN_LINKS.has(title)),
  ];
  const lines = [
    ...links.map(({ title, url }) => [title, cyan(url)] as const),
    ['Its objects', `npx recoup runs show ${run}`] as const,
    ['Its numbers', `npx recoup metrics --account ${account} --last 24`] as const,
    ...(campaign === undefined
      ? []
      : [['Its cases', `npx recoup recoveries list --campaign ${campaign}`] as const]),
    ['Sync again', `npx recoup sync ${account}`] as const,
    ['Let something change', `curl -X POST ${simulatorUrl}/_simulator/change`] as const,
    ['More', 'npx recoup --help'] as const,
  ];
  const width = Math.max(...lines.map(([title]) => title.length));
  return lines.map(([title, text]) => `  ${title.padEnd(width)}  ${text}`).join('\n');
}

const SHOWN_LINKS = new Set(['Accounts', 'Needs attention', 'Start a backfill']);
