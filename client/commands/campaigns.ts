/** Campaigns of recovery: assessed for free, started, watched, steered, and accounted for. */
import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { Command, Option } from '@commander-js/extra-typings';
import type { Kysely } from 'kysely';
import {
  countUnmapped,
  createCampaign,
  listCampaigns,
  readCampaign,
  reportCampaign,
  type Campaign,
} from '../../db/repositories/campaigns';
import { listCandidates } from '../../db/repositories/candidates';
import type { Account } from '../../db/repositories/accounts';
import type { Database } from '../../db/schema';
import { RecoupError } from '../../domain/errors';
import { DECLINE_CLASSES } from '../../domain/recovery/decline';
import { assess, NOTHING_ASSESSED, type Assessment } from '../../domain/recovery/selection';
import { DEFAULT_TERMS, type CampaignTerms } from '../../domain/recovery/terms';
import { countOf, sentences } from '../../domain/words';
import { findProvider } from '../../providers/registry';
import { pause, resume, stop } from '../../workflows/contract';
import { requireAccount, requireConnected, requirePayments } from '../account';
import { assessmentJson, renderAssessment } from '../assessment-view';
import { renderReport, reportJson, type CampaignReport } from '../campaign-report';
import { parseClasses, parseShare, readTerms } from '../campaign-terms';
import {
  campaignHeadJson,
  campaignJson,
  campaignLine,
  paintCampaignState,
  readCampaignView,
  renderCampaign,
  shownState,
} from '../campaign-view';
import { withContext } from '../context';
import { parseCount } from '../count-option';
import { wrongUse } from '../errors';
import { workflowLink } from '../links';
import {
  formatCount,
  formatInstant,
  paintFor,
  print,
  printJson,
  renderTable,
  say,
  widthOf,
} from '../output';
import { because, uiOf, type Update } from '../temporal';
import { watch } from '../watch';

const PAGE = 500;
const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 500;
const MAX_WINDOW_DAYS = 60;
const MAX_ATTEMPTS = 20;
const MAX_BUDGET = 10_000_000;
/** More cases than this are started only by somebody who has said how many. */
const UNCONFIRMED_CASES = 1_000;

export const campaignsCommand = () =>
  new Command('campaigns')
    .description('Recovery of failed payments: assess, start, watch, and account for it.')
    .addCommand(startCommand())
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(
      updateCommand('pause', pause, 'Begin no attempt any more; what is in flight is finished.'),
    )
    .addCommand(
      updateCommand('resume', resume, 'Go on; a case that was paused by itself stays paused.'),
    )
    .addCommand(
      updateCommand('stop', stop, 'End its cases after what is in flight, and open no more.'),
    )
    .addCommand(reportCommand())
    .addHelpText('after', EXAMPLES);

const EXAMPLES = `
Examples:
  $ recoup campaigns start --account acct_1 --dry-run
  $ recoup campaigns show camp_1 --watch`;

const startCommand = () =>
  new Command('start')
    .description('Open a case for each failed invoice that fits, and recover them.')
    .requiredOption('--account <id>', 'whose invoices, for example acct_1')
    .option('--from <when>', 'first failed then or later: ISO date or instant')
    .option('--to <when>', 'first failed before')
    .option('--min-amount <amount>', 'in whole units, for example 10.50; needs --currency')
    .option('--max-amount <amount>', 'likewise')
    .option('--currency <code>', 'in this currency only, for example eur')
    .option(
      '--classes <names>',
      `by the newest decline, comma-separated: ${DECLINE_CLASSES.join(', ')}`,
      parseClasses,
    )
    .option(
      '--window-days <count>',
      'a case ends so many days after it was opened',
      parseCount(MAX_WINDOW_DAYS),
      DEFAULT_TERMS.windowDays,
    )
    .option(
      '--max-attempts <count>',
      'of ours for one invoice; the networks’ rules may allow fewer',
      parseCount(MAX_ATTEMPTS),
      DEFAULT_TERMS.maxAttempts,
    )
    .addOption(
      new Option(
        '--holdout <share>',
        'customers who are only watched, to know what would have come anyway',
      )
        .argParser(parseShare)
        .default(DEFAULT_TERMS.holdoutBp, '10%'),
    )
    .option('--budget <attempts>', 'attempts of the whole campaign', parseCount(MAX_BUDGET))
    .option('--dry-run', 'say what it would do: nothing is written, nothing is sent')
    .option('--yes', `start more than ${formatCount(UNCONFIRMED_CASES)} cases without asking`)
    .option('--json', 'as JSON')
    .addHelpText('after', START_EXAMPLES)
    .action(({ account: id, dryRun, yes, json, ...options }) =>
      withContext(async ({ config, db, temporal }) => {
        const account = await requireConnected(db, id);
        requirePayments(account, findProvider(account.provider));
        const terms = await readTerms(db, id, options);
        const assessment = await assessAll(db, account, terms);
        if (json && dryRun) printJson(assessmentJson(assessment));
        else {
          const look = { paint: paintFor(process.stdout), width: widthOf(process.stdout) };
          (json ? say : print)(renderAssessment(assessment, look));
        }
        if (dryRun) return;
        if (assessment.fit === 0)
          throw wrongUse('No invoice fits', 'Widen the terms, or sync first.');
        if (!yes && assessment.fit > UNCONFIRMED_CASES) await confirm(assessment.fit);
        const running = await temporal();
        await running.requireWorker();
        const campaign = await createCampaign(db, { accountId: id, terms });
        const started = await running.startCampaign(keyOf(campaign));
        say(`Temporal UI  ${workflowLink(uiOf(config), started)}`);
        if (json) printJson({ ...campaignHeadJson(campaign), ...started });
        else
          print(
            `Started ${campaign.id}. To watch it: recoup campaigns show ${campaign.id} --watch`,
          );
      }),
    );

const START_EXAMPLES = `
It reads what the last sync has stored: sync first. Each invoice is one case, whatever campaigns ask for it.

Examples:
  $ recoup campaigns start --account acct_1 --min-amount 10.50 --currency eur --dry-run
  $ recoup campaigns start --account acct_1 --from 2026-10-01 --classes funds,soft --holdout 10%`;

/** The account's open invoices as they are stored: reads the database and nothing else. */
export async function assessAll(
  db: Kysely<Database>,
  account: Account,
  terms: CampaignTerms,
): Promise<Assessment> {
  const { readDecline } = findProvider(account.provider);
  let assessment = NOTHING_ASSESSED;
  for (let after: string | null = null; ;) {
    const options = { accountId: account.id, after, limit: PAGE };
    const page = await listCandidates(db, options);
    assessment = assess(assessment, page, { terms, readDecline });
    after = page.at(-1)?.invoiceId ?? null;
    if (page.length < PAGE) return assessment;
  }
}

/** Errors: exit code 2 unless somebody types the number. */
async function confirm(cases: number): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw wrongUse(
      `${formatCount(cases)} cases are more than ${formatCount(UNCONFIRMED_CASES)}, and there is no terminal to ask at`,
      'Give --yes if you mean it, or narrow the terms; --dry-run shows what they select.',
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const typed = await Promise.race([
    // Ctrl-C and Ctrl-D close it: the question then fails, or on older Node stays without an answer for ever.
    terminal
      .question(`Type ${String(cases)} to start ${countOf(cases, 'case')}: `)
      .catch(() => null),
    once(terminal, 'close').then(() => null),
  ]).finally(() => terminal.close());
  if (typed === null) say('');
  if (typed?.trim().replaceAll(',', '') === String(cases)) return;
  throw wrongUse(
    'That is not the number of cases: nothing was started',
    'Try again, or give --yes.',
  );
}

const listCommand = () =>
  new Command('list')
    .description('Campaigns, newest first.')
    .option('--account <id>', 'of this account only')
    .option(
      '--limit <count>',
      `at most this many, up to ${MAX_LIMIT}`,
      parseCount(MAX_LIMIT),
      DEFAULT_LIMIT,
    )
    .option('--json', 'as JSON')
    .addHelpText('after', LIST_EXAMPLES)
    .action(({ account, limit, json }) =>
      withContext(async ({ db }) => {
        if (account !== undefined) await requireAccount(db, account);
        const campaigns = await listCampaigns(db, { accountId: account ?? null, limit });
        if (json) {
          printJson(
            campaigns.map(({ cases, open, heldOut, attention, ...campaign }) => ({
              ...campaignHeadJson(campaign),
              cases,
              open,
              heldOut,
              attention,
            })),
          );
          return;
        }
        if (campaigns.length === 0) {
          say(
            'No campaign yet. See what one would do: recoup campaigns start --account … --dry-run',
          );
          return;
        }
        const paint = paintFor(process.stdout);
        const anyAttention = campaigns.some(({ attention }) => attention > 0);
        const rows = campaigns.map((campaign) => [
          campaign.id,
          campaign.account_id,
          paintCampaignState(paint, shownState(campaign)),
          formatCount(campaign.cases),
          formatCount(campaign.open),
          ...(anyAttention ? [paint.yellow(formatCount(campaign.attention))] : []),
          formatInstant(campaign.started_at),
          campaign.because,
        ]);
        print(
          renderTable(
            [
              { head: 'Campaign' },
              { head: 'Account' },
              { head: 'State' },
              { head: 'Cases', align: 'right' },
              { head: 'Open', align: 'right' },
              ...(anyAttention ? [{ head: 'Attention', align: 'right' } as const] : []),
              { head: 'Started' },
              { head: 'Why' },
            ],
            rows,
            { paint, width: widthOf(process.stdout) },
          ),
        );
        if (campaigns.length === limit) say(`The newest ${limit}; --limit shows more.`);
      }),
    );

const LIST_EXAMPLES = `
Examples:
  $ recoup campaigns list
  $ recoup campaigns list --account acct_1 --json`;

const showCommand = () =>
  new Command('show')
    .description('One campaign: its cases by state, what was recovered, what comes next.')
    .argument('<campaign>', 'its id, for example camp_1')
    .option('--watch', 'draw it again each second until it has ended')
    .option('--json', 'as JSON, as it is now')
    .addHelpText('after', SHOW_EXAMPLES)
    .action((id, { watch: watched, json }) =>
      withContext(async ({ db }) => {
        const look = { paint: paintFor(process.stdout), width: widthOf(process.stdout) };
        const view = await readCampaignView(db, id).catch(orUnknown);
        if (json) printJson(campaignJson(view));
        else if (!watched) print(renderCampaign(view, look));
        else {
          await watch(
            async () => {
              const now = await readCampaignView(db, id);
              return {
                drawn: renderCampaign(now, look),
                line: campaignLine(now),
                ended: now.campaign.ended_at !== null,
              };
            },
            { onInterrupt: `Stopped watching; ${id} goes on.` },
          );
        }
      }),
    );

const SHOW_EXAMPLES = `
Examples:
  $ recoup campaigns show camp_1 --watch
  $ recoup campaigns show camp_1 --json | jq .states`;

const updateCommand = (name: string, update: Update, description: string) =>
  new Command(name)
    .description(description)
    .argument('<campaign>', 'its id, for example camp_1')
    .option('--reason <text>', 'shown as the reason of its state')
    .option('--json', 'the answer as JSON: {state, because}')
    .addHelpText(
      'after',
      `
Examples:
  $ recoup campaigns ${name} camp_1
  $ recoup campaigns ${name} camp_1 --reason "ticket 4711"`,
    )
    .action((id, { reason, json }) =>
      withContext(async ({ db, config, temporal }) => {
        const campaign = await readCampaign(db, id).catch(orUnknown);
        requireGoing(campaign);
        const { answer, workflow } = await (
          await temporal()
        ).updateCampaign(keyOf(campaign), update, because(reason));
        say(`Temporal UI  ${workflowLink(uiOf(config), workflow)}`);
        if (json) printJson(answer);
        else {
          const { state } = answer;
          // Its cases end after what is in flight.
          const shown = name === 'stop' && state !== 'stopped' ? 'stopping' : state;
          print(sentences(`${id} is ${shown}`, answer.because));
        }
      }),
    );

export const keyOf = ({ id, account_id }: Campaign) => ({ accountId: account_id, campaignId: id });

/** Errors: exit code 2 for a campaign that has ended. */
function requireGoing({ id, state, ended_at }: Campaign): void {
  if (ended_at === null) return;
  throw wrongUse(`${id} has ended: it is ${state}`, 'See `recoup campaigns list`.');
}

const reportCommand = () =>
  new Command('report')
    .description('What it has brought, by currency and class, with the control group beside it.')
    .argument('<campaign>', 'its id, for example camp_1')
    .option('--json', 'as JSON: amounts in minor units')
    .addHelpText('after', REPORT_EXAMPLES)
    .action((id, { json }) =>
      withContext(async ({ db }) => {
        const campaign = await readCampaign(db, id).catch(orUnknown);
        const report: CampaignReport = {
          campaign,
          groups: await reportCampaign(db, id),
          unmapped: await countUnmapped(db, id),
        };
        if (json) printJson(reportJson(report));
        else
          print(
            renderReport(report, {
              paint: paintFor(process.stdout),
              width: widthOf(process.stdout),
            }),
          );
      }),
    );

const REPORT_EXAMPLES = `
Net is what came in and was not taken back by refunds, lost disputes and returns. Only what came by us is ours to claim.

Examples:
  $ recoup campaigns report camp_1
  $ recoup campaigns report camp_1 --json | jq '.groups[] | {currency, class, netMinor}'`;

function orUnknown(thrown: unknown): never {
  if (!(thrown instanceof RecoupError && thrown.code === 'invalid_input')) throw thrown;
  throw wrongUse(thrown.message, 'See `recoup campaigns list` for the known ones.', thrown);
}
