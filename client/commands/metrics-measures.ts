/** What is measured of an account by period: churn and value, cohorts, payments that failed. */
import { Option } from '@commander-js/extra-typings';
import { requireAccount } from '../account';
import { withContext } from '../context';
import { paintFor, print, printJson, say } from '../output';
import { periodCommand } from '../period-command';
import {
  cohortJson,
  missingRateText,
  periodJson,
  renderCohorts,
  renderMeasures,
  renderVolumes,
  volumeJson,
} from '../period-view';
import { NO_METRICS, readCohorts, readPeriods, readVolumes } from '../periods';

const look = () => ({ paint: paintFor(process.stdout) });

export const measuresCommand = () =>
  periodCommand('measures')
    .description('ARR, revenue per customer, churn rates, quick ratio, lifetime value, trials.')
    .requiredOption('--account <id>', 'for example acct_1')
    .option('--json', 'as JSON: what `recoup metrics --json` has, rates as exact fractions')
    .addHelpText('after', MEASURES_EXAMPLES)
    .action(({ json, ...options }) =>
      withContext(async ({ db }) => {
        await requireAccount(db, options.account);
        const { rows, missing } = await readPeriods(db, options);
        if (json) printJson(rows.map((row) => periodJson(options.account, row)));
        else if (rows.length > 0) print(renderMeasures(rows, look()));
        else say(NO_METRICS);
        if (missing) say(missingRateText(options.account, missing));
      }),
    );

const MEASURES_EXAMPLES = `
docs/metrics.md has the formula of each. A dash is a rate with nothing to divide by.

Examples:
  $ recoup metrics measures --account acct_1
  $ recoup metrics measures --account acct_1 --period quarter --json | jq '.[] | {period, ltv}'`;

export const cohortsCommand = () =>
  periodCommand('cohorts')
    .description('What is left of the customers who began in the same period, at the end of each.')
    .requiredOption('--account <id>', 'for example acct_1')
    .addOption(
      new Option('--of <what>', 'the share of customers or of their revenue that is left')
        .choices(['customers', 'mrr'])
        .default('customers' as const),
    )
    .option('--json', 'as JSON: one object per cohort and period, counts and amounts')
    .addHelpText('after', COHORTS_EXAMPLES)
    .action(({ json, of, ...options }) =>
      withContext(async ({ db }) => {
        await requireAccount(db, options.account);
        const rows = await readCohorts(db, options);
        if (json) printJson(rows.map((row) => cohortJson(options.account, row)));
        else if (rows.length > 0) print(renderCohorts(rows, { ...look(), of }));
        else say(NO_METRICS);
      }),
    );

const COHORTS_EXAMPLES = `
--last, --from and --to choose the cohorts; +0 is the period in which they began. Days are followed as months.

Examples:
  $ recoup metrics cohorts --account acct_1
  $ recoup metrics cohorts --account acct_1 --of mrr --period quarter --last 8`;

export const paymentsCommand = () =>
  periodCommand('payments')
    .description('Payments that failed at first, and what became of them within 30 days.')
    .requiredOption('--account <id>', 'for example acct_1')
    .option('--json', 'as JSON: one object per currency and period, amounts in minor units')
    .addHelpText('after', PAYMENTS_EXAMPLES)
    .action(({ json, ...options }) =>
      withContext(async ({ db }) => {
        await requireAccount(db, options.account);
        const rows = await readVolumes(db, options);
        if (json) printJson(rows.map((row) => volumeJson(options.account, row)));
        else if (rows.length > 0) print(renderVolumes(rows, look()));
        else say('No payment has failed at its first attempt.');
      }),
    );

const PAYMENTS_EXAMPLES = `
By the period of the first failure: recovered + lost + voided + open = failed. Recovered is whatever came in, by whomever, less
what was taken back. What campaigns brought about: recoup campaigns report.

Examples:
  $ recoup metrics payments --account acct_1
  $ recoup metrics payments --account acct_1 --period week --last 26 --json`;
