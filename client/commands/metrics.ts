import { listAccounts } from '../../db/repositories/accounts';
import { requireAccount } from '../account';
import { withContext } from '../context';
import { renderMrrCharts, renderMrrTables } from '../mrr-table';
import { paintFor, print, printJson, say, widthOf } from '../output';
import { periodCommand } from '../period-command';
import { missingRateText, periodJson } from '../period-view';
import { NO_METRICS, readPeriods, type Periods } from '../periods';
import { computeCommand } from './metrics-compute';
import { explainCommand } from './metrics-explain';
import { cohortsCommand, measuresCommand, paymentsCommand } from './metrics-measures';
import { policyCommand } from './metrics-policy';
import { reconcileCommand } from './metrics-reconcile';
import { ratesCommand } from './metrics-rates';
import { diffCommand, metricRunsCommand, restateCommand } from './metrics-runs';

export const metricsCommand = () =>
  periodCommand('metrics')
    .description('Monthly recurring revenue, what moved it, and how many customers pay.')
    .option('--account <id>', 'of this account only')
    .option(
      '--json',
      'as JSON: one object per account, currency and period, amounts in minor units, with all measures',
    )
    // Options after the name of a part belong to that part.
    .enablePositionalOptions()
    .addCommand(measuresCommand())
    .addCommand(cohortsCommand())
    .addCommand(paymentsCommand())
    .addCommand(computeCommand())
    .addCommand(policyCommand())
    .addCommand(ratesCommand())
    .addCommand(metricRunsCommand())
    .addCommand(diffCommand())
    .addCommand(explainCommand())
    .addCommand(reconcileCommand())
    .addCommand(restateCommand())
    .addHelpText('after', EXAMPLES)
    .action(({ account, json, ...options }) =>
      withContext(async ({ db }) => {
        const accounts =
          account === undefined ? await listAccounts(db) : [await requireAccount(db, account)];
        const all: ReturnType<typeof periodJson>[] = [];
        for (const { id } of accounts) {
          const periods = await readPeriods(db, { account: id, ...options });
          all.push(...periods.rows.map((row) => periodJson(id, row)));
          if (!json && periods.rows.length > 0) print(`${render(id, periods)}\n`);
          if (periods.missing) say(missingRateText(id, periods.missing));
        }
        if (json) printJson(all);
        else if (all.length === 0) say(NO_METRICS);
      }),
    );

const EXAMPLES = `
start + new + expansion + contraction + churn + reactivation + rates = end, in every period. With a reporting currency in the
account's policy there is a total of all currencies too; rates are what a change of exchange rates made of it.

Examples:
  $ recoup metrics --account acct_1 --period quarter --from 2026-01-01 --currency EUR
  $ recoup metrics --last 24 --json | jq '.[] | {period, currency, endMinor}'`;

function render(account: string, { rows, asOf }: Periods): string {
  const options = { paint: paintFor(process.stdout), width: widthOf(process.stdout), asOf };
  return [account, renderMrrTables(rows, options), renderMrrCharts(rows, options)].join('\n\n');
}
